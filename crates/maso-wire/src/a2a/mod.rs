//! A2A 1.0 on the wire: what its clients ask, how tasks are written, what agent cards say.
//!
//! Frames are JSON-RPC 2.0, read by [`crate::mcp::Frame`] as those of MCP are; the JSON is that of protocol buffers. What a
//! client asks of us is read strictly: a member that nobody knows is refused, because another reader could know it. What a
//! peer answers is read as the protocol wants it read, and only what is known of it goes on. Nothing here opens a
//! connection or believes a signature.

mod ask;
mod card;
mod code;
mod http;
mod method;
mod said;
mod state;
mod task;

pub use ask::{Asked, Content, PushTarget, Returns, SendMessage, WhichConfig, WhichTask, WhichTasks};
pub use card::{Binding, Card, CardFault, Interface, Skill};
pub use code::Code;
pub use http::Operation;
pub use method::Method;
pub use said::{Said, SaidFault, Update};
pub use state::TaskState;
pub use task::{Task, artifact_update, message_to, status_update};

/// The version of the protocol that is spoken, as the header names it.
pub const VERSION: &str = "1.0";
/// The header that names the version.
pub const VERSION_HEADER: &str = "a2a-version";

/// Whether a client that names this version is understood: any 1.x, of which minor versions only add. A client that names
/// none speaks the version from before there was the header.
pub fn speaks(version: Option<&str>) -> bool {
    let Some(version) = version else { return false };
    let mut parts = version.trim().split('.');
    let is_number = |part: &str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.next() == Some("1") && parts.clone().count() <= 2 && parts.all(is_number)
}

#[cfg(test)]
mod tests;
