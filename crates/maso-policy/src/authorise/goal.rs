//! Whether agents that hand work to each other work on the same task (PG-3.2).

use maso_core::{Act, Finding, Findings, Principal, Tier, Word};
use maso_intent::{Resolved, TaskKind};

/// What is wrong with the hash of the goal that an agent says it works on. At the tier at which nobody looks on, a request
/// and its answer in a task that a person opened must say it.
pub(super) fn attested(resolved: &Resolved) -> Findings {
    let hop = resolved.hop();
    if !matches!((&hop.from, &hop.act), (Principal::Agent(_), Act::Request { .. } | Act::Tell { .. })) {
        return Findings::none();
    }
    let task = resolved.task();
    let wrong = match resolved.identified().attested_goal() {
        Some(goal) if goal != task.digest().to_string() => {
            format!("it says that it works on another goal than that of {}", task.id)
        }
        Some(_) => return Findings::none(),
        None => {
            let must = resolved.deployment().tier >= Tier::Autonomous
                && matches!(task.kind, TaskKind::Opened)
                && resolved.clarifying().is_none();
            if !must {
                return Findings::none();
            }
            format!("it does not say which goal it works on: the hash of the specification of {}", task.id)
        }
    };
    if !resolved.deployment().applies(GOAL, resolved.circumstances().now) {
        return Findings::none();
    }
    Findings::from(vec![Finding::new(GOAL, Word::NoGo, wrong)])
}

const GOAL: &str = "PG-3.2";
