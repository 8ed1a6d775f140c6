//! What a new version of a deployment makes possible that was not, and what no longer is.
//!
//! Nothing is read off the text. Each act that either version knows is put to the stages of the path under both, once
//! for each combination of classes of arguments, origins, labels, tasks and phases that their bounds and policies tell
//! apart. What no decision about a hop shows (limits, people, labels) is compared as what it bounds.

use std::{collections::BTreeSet, sync::Arc};

use maso_core::Timestamp;
use maso_intent::Deployment;

use crate::CompileError;

mod change;
mod classes;
mod declared;
mod differences;
mod looks;
mod nearest;
mod questions;
mod situation;
mod space;
#[cfg(test)]
mod tests;
mod texts;
mod words;

pub use change::{Change, Direction, Witness};
pub use nearest::{nearest_allowed, within_bounds};
pub use situation::{Action, Outcome};
pub use texts::text_matching;

use questions::Question;
use situation::Version;

/// Which of two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that is in force.
    Old,
    /// The one that is to be.
    New,
}

/// All changes from one version to another, what becomes possible first.
///
/// Both are looked at as of `now` or, where a mandate takes effect later, as of the day on which all of them have.
///
/// # Errors
/// When the policies of a version do not compile.
pub fn compare(
    old: &Arc<Deployment>,
    new: &Arc<Deployment>,
    now: Timestamp,
) -> Result<Vec<Change>, (Side, Vec<CompileError>)> {
    let starts = [old, new].into_iter().flat_map(|one| one.workflows.values()).filter_map(|one| one.effective_from);
    let now = starts.fold(now, Timestamp::max);
    let old = Version::new(Arc::clone(old), now).map_err(|errors| (Side::Old, errors))?;
    let new = Version::new(Arc::clone(new), now).map_err(|errors| (Side::New, errors))?;
    let mut changes = declared::changes(&old.deployment, &new.deployment);
    let agents: BTreeSet<_> = old.deployment.agents.keys().chain(new.deployment.agents.keys()).collect();
    for agent in agents {
        for question in Question::all(&old, &new, agent) {
            changes.extend(differences::changes(&question, &old, &new));
        }
    }
    changes.sort_by(|one, other| one.rank().cmp(&other.rank()));
    Ok(changes)
}
