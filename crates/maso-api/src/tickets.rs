//! Held actions.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ApprovalView, HopView};

/// A held action, with everything that a person needs to see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TicketView {
    /// The ticket.
    pub ticket: String,
    /// Digest of the exact action; an answer is bound to it.
    pub action: String,
    /// `open`, `approved`, `rejected`, `expired` or `spent`.
    pub state: String,
    /// How many people must approve.
    pub n_people: u8,
    /// Who approved so far.
    pub approvals: Vec<ApprovalView>,
    /// Who rejected it, and why.
    #[serde(default)]
    pub rejected: Option<(String, String)>,
    /// When silence becomes a no.
    pub expires_at: i64,
    /// The decision that held it.
    pub hop: HopView,
    /// The exact parameters.
    #[serde(default)]
    pub payload: Option<Value>,
    /// The amount that it moves, which a person types before approving.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<AmountView>,
    /// Why people are asked, in words.
    #[serde(default)]
    pub asked_because: Vec<String>,
    /// What will happen if nobody answers by then, in words.
    pub if_unanswered: String,
}

/// An amount among the parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountView {
    /// JSON pointer to it.
    pub pointer: String,
    /// It, exactly as it stands there.
    pub value: String,
    /// It, as people write it: with its currency where the mandate names one.
    pub shown: String,
}

/// A person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerTicket {
    /// The action that the person saw: an answer to anything else is refused.
    pub action: String,
    /// The answer.
    pub answer: TicketWord,
    /// Why.
    #[serde(default)]
    pub reason: String,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TicketWord {
    /// It may happen, once.
    Approve,
    /// It must not.
    Reject,
}
