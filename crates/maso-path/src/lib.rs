//! The path, end to end: one function; knows no protocol.
