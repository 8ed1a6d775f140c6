//! The key that encrypts other keys. It lies apart from what they encrypt.

use std::fmt;

use zeroize::Zeroizing;

use crate::SealingKey;

/// Encrypts keys. A file of the deployment's state keeps one; a key service can keep it in its place. Asked seldom, and may
/// block.
pub trait WrappingKey: Send + Sync {
    /// The key, encrypted for this context.
    ///
    /// # Errors
    /// When whoever keeps the wrapping key does not answer.
    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, WrapFault>;

    /// The key that was wrapped for this context.
    ///
    /// # Errors
    /// When it was not wrapped by this key for this context, or whoever keeps the wrapping key does not answer.
    fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, WrapFault>;
}

/// Why a key could not be wrapped or unwrapped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrapFault {
    /// It was wrapped by another key, or for another context.
    #[error("not wrapped by this key for this place")]
    Foreign,
    /// Whoever keeps the wrapping key does not answer.
    #[error("the wrapping key is out of reach: {0}")]
    Unreachable(String),
}

/// A wrapping key in this process's memory.
pub struct LocalKey(SealingKey);

impl LocalKey {
    /// The key with these bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(SealingKey::new(bytes))
    }
}

impl WrappingKey for LocalKey {
    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, WrapFault> {
        Ok(self.0.seal(context, key))
    }

    fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, WrapFault> {
        let opened = Zeroizing::new(self.0.open(context, wrapped).map_err(|_| WrapFault::Foreign)?);
        <[u8; 32]>::try_from(opened.as_slice()).map(Zeroizing::new).map_err(|_| WrapFault::Foreign)
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKey(..)")
    }
}
