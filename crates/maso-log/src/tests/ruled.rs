//! Decisions as they are written.
