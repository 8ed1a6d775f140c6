//! What is going on.

use serde::{Deserialize, Serialize};

use crate::{HopView, PostureView, TicketView};

/// How a deployment stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The deployment's name.
    pub deployment: String,
    /// Content address of everything that was declared.
    pub digest: String,
    /// The operators who approved this version by signature; empty if nobody did.
    pub signers: Vec<String>,
    /// The trust domain.
    pub trust_domain: String,
    /// 1 to 3.
    pub tier: u8,
    /// `enforce` or `observe`.
    pub mode: String,
    /// The program's version.
    pub version: String,
    /// The deployment's own PACE phase.
    pub phase: String,
    /// Records in the log.
    pub n_records: u64,
    /// Hash of the last record.
    pub head: String,
    /// Held actions that wait for a person.
    pub n_open_tickets: usize,
    /// Tool definitions that wait for a person.
    pub n_waiting_tools: usize,
    /// Questions about what is meant that wait for a person.
    #[serde(default)]
    pub n_open_questions: usize,
}

/// One thing that happened, on the event stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A hop was decided.
    Hop(Box<HopView>),
    /// A held action was opened, answered, used, or ran out of time.
    Ticket(Box<TicketView>),
    /// A phase changed.
    Posture(PostureView),
    /// A tool definition waits for a person, or was approved.
    Tools {
        /// How many wait now.
        n_waiting: usize,
    },
    /// A task was opened, closed, asked about, said more of, assessed or evaluated.
    Tasks,
    /// Something is believed no more.
    Revoked {
        /// `token`, `key`, `agent`, `task`, `instance` or `delegation`.
        what: String,
        /// Its id, thumbprint, name or hop.
        subject: String,
    },
    /// An instance of an agent was started, joined, or ended for its own sake or that of time.
    Instances,
}

/// What went wrong (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code such as `NOT_ALLOWED`.
    pub code: String,
    /// What went wrong.
    pub title: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}
