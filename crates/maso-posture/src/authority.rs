//! Who may move posture, and on what grounds.

use std::fmt;

use maso_core::{OperatorName, Phase, Tier};

/// The office in which a person acts. Each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Office {
    /// Looks; moves nothing.
    Operator,
    /// Moves scopes between Primary and Alternate.
    Supervisor,
    /// Moves scopes to Contingency and back.
    Security,
    /// Moves scopes anywhere, and ends an Emergency.
    IncidentCommander,
}

/// A signed-in person, the office, and the grounds on which a scope is moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Who.
    pub operator: OperatorName,
    /// In what office: the highest that the person holds.
    pub office: Office,
    /// Why. To loosen, it must say what the cause was and how it was fixed.
    pub reason: String,
    /// The review that ends an Emergency; needed for nothing else.
    pub review: Option<EmergencyReview>,
}

/// What must be true before an Emergency ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmergencyReview {
    /// The root cause is documented.
    pub root_cause_documented: bool,
    /// The gap in the controls is closed.
    pub gap_closed: bool,
    /// Behavioural baselines are updated.
    pub baselines_updated: bool,
    /// Triggers are recalibrated.
    pub triggers_recalibrated: bool,
    /// The regulator was told, or nothing was due.
    pub regulator_settled: bool,
    /// The incident joined the next red-team cycle; needed at Tier 3.
    pub scenario_added: bool,
    /// The risk owner who approves: the role that owns the risk, by name.
    pub risk_owner: String,
}

/// Why a scope was not moved. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NotAllowed {
    /// What was missing.
    pub why: String,
    /// What would make it allowed.
    pub help: String,
}

impl Office {
    /// The word used in configuration, records and the console.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Supervisor => "supervisor",
            Self::Security => "security",
            Self::IncidentCommander => "incident-commander",
        }
    }

    /// The least office that may move a scope between these phases: the one that the worse of the two belongs to.
    pub fn needed(from: Phase, to: Phase) -> Self {
        match from.max(to) {
            Phase::Primary | Phase::Alternate => Self::Supervisor,
            Phase::Contingency => Self::Security,
            Phase::Emergency => Self::IncidentCommander,
        }
    }
}

impl fmt::Display for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Authority {
    /// Whether this is enough to move a scope between these phases.
    pub(crate) fn suffices(&self, from: Phase, to: Phase, tier: Tier) -> Result<(), NotAllowed> {
        let needed = Office::needed(from, to);
        if self.office < needed {
            return Err(NotAllowed {
                why: format!("`{}` acts as {} and may not move {from} to {to}", self.operator, self.office),
                help: format!("ask someone who holds `{needed}`"),
            });
        }
        if to >= from {
            return Ok(());
        }
        if self.reason.trim().is_empty() {
            return Err(NotAllowed {
                why: format!("{from} is left only when its cause is explained, and no reason was given"),
                help: "say what the cause was and how it was fixed".to_owned(),
            });
        }
        if from == Phase::Emergency {
            let missing = match &self.review {
                Some(review) => review.missing(tier),
                None => EmergencyReview::default().missing(tier),
            };
            if !missing.is_empty() {
                return Err(NotAllowed {
                    why: format!("the review that ends an emergency lacks: {}", missing.join(", ")),
                    help: "complete the review and state each point".to_owned(),
                });
            }
        }
        Ok(())
    }
}

impl EmergencyReview {
    /// The points that are not fulfilled.
    pub fn missing(&self, tier: Tier) -> Vec<&'static str> {
        [
            (self.root_cause_documented, "root cause documented"),
            (self.gap_closed, "gap closed"),
            (self.baselines_updated, "baselines updated"),
            (self.triggers_recalibrated, "triggers recalibrated"),
            (self.regulator_settled, "regulator told or nothing due"),
            (self.scenario_added || tier < Tier::Autonomous, "scenario added to the red-team cycle"),
            (!self.risk_owner.trim().is_empty(), "risk owner's approval"),
        ]
        .into_iter()
        .filter_map(|(fulfilled, point)| (!fulfilled).then_some(point))
        .collect()
    }
}

impl fmt::Display for EmergencyReview {
    /// What was fulfilled, for the record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner: String = self.risk_owner.chars().take(80).collect();
        let missing = self.missing(Tier::Autonomous);
        if missing.is_empty() {
            f.write_str("complete")?;
        } else {
            write!(f, "complete but for {}", missing.join(", "))?;
        }
        write!(f, "; risk owner `{owner}`")
    }
}
