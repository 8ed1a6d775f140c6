//! Error codes of JSON-RPC and MCP.

/// An error code that maso itself sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// Not JSON, or past a limit.
    Parse,
    /// JSON, but not a frame.
    InvalidRequest,
    /// No such method.
    MethodNotFound,
    /// Wrong params; also an unknown tool, prompt or resource.
    InvalidParams,
    /// maso could not do what was needed.
    Internal,
    /// The request header disagrees with the body (2026-07-28).
    HeaderMismatch,
    /// The client did not declare a capability that is needed (2026-07-28).
    MissingCapability,
    /// The revision is not spoken (2026-07-28).
    UnsupportedVersion,
    /// maso refused it; the refusal's word is in the error's data.
    Refused,
    /// The same, where the revision keeps the usual range for itself (2026-07-28).
    RefusedStateless,
}

impl Code {
    /// The number on the wire.
    pub const fn number(self) -> i64 {
        match self {
            Self::Parse => -32700,
            Self::InvalidRequest => -32600,
            Self::MethodNotFound => -32601,
            Self::InvalidParams => -32602,
            Self::Internal => -32603,
            Self::HeaderMismatch => -32020,
            Self::MissingCapability => -32021,
            Self::UnsupportedVersion => -32022,
            Self::Refused => -32000,
            Self::RefusedStateless => 403,
        }
    }
}
