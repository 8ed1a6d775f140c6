//! A record that was begun when payloads were kept as they came: they are encrypted once, when it is opened.

use maso_core::{Day, Digest};

use super::{Patience, Store, VERSION, fault, payloads};
use crate::{
    LogFault,
    vault::{Lot, Vault},
};

/// The version of files with plain payloads.
pub(super) const PLAIN: i32 = 1;

impl Store {
    /// Encrypts payloads that lie plain in the file: all of them or none, in one transaction. Their day is today's: of the days
    /// on which they were kept nothing is known here, and to be erased later is the safer mistake.
    pub(crate) fn encrypt_plain(&self, vault: &Vault, today: Day) -> Result<(), LogFault> {
        if self.version()? != PLAIN {
            return Ok(());
        }
        self.begin(Patience::Waits)?;
        match self.encrypt_all(vault, today) {
            Ok(()) => self.commit().map_err(migrating)?,
            Err(error) => {
                self.roll_back();
                return Err(error);
            }
        }
        if !self.checkpoint_whole()? {
            tracing::warn!(
                "payloads were encrypted, and others who read the record keep their plain form in the write-ahead log until \
                 they end"
            );
        }
        Ok(())
    }

    fn encrypt_all(&self, vault: &Vault, today: Day) -> Result<(), LogFault> {
        // Another process may have been first.
        if self.version()? != PLAIN {
            return Ok(());
        }
        self.connection
            .execute_batch(
                "DROP TRIGGER IF EXISTS payloads_keep_their_content; ALTER TABLE payloads RENAME TO plain_payloads;",
            )
            .and_then(|()| self.connection.execute_batch(payloads::SCHEMA))
            .map_err(migrating)?;
        let last: Option<i64> =
            self.connection.query_row("SELECT max(sequence) FROM records", [], |row| row.get(0)).map_err(migrating)?;
        let since = last.unwrap_or_default().cast_unsigned();
        // In the order in which they lie: to sort them, SQLite would write them down elsewhere.
        let mut statement =
            self.connection.prepare("SELECT digest, task, bytes FROM plain_payloads").map_err(migrating)?;
        let mut rows = statement.query([]).map_err(migrating)?;
        let mut n_encrypted = 0_u64;
        while let Some(row) = rows.next().map_err(migrating)? {
            let (digest, task): ([u8; 32], _) = (row.get(0).map_err(migrating)?, row.get(1).map_err(migrating)?);
            let content = row.get_ref(2).and_then(|value| Ok(value.as_blob()?)).map_err(migrating)?;
            if Digest::of(content) != Digest::from_bytes(digest) {
                let reason = format!("the payload {} is not what it was", Digest::from_bytes(digest));
                return Err(LogFault::Corrupt { sequence: 0, reason });
            }
            let stored = |lot: &Lot| payloads::key_of(&self.connection, lot);
            self.keep(&vault.seal(Lot { task, day: today.to_string() }, content, stored)?, since)?;
            n_encrypted += 1;
            if n_encrypted.is_multiple_of(TOLD_EVERY) {
                tracing::info!(n_encrypted, "encrypting the payloads of an older record");
            }
        }
        drop(rows);
        drop(statement);
        self.connection
            .execute_batch("DROP TABLE plain_payloads")
            .and_then(|()| self.connection.pragma_update(None, "user_version", VERSION))
            .map_err(migrating)
    }

    /// Moves everything from the write-ahead log into the database and empties it, so that nothing that was overwritten stays
    /// in it. Whether nobody who reads kept it from that.
    pub(crate) fn checkpoint_whole(&self) -> Result<bool, LogFault> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
            .map(|kept_from_it| kept_from_it == 0)
            .map_err(migrating)
    }

    fn version(&self) -> Result<i32, LogFault> {
        self.connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(migrating)
    }
}

fn migrating(source: rusqlite::Error) -> LogFault {
    fault("encrypt the payloads of", source)
}

/// Payloads after which it is said how far it has come.
const TOLD_EVERY: u64 = 10_000;
