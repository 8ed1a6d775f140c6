//! What makes one message differ from its copy.

use std::{fmt, str::FromStr};

use crate::Malformed;

/// What a sender uses once: 16 to 64 characters of base64url. The same message that comes again is known by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nonce(String);

impl Nonce {
    /// The nonce as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Nonce {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_nonce = (BYTES_MIN..=BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if is_nonce {
            Ok(Self(text.to_owned()))
        } else {
            Err(Malformed::because("not a nonce: 16 to 64 characters of base64url"))
        }
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// 96 bits: two of one sender that meet within the time window by chance are not to be expected.
const BYTES_MIN: usize = 16;
const BYTES_MAX: usize = 64;
