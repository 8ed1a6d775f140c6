//! One thing that becomes possible, or no longer is.

use maso_core::AgentName;

use super::{
    Action, Outcome,
    space::{Region, Space},
};

/// Which way a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Something becomes possible, or easier.
    Wider,
    /// Both, or nobody can say: whoever reviews it should take it for wider.
    Mixed,
    /// Something is no longer possible, or harder.
    Narrower,
}

impl Direction {
    /// The word used in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wider => "wider",
            Self::Mixed => "mixed",
            Self::Narrower => "narrower",
        }
    }

    /// The way back.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Wider => Self::Narrower,
            Self::Mixed => Self::Mixed,
            Self::Narrower => Self::Wider,
        }
    }
}

/// One change between two versions.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which way it goes.
    pub direction: Direction,
    /// What kind of thing changes: `tool`, `request`, `limit`, `operator` and so on.
    pub topic: &'static str,
    /// The agent that it is about, where it is about one.
    pub agent: Option<AgentName>,
    /// What it is about: the tool, the server, the limit.
    pub about: String,
    /// All of it, as a sentence.
    pub text: String,
    /// What held in the old version.
    pub before: String,
    /// What holds in the new version.
    pub after: String,
    /// An example.
    pub witness: Witness,
    /// Which actions it is about; empty for what no decision about an action shows.
    pub(super) extent: Vec<(Space, Region)>,
    /// What becomes of those actions in the old and in the new version; `None` where it is about no actions.
    pub outcomes: Option<(Outcome, Outcome)>,
}

/// An example of what a change changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Witness {
    /// An action that the two versions treat differently in just this way.
    Action(Box<Action>),
    /// Something that is no single action.
    Words(String),
}

impl Change {
    /// The order in which people read changes: by what they permit, then by whom and what they are about.
    pub(super) fn rank(&self) -> (Direction, usize, Option<&AgentName>, &str, &str) {
        let kind = TOPICS.iter().position(|topic| *topic == self.topic).unwrap_or(TOPICS.len());
        (self.direction, kind, self.agent.as_ref(), &self.about, &self.text)
    }

    /// Whether it says how this action is treated differently.
    pub fn covers(&self, action: &Action) -> bool {
        let holds =
            |(space, region): &(Space, Region)| space.point_of(action).is_some_and(|point| region.holds(&point));
        self.extent.iter().any(holds)
    }
}

/// What may be done comes before how it is reviewed and numbered.
const TOPICS: [&str; 9] = ["tool", "request", "message", "resource", "prompt", "client", "server", "review", "policy"];
