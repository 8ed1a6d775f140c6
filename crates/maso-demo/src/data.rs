//! The example's files, carried inside the program so that it runs from any folder.

use std::{fs, path::Path};

use include_dir::{Dir, include_dir};
use rusqlite::Connection;

use crate::DemoError;

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

    let documents = EXAMPLE.get_dir("data/documents").expect("the example carries its documents");
    write_below(documents, "data/documents", &data.join(DOCUMENTS_FOLDER))
}

/// Writes the deployment folder (mandates, manifests, policies; no data) to `folder`.
///
/// # Errors
/// When the folder cannot be written.
pub fn unpack_deployment(folder: &Path) -> Result<(), DemoError> {
    fs::create_dir_all(folder).map_err(DemoError::file(folder))?;
    for file in EXAMPLE.files() {
        write(folder, Path::new(file.path()), file.contents())?;
    }
    for part in ["workflows", "agents", "judges", "tools", "policies"] {
        let part_dir = EXAMPLE.get_dir(part).expect("the example carries all parts of a deployment");
        write_below(part_dir, part, &folder.join(part))?;
    }
    Ok(())
}

fn write_below(dir: &Dir<'_>, prefix: &str, folder: &Path) -> Result<(), DemoError> {
    fs::create_dir_all(folder).map_err(DemoError::file(folder))?;
    for file in dir.files() {
        let path = file.path().strip_prefix(prefix).expect("a file lies below its folder");
        write(folder, path, file.contents())?;
    }
    for child in dir.dirs() {
        let path = child.path().strip_prefix(prefix).expect("a folder lies below its parent");
        fs::create_dir_all(folder.join(path)).map_err(DemoError::file(folder.join(path)))?;
        for file in child.files() {
            let path = file.path().strip_prefix(prefix).expect("a file lies below its folder");
            write(folder, path, file.contents())?;
        }
    }
    Ok(())
}

fn write(folder: &Path, path: &Path, contents: &[u8]) -> Result<(), DemoError> {
    let target = folder.join(path);
    fs::write(&target, contents).map_err(DemoError::file(target))
}

pub(crate) const SEED_SQL: &str = include_str!("../../../examples/claims/data/seed.sql");
static EXAMPLE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../examples/claims");
