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

/// What only people can say of a deployment when its tier is in question. They say it in its `evidence/`, with a name
/// and a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TierFact {
    /// There are people and means enough for Tier 2.
    Capacity,
    /// The risk owner approves of Tier 2.
    ManagedApproved,
    /// Compliance reviewed the move to Tier 2, or nothing here is regulated.
    ComplianceReviewed,
    /// Each injected anomaly of severity HIGH or CRITICAL was detected.
    AnomaliesDetected,
    /// The kill switch worked at peak load.
    KilledAtPeakLoad,
    /// One red-team exercise was held, and what it found is mended.
    RedTeamRemediated,
    /// The organisation works at CMMI level 3 or above.
    Maturity,
    /// The risk owner approves of Tier 3, on figures.
    AutonomousApproved,
    /// Somebody tried the kill switch on that day: its Emergencies are no incidents.
    KillSwitchDrill,
    /// An incident was confirmed on that day.
    IncidentConfirmed,
    /// A regulator gave an order on that day.
    RegulatorOrdered,
    /// On that day it was clear that monitors keep disagreeing.
    MonitorsDisagree,
    /// A red team found a critical gap on that day.
    CriticalGap,
    /// A model changed on that day so that its baselines mean nothing any more.
    BaselinesVoid,
    /// The cause of all that came before is resolved, and no fundamental control had failed.
    CauseResolved,
}
words!(TierFact {
    Capacity = "capacity",
    ManagedApproved = "managed-approved",
    ComplianceReviewed = "compliance-reviewed",
    AnomaliesDetected = "anomalies-detected",
    KilledAtPeakLoad = "killed-at-peak-load",
    RedTeamRemediated = "red-team-remediated",
    Maturity = "maturity",
    AutonomousApproved = "autonomous-approved",
    KillSwitchDrill = "kill-switch-drill",
    IncidentConfirmed = "incident-confirmed",
    RegulatorOrdered = "regulator-ordered",
    MonitorsDisagree = "monitors-disagree",
    CriticalGap = "critical-gap",
    BaselinesVoid = "baselines-void",
    CauseResolved = "cause-resolved",
});

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
