//! The recorder's own file.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::{
    PayloadKey, Report, VerifyError,
    chain::{Raw, Walk},
    payloads,
};

/// Verifies the recorder's database, also while it is in use: everything is read in one snapshot, nothing is written. Without
/// a key its payloads are counted and not looked into.
///
/// # Errors
/// When the database cannot be read, or its payloads were encrypted with another key.
pub fn verify_database(path: &Path, key: Option<&PayloadKey>) -> Result<Report, VerifyError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch("BEGIN")?;
    let mut walk = Walk::new()?;
    records(&connection, &mut walk)?;
    walk.story.end(&mut walk.report);
    spent(&connection, &mut walk)?;
    payloads::check(&connection, key, &mut walk)?;
    Ok(walk.report)
}

fn records(connection: &Connection, walk: &mut Walk) -> Result<(), VerifyError> {
    // By rowid and not by an index: what the table holds is what is checked.
    let mut statement =
        connection.prepare("SELECT sequence, at_ms, body, previous, hash FROM records ORDER BY sequence")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let sequence: i64 = row.get(0)?;
        let bytes = |index| row.get_ref(index).map(|value| value.as_bytes().unwrap_or_default());
        let (body, previous, hash) = (bytes(2)?, bytes(3)?, bytes(4)?);
        let Ok(sequence) = u64::try_from(sequence) else {
            walk.report.problem(0, format!("there is a record numbered {sequence}"));
            continue;
        };
        if walk.report.first.is_none() && sequence > 1 {
            walk.report.problem(sequence, "the records before it are missing");
        }
        walk.step(&Raw { sequence, at_ms: row.get(1)?, previous, hash, body })?;
    }
    Ok(())
}

/// The table that keeps approvals from being used twice must say what the records say.
fn spent(connection: &Connection, walk: &mut Walk) -> Result<(), VerifyError> {
    let mut statement = connection.prepare("SELECT subject, sequence FROM spent")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (subject, sequence): (String, i64) = (row.get(0)?, row.get(1)?);
        let sequence = u64::try_from(sequence).unwrap_or(0);
        if walk.story.spent.remove(&subject).is_none_or(|(recorded, _)| recorded != sequence) {
            walk.report.problem(sequence, format!("no record says here that `{subject}` was used"));
        }
    }
    let mut missing: Vec<_> = walk.story.spent.drain().collect();
    missing.sort();
    for (subject, (sequence, _)) in missing {
        walk.report.problem(sequence, format!("`{subject}` is missing from the table of what was used"));
    }
    Ok(())
}
