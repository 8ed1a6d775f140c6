//! What can go wrong with the example itself.

use std::{io, path::PathBuf};

/// What can go wrong with the example itself. A refusal by maso is none of these: an agent reports it and goes on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or folder of the example could not be written or read.
    #[error("cannot use `{path}`")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The claims database could not be used.
    #[error("cannot use the claims database")]
    Database(#[from] rusqlite::Error),
    /// A tool server of the example ended badly.
    #[error("the server `{server}` ended: {reason}")]
    Server {
        /// The server.
        server: &'static str,
        /// Why.
        reason: String,
    },
    /// An agent was started with something it cannot use.
    #[error("`{given}` is not {expected}")]
    Argument {
        /// What was given; never a secret.
        given: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// An agent could not be set up.
    #[error("cannot start the agent: {0}")]
    Agent(String),
    /// An agent could not report what it did.
    #[error("cannot write an event")]
    Report(#[source] io::Error),
}

impl DemoError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
