//! The file: its schema, its settings, and the statements that touch it.

mod migration;
mod payloads;

use std::{collections::HashSet, path::Path, time::Duration};

use maso_core::Digest;
use rusqlite::{Connection, OpenFlags, config::DbConfig, params};

pub(crate) use payloads::{Found, any_key, find, key_of};

use crate::{
    LogFault, Record,
    chain::{Head, Row},
    turnstile::{Turnstile, ask_again},
    v1::Body,
};

/// `maso` in ASCII: tells our files from other programs'.
const APPLICATION_ID: i32 = 0x6d61_736f;
const VERSION: i32 = 2;
const BUSY_WAIT: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
CREATE TABLE records (
    sequence INTEGER PRIMARY KEY,
    at_ms    INTEGER NOT NULL,
    body     TEXT    NOT NULL,
    previous BLOB    NOT NULL,
    hash     BLOB    NOT NULL
) STRICT;
CREATE TABLE spent (
    subject  TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE mentions (
    subject  TEXT    NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (subject, sequence)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER records_keep_their_content BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'the flight record is append-only'); END;
CREATE TRIGGER records_stay BEFORE DELETE ON records
BEGIN SELECT RAISE(ABORT, 'the flight record is append-only'); END;
CREATE TRIGGER spent_keeps_its_content BEFORE UPDATE ON spent
BEGIN SELECT RAISE(ABORT, 'what was used stays used'); END;
CREATE TRIGGER spent_stays BEFORE DELETE ON spent
BEGIN SELECT RAISE(ABORT, 'what was used stays used'); END;
";

/// Whether the write lock is waited for while another process has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// For a while.
    Waits,
    /// Not at all.
    None,
}

/// The one connection that writes.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    turnstile: Turnstile,
}

impl Store {
    /// Opens the file for appending, and makes it if there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, LogFault> {
        create_private(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).and_then(planned_once).map_err(|source| fault("open", source))?;
        let turnstile = Turnstile::open(path)
            .map_err(|error| foreign(path, format!("no turns can be taken beside it: {error}")))?;
        let store = Self { connection, turnstile };
        store.prepare(path)?;
        Ok(store)
    }

    fn prepare(&self, path: &Path) -> Result<(), LogFault> {
        let opening = |source| fault("open", source);
        self.connection.busy_timeout(BUSY_WAIT).map_err(opening)?;
        // Changing to WAL does not wait for the lock by itself, so it happens inside the wait for one: whoever
        // comes second finds the file in WAL mode already.
        let mut attempts_left = 50;
        loop {
            match self.connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
                Ok(mode) if mode == "wal" => break,
                Ok(mode) => {
                    return Err(foreign(path, format!("its journal mode is `{mode}` and cannot be `wal`")));
                }
                Err(error) if is_busy(&error) && attempts_left > 0 => {
                    attempts_left -= 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => return Err(opening(error)),
            }
        }
        self.connection
            .execute_batch(
                "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
                 PRAGMA secure_delete = ON;",
            )
            .map_err(opening)?;
        self.begin(Patience::Waits)?;
        let made = self.make_schema(path);
        match made {
            Ok(()) => self.commit().map_err(opening),
            Err(error) => {
                self.roll_back();
                Err(error)
            }
        }
    }

    fn make_schema(&self, path: &Path) -> Result<(), LogFault> {
        let number = |pragma: &str| {
            self.connection
                .query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i32>(0))
                .map_err(|source| fault("open", source))
        };
        let n_tables: i64 = self
            .connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|source| fault("open", source))?;
        match (number("application_id")?, number("user_version")?) {
            // Whoever has no key for payloads writes records into an older file, too: nobody is kept from stopping a deployment.
            (APPLICATION_ID, VERSION | migration::PLAIN) => Ok(()),
            (0, 0) if n_tables == 0 => self
                .connection
                .execute_batch(SCHEMA)
                .and_then(|()| self.connection.execute_batch(payloads::SCHEMA))
                .and_then(|()| self.connection.pragma_update(None, "application_id", APPLICATION_ID))
                .and_then(|()| self.connection.pragma_update(None, "user_version", VERSION))
                .map_err(|source| fault("lay out", source)),
            (APPLICATION_ID, version) => Err(foreign(path, format!("its version is {version}, expected {VERSION}"))),
            _ => Err(foreign(path, "it is another program's database".to_owned())),
        }
    }

    /// Takes the write lock; from here to [`Store::commit`] nobody else appends.
    pub(crate) fn begin(&self, patience: Patience) -> Result<(), LogFault> {
        let locking = |source| fault("lock", source);
        let Some(_turn) = self.turnstile.enter(patience) else { return Err(locking(busy())) };
        // Nobody comes before whoever has the turn, so that the lock will be free soon.
        let wait = if patience == Patience::Waits { BUSY_WAIT } else { Duration::ZERO };
        self.connection.busy_timeout(Duration::ZERO).map_err(locking)?;
        let begun = ask_again(wait, || self.statement("BEGIN IMMEDIATE"), is_busy);
        self.connection.busy_timeout(BUSY_WAIT).map_err(locking)?;
        begun.map_err(locking)
    }

    /// Makes durable what was appended.
    pub(crate) fn commit(&self) -> rusqlite::Result<()> {
        self.statement("COMMIT")
    }

    /// Takes back what was appended. Whether that worked shows in [`Store::is_idle`].
    pub(crate) fn roll_back(&self) {
        if !self.is_idle()
            && let Err(error) = self.statement("ROLLBACK")
        {
            tracing::error!(%error, "cannot roll the flight record back");
        }
    }

    /// Moves what was committed from the write-ahead log into the database, as far as readers let it. SQLite does so
    /// by itself when the log is long; doing it before keeps that wait away from those who wait for a commit.
    pub(crate) fn checkpoint(&self) {
        let done = self
            .connection
            .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")
            .and_then(|mut statement| statement.query_row([], |_| Ok(())));
        if let Err(error) = done {
            tracing::warn!(%error, "cannot checkpoint the flight record");
        }
    }

    /// Whether no transaction is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// A number that changes when another connection committed.
    pub(crate) fn data_version(&self) -> Result<i64, LogFault> {
        self.connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(|source| fault("look at", source))
    }

    /// Reads, checks and hands over every record after `head`, and returns the new head.
    ///
    /// The record at `head` itself must still be what it was.
    pub(crate) fn follow(&self, head: Head, mut each: impl FnMut(Record)) -> Result<Head, LogFault> {
        let reading = |source| LogFault::store("read", head.sequence, source);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT sequence, at_ms, body, previous, hash FROM records WHERE sequence >= ?1 ORDER BY sequence",
            )
            .map_err(reading)?;
        let mut rows = statement.query([head.sequence.cast_signed()]).map_err(reading)?;
        if head.sequence > 0 {
            let unchanged = match rows.next().map_err(reading)? {
                Some(row) => {
                    let row = Row::of(row)?;
                    row.sequence == head.sequence.cast_signed() && row.hash == head.hash.as_bytes()
                }
                None => false,
            };
            if !unchanged {
                return Err(LogFault::Corrupt {
                    sequence: head.sequence,
                    reason: "it is no longer the record that was written".to_owned(),
                });
            }
        }
        let mut head = head;
        while let Some(row) = rows.next().map_err(|source| LogFault::store("read", head.sequence + 1, source))? {
            let record = head.follow(&Row::of(row)?)?;
            head = Head::from(&record);
            each(record);
        }
        Ok(head)
    }

    /// Reads the whole chain in one snapshot, and checks it against the table of what was used.
    pub(crate) fn replay(&self, mut fold: impl FnMut(&Record)) -> Result<Head, LogFault> {
        self.statement("BEGIN").map_err(|source| fault("read", source))?;
        let mut spent = HashSet::new();
        let mut twice = None;
        let head = self.follow(Head::START, |record| {
            if let Some(subject) = record.body.once_only()
                && !spent.insert(subject.to_owned())
            {
                twice.get_or_insert((record.sequence, subject.to_owned()));
            }
            fold(&record);
        });
        let checked = head.and_then(|head| match twice {
            Some((sequence, subject)) => {
                Err(LogFault::Corrupt { sequence, reason: format!("`{subject}` is used a second time") })
            }
            None => self.compare_spent(&spent, head.sequence).map(|()| head),
        });
        self.roll_back();
        checked
    }

    /// Whoever could drop a row of `spent` could use an approval twice, so it must say what the chain says.
    fn compare_spent(&self, expected: &HashSet<String>, sequence: u64) -> Result<(), LogFault> {
        let reading = |source| LogFault::store("read", sequence, source);
        let mut statement = self.connection.prepare("SELECT subject FROM spent").map_err(reading)?;
        let mut rows = statement.query([]).map_err(reading)?;
        let mut n_rows = 0;
        while let Some(row) = rows.next().map_err(reading)? {
            let subject: String = row.get(0).map_err(reading)?;
            if !expected.contains(&subject) {
                return Err(LogFault::Corrupt {
                    sequence,
                    reason: format!("nothing records that `{subject}` was used"),
                });
            }
            n_rows += 1;
        }
        if n_rows == expected.len() {
            Ok(())
        } else {
            Err(LogFault::Corrupt {
                sequence,
                reason: "a used approval is missing from the table of used ones".to_owned(),
            })
        }
    }

    /// Whether a once-only subject was used already, also earlier in this transaction.
    pub(crate) fn is_spent(&self, subject: &str) -> Result<bool, LogFault> {
        is_spent(&self.connection, subject).map_err(|source| fault("read", source))
    }

    /// Appends one record after `head`.
    pub(crate) fn append(&self, previous: Digest, head: Head, body: &Body, json: &str) -> Result<(), LogFault> {
        let appending = |source| fault("append to", source);
        let sequence = head.sequence.cast_signed();
        self.connection
            .prepare_cached("INSERT INTO records (sequence, at_ms, body, previous, hash) VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut statement| {
                statement.execute(params![
                    sequence,
                    head.at.as_millis(),
                    json,
                    previous.as_bytes(),
                    head.hash.as_bytes()
                ])
            })
            .map_err(appending)?;
        if let Some(subject) = body.once_only() {
            self.connection
                .prepare_cached("INSERT INTO spent (subject, sequence) VALUES (?1, ?2)")
                .and_then(|mut statement| statement.execute(params![subject, sequence]))
                .map_err(appending)?;
        }
        if let Body::PayloadsErased(erased) = body {
            self.drop_keys(erased)?;
        }
        for subject in body.mentions() {
            self.connection
                .prepare_cached("INSERT OR IGNORE INTO mentions (subject, sequence) VALUES (?1, ?2)")
                .and_then(|mut statement| statement.execute(params![subject, sequence]))
                .map_err(appending)?;
        }
        Ok(())
    }

    fn statement(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    #[cfg(test)]
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// A statement is planned when it is prepared, whatever is bound to it later. Without that some are prepared anew each time
/// that a value is bound.
pub(crate) fn planned_once(connection: Connection) -> rusqlite::Result<Connection> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Whether a once-only subject was used already, also earlier in this transaction.
pub(crate) fn is_spent(connection: &Connection, subject: &str) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM spent WHERE subject = ?1")?.exists([subject])
}

/// The file holds what agents said and did: only its owner may read it.
fn create_private(path: &Path) -> Result<(), LogFault> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(foreign(path, format!("it cannot be made: {error}"))),
    }
}

fn busy() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

fn fault(operation: &'static str, source: rusqlite::Error) -> LogFault {
    LogFault::store(operation, 0, source)
}

pub(crate) fn foreign(path: &Path, reason: String) -> LogFault {
    LogFault::Foreign { path: path.display().to_string(), reason }
}
