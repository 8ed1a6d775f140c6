//! Stage 8: allow, hold or deny.

use maso_core::Timestamp;

use crate::{Decision, Verdicts, Weighed};

/// Stage 8. The only maker of a [`crate::Permit`]. Silence counts against the hop.
pub fn settle(weighed: Weighed, verdicts: Verdicts, now: Timestamp) -> Decision {
    unimplemented!("{weighed:?}{verdicts:?}{now:?}")
}
