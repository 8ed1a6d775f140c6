//! Where people give orders.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    path::PathBuf,
    sync::Arc,
};

use maso_core::{OperatorName, Timestamp};
use maso_identity::{AuthorityKey, Passphrase, PassphraseHash, SessionLimits, Sessions, SignIns};
use maso_path::Path;
use maso_verify::PayloadKey;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Semaphore;

use crate::verification::Verifier;

/// What the control plane alone knows.
pub struct Secrets {
    /// The key that signs tokens.
    pub authority: AuthorityKey,
    /// The operators' passphrase hashes.
    pub passphrases: BTreeMap<OperatorName, PassphraseHash>,
    /// The key with which the record's payloads are checked.
    pub payload_key: PayloadKey,
}

/// Where people give orders to one deployment.
pub struct Desk {
    path: Arc<Path>,
    authority: AuthorityKey,
    passphrases: RwLock<BTreeMap<OperatorName, PassphraseHash>>,
    sessions: Sessions,
    sign_ins: SignIns,
    tried: Mutex<HashMap<OperatorName, VecDeque<Timestamp>>>,
    checks: Arc<Semaphore>,
    pub(crate) verifier: Verifier,
    /// Places for checks under way and those that wait for one.
    pub(crate) checks_queued: Arc<Semaphore>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("path", &self.path).finish_non_exhaustive()
    }
}

/// How many passphrases are checked at a time: each takes a processor for some 20 ms, and 19 MiB.
const CHECKS_MAX: usize = 2;

/// How many may wait for that.
const CHECKS_QUEUED_MAX: usize = 64;

impl Desk {
    /// A desk at which nobody is signed in, over the record in the file `log`.
    pub fn new(path: Arc<Path>, log: PathBuf, secrets: Secrets) -> Self {
        let domain = path.world().deployment().trust_domain.clone();
        let now = path.clock().now();
        Self {
            sign_ins: SignIns::new(domain, secrets.authority.public(), now),
            authority: secrets.authority,
            passphrases: RwLock::new(secrets.passphrases),
            sessions: Sessions::new(SessionLimits::DEFAULT),
            tried: Mutex::default(),
            checks: Arc::new(Semaphore::new(CHECKS_MAX)),
            verifier: Verifier::new(log, secrets.payload_key),
            checks_queued: Arc::new(Semaphore::new(CHECKS_QUEUED_MAX)),
            path,
        }
    }

    /// The path that carries orders out.
    pub fn path(&self) -> &Arc<Path> {
        &self.path
    }

    pub(crate) fn authority(&self) -> &AuthorityKey {
        &self.authority
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    pub(crate) fn sign_ins(&self) -> &SignIns {
        &self.sign_ins
    }

    pub(crate) fn passphrase_hash(&self, operator: &OperatorName) -> Option<PassphraseHash> {
        self.passphrases.read().get(operator).cloned()
    }

    /// Whether a passphrase of this operator may be looked at. It counts as a wrong one until [`Desk::was_right`] says
    /// otherwise, so that many at once are not more than one after the other.
    pub(crate) fn may_try(&self, operator: &OperatorName, now: Timestamp) -> bool {
        let mut tried = self.tried.lock();
        let times = tried.entry(operator.clone()).or_default();
        times.retain(|at| now.since_ms(*at) < WRONG_WINDOW_MS);
        let may = times.len() < WRONG_MAX;
        if may {
            times.push_back(now);
        }
        may
    }

    /// The passphrase that was tried at this moment was the right one.
    pub(crate) fn was_right(&self, operator: &OperatorName, at: Timestamp) {
        let mut tried = self.tried.lock();
        if let Some(times) = tried.get_mut(operator)
            && let Some(this) = times.iter().position(|time| *time == at)
        {
            times.remove(this);
        }
    }

    /// Whether it is the passphrase behind this hash. Away from the threads that decide hops, a few at a time; `None`
    /// when too many wait.
    pub(crate) async fn is_behind(&self, passphrase: String, hash: Option<PassphraseHash>) -> Option<bool> {
        let queued = Arc::clone(&self.checks_queued).try_acquire_owned().ok()?;
        let checked = Arc::clone(&self.checks).acquire_owned().await.ok()?;
        let check = move || {
            let is_behind = Passphrase::new(passphrase).is_ok_and(|passphrase| passphrase.is_behind(hash.as_ref()));
            // Given back here and not by whoever waits: hanging up must not let the next check begin beside this one.
            drop((checked, queued));
            is_behind
        };
        tokio::task::spawn_blocking(check).await.ok()
    }
}

/// How many wrong passphrases one operator may have within [`WRONG_WINDOW_MS`] before further ones are not looked at.
const WRONG_MAX: usize = 5;
const WRONG_WINDOW_MS: u64 = 5 * 60_000;
