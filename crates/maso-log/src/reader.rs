//! Reading the log: pages, single records, payloads.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use maso_core::{Digest, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde_json::{Value, value::RawValue};

use crate::{LogFault, Record, chain::Row, store::foreign};

/// Reads a log, live or at rest, and cannot write. Cheap to clone. Its calls block on the disk.
#[derive(Clone, Debug)]
pub struct Reader {
    connection: Arc<Mutex<Connection>>,
}

/// A record with the exact bytes of its body.
#[derive(Debug)]
pub(crate) struct Exact {
    pub(crate) sequence: u64,
    pub(crate) at: Timestamp,
    pub(crate) body: Box<RawValue>,
    pub(crate) previous: Digest,
    pub(crate) hash: Digest,
}

impl Reader {
    /// Opens the log at `path` for reading only. The chain is not checked: that is for the recorder and `maso-verify`.
    ///
    /// # Errors
    /// When there is no log at `path`, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, LogFault> {
        if !path.exists() {
            return Err(foreign(path, "it does not exist".to_owned()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .and_then(|connection| connection.busy_timeout(std::time::Duration::from_secs(5)).map(|()| connection))
            .map_err(reading)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// The records `from` to `to`, both included, at most `n_max` of them, in order.
    ///
    /// # Errors
    /// When the file cannot be read, or a body in it is of no kind that this version knows.
    pub fn records(&self, from: u64, to: u64, n_max: usize) -> Result<Vec<Record>, LogFault> {
        self.exact(from, to, n_max)?.into_iter().map(Exact::read).collect()
    }

    /// The record with this sequence.
    ///
    /// # Errors
    /// As [`Reader::records`].
    pub fn record(&self, sequence: u64) -> Result<Option<Record>, LogFault> {
        Ok(self.records(sequence, sequence, 1)?.pop())
    }

    /// The records that name a hop or a ticket (`hop_…`, `ticket_…`), in order, at most `n_max`.
    ///
    /// # Errors
    /// As [`Reader::records`].
    pub fn about(&self, subject: &str, n_max: usize) -> Result<Vec<Record>, LogFault> {
        let sequences: Vec<u64> = {
            let connection = self.lock();
            let mut statement = connection
                .prepare_cached("SELECT sequence FROM mentions WHERE subject = ?1 ORDER BY sequence LIMIT ?2")
                .map_err(reading)?;
            let rows = statement
                .query_map(rusqlite::params![subject, limit(n_max)], |row| row.get::<_, i64>(0))
                .map_err(reading)?;
            rows.map(|row| row.map(i64::cast_unsigned)).collect::<Result<_, _>>().map_err(reading)?
        };
        sequences.into_iter().filter_map(|sequence| self.record(sequence).transpose()).collect()
    }

    /// The records `from` to `to` in whose body one of two texts stands, in order, at most `n_max`.
    pub(crate) fn holding(
        &self,
        marks: &[String; 3],
        from: u64,
        to: u64,
        n_max: usize,
    ) -> Result<Vec<Record>, LogFault> {
        let connection = self.lock();
        let mut statement = connection
            .prepare_cached(
                "SELECT sequence, at_ms, body, previous, hash FROM records
                 WHERE sequence BETWEEN ?1 AND ?2 AND (instr(body, ?3) OR instr(body, ?4) OR instr(body, ?5))
                 ORDER BY sequence LIMIT ?6",
            )
            .map_err(reading)?;
        let [one, two, three] = marks;
        let rows = rusqlite::params![bound(from), bound(to), one, two, three, limit(n_max)];
        let mut rows = statement.query(rows).map_err(reading)?;
        let mut records = Vec::new();
        while let Some(row) = rows.next().map_err(reading)? {
            records.push(Exact::of(&Row::of(row)?)?.read()?);
        }
        Ok(records)
    }

    /// What `show` means by its argument: a sequence, a hop id or a ticket id.
    ///
    /// # Errors
    /// As [`Reader::records`].
    pub fn show(&self, what: &str) -> Result<Vec<Record>, LogFault> {
        match what.parse() {
            Ok(sequence) => Ok(self.record(sequence)?.into_iter().collect()),
            Err(_) => self.about(what, ABOUT_MAX),
        }
    }

    /// The sequence of the last record in the file; zero if there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_sequence(&self) -> Result<u64, LogFault> {
        self.lock()
            .prepare_cached("SELECT max(sequence) FROM records")
            .and_then(|mut statement| statement.query_row([], |row| row.get::<_, Option<i64>>(0)))
            .map(|last| last.map_or(0, i64::cast_unsigned))
            .map_err(reading)
    }

    /// The payload with this digest; `None` if there never was one or it was erased.
    ///
    /// # Errors
    /// When the file cannot be read, or the payload is not what its digest says.
    pub fn payload(&self, digest: Digest) -> Result<Option<Value>, LogFault> {
        let bytes: Option<Vec<u8>> = self
            .lock()
            .prepare_cached("SELECT bytes FROM payloads WHERE digest = ?1")
            .and_then(|mut statement| statement.query_row([digest.as_bytes()], |row| row.get(0)).optional())
            .map_err(reading)?;
        let Some(bytes) = bytes else { return Ok(None) };
        let corrupt = || LogFault::Corrupt { sequence: 0, reason: format!("the payload {digest} is not what it was") };
        if Digest::of(&bytes) != digest {
            return Err(corrupt());
        }
        serde_json::from_slice(&bytes).map(Some).map_err(|_| corrupt())
    }

    pub(crate) fn exact(&self, from: u64, to: u64, n_max: usize) -> Result<Vec<Exact>, LogFault> {
        let connection = self.lock();
        let mut statement = connection
            .prepare_cached(
                "SELECT sequence, at_ms, body, previous, hash FROM records
                 WHERE sequence BETWEEN ?1 AND ?2 ORDER BY sequence LIMIT ?3",
            )
            .map_err(reading)?;
        let mut rows = statement.query([bound(from), bound(to), limit(n_max)]).map_err(reading)?;
        let mut records = Vec::new();
        while let Some(row) = rows.next().map_err(reading)? {
            records.push(Exact::of(&Row::of(row)?)?);
        }
        Ok(records)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A reader that panicked left nothing half done: it only reads.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exact {
    fn of(row: &Row<'_>) -> Result<Self, LogFault> {
        let sequence = row.sequence.cast_unsigned();
        let corrupt = |reason: &str| LogFault::Corrupt { sequence, reason: reason.to_owned() };
        let digest = |bytes: &[u8]| {
            <[u8; 32]>::try_from(bytes).map(Digest::from_bytes).map_err(|_| corrupt("a hash is not 32 bytes long"))
        };
        Ok(Self {
            sequence,
            at: Timestamp::from_millis(row.at_ms),
            body: serde_json::from_slice(row.body).map_err(|_| corrupt("its body is not JSON"))?,
            previous: digest(row.previous)?,
            hash: digest(row.hash)?,
        })
    }

    fn read(self) -> Result<Record, LogFault> {
        let body = serde_json::from_str(self.body.get()).map_err(|error| LogFault::Corrupt {
            sequence: self.sequence,
            reason: format!("its body cannot be read by this version: {error}"),
        })?;
        Ok(Record { sequence: self.sequence, at: self.at, body, previous: self.previous, hash: self.hash })
    }
}

fn reading(source: rusqlite::Error) -> LogFault {
    LogFault::store("read", 0, source)
}

fn bound(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

fn limit(n_max: usize) -> i64 {
    i64::try_from(n_max).unwrap_or(i64::MAX)
}

/// Records that are shown of one hop or ticket.
const ABOUT_MAX: usize = 1000;
