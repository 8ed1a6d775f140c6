//! Tests of the path end to end.
