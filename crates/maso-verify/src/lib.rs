//! Offline checker of a flight record, small enough to audit in an hour.
