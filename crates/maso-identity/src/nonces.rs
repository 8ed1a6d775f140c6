//! Each proof counts once: what was seen is remembered for as long as it could be shown again.

use std::collections::{BTreeMap, HashMap, HashSet};

use maso_core::{Digest, Timestamp};
use parking_lot::Mutex;

/// Why something that counts once was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Spent {
    /// It was shown before.
    #[error("was used before")]
    Seen,
    /// Its time was over before it came here, so nobody knows whether it was shown before.
    #[error("came after its time")]
    Late,
    /// Its owner has as many in memory as one owner may have.
    #[error("would be one too many of this sender within the time window")]
    ShareUsed,
    /// No more can be remembered; what cannot be remembered is not accepted.
    #[error("cannot be remembered: the replay table is full")]
    Full,
}

/// What was shown within the time window. Bounded: when full it accepts nothing, so that nothing is accepted twice.
/// One owner may take a quarter of it, so that one noisy agent does not silence the others.
#[derive(Debug)]
pub struct Nonces {
    n_max: usize,
    seen: Mutex<Seen>,
}

impl Nonces {
    /// Remembers up to `n_max` at a time.
    pub fn new(n_max: usize) -> Self {
        Self { n_max, seen: Mutex::default() }
    }

    /// Accepts `id` of `owner` once. It is remembered until `until`, after which whoever asks must refuse it by itself.
    ///
    /// # Errors
    /// When it was shown before, or it cannot be known that it was not.
    pub fn spend(&self, owner: &str, id: &str, until: Timestamp, now: Timestamp) -> Result<(), Spent> {
        let owner = short(Digest::of(owner.as_bytes()));
        let mut of_owner = owner.to_vec();
        of_owner.extend_from_slice(id.as_bytes());
        let id = short(Digest::of(&of_owner));

        let mut seen = self.seen.lock();
        seen.forget_until(now);
        // A clock that was read earlier, or went back, may ask for what was just forgotten.
        if now < seen.forgotten_until || until < seen.forgotten_until {
            return Err(Spent::Late);
        }
        if seen.ids.contains(&id) {
            return Err(Spent::Seen);
        }
        if seen.ids.len() >= self.n_max {
            return Err(Spent::Full);
        }
        if seen.n_of_owner(&owner) >= (self.n_max / 4).max(1) {
            return Err(Spent::ShareUsed);
        }
        seen.remember(owner, id, until);
        Ok(())
    }

    /// How many are remembered.
    pub fn n_remembered(&self) -> usize {
        self.seen.lock().ids.len()
    }
}

type Short = [u8; 16];

#[derive(Debug)]
struct Seen {
    ids: HashSet<Short>,
    n_by_owner: HashMap<Short, usize>,
    /// What may be forgotten once this second is over.
    by_second: BTreeMap<i64, Vec<(Short, Short)>>,
    // INVARIANT: whatever was remembered and is no longer had an `until` before this moment.
    forgotten_until: Timestamp,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            ids: HashSet::new(),
            n_by_owner: HashMap::new(),
            by_second: BTreeMap::new(),
            forgotten_until: Timestamp::from_millis(i64::MIN),
        }
    }
}

impl Seen {
    fn n_of_owner(&self, owner: &Short) -> usize {
        self.n_by_owner.get(owner).copied().unwrap_or(0)
    }

    fn remember(&mut self, owner: Short, id: Short, until: Timestamp) {
        // Rounded up, so that nothing is forgotten while it is still fresh.
        let second = until.as_millis().div_euclid(1000).saturating_add(1);
        self.ids.insert(id);
        *self.n_by_owner.entry(owner).or_insert(0) += 1;
        self.by_second.entry(second).or_default().push((owner, id));
    }

    fn forget_until(&mut self, now: Timestamp) {
        while let Some(entry) = self.by_second.first_entry() {
            let over = entry.key().saturating_mul(1000);
            if over >= now.as_millis() {
                break;
            }
            for (owner, id) in entry.remove() {
                self.ids.remove(&id);
                if let Some(n_of_owner) = self.n_by_owner.get_mut(&owner) {
                    *n_of_owner -= 1;
                    if *n_of_owner == 0 {
                        self.n_by_owner.remove(&owner);
                    }
                }
            }
            self.forgotten_until = self.forgotten_until.max(Timestamp::from_millis(over));
        }
    }
}

/// Half a digest still tells 2^64 ids apart, at half the memory.
fn short(digest: Digest) -> Short {
    let mut short = Short::default();
    short.copy_from_slice(&digest.as_bytes()[..16]);
    short
}
