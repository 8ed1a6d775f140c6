//! Why a NATS server cannot be the bus, for operators.

use maso_intent::{BusServers, Durability};

use super::prepare::LARGEST;

/// Why a NATS server cannot be the bus. It is said at the start; what goes wrong later delays hops or refuses them.
#[derive(Debug, thiserror::Error)]
pub enum BusFault {
    /// There is no connection, or not for this user.
    #[error("cannot connect to the NATS server `{servers}`")]
    Unreached {
        /// Where it was looked for.
        servers: BusServers,
        /// What the client said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The certificates cannot be used.
    #[error("cannot use TLS to the NATS server")]
    Tls(#[source] std::io::Error),
    /// Its messages are too small.
    #[error("the NATS server takes {0} bytes in a message, {LARGEST} are needed")]
    TooSmall(usize),
    /// A mailbox could not be made.
    #[error("cannot prepare the mailbox of {mailbox}")]
    NotPrepared {
        /// Whose.
        mailbox: String,
        /// What the server said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Whether the server waits for its disk cannot be asked.
    #[error("cannot ask the NATS server whether it waits for its disk: {0}")]
    NotAsked(String),
    /// It does not wait for its disk.
    #[error("the NATS server does not wait for its disk before it acknowledges")]
    NotSynced,
}

impl BusFault {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::Unreached { servers, .. } if servers.is_encrypted() => {
                "start it, or correct `[bus]` in maso.toml: `roots` names who vouches for its certificate, `certificate` and \
                 `key` what it asks for; `maso bus accounts DIR` writes its users"
                    .to_owned()
            }
            Self::Unreached { .. } => {
                "start it, or correct `[bus]` in maso.toml (`tls://`, where it wants TLS); `maso bus accounts DIR` writes its \
                 users"
                    .to_owned()
            }
            Self::Tls(_) => "`[bus] roots` names a file with the certificates of whoever signed the server's".to_owned(),
            Self::TooSmall(_) => format!("set `max_payload: {LARGEST}` or more in the server's configuration"),
            Self::NotPrepared { .. } => {
                "the server needs `jetstream` with room for all mailboxes, and the deployment an account that may use it"
                    .to_owned()
            }
            Self::NotAsked(_) => {
                "`maso bus accounts DIR` writes a configuration in which it can be asked; or use three replicas".to_owned()
            }
            Self::NotSynced => format!(
                "set `sync_interval: always` in the server's `jetstream` block, use three replicas, or do with \
                 `promise = \"{}\"`",
                Durability::Stored.as_str()
            ),
        }
    }
}
