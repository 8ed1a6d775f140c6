//! Where a declaration comes from, and what became of it since (AT-1.3, AT-2.2, AT-2.10, OI-1.3).

use maso_core::Day;
use maso_core::{Digest, OperatorName, Timestamp, words};
use uuid::Uuid;

/// Who wrote a declaration, and which versions came before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The id of its intent specification.
    pub oispec_id: Option<Uuid>,
    /// Who wrote it; a person, never an agent (OI-1.1).
    pub created_by: Option<String>,
    /// When.
    pub created_at: Option<Timestamp>,
    /// Content addresses of the versions before it, oldest first.
    pub version_history: Vec<Digest>,
}

/// A review of a mandate (AT-2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MandateReview {
    /// The day.
    pub date: Day,
    /// Why it was reviewed.
    pub trigger: ReviewTrigger,
    /// What came of it.
    pub outcome: ReviewOutcome,
    /// Who reviewed it.
    pub reviewed_by: Vec<String>,
}

/// Why a mandate is reviewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewTrigger {
    /// It was due.
    Scheduled,
    /// A model changed.
    ModelChange,
    /// A tool changed.
    ToolChange,
    /// The process changed.
    ProcessChange,
    /// An agent reached the right outcome by the wrong means.
    CreativeSubstitution,
    /// More plan attempts than accepted.
    PlanAttemptBreach,
    /// The law changed.
    RegulatoryChange,
}
words!(ReviewTrigger {
    Scheduled = "scheduled",
    ModelChange = "model-change",
    ToolChange = "tool-change",
    ProcessChange = "process-change",
    CreativeSubstitution = "creative-substitution",
    PlanAttemptBreach = "plan-attempt-breach",
    RegulatoryChange = "regulatory-change",
});

/// What comes of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewOutcome {
    /// It stays as it is.
    Reaffirmed,
    /// It stays, changed.
    Amended,
    /// It grants nothing any more.
    Withdrawn,
}
words!(ReviewOutcome { Reaffirmed = "reaffirmed", Amended = "amended", Withdrawn = "withdrawn" });

/// A change of terms that a person decided while work waited for it (AT-2.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amendment {
    /// The version that holds it.
    pub version: u32,
    /// The term as it was.
    pub original: String,
    /// What made the change necessary.
    pub trigger: String,
    /// The term as it is now.
    pub amendment: String,
    /// Who approved it.
    pub approved_by: OperatorName,
}
