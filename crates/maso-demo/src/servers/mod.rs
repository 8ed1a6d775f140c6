//! The insurer's three tool servers, each an MCP server over standard input and output.

mod claims_db;
mod documents;
mod mail;
mod store;

#[cfg(test)]
mod tests;

use std::{fmt, path::Path, str::FromStr};

use rmcp::{RoleServer, Service, ServiceExt, transport::stdio};

pub(crate) use self::store::Store;
pub(crate) use self::{claims_db::ClaimsDb, documents::Documents, mail::Mail};
use crate::{DATABASE_FILE, DOCUMENTS_FOLDER, DemoError};

/// Which of the example's tool servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DemoServer {
    /// The system of record: policies, claims, payments.
    ClaimsDb,
    /// The files that came in with a claim.
    Documents,
    /// Outgoing mail.
    Mail,
}

impl DemoServer {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ClaimsDb, Self::Documents, Self::Mail];

    /// Its name in the deployment.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClaimsDb => "claims-db",
            Self::Documents => "documents",
            Self::Mail => "mail",
        }
    }
}

impl fmt::Display for DemoServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DemoServer {
    type Err = DemoError;

    fn from_str(text: &str) -> Result<Self, DemoError> {
        Self::ALL.into_iter().find(|server| server.as_str() == text).ok_or_else(|| DemoError::Argument {
            given: text.to_owned(),
            expected: "a server of the example: `claims-db`, `documents` or `mail`",
        })
    }
}

/// Serves one tool server over standard input and output until the client goes away.
///
/// # Errors
/// When the data folder cannot be used or the connection breaks.
pub async fn serve(which: DemoServer, data: &Path) -> Result<(), DemoError> {
    match which {
        DemoServer::ClaimsDb => over_stdio(which, ClaimsDb::new(Store::open(&data.join(DATABASE_FILE))?)).await,
        DemoServer::Documents => over_stdio(which, Documents::new(data.join(DOCUMENTS_FOLDER))).await,
        DemoServer::Mail => over_stdio(which, Mail::new(Store::open(&data.join(DATABASE_FILE))?)).await,
    }
}

async fn over_stdio<S: Service<RoleServer>>(which: DemoServer, server: S) -> Result<(), DemoError> {
    let ended = |reason: String| DemoError::Server { server: which.as_str(), reason };
    let running = server.serve(stdio()).await.map_err(|error| ended(error.to_string()))?;
    running.waiting().await.map_err(|error| ended(error.to_string()))?;
    Ok(())
}
