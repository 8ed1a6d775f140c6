//! Layer 1: deterministic scanners over every hop. Microseconds, no model, no I/O.

mod scan;

pub use scan::{Redaction, Scan, Scanner, Surface};
