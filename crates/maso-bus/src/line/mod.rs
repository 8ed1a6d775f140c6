//! Lines: ordered streams of bytes between an agent's sidecar and maso, over the broker.
//!
//! A sidecar has no other way to maso than the broker, and no more right there than to its own lines. The broker carries
//! messages, keeps none of them and may lose any; so what is on a line is numbered, and whatever is lost ends it. A line
//! promises nothing else: who is at its other end is for the TLS that is spoken on it.

mod answering;
mod calling;
mod frame;
mod pump;
mod window;

pub use answering::{Answered, Lines};
pub use calling::Caller;

/// One end of a line. Dropping it ends the line.
pub type Line = tokio::io::DuplexStream;

/// How many bytes may be on their way before whoever reads has taken them.
const WINDOW: usize = 256 * 1024;
/// How many bytes one message of the broker carries.
const CHUNK: usize = 32 * 1024;
/// How many lines one agent may have at a time, to one process.
const LINES_OF_AGENT_MAX: usize = 64;
/// How many lines there may be at a time, to one process.
const LINES_MAX: usize = 1_024;
