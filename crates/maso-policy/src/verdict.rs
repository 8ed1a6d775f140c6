//! What judges and people said, and what trying it out showed. It can only fulfil or refuse a required review; it grants nothing by itself.

use maso_core::{Digest, JudgeName, OperatorName, TicketId, Timestamp, ToolRef};

/// What a judge may say (OI-1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// Nothing against it.
    Approve,
    /// A person should look.
    Flag,
    /// A person must decide.
    Escalate,
    /// It must not happen.
    Block,
    /// The judge did not answer in time, or broke. Counts against the hop: a person must decide.
    Silent,
}

/// One judge's verdict, bound to the exact action.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Who judged.
    pub judge: JudgeName,
    /// What it says.
    pub opinion: Opinion,
    /// Why, for operators.
    pub reasoning: String,
    /// The criteria it applied.
    pub criteria: Vec<String>,
    /// The action it judged.
    pub action: Digest,
    /// After this moment it no longer counts.
    pub expires_at: Timestamp,
}

/// One person's yes, bound to the exact action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The held action that was answered.
    pub ticket: TicketId,
    /// Who approved.
    pub by: OperatorName,
    /// The action that was approved.
    pub action: Digest,
    /// After this moment it no longer counts.
    pub expires_at: Timestamp,
}

/// One person's no, bound to the exact action. It never expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The held action that was answered.
    pub ticket: TicketId,
    /// Who rejected.
    pub by: OperatorName,
    /// The action that was rejected.
    pub action: Digest,
    /// Why, in the person's own words; shown to operators only.
    pub reason: String,
}

/// What came of trying an action out where it cannot hurt (EC-2.7a), bound to the exact action.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The action that was tried out.
    pub action: Digest,
    /// What was called for that.
    pub tool: ToolRef,
    /// When it ended.
    pub at: Timestamp,
    /// Whether it succeeded; if not, why.
    pub outcome: Result<(), String>,
    /// What was answered, as inert text; `None` where there is nothing that may be shown.
    pub says: Option<String>,
    /// After this moment it no longer counts.
    pub expires_at: Timestamp,
}

impl Tried {
    /// Whether it says anything about this action at this moment.
    pub(crate) fn counts_for(&self, action: Digest, now: Timestamp) -> bool {
        self.action == action && now <= self.expires_at
    }
}

/// All that was heard about one action.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    /// What came of its dry run.
    pub dry_run: Option<Box<Tried>>,
    /// What judges said.
    pub judges: Vec<Verdict>,
    /// What people approved.
    pub approvals: Vec<Approval>,
    /// What people rejected.
    pub rejections: Vec<Rejection>,
    /// Whether the wait for people ended without enough of them (EC-2.9): silence is then a no.
    pub expired: bool,
}

impl Verdicts {
    /// Nobody was heard.
    pub const fn none() -> Self {
        Self { dry_run: None, judges: Vec::new(), approvals: Vec::new(), rejections: Vec::new(), expired: false }
    }

    /// Whether nobody was heard and nothing expired.
    pub fn is_none(&self) -> bool {
        self.dry_run.is_none()
            && self.judges.is_empty()
            && self.approvals.is_empty()
            && self.rejections.is_empty()
            && !self.expired
    }
}
