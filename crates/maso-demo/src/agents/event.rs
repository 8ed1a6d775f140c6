//! What an agent tells of itself: one JSON object a line on its standard output.

use std::io::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::confine::Confinement;
use crate::DemoError;

/// Something that an agent did, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// It gave up all other ways to the tools.
    Confined {
        /// The agent.
        agent: String,
        /// What the operating system enforces from now on.
        confinement: Confinement,
    },
    /// It asked for something.
    Called {
        /// The agent.
        agent: String,
        /// The server that was asked.
        server: String,
        /// The tool, resource or prompt.
        item: String,
        /// The arguments.
        arguments: Value,
        /// The claim that was being handled.
        claim_id: Option<String>,
        /// Why it asked.
        because: Because,
        /// What came back.
        reply: Reply,
    },
    /// An action is held; the agent waits and asks again.
    Held {
        /// The agent.
        agent: String,
        /// The server that was asked.
        server: String,
        /// The tool.
        item: String,
        /// The claim that was being handled.
        claim_id: Option<String>,
        /// The ticket under which the action is held.
        ticket: String,
    },
    /// It has nothing more to do.
    Finished {
        /// The agent.
        agent: String,
        /// How many claims it passed on.
        n_claims: usize,
    },
}

/// Why an agent asked for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Because {
    /// It is the agent's work.
    Duty,
    /// A document said so.
    Document {
        /// The claim that the document came in with.
        claim_id: String,
        /// The document.
        name: String,
    },
    /// Text inside another agent's request said so.
    Request {
        /// The agent that made the request.
        from: String,
    },
    /// What another agent left in the system of record said so.
    Extract,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reply {
    /// It was done.
    Done {
        /// The structured result, where there is one, else the text.
        #[serde(skip)]
        result: Value,
    },
    /// It was refused, with this code.
    Refused {
        /// The opaque code.
        code: String,
    },
    /// It was tried and failed.
    Failed {
        /// What the server said.
        message: String,
    },
}

impl Reply {
    /// The result, if it was done.
    pub fn result(&self) -> Option<&Value> {
        match self {
            Self::Done { result } => Some(result),
            Self::Refused { .. } | Self::Failed { .. } => None,
        }
    }
}

/// Where an agent's events go.
pub(crate) type Teller = Box<dyn FnMut(&Event) -> Result<(), DemoError> + Send>;

/// Writes events to standard output, one line each.
pub(super) fn tell_on_stdout() -> Teller {
    Box::new(|event| {
        let mut line = serde_json::to_vec(event).expect("an event has only string keys");
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        out.write_all(&line).and_then(|()| out.flush()).map_err(DemoError::Report)
    })
}
