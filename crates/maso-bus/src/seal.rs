//! What makes a parcel maso's own, whatever carries it: encrypted, and signed by the deployment for one edge of one mailbox.

use std::fmt;

use aws_lc_rs::hmac;
use maso_core::{HopId, Timestamp, TrustDomain};
use maso_identity::{AuthorityKey, AuthorityPublic};
use maso_seal::SealingKey;

use crate::{Parcel, Route};

/// Seals parcels of one deployment, and opens what it sealed.
///
/// A broker sees who writes to whom and how much, and nothing of what. Reading and writing have a key each: the encryption
/// key opens parcels and makes none, for that takes the deployment's signature.
#[derive(Clone)]
pub struct Seal {
    deployment: TrustDomain,
    authority: AuthorityKey,
    public: AuthorityPublic,
    encryption: std::sync::Arc<SealingKey>,
    naming: hmac::Key,
}

/// Why bytes are no parcel of this deployment for the edge at which they lay. Which of these it was concerns operators alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Shorter than any sealed parcel, or longer.
    #[error("{0} bytes are no sealed parcel")]
    Length(usize),
    /// This deployment did not sign these bytes for this edge.
    #[error("not signed by this deployment for this edge")]
    Forged,
    /// It was signed and cannot be decrypted.
    #[error("encrypted with another key")]
    Unreadable,
}

impl Seal {
    /// Bytes that sealing adds to a body.
    pub const OVERHEAD: usize = SIGNATURE_LEN + SealingKey::OVERHEAD + HEAD_LEN;

    /// The seal of the deployment with this key.
    pub fn new(deployment: TrustDomain, authority: &AuthorityKey) -> Self {
        let encryption = SealingKey::new(&authority.derive("maso bus encryption v1"));
        let naming = hmac::Key::new(hmac::HMAC_SHA256, &*authority.derive("maso bus naming v1"));
        Self {
            deployment,
            authority: authority.clone(),
            public: authority.public(),
            encryption: std::sync::Arc::new(encryption),
            naming,
        }
    }

    /// The parcel as a broker gets it.
    pub fn seal(&self, parcel: &Parcel) -> Vec<u8> {
        let context = self.context(parcel.route());
        let mut content = Vec::with_capacity(HEAD_LEN + parcel.body().len());
        content.extend_from_slice(parcel.id().as_uuid().as_bytes());
        content.extend_from_slice(&parcel.at().as_millis().to_be_bytes());
        content.extend_from_slice(parcel.body());
        let sealed = self.encryption.seal(&context, &content);
        let signature = self.authority.sign(&signed_bytes(&context, &sealed));
        [&signature[..], &sealed].concat()
    }

    /// Opens what lay at this edge. Nothing of it is decrypted, and nothing parsed, before its signature was checked.
    ///
    /// # Errors
    /// When this deployment did not seal it for this edge.
    pub fn open(&self, route: &Route, bytes: &[u8]) -> Result<Parcel, Broken> {
        if bytes.len() > Self::OVERHEAD + Parcel::BODY_BYTES_MAX {
            return Err(Broken::Length(bytes.len()));
        }
        let (signature, sealed) = bytes.split_first_chunk::<SIGNATURE_LEN>().ok_or(Broken::Length(bytes.len()))?;
        let context = self.context(route);
        if !self.public.verifies(&signed_bytes(&context, sealed), signature) {
            return Err(Broken::Forged);
        }
        let content = self.encryption.open(&context, sealed).map_err(|_| Broken::Unreadable)?;
        let (id, rest) = content.split_first_chunk::<16>().ok_or(Broken::Length(bytes.len()))?;
        let (at, body) = rest.split_first_chunk::<8>().ok_or(Broken::Length(bytes.len()))?;
        let id = HopId::from_uuid(uuid::Uuid::from_bytes(*id));
        let at = Timestamp::from_millis(i64::from_be_bytes(*at));
        Parcel::new(route.clone(), id, at, body.to_vec()).map_err(|_| Broken::Length(bytes.len()))
    }

    /// By what a broker knows whether it has a parcel already. The same for the same parcel, and not to be guessed: whoever
    /// could say it first at another edge could have the parcel taken for a copy, and dropped.
    pub fn name(&self, parcel: &Parcel) -> String {
        let mut naming = hmac::Context::with_key(&self.naming);
        naming.update(&self.context(parcel.route()));
        naming.update(parcel.id().as_uuid().as_bytes());
        naming.sign().as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Deployment, mailbox and sender, each with its length, so that no two edges give the same bytes.
    fn context(&self, route: &Route) -> Vec<u8> {
        let Route { from, into } = route;
        let mut context = Vec::new();
        for part in [self.deployment.as_str(), into.of.as_str(), into.kind.as_str(), from.as_str()] {
            context.push(u8::try_from(part.len()).expect("names have 64 bytes at most"));
            context.extend_from_slice(part.as_bytes());
        }
        context
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({}, {})", self.deployment, self.public)
    }
}

/// What the deployment signs says what it is at its beginning, so that it is never taken for anything else it signs.
fn signed_bytes(context: &[u8], sealed: &[u8]) -> Vec<u8> {
    [PURPOSE, context, sealed].concat()
}

const PURPOSE: &[u8] = b"maso parcel v1\0";
const SIGNATURE_LEN: usize = 64;
/// The id, and when it was put.
const HEAD_LEN: usize = 16 + 8;

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Kind;

    fn seal() -> Seal {
        Seal::new("claims.example".parse().unwrap(), &AuthorityKey::from_seed([7; 32]))
    }

    fn route(from: &str, to: &str, kind: Kind) -> Route {
        Route::new(from.parse().unwrap(), to.parse().unwrap(), kind)
    }

    fn parcel(body: &[u8]) -> Parcel {
        let id = HopId::from_uuid(uuid::Uuid::from_u128(7));
        Parcel::new(route("intake", "analysis", Kind::Request), id, Timestamp::from_millis(5), body.to_vec()).unwrap()
    }

    #[test]
    fn a_parcel_opens_at_its_own_edge_and_at_no_other() {
        let (seal, parcel) = (seal(), parcel(b"secret words"));
        let sealed = seal.seal(&parcel);
        assert_eq!(seal.open(parcel.route(), &sealed), Ok(parcel.clone()));
        for moved in [
            route("intake", "analysis", Kind::Answer),
            route("intake", "payment", Kind::Request),
            route("analysis", "intake", Kind::Request),
            route("audit", "analysis", Kind::Request),
        ] {
            assert_eq!(seal.open(&moved, &sealed), Err(Broken::Forged), "{moved:?}");
        }
    }

    #[test]
    fn no_other_deployment_seals_for_this_one() {
        let parcel = parcel(b"secret words");
        let other_key = Seal::new("claims.example".parse().unwrap(), &AuthorityKey::from_seed([8; 32]));
        let other_name = Seal::new("other.example".parse().unwrap(), &AuthorityKey::from_seed([7; 32]));
        for other in [other_key, other_name] {
            assert_eq!(seal().open(parcel.route(), &other.seal(&parcel)), Err(Broken::Forged));
        }
    }

    #[test]
    fn whoever_carries_it_reads_nothing_of_it() {
        let sealed = seal().seal(&parcel(b"secret words"));
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_ne!(sealed, seal().seal(&parcel(b"secret words")), "and does not see that two are the same");
    }

    #[test]
    fn a_name_is_the_parcels_own() {
        let (seal, parcel) = (seal(), parcel(b"a"));
        assert_eq!(seal.name(&parcel), seal.name(&parcel));
        let elsewhere =
            Parcel::new(route("audit", "analysis", Kind::Request), parcel.id(), parcel.at(), b"a".to_vec()).unwrap();
        assert_ne!(seal.name(&parcel), seal.name(&elsewhere), "whoever knows an id cannot name another's parcel");
    }

    #[test]
    fn the_largest_parcel_is_sealed_and_one_byte_more_is_none() {
        let largest = parcel(&vec![1; Parcel::BODY_BYTES_MAX]);
        let sealed = seal().seal(&largest);
        assert_eq!(sealed.len(), Parcel::BODY_BYTES_MAX + Seal::OVERHEAD);
        assert_eq!(seal().open(largest.route(), &sealed), Ok(largest.clone()));
        let more = vec![1; Parcel::BODY_BYTES_MAX + 1];
        assert!(Parcel::new(largest.route().clone(), largest.id(), largest.at(), more).is_err());
        let longer = [sealed, vec![0]].concat();
        assert_eq!(seal().open(largest.route(), &longer), Err(Broken::Length(longer.len())));
    }

    proptest! {
        #[test]
        fn no_bit_can_be_another(index: prop::sample::Index, bit in 0..8_u8) {
            let parcel = parcel(b"words");
            let mut sealed = seal().seal(&parcel);
            sealed[index.index(parcel.body().len() + Seal::OVERHEAD)] ^= 1 << bit;
            prop_assert!(seal().open(parcel.route(), &sealed).is_err());
        }

        #[test]
        fn whatever_bytes_there_are_they_are_no_parcel(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(seal().open(parcel(b"").route(), &bytes).is_err());
        }
    }
}
