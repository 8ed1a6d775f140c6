//! Operators' passphrases: only their Argon2id hash is kept (RFC 9106).

use std::{fmt, str::FromStr, sync::OnceLock};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString},
};

/// Why a passphrase, or the hash of one, is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// Too easily guessed.
    #[error("a passphrase of fewer than 12 characters")]
    Short,
    /// Longer than anybody types.
    #[error("a passphrase of more than 1024 bytes")]
    Long,
    /// Not a hash that this program makes or trusts.
    #[error("not an Argon2id hash in PHC form with at least 7 MiB of memory and at most 256 MiB")]
    Hash,
}

/// What an operator typed. Never shown, not even for debugging.
#[derive(Clone)]
pub struct Passphrase(String);

impl Passphrase {
    /// Takes what was typed, up to the length that anybody types.
    ///
    /// # Errors
    /// When it is longer, before any work is spent on it.
    pub fn new(text: impl Into<String>) -> Result<Self, PassphraseError> {
        let text = text.into();
        if text.len() > BYTES_MAX { Err(PassphraseError::Long) } else { Ok(Self(text)) }
    }

    /// The hash to keep, made with these random bytes as salt.
    ///
    /// # Errors
    /// When the passphrase is too short to be set.
    pub fn hash(&self, salt: [u8; 16]) -> Result<PassphraseHash, PassphraseError> {
        if self.0.chars().count() < CHARACTERS_MIN {
            return Err(PassphraseError::Short);
        }
        Ok(PassphraseHash(hash(&self.0, salt)))
    }

    /// Whether it is the passphrase behind `hash`. Takes as long for an operator whom nobody knows (`None`), so that
    /// the time does not tell who exists. Costs some 20 ms and 19 MiB: let only a few run at a time.
    pub fn is_behind(&self, hash: Option<&PassphraseHash>) -> bool {
        let known = hash.is_some();
        let fits = hash.unwrap_or_else(|| nobody()).fits(&self.0);
        known && fits
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(hidden)")
    }
}

/// The hash of a passphrase, in PHC form.
#[derive(Clone, PartialEq, Eq)]
pub struct PassphraseHash(String);

impl PassphraseHash {
    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn fits(&self, passphrase: &str) -> bool {
        PasswordHash::new(&self.0)
            .is_ok_and(|hash| Argon2::default().verify_password(passphrase.as_bytes(), &hash).is_ok())
    }
}

impl fmt::Debug for PassphraseHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassphraseHash(hidden)")
    }
}

impl FromStr for PassphraseHash {
    type Err = PassphraseError;

    /// Reads a stored hash. Its costs are bounded, so that a file cannot make signing in weak or ruinous.
    fn from_str(text: &str) -> Result<Self, PassphraseError> {
        let hash = PasswordHash::new(text).map_err(|_| PassphraseError::Hash)?;
        let params = Params::try_from(&hash).map_err(|_| PassphraseError::Hash)?;
        let is_argon2id = hash.algorithm.as_str() == "argon2id" && hash.version == Some(Version::V0x13 as u32);
        let is_whole = hash.salt.is_some_and(|salt| salt.len() >= 16) && hash.hash.is_some_and(|hash| hash.len() >= 16);
        let costs = (7 << 10..=256 << 10).contains(&params.m_cost())
            && (1..=16).contains(&params.t_cost())
            && (1..=8).contains(&params.p_cost());
        if is_argon2id && is_whole && costs { Ok(Self(text.to_owned())) } else { Err(PassphraseError::Hash) }
    }
}

fn hash(passphrase: &str, salt: [u8; 16]) -> String {
    let salt = SaltString::encode_b64(&salt).expect("16 bytes are a salt of allowed length");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, COSTS)
        .hash_password(passphrase.as_bytes(), &salt)
        .expect("a bounded passphrase and a salt of allowed length always have a hash")
        .to_string()
}

/// A hash that no passphrase is compared with in earnest.
fn nobody() -> &'static PassphraseHash {
    static NOBODY: OnceLock<PassphraseHash> = OnceLock::new();
    NOBODY.get_or_init(|| PassphraseHash(hash("nobody", [0; 16])))
}

// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane. RFC 9106's second choice wants 64 MiB for each
// person who signs in, which is more than all the rest of an idle process.
const COSTS: Params = Params::DEFAULT;
const CHARACTERS_MIN: usize = 12;
const BYTES_MAX: usize = 1024;
