//! Join tokens: with one of them a program becomes an agent once, and of it nothing but a hash is kept.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use maso_core::Digest;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

/// A token that works once: its id, by which it is found again, and 256 random bits.
#[derive(Clone)]
pub struct JoinToken {
    id: Uuid,
    secret: [u8; 32],
}

/// Why a text is not a join token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a join token: `maso-join.`, its id and its secret were expected")]
pub struct JoinTokenError;

impl JoinToken {
    /// The token of these 32 random bytes.
    pub const fn from_seed(id: Uuid, secret: [u8; 32]) -> Self {
        Self { id, secret }
    }

    /// Its id. Whoever knows that alone knows nothing.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The token, for whoever is to join.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}.{}", self.id.simple(), URL_SAFE_NO_PAD.encode(self.secret))
    }

    /// What is kept of it.
    pub fn hash(&self) -> Digest {
        Digest::of(self.expose().as_bytes())
    }

    /// Whether it is the token behind this hash, in a time that does not tell how near it is.
    pub fn is_behind(&self, hash: &Digest) -> bool {
        self.hash().as_bytes().ct_eq(hash.as_bytes()).into()
    }
}

impl FromStr for JoinToken {
    type Err = JoinTokenError;

    fn from_str(text: &str) -> Result<Self, JoinTokenError> {
        let (id, secret) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.')).ok_or(JoinTokenError)?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok().and_then(|bytes| bytes.try_into().ok());
        let token = Self { id: id.parse().map_err(|_| JoinTokenError)?, secret: secret.ok_or(JoinTokenError)? };
        // One way to write it: its hash is of the text.
        if token.expose() == text { Ok(token) } else { Err(JoinTokenError) }
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinToken({})", self.id)
    }
}

const PREFIX: &str = "maso-join.";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_written_and_is_behind_its_own_hash_alone(
            id in any::<u128>(), secret in any::<[u8; 32]>(), other in any::<[u8; 32]>(),
        ) {
            let token = JoinToken::from_seed(Uuid::from_u128(id), secret);
            let read: JoinToken = token.expose().parse().unwrap();
            prop_assert!(read.is_behind(&token.hash()));
            let other = JoinToken::from_seed(Uuid::from_u128(id), other);
            prop_assert_eq!(other.is_behind(&token.hash()), other.secret == secret);
            let printed = format!("{token:?}");
            prop_assert!(!printed.contains(token.expose().rsplit('.').next().unwrap()));
        }

        #[test]
        fn whatever_is_no_token_is_refused(text in "(maso-join\\.)?[0-9a-f-]{0,40}\\.?[A-Za-z0-9_-]{0,50}") {
            prop_assert!(text.parse::<JoinToken>().map_or(true, |token| token.expose() == text));
        }
    }
}
