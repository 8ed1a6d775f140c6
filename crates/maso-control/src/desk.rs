//! Where people give orders.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use maso_core::{OperatorName, Timestamp};
use maso_identity::{AuthorityKey, PassphraseHash, SessionLimits, Sessions, SignIns};
use maso_path::Path;
use parking_lot::{Mutex, RwLock};

/// What the control plane alone knows.
pub struct Secrets {
    /// The key that signs tokens.
    pub authority: AuthorityKey,
    /// The operators' passphrase hashes.
    pub passphrases: BTreeMap<OperatorName, PassphraseHash>,
}

/// Where people give orders to one deployment.
pub struct Desk {
    path: Arc<Path>,
    authority: AuthorityKey,
    passphrases: RwLock<BTreeMap<OperatorName, PassphraseHash>>,
    sessions: Sessions,
    sign_ins: SignIns,
    wrong: Mutex<HashMap<OperatorName, VecDeque<Timestamp>>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("path", &self.path).finish_non_exhaustive()
    }
}

/// How many wrong passphrases are remembered for each operator.
const WRONG_KEPT: usize = 16;

impl Desk {
    /// A desk at which nobody is signed in.
    pub fn new(path: Arc<Path>, secrets: Secrets) -> Self {
        let domain = path.world().deployment().trust_domain.clone();
        let now = path.clock().now();
        Self {
            sign_ins: SignIns::new(domain, secrets.authority.public(), now),
            authority: secrets.authority,
            passphrases: RwLock::new(secrets.passphrases),
            sessions: Sessions::new(SessionLimits::DEFAULT),
            wrong: Mutex::default(),
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

    pub(crate) fn n_wrong(&self, operator: &OperatorName, now: Timestamp) -> usize {
        let wrong = self.wrong.lock();
        wrong
            .get(operator)
            .map_or(0, |times| times.iter().filter(|at| now.since_ms(**at) < crate::signed_in::WRONG_WINDOW_MS).count())
    }

    pub(crate) fn note_wrong(&self, operator: &OperatorName, now: Timestamp) {
        let mut wrong = self.wrong.lock();
        let times = wrong.entry(operator.clone()).or_default();
        times.push_back(now);
        while times.len() > WRONG_KEPT {
            times.pop_front();
        }
    }
}
