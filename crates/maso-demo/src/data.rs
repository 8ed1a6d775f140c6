//! The data of the claims example's servers.

use std::{fs, path::Path};

use rusqlite::Connection;

use crate::{
    DemoError,
    examples::{EXAMPLES, write_below},
};

#[cfg(test)]
mod tests;

/// The claims database inside a data folder.
pub const DATABASE_FILE: &str = "claims.db";
/// The folder of claim documents inside a data folder.
pub const DOCUMENTS_FOLDER: &str = "documents";

/// Writes a fresh data folder: the database as seeded, and all claim documents.
///
/// A database that is already there is replaced, so nothing of an earlier run is left.
///
/// # Errors
/// When the folder cannot be written.
pub fn seed(data: &Path) -> Result<(), DemoError> {
    let database = data.join(DATABASE_FILE);
    fs::create_dir_all(data).map_err(DemoError::file(data))?;
    for suffix in ["", "-wal", "-shm"] {
        let stale = data.join(format!("{DATABASE_FILE}{suffix}"));
        if stale.exists() {
            fs::remove_file(&stale).map_err(DemoError::file(&stale))?;
        }
    }
    let connection = Connection::open(database)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.execute_batch(SEED_SQL)?;

    let documents = EXAMPLES.get_dir("claims/data/documents").expect("the example carries its documents");
    write_below(documents, &data.join(DOCUMENTS_FOLDER), &|_| true)
}

pub(crate) const SEED_SQL: &str = include_str!("../../../examples/claims/data/seed.sql");
