//! Tier and PACE phase, and the scopes that have one.

use std::fmt;

use crate::{AgentName, WorkflowName, words};

/// How autonomous a deployment is (cumulative: a tier keeps all lower controls).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// A person approves each write.
    Supervised,
    /// Risk decides the review.
    Managed,
    /// Pre-approved task categories run alone.
    Autonomous,
}
words!(Tier { Supervised = "supervised", Managed = "managed", Autonomous = "autonomous" });

impl Tier {
    /// The tier's number, 1 to 3.
    pub const fn number(self) -> u8 {
        match self {
            Self::Supervised => 1,
            Self::Managed => 2,
            Self::Autonomous => 3,
        }
    }

    /// The tier with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Supervised),
            2 => Some(Self::Managed),
            3 => Some(Self::Autonomous),
            _ => None,
        }
    }
}

/// The PACE phase of a scope, from normal to stopped. The worst on a hop's way up counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Validated normal.
    Primary,
    /// The suspect agent is isolated; every write needs a person.
    Alternate,
    /// Agents may not talk to each other; a person approves each action.
    Contingency,
    /// Everything is stopped.
    Emergency,
}
words!(Phase {
    Primary = "primary",
    Alternate = "alternate",
    Contingency = "contingency",
    Emergency = "emergency",
});

/// What a phase, a breaker or a counter belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything.
    Deployment,
    /// One workflow and its agents.
    Workflow(WorkflowName),
    /// One agent.
    Agent(AgentName),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployment => f.write_str("deployment"),
            Self::Workflow(workflow) => write!(f, "workflow:{workflow}"),
            Self::Agent(agent) => write!(f, "agent:{agent}"),
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = crate::IdError;

    /// Reads `deployment`, `workflow:NAME` or `agent:NAME`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("workflow", name)) => Ok(Self::Workflow(name.parse()?)),
            Some(("agent", name)) => Ok(Self::Agent(name.parse()?)),
            None if text == "deployment" => Ok(Self::Deployment),
            _ => Err(crate::IdError {
                given: text.chars().take(80).collect(),
                expected: "`deployment`, `workflow:NAME` or `agent:NAME`",
            }),
        }
    }
}

/// Whether decisions bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A denial stops the hop.
    Enforce,
    /// Decisions are recorded and nothing is blocked. Every screen says so.
    Observe,
}
words!(Mode { Enforce = "enforce", Observe = "observe" });
