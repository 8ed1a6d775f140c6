//! Reading the log: pages, single records, payloads.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use maso_core::{Digest, Timestamp};
use maso_seal::WrapFault;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, value::RawValue};

use crate::{
    LogFault, PayloadKey, Record,
    chain::Row,
    store::{self, foreign},
    vault::{Lot, Vault, WrappedKey},
};

/// Reads a log, live or at rest, and cannot write. Cheap to clone. Its calls block on the disk.
#[derive(Clone, Debug)]
pub struct Reader {
    connection: Arc<Mutex<Connection>>,
    vault: Option<Vault>,
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
    /// Opens the log at `path` for reading only, without its payloads. The chain is not checked: that is for the recorder and
    /// `maso-verify`.
    ///
    /// # Errors
    /// When there is no log at `path`, or it cannot be read.
    pub fn open(path: &Path) -> Result<Self, LogFault> {
        if !path.exists() {
            return Err(foreign(path, "it does not exist".to_owned()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .and_then(store::planned_once)
            .and_then(|connection| connection.busy_timeout(std::time::Duration::from_secs(5)).map(|()| connection))
            .map_err(reading)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)), vault: None })
    }

    /// The same with its payloads, of which this key wraps the keys.
    ///
    /// # Errors
    /// As [`Reader::open`]; when it is another key.
    pub fn open_with_key(path: &Path, key: PayloadKey) -> Result<Self, LogFault> {
        let reader = Self::open(path)?.unlocked(Vault::new(key));
        reader.check_key()?;
        Ok(reader)
    }

    /// The same reader, which reads payloads by this vault.
    pub(crate) fn unlocked(self, vault: Vault) -> Self {
        Self { vault: Some(vault), ..self }
    }

    /// Whether payloads lie here that nobody reads without the key.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn has_sealed_payloads(&self) -> Result<bool, LogFault> {
        Ok(store::any_key(&self.lock())?.is_some())
    }

    /// Whether the key is the one with which this record's payloads were encrypted. With another one nobody is to begin:
    /// one half of the payloads could then be read with this key, and the other half with that.
    pub(crate) fn check_key(&self) -> Result<(), LogFault> {
        let Some(vault) = &self.vault else { return Ok(()) };
        let Some((lot, key)) = store::any_key(&self.lock())? else { return Ok(()) };
        vault.fits(&lot, &key).map_err(|fault| match fault {
            LogFault::Key(WrapFault::Foreign) => LogFault::WrongKey,
            fault => fault,
        })
    }

    /// The key in the file that seals what is kept of a lot.
    pub(crate) fn key_of(&self, lot: &Lot) -> Result<Option<WrappedKey>, LogFault> {
        store::key_of(&self.lock(), lot)
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

    /// Whether this was used that may be used once: a ticket, a join token, a message of its sender ([`crate::v1::Body::once_only`]).
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn is_spent(&self, subject: &str) -> Result<bool, LogFault> {
        store::is_spent(&self.lock(), subject).map_err(reading)
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

    /// The records `from` to `to` in whose body one of these texts stands, in order, at most `n_max`.
    pub(crate) fn holding(
        &self,
        marks: &[String; 4],
        from: u64,
        to: u64,
        n_max: usize,
    ) -> Result<Vec<Record>, LogFault> {
        let connection = self.lock();
        let mut statement = connection
            .prepare_cached(
                "SELECT sequence, at_ms, body, previous, hash FROM records
                 WHERE sequence BETWEEN ?1 AND ?2 AND (instr(body, ?3) OR instr(body, ?4) OR instr(body, ?5)
                 OR instr(body, ?6))
                 ORDER BY sequence LIMIT ?7",
            )
            .map_err(reading)?;
        let [one, two, three, four] = marks;
        let rows = rusqlite::params![bound(from), bound(to), one, two, three, four, limit(n_max)];
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
    /// When the file cannot be read, its key cannot be had, or the payload is not what its digest says.
    pub fn payload(&self, digest: Digest) -> Result<Option<Value>, LogFault> {
        let vault = self.vault.as_ref().ok_or(LogFault::Locked)?;
        let found = store::find(&self.lock(), digest)?;
        let Some(store::Found { lot, key, sealed }) = found else { return Ok(None) };
        let corrupt = || LogFault::Corrupt { sequence: 0, reason: format!("the payload {digest} is not what it was") };
        let content = match vault.open(lot, key, digest, &sealed) {
            // The key fitted when the record was opened.
            Ok(None) | Err(LogFault::Key(WrapFault::Foreign)) => return Err(corrupt()),
            Ok(Some(content)) => content,
            Err(fault) => return Err(fault),
        };
        if Digest::of(&content) != digest {
            return Err(corrupt());
        }
        serde_json::from_slice(&content).map(Some).map_err(|_| corrupt())
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
