//! Layer 2: judges that are heard before an action is committed (EC-2.5, OI-2.1).
//!
//! A judge reads an action and says what it thinks. It grants nothing: its word can only fulfil or refuse a review
//! that `weigh` required. What goes wrong with a judge, be it late, broken or talked into nonsense, is silence, and
//! silence counts against the hop.

mod brief;
mod invisible;
mod model;
mod panel;
mod rules;
mod view;

pub use brief::{Brief, Judge, VERDICT_MS};
pub use model::{ApiKey, JudgeError, ModelJudge};
pub use panel::Panel;
pub use rules::RuleJudge;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
