//! Payloads and their keys in the file.

use maso_core::Digest;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Store, fault};
use crate::{
    LogFault,
    v1::{Erased, PayloadsErased},
    vault::{KeyId, Lot, SealedPayload, WrappedKey},
};

/// The tables of payloads. A key that was dropped leaves its row: whoever sealed with it just before puts it back in vain.
pub(super) const SCHEMA: &str = "
CREATE TABLE keys (
    id      BLOB PRIMARY KEY,
    task    TEXT,
    day     TEXT    NOT NULL,
    since   INTEGER NOT NULL,
    wrapped BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_of_tasks ON keys (task, day);
CREATE TABLE payloads (
    digest BLOB NOT NULL,
    key    BLOB NOT NULL,
    sealed BLOB NOT NULL,
    UNIQUE (digest, key)
) STRICT;

CREATE TRIGGER keys_are_dropped_and_nothing_else BEFORE UPDATE ON keys
WHEN NEW.wrapped IS NOT NULL OR NEW.id IS NOT OLD.id OR NEW.task IS NOT OLD.task OR NEW.day IS NOT OLD.day
    OR NEW.since IS NOT OLD.since
BEGIN SELECT RAISE(ABORT, 'a key is dropped or stays as it is'); END;
CREATE TRIGGER keys_stay BEFORE DELETE ON keys
BEGIN SELECT RAISE(ABORT, 'of a key that was dropped its name stays'); END;
CREATE TRIGGER payloads_keep_their_content BEFORE UPDATE ON payloads
BEGIN SELECT RAISE(ABORT, 'a payload is found by its content'); END;
CREATE TRIGGER payloads_stay BEFORE DELETE ON payloads
WHEN EXISTS (SELECT 1 FROM keys WHERE id = OLD.key AND wrapped IS NOT NULL)
BEGIN SELECT RAISE(ABORT, 'a payload is erased by dropping its key'); END;
";

/// A payload with its key, as it was found.
pub(crate) struct Found {
    pub(crate) lot: Lot,
    pub(crate) key: WrappedKey,
    pub(crate) sealed: Vec<u8>,
}

impl Store {
    /// Keeps a payload, and its key with it; what is there already stays. `since` is the last record before it.
    pub(crate) fn keep(&self, payload: &SealedPayload, since: u64) -> Result<(), LogFault> {
        let SealedPayload { digest, key, bytes } = payload;
        let appending = |source| fault("append to", source);
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO keys (id, task, day, since, wrapped) VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut statement| {
                let (lot, wrapped) = (&key.lot, &key.wrapped);
                let since = since.cast_signed();
                statement.execute(params![wrapped.id, lot.task, lot.day, since, wrapped.bytes])
            })
            .map_err(appending)?;
        self.connection
            .prepare_cached("INSERT OR IGNORE INTO payloads (digest, key, sealed) VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| statement.execute(params![digest.as_bytes(), key.wrapped.id, bytes]))
            .map(|_| ())
            .map_err(appending)
    }

    /// Drops the keys of what is erased, in the transaction of the record that says so.
    pub(super) fn drop_keys(&self, erased: &PayloadsErased) -> Result<(), LogFault> {
        let (condition, of) = match &erased.what {
            Erased::Task(task) => ("task = ?1", task),
            Erased::Before(day) => ("day < ?1", day),
        };
        self.connection
            .execute(&format!("UPDATE keys SET wrapped = NULL WHERE {condition} AND wrapped IS NOT NULL"), [of])
            .map(|_| ())
            .map_err(|source| fault("erase payloads of", source))
    }

    /// Removes what lies under dropped keys, step by step, so that nobody waits long; how many payloads that were. They
    /// could not be read any more, and only took room.
    pub(crate) fn sweep(&self) -> Result<u64, LogFault> {
        let sweeping = |source| fault("sweep", source);
        let last: Option<i64> =
            self.connection.query_row("SELECT max(rowid) FROM payloads", [], |row| row.get(0)).map_err(sweeping)?;
        let (mut from, mut n_swept) = (0, 0);
        while last.is_some_and(|last| from <= last) {
            self.begin(super::Patience::Waits)?;
            let swept = self
                .connection
                .prepare_cached(
                    "DELETE FROM payloads WHERE rowid BETWEEN ?1 AND ?2
                     AND key IN (SELECT id FROM keys WHERE wrapped IS NULL)",
                )
                .and_then(|mut statement| statement.execute([from, from + SWEPT_AT_ONCE - 1]))
                .and_then(|n| self.commit().map(|()| n));
            match swept {
                Ok(n) => n_swept += n as u64,
                Err(source) => {
                    self.roll_back();
                    return Err(sweeping(source));
                }
            }
            from += SWEPT_AT_ONCE;
        }
        Ok(n_swept)
    }
}

/// A key that opens what is kept of a lot from now on.
pub(crate) fn key_of(connection: &Connection, lot: &Lot) -> Result<Option<WrappedKey>, LogFault> {
    connection
        .prepare_cached("SELECT id, wrapped FROM keys WHERE task IS ?1 AND day = ?2 AND wrapped IS NOT NULL LIMIT 1")
        .and_then(|mut statement| statement.query_row(params![lot.task, lot.day], key).optional())
        .map_err(reading)
}

/// Any key, if there is one that was not dropped.
pub(crate) fn any_key(connection: &Connection) -> Result<Option<(Lot, WrappedKey)>, LogFault> {
    if !has_keys(connection)? {
        return Ok(None);
    }
    connection
        .prepare_cached("SELECT id, wrapped, task, day FROM keys WHERE wrapped IS NOT NULL LIMIT 1")
        .and_then(|mut statement| statement.query_row([], |row| Ok((lot(row)?, key(row)?))).optional())
        .map_err(reading)
}

/// The payload with this digest whose key was not dropped. The same payload may lie under keys of several tasks.
pub(crate) fn find(connection: &Connection, digest: Digest) -> Result<Option<Found>, LogFault> {
    connection
        .prepare_cached(
            "SELECT keys.id, keys.wrapped, keys.task, keys.day, payloads.sealed
             FROM payloads JOIN keys ON keys.id = payloads.key
             WHERE payloads.digest = ?1 AND keys.wrapped IS NOT NULL LIMIT 1",
        )
        .and_then(|mut statement| {
            let columns = |row: &Row<'_>| Ok(Found { lot: lot(row)?, key: key(row)?, sealed: row.get(4)? });
            statement.query_row([digest.as_bytes()], columns).optional()
        })
        .map_err(reading)
}

/// Whether the file is laid out for encrypted payloads.
fn has_keys(connection: &Connection) -> Result<bool, LogFault> {
    connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'keys'", [], |row| row.get(0))
        .map(|n: i64| n > 0)
        .map_err(reading)
}

fn key(row: &Row<'_>) -> rusqlite::Result<WrappedKey> {
    Ok(WrappedKey { id: row.get::<_, KeyId>(0)?, bytes: row.get(1)? })
}

fn lot(row: &Row<'_>) -> rusqlite::Result<Lot> {
    Ok(Lot { task: row.get(2)?, day: row.get(3)? })
}

fn reading(source: rusqlite::Error) -> LogFault {
    fault("read", source)
}

/// Payloads that are looked at in one transaction.
const SWEPT_AT_ONCE: i64 = 4096;
