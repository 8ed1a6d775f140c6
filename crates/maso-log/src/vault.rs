//! Payloads are encrypted before they are kept: those of one task and one day with a key of their own, which lies beside them,
//! wrapped by a key of the deployment that does not. Dropping the inner key erases them all.

use std::{collections::HashMap, fmt, sync::Arc};

use maso_core::{Day, Digest, TaskId};
use maso_seal::{SealingKey, WrappingKey, draw};
use parking_lot::Mutex;
use zeroize::Zeroizing;

use crate::LogFault;

/// What lies under one key, and is erased with it: the payloads of a task, or of no task, that were kept on one day (UTC). A
/// task that never ends can thus be erased day by day.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lot {
    pub(crate) task: Option<String>,
    /// As `2026-11-23`.
    pub(crate) day: String,
}

impl Lot {
    pub(crate) fn new(task: Option<TaskId>, day: Day) -> Self {
        Self { task: task.map(|task| task.to_string()), day: day.to_string() }
    }
}

/// The name of a key. No two processes ever draw the same, so none of them waits for another to make one.
pub(crate) type KeyId = [u8; 16];

/// The key of a lot.
pub(crate) struct LotKey {
    pub(crate) lot: Lot,
    pub(crate) wrapped: WrappedKey,
    sealing: SealingKey,
}

/// A key as it lies in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrappedKey {
    pub(crate) id: KeyId,
    pub(crate) bytes: Vec<u8>,
}

/// A payload as it lies in the file.
#[derive(Debug)]
pub(crate) struct SealedPayload {
    /// Of its plain, canonical form: by it the record vouches for it, whether it is still there or not.
    pub(crate) digest: Digest,
    pub(crate) key: Arc<LotKey>,
    pub(crate) bytes: Vec<u8>,
}

/// Seals payloads and opens them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Vault {
    wrapping: Arc<dyn WrappingKey>,
    keys: Arc<Mutex<Keys>>,
}

/// Keys that were unwrapped, so that whoever keeps the wrapping key is asked once for each.
#[derive(Default)]
struct Keys {
    of_lot: HashMap<Lot, Arc<LotKey>>,
    by_id: HashMap<KeyId, Arc<LotKey>>,
}

impl Vault {
    pub(crate) fn new(wrapping: Arc<dyn WrappingKey>) -> Self {
        Self { wrapping, keys: Arc::default() }
    }

    /// Seals a payload with the key of its lot: the one at hand, the one that `stored` finds, or a new one.
    pub(crate) fn seal(
        &self,
        lot: Lot,
        content: &[u8],
        stored: impl FnOnce(&Lot) -> Result<Option<WrappedKey>, LogFault>,
    ) -> Result<SealedPayload, LogFault> {
        let at_hand = self.keys.lock().of_lot.get(&lot).cloned();
        let key = match at_hand {
            Some(key) => key,
            // Not under the lock: whoever keeps the wrapping key may be far away.
            None => {
                let key = match stored(&lot)? {
                    Some(wrapped) => self.unwrap(lot, wrapped)?,
                    None => self.make(lot)?,
                };
                self.keys.lock().note(Arc::new(key))
            }
        };
        let digest = Digest::of(content);
        let bytes = key.sealing.seal(&payload_context(&key.wrapped.id, digest), content);
        Ok(SealedPayload { digest, key, bytes })
    }

    /// Opens a payload that lies under this key. What is inside must still be compared with its digest.
    pub(crate) fn open(
        &self,
        lot: Lot,
        key: WrappedKey,
        digest: Digest,
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, LogFault> {
        let at_hand = self.keys.lock().by_id.get(&key.id).cloned();
        let key = match at_hand {
            // Somebody who moved its row to another task or day is not to go unnoticed.
            Some(known) if known.lot == lot && known.wrapped == key => known,
            _ => {
                let key = Arc::new(self.unwrap(lot, key)?);
                self.keys.lock().remember(Arc::clone(&key));
                key
            }
        };
        Ok(key.sealing.open(&payload_context(&key.wrapped.id, digest), sealed).ok())
    }

    /// Whether the wrapping key is the one that wrapped this.
    pub(crate) fn fits(&self, lot: &Lot, key: &WrappedKey) -> Result<(), LogFault> {
        self.wrapping.unwrap(&key_context(&key.id, lot), &key.bytes)?;
        Ok(())
    }

    /// Lets go of all keys. Those that were not dropped from the file are found there again.
    pub(crate) fn forget(&self) {
        *self.keys.lock() = Keys::default();
    }

    fn make(&self, lot: Lot) -> Result<LotKey, LogFault> {
        let (id, bytes) = (draw(), Zeroizing::new(draw()));
        let wrapped = self.wrapping.wrap(&key_context(&id, &lot), &bytes)?;
        Ok(LotKey { lot, wrapped: WrappedKey { id, bytes: wrapped }, sealing: SealingKey::new(&bytes) })
    }

    fn unwrap(&self, lot: Lot, wrapped: WrappedKey) -> Result<LotKey, LogFault> {
        let bytes = self.wrapping.unwrap(&key_context(&wrapped.id, &lot), &wrapped.bytes)?;
        Ok(LotKey { lot, wrapped, sealing: SealingKey::new(&bytes) })
    }
}

impl Keys {
    /// Notes the key of a lot. Of two that were made at once one counts.
    fn note(&mut self, key: Arc<LotKey>) -> Arc<LotKey> {
        self.make_room();
        Arc::clone(self.of_lot.entry(key.lot.clone()).or_insert(key))
    }

    fn remember(&mut self, key: Arc<LotKey>) {
        self.make_room();
        self.by_id.insert(key.wrapped.id, key);
    }

    /// What is let go of costs one unwrapping when it is needed again.
    fn make_room(&mut self) {
        if self.of_lot.len() + self.by_id.len() >= KEYS_MAX {
            *self = Self::default();
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl fmt::Debug for LotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LotKey({:?})", self.lot)
    }
}

/// A wrapped key opens in its own row alone: by its name, for its day and its task.
fn key_context(id: &KeyId, lot: &Lot) -> Vec<u8> {
    [b"maso payload key v1\0", &id[..], lot.day.as_bytes(), b"\0", lot.task.as_deref().unwrap_or_default().as_bytes()]
        .concat()
}

/// A sealed payload opens under its own digest alone, and with its key it belongs to one task.
fn payload_context(key: &KeyId, digest: Digest) -> Vec<u8> {
    [b"maso payload v1\0", &key[..], digest.as_bytes()].concat()
}

/// Keys that are kept at hand: about a kilobyte each.
const KEYS_MAX: usize = 4096;
