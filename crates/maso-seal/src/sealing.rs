//! A key that encrypts, and proves of what it opens that it was sealed with it, for this context.

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand,
};

/// A key of AES-256-GCM-SIV (RFC 8452). A nonce that chance draws twice gives away that two texts are the same, and nothing
/// more.
pub struct SealingKey(RandomizedNonceKey);

/// These bytes were not sealed with this key for this context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not sealed with this key for this place")]
pub struct NotSealed;

impl SealingKey {
    /// Bytes that sealing adds: a nonce before, a tag behind.
    pub const OVERHEAD: usize = NONCE_LEN + TAG_LEN;

    /// The key with these bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(RandomizedNonceKey::new(&AES_256_GCM_SIV, bytes).expect("32 bytes are a key of AES-256"))
    }

    /// The content as whoever has no key may see it: nonce, ciphertext, tag.
    pub fn seal(&self, context: &[u8], content: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(content.len() + Self::OVERHEAD);
        sealed.extend_from_slice(&[0; NONCE_LEN]);
        sealed.extend_from_slice(content);
        let (nonce, tag) = self
            .0
            .seal_in_place_separate_tag(Aad::from(context), &mut sealed[NONCE_LEN..])
            .expect("what lies in memory is shorter than the cipher's limit");
        sealed[..NONCE_LEN].copy_from_slice(nonce.as_ref());
        sealed.extend_from_slice(tag.as_ref());
        sealed
    }

    /// The content of what was sealed for this context.
    ///
    /// # Errors
    /// When it was not sealed with this key for this context.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, NotSealed> {
        let (nonce, encrypted) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(NotSealed)?;
        let mut content = encrypted.to_vec();
        let opened = self.0.open_in_place(Nonce::from(nonce), Aad::from(context), &mut content);
        let n_bytes = opened.map_err(|_| NotSealed)?.len();
        content.truncate(n_bytes);
        Ok(content)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

/// Random bytes for a key, or for a name that nobody can guess.
pub fn draw<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the library draws randomness or ends the process");
    bytes
}

const TAG_LEN: usize = 16;
