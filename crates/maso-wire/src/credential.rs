//! What a sender shows of itself. Nothing here has been checked.

use std::{fmt, sync::Arc};

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

/// The certificates that the peer of a TLS connection showed, its own first, in DER. It has the key of the first: without it
/// the connection would not be there. Whose they are has not been looked at.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PeerCertificates(Arc<[Box<[u8]>]>);

impl PeerCertificates {
    /// Keeps the certificates as they came. `None` where there are none.
    pub fn new<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let certificates: Arc<[Box<[u8]>]> = certificates.into_iter().map(Box::from).collect();
        (!certificates.is_empty()).then_some(Self(certificates))
    }

    /// The peer's own.
    pub fn own(&self) -> &[u8] {
        &self.0[0]
    }

    /// Those that are to vouch for it, as the peer says.
    pub fn claimed_issuers(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0[1..].iter().map(|certificate| &**certificate)
    }
}

impl fmt::Debug for PeerCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerCertificates({})", self.0.len())
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
    /// The certificate with whose key the connection was made, and what came with the request beside it.
    Certificate {
        /// The certificate.
        certificates: PeerCertificates,
        /// What else is shown, which must show the same.
        beside: Option<Box<Credential>>,
    },
    /// The peer of a pipe that maso itself made: the operating system vouches for it.
    Pipe(Principal),
}
