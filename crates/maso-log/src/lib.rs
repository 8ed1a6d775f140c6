//! The flight recorder: append, commit, recover, tail.
