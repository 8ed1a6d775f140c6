//! Error codes of A2A's JSON-RPC binding.

/// An error that maso sends to a client of A2A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// Not JSON, or past a limit.
    Parse,
    /// JSON, but not a request.
    InvalidRequest,
    /// No such method.
    MethodNotFound,
    /// Wrong params.
    InvalidParams,
    /// maso could not do what was needed.
    Internal,
    /// The task is not there, or not the client's.
    TaskNotFound,
    /// The task cannot be cancelled any more.
    TaskNotCancelable,
    /// Nobody declared that the client may be called back.
    PushNotSupported,
    /// The operation is not offered.
    UnsupportedOperation,
    /// The content is of a kind that is not taken.
    ContentTypeNotSupported,
    /// The version of the protocol is not spoken.
    VersionNotSupported,
    /// maso refused it; the refusal's word is in the message.
    Refused,
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
            Self::TaskNotFound => -32001,
            Self::TaskNotCancelable => -32002,
            Self::PushNotSupported => -32003,
            Self::UnsupportedOperation => -32004,
            Self::ContentTypeNotSupported => -32005,
            Self::VersionNotSupported => -32009,
            Self::Refused => -32000,
        }
    }

    /// What the protocol calls it; `None` for what is of JSON-RPC or of maso.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Self::TaskNotFound => Some("TASK_NOT_FOUND"),
            Self::TaskNotCancelable => Some("TASK_NOT_CANCELABLE"),
            Self::PushNotSupported => Some("PUSH_NOTIFICATION_NOT_SUPPORTED"),
            Self::UnsupportedOperation => Some("UNSUPPORTED_OPERATION"),
            Self::ContentTypeNotSupported => Some("CONTENT_TYPE_NOT_SUPPORTED"),
            Self::VersionNotSupported => Some("VERSION_NOT_SUPPORTED"),
            Self::Parse
            | Self::InvalidRequest
            | Self::MethodNotFound
            | Self::InvalidParams
            | Self::Internal
            | Self::Refused => None,
        }
    }
}
