//! Tokens and proofs whose signature was checked already, and the keys that signed them. Nothing else is remembered: time
//! and revocation are asked anew.

use std::collections::HashMap;

use maso_core::{Digest, Timestamp};
use parking_lot::RwLock;

/// What was believed, by the digest of its text. Only what the deployment signed comes in, and what the key of such a token
/// signed, so nobody else can fill it.
#[derive(Debug)]
pub(crate) struct Verified<T> {
    n_max: usize,
    tokens: RwLock<HashMap<Digest, (T, Timestamp)>>,
}

impl<T: Clone> Verified<T> {
    pub(crate) fn new(n_max: usize) -> Self {
        Self { n_max, tokens: RwLock::default() }
    }

    pub(crate) fn find(&self, text: Digest) -> Option<T> {
        self.tokens.read().get(&text).map(|(token, _)| token.clone())
    }

    /// Nobody will show it again.
    pub(crate) fn forget(&self, text: Digest) {
        self.tokens.write().remove(&text);
    }

    /// Remembers a token that ends at `until`. When full, the ended ones go first, then all: they are only checked again.
    pub(crate) fn remember(&self, text: Digest, token: T, until: Timestamp, now: Timestamp) {
        let mut tokens = self.tokens.write();
        if tokens.len() >= self.n_max {
            tokens.retain(|_, (_, until)| *until > now);
        }
        if tokens.len() >= self.n_max {
            tokens.clear();
        }
        if self.n_max > 0 {
            tokens.insert(text, (token, until));
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.tokens.read().len()
    }
}
