//! What a sender shows of itself. Nothing here has been checked.

use std::fmt;

use maso_core::Principal;

/// A token as it arrived. Its text never reaches a log: `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UnverifiedToken(String);

impl UnverifiedToken {
    /// Keeps the text as it came.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever verifies it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UnverifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnverifiedToken({} bytes)", self.0.len())
    }
}

/// What a sender shows to prove who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    Absent,
    /// A token that whoever holds it may use. Accepted only where the deployment says so, and only on loopback.
    Bearer {
        /// The token.
        token: UnverifiedToken,
        /// Whether the connection came from this machine.
        loopback: bool,
    },
    /// A token bound to a key, with a fresh signature by that key over this request (DPoP, RFC 9449).
    Bound {
        /// The token.
        token: UnverifiedToken,
        /// The signature: a DPoP proof.
        proof: UnverifiedToken,
        /// The HTTP method of the request.
        method: String,
        /// The URL of the request as this side knows it, without query and fragment.
        url: String,
    },
    /// The peer of a pipe that maso itself made: the operating system vouches for it.
    Pipe(Principal),
}
