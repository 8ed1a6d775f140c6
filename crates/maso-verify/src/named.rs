//! The payloads that records name: as many as there are hops, so they are not kept in memory.

use rusqlite::Connection;

/// Names that are looked for later. SQLite keeps them in a file of its own once its cache is full, and deletes it at the
/// end; no other process sees it.
pub(crate) struct Named(Connection);

impl Named {
    /// Nothing was named yet.
    pub(crate) fn new() -> rusqlite::Result<Self> {
        let connection = Connection::open("")?;
        // What is lost with this process may be lost with the machine.
        connection.execute_batch(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;
             CREATE TABLE named (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID; BEGIN",
        )?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        Ok(Self(connection))
    }

    /// Notes a name; one that is noted already stays.
    pub(crate) fn note(&self, name: &str) -> rusqlite::Result<()> {
        self.0.prepare_cached("INSERT OR IGNORE INTO named VALUES (?1)")?.execute([name]).map(|_| ())
    }

    /// Strikes out a name: it was found.
    pub(crate) fn strike(&self, name: &str) -> rusqlite::Result<()> {
        self.0.prepare_cached("DELETE FROM named WHERE name = ?1")?.execute([name]).map(|_| ())
    }

    /// How many were not found.
    pub(crate) fn n_left(&self) -> rusqlite::Result<u64> {
        self.0.query_row("SELECT count(*) FROM named", [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
    }
}

/// Memory that the names may take.
const CACHE_KIB: i64 = 16 * 1024;
