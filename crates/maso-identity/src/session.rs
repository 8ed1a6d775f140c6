//! Sessions of signed-in operators. Kept in memory: a restart signs everybody out.

use std::{collections::HashMap, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use maso_core::{Digest, OperatorName, Timestamp};
use parking_lot::Mutex;

/// What an operator's browser or terminal shows to continue a session. Only its digest is kept here.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionSecret(String);

impl SessionSecret {
    /// The secret of these 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// A text that was shown as a secret.
    pub fn shown(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the cookie or file of the one person it belongs to.
    pub fn expose(&self) -> &str {
        &self.0
    }

    // Looked up by digest: how long the look-up takes tells of the digest only, which nobody can steer.
    fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(hidden)")
    }
}

/// Bounds on sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Sessions at a time; past that nobody can sign in.
    pub sessions_max: usize,
    /// How long a session may lie unused.
    pub idle_ms: u64,
    /// How long a session may last, used or not.
    pub absolute_ms: u64,
}

impl SessionLimits {
    /// The limits of a deployment that sets none: 1,024 sessions, 30 minutes unused, 12 hours in all.
    pub const DEFAULT: Self = Self { sessions_max: 1_024, idle_ms: 30 * 60_000, absolute_ms: 12 * 60 * 60_000 };
}

/// There are as many sessions as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many people are signed in")]
pub struct SessionsFull;

/// The sessions in force.
#[derive(Debug)]
pub struct Sessions {
    limits: SessionLimits,
    open: Mutex<HashMap<Digest, Session>>,
}

impl Sessions {
    /// Nobody is signed in.
    pub fn new(limits: SessionLimits) -> Self {
        Self { limits, open: Mutex::default() }
    }

    /// Opens a session for an operator who just proved who they are. The secret must be new and random.
    ///
    /// # Errors
    /// When there are too many sessions that have not ended.
    pub fn open(&self, operator: OperatorName, secret: &SessionSecret, now: Timestamp) -> Result<(), SessionsFull> {
        let mut open = self.open.lock();
        if open.len() >= self.limits.sessions_max {
            open.retain(|_, session| session.is_valid_at(now, self.limits));
        }
        if open.len() >= self.limits.sessions_max {
            return Err(SessionsFull);
        }
        open.insert(secret.digest(), Session { operator, opened: now, used: now });
        Ok(())
    }

    /// Whose session it is, if it has not ended; counts as use of it.
    pub fn find(&self, secret: &SessionSecret, now: Timestamp) -> Option<OperatorName> {
        let digest = secret.digest();
        let mut open = self.open.lock();
        let session = open.get_mut(&digest)?;
        if session.is_valid_at(now, self.limits) {
            session.used = session.used.max(now);
            return Some(session.operator.clone());
        }
        open.remove(&digest);
        None
    }

    /// Ends a session; whether there was one.
    pub fn close(&self, secret: &SessionSecret) -> bool {
        self.open.lock().remove(&secret.digest()).is_some()
    }

    /// Ends all sessions of an operator; how many there were.
    pub fn close_all(&self, operator: &OperatorName) -> usize {
        let mut open = self.open.lock();
        let n_before = open.len();
        open.retain(|_, session| session.operator != *operator);
        n_before - open.len()
    }
}

#[derive(Debug)]
struct Session {
    operator: OperatorName,
    opened: Timestamp,
    used: Timestamp,
}

impl Session {
    fn is_valid_at(&self, now: Timestamp, limits: SessionLimits) -> bool {
        now.since_ms(self.opened) < limits.absolute_ms && now.since_ms(self.used) < limits.idle_ms
    }
}
