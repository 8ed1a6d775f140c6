//! MCP on the wire: JSON-RPC frames, revisions, methods, and what each method means as an act.
//!
//! Frames are parsed once and strictly; the exact bytes of params and results stay at hand, so that what nobody
//! changed is forwarded as it came. Nothing here opens a connection or decides anything.

mod act;
mod build;
mod code;
mod frame;
mod headers;
mod members;
mod method;
mod revision;

pub use act::{Meaningless, act_of, payload_of};
pub use build::{Listed, error, input_required, notification, refused_tool, request, response, result_for, tool_error};
pub use code::Code;
pub use frame::{ErrorReply, Frame, FrameFault, Id, Notification, Reply, Request, Response};
pub use headers::{
    Mirrored, Mismatch, ParameterHeaderFault, decode_header_value, encode_header_value, has_mirrored_parameters,
    mirrored_name, parameter_headers, parameters_agree,
};
pub use members::Members;
pub use method::{Method, Sides};
pub use revision::Revision;

/// Keys of `_meta` that the protocol or maso gives a meaning.
pub mod meta {
    /// The revision of a 2026-07-28 request.
    pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
    /// The capabilities that the client declares for this request.
    pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
    /// The client's name and version, unverified.
    pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
    /// The server's name and version, unverified.
    pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
    /// The least level of log notifications that the client wants for this request.
    pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
    /// The request that a subscription's notification belongs to.
    pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
    /// Names the request that progress notifications belong to.
    pub const PROGRESS_TOKEN: &str = "progressToken";
    /// The task token; never forwarded.
    pub const TASK: &str = "maso/task";
    /// How many tokens are in the context of the agent's model, as its framework counts them; never forwarded.
    pub const CONTEXT_TOKENS: &str = "maso/context-tokens";
}

#[cfg(test)]
mod tests;
