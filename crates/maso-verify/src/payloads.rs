//! Payloads: each lies encrypted under the key of its task and day, which lies beside it, wrapped by a key that does not.

use std::{collections::HashMap, fmt};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use rusqlite::{Connection, Row};
use sha2::{Digest, Sha256};

use crate::{VerifyError, chain::Walk};

/// The key that wraps the keys of payloads.
pub struct PayloadKey(RandomizedNonceKey);

impl PayloadKey {
    /// The key with these bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(RandomizedNonceKey::new(&AES_256_GCM_SIV, bytes).expect("32 bytes are a key of AES-256"))
    }

    /// The key of payloads in this row.
    fn unwrap(&self, row: &KeyRow) -> Option<RandomizedNonceKey> {
        let task = row.task.as_deref().unwrap_or_default();
        let context = [b"maso payload key v1\0", &row.id[..], row.day.as_bytes(), b"\0", task.as_bytes()].concat();
        let key = open(&self.0, &context, row.wrapped.as_deref()?)?;
        RandomizedNonceKey::new(&AES_256_GCM_SIV, &key).ok()
    }
}

impl fmt::Debug for PayloadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayloadKey(..)")
    }
}

/// What the records say was erased, and up to which record that counts.
#[derive(Default)]
pub(crate) struct Erasures {
    of_tasks: HashMap<String, u64>,
    before_days: Vec<(String, u64)>,
}

impl Erasures {
    /// Takes in a `payloads-erased`; whether it says what was erased, by whom and why.
    pub(crate) fn tell(&mut self, sequence: u64, body: &serde_json::Value) -> bool {
        match (body["task"].as_str(), body["before"].as_str()) {
            (Some(task), None) => {
                self.of_tasks.insert(task.to_owned(), sequence);
            }
            (None, Some(day)) => self.before_days.push((day.to_owned(), sequence)),
            _ => return false,
        }
        ["by", "reason"].iter().all(|name| body[name].as_str().is_some_and(|text| !text.trim().is_empty()))
    }

    /// The record that says that this key was dropped.
    fn of(&self, key: &KeyRow) -> Option<u64> {
        let of_task = key.task.as_ref().and_then(|task| self.of_tasks.get(task).copied());
        let before_day = self.before_days.iter().filter(|(day, _)| key.day < *day).map(|(_, sequence)| *sequence).max();
        of_task.max(before_day).filter(|sequence| key.since < *sequence)
    }
}

/// A row of `keys`.
struct KeyRow {
    id: Vec<u8>,
    task: Option<String>,
    day: String,
    since: u64,
    /// Nothing, if it was dropped.
    wrapped: Option<Vec<u8>>,
}

impl KeyRow {
    /// The columns from `first` on.
    fn of(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(first)?,
            task: row.get(first + 1)?,
            day: row.get(first + 2)?,
            since: u64::try_from(row.get::<_, i64>(first + 3)?).unwrap_or(0),
            wrapped: row.get(first + 4)?,
        })
    }
}

/// Checks every payload that can be looked into, and counts the others.
pub(crate) fn check(connection: &Connection, key: Option<&PayloadKey>, walk: &mut Walk) -> Result<(), VerifyError> {
    if is_laid_out_for_keys(connection)? {
        keys(connection, key, walk)?;
        sealed(connection, key, walk)?;
    } else {
        plain(connection, walk)?;
    }
    walk.report.payloads_absent = walk.story.payloads.n_left()?;
    Ok(())
}

/// A record of before payloads were encrypted has no table of keys.
fn is_laid_out_for_keys(connection: &Connection) -> rusqlite::Result<bool> {
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'keys'";
    connection.query_row(tables, [], |row| row.get::<_, i64>(0)).map(|n| n > 0)
}

/// What was erased has no key any more, and every key that is there opens.
fn keys(connection: &Connection, key: Option<&PayloadKey>, walk: &mut Walk) -> Result<(), VerifyError> {
    let mut statement =
        connection.prepare("SELECT id, task, day, since, wrapped FROM keys WHERE wrapped IS NOT NULL ORDER BY id")?;
    let mut rows = statement.query([])?;
    let (mut n_opened, mut unopened) = (0_u64, Vec::new());
    while let Some(row) = rows.next()? {
        let row = KeyRow::of(row, 0)?;
        if let Some(erased) = walk.story.erasures.of(&row) {
            walk.report.problem(erased, format!("it erased payloads whose key `{}` is there", hex::encode(&row.id)));
        }
        match key.map(|key| key.unwrap(&row)) {
            Some(Some(_)) => n_opened += 1,
            Some(None) => unopened.push(row.id),
            None => {}
        }
    }
    if n_opened == 0 && !unopened.is_empty() {
        return Err(VerifyError::WrongKey);
    }
    for id in unopened {
        walk.report.problem(0, format!("the key `{}` of payloads cannot be opened", hex::encode(id)));
    }
    Ok(())
}

fn sealed(connection: &Connection, key: Option<&PayloadKey>, walk: &mut Walk) -> Result<(), VerifyError> {
    let mut statement = connection.prepare(
        "SELECT payloads.digest, payloads.key, payloads.sealed, keys.id IS NOT NULL,
                payloads.key, keys.task, coalesce(keys.day, ''), coalesce(keys.since, 0), keys.wrapped
         FROM payloads LEFT JOIN keys ON keys.id = payloads.key",
    )?;
    let mut rows = statement.query([])?;
    let mut opened: HashMap<Vec<u8>, Option<RandomizedNonceKey>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let bytes = |index| row.get_ref(index).map(|value| value.as_bytes().unwrap_or_default());
        let (digest, id, content) = (bytes(0)?, bytes(1)?, bytes(2)?);
        if !row.get::<_, bool>(3)? {
            walk.report.problem(0, format!("the payload `{}` lies under no key", hex::encode(digest)));
            continue;
        }
        let key_row = KeyRow::of(row, 4)?;
        if key_row.wrapped.is_none() {
            // Erased, and not removed yet.
            continue;
        }
        walk.story.payloads.strike(&hex::encode(digest))?;
        let Some(key) = key else {
            walk.report.payloads_locked += 1;
            continue;
        };
        if opened.len() >= KEYS_MAX {
            opened.clear();
        }
        // A key that does not open was told of already.
        let Some(key) = opened.entry(id.to_owned()).or_insert_with(|| key.unwrap(&key_row)) else { continue };
        walk.report.payloads += 1;
        let context = [b"maso payload v1\0", id, digest].concat();
        if open(key, &context, content).is_none_or(|content| Sha256::digest(content)[..] != *digest) {
            walk.report.problem(0, format!("the payload `{}` is not what its digest says", hex::encode(digest)));
        }
    }
    Ok(())
}

fn plain(connection: &Connection, walk: &mut Walk) -> Result<(), VerifyError> {
    let mut statement = connection.prepare("SELECT digest, bytes FROM payloads")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let bytes = |index| row.get_ref(index).map(|value| value.as_bytes().unwrap_or_default());
        let (digest, content) = (bytes(0)?, bytes(1)?);
        walk.report.payloads += 1;
        if Sha256::digest(content)[..] != *digest {
            walk.report.problem(0, format!("the payload `{}` is not what its digest says", hex::encode(digest)));
        }
        walk.story.payloads.strike(&hex::encode(digest))?;
    }
    Ok(())
}

/// What was sealed with this key for this context: nonce, ciphertext, tag.
fn open(key: &RandomizedNonceKey, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, encrypted) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut content = encrypted.to_vec();
    let n_bytes = key.open_in_place(Nonce::from(nonce), Aad::from(context), &mut content).ok()?.len();
    content.truncate(n_bytes);
    Some(content)
}

/// Opened keys that are kept at hand.
const KEYS_MAX: usize = 4096;
