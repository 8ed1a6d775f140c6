//! Signing in.

use serde::{Deserialize, Serialize};

/// What signs an operator in.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "means", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SignIn {
    /// A name and a passphrase.
    Passphrase {
        /// The operator.
        operator: String,
        /// The passphrase.
        passphrase: String,
    },
    /// A link that was made on the machine itself; works once.
    Link {
        /// The token in the link.
        token: String,
    },
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Passphrase { operator, .. } => write!(f, "Passphrase({operator})"),
            Self::Link { .. } => f.write_str("Link"),
        }
    }
}

/// A signed-in operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The operator.
    pub operator: String,
    /// `operator`, `supervisor`, `security`, `incident-commander`.
    pub roles: Vec<String>,
    /// When the session ends.
    pub expires_at: i64,
    /// The session token, for clients that keep no cookies; absent when it was set as a cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}
