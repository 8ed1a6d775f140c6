//! Keys that sign for the trust domain, behind what a key management service offers: a public half, and signing.

use maso_identity::{PublicKey, Thumbprint};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SigningKey as _};

/// A P-256 key that signs and does not say what it is. Whoever implements it keeps the private half.
pub trait SigningKey: Send + Sync {
    /// The public half, as an uncompressed point (65 bytes from `0x04` on).
    fn public(&self) -> &[u8];

    /// Signs the SHA-256 of the message with ECDSA. The signature is in DER, as X.509 has it.
    ///
    /// # Errors
    /// When whoever keeps the key does not sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyFault>;
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// Not a P-256 private key.
    #[error("not a P-256 private key in PKCS#8")]
    Malformed,
    /// It could not be made or did not sign.
    #[error("the key could not {0}")]
    Refused(&'static str),
}

/// A key that lies in a file of the deployment's state.
pub struct PemKey(KeyPair);

impl PemKey {
    /// A new key, of the system's randomness.
    ///
    /// # Errors
    /// When there is none.
    pub fn generate() -> Result<Self, KeyFault> {
        KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map(Self).map_err(|_| KeyFault::Refused("be made"))
    }

    /// Reads a private key in PKCS#8 DER.
    ///
    /// # Errors
    /// When it is not one, or of another kind.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyFault> {
        let key = KeyPair::try_from(der).map_err(|_| KeyFault::Malformed)?;
        if key.is_compatible(&PKCS_ECDSA_P256_SHA256) { Ok(Self(key)) } else { Err(KeyFault::Malformed) }
    }

    /// The private key in PKCS#8 PEM. Write it where only the control plane can read it.
    pub fn expose_pem(&self) -> String {
        self.0.serialize_pem()
    }
}

impl SigningKey for PemKey {
    fn public(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyFault> {
        self.0.sign(message).map_err(|_| KeyFault::Refused("sign"))
    }
}

impl std::fmt::Debug for PemKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PemKey(…)")
    }
}

/// A key as the maker of certificates wants it.
pub(crate) struct ForCertificates<'a>(pub(crate) &'a dyn SigningKey);

impl rcgen::PublicKeyData for ForCertificates<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for ForCertificates<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// The coordinates of an uncompressed point of P-256.
pub(crate) fn coordinates(point: &[u8]) -> Result<([u8; 32], [u8; 32]), KeyFault> {
    let (x, y) = match point {
        [4, rest @ ..] if rest.len() == 64 => rest.split_at(32),
        _ => return Err(KeyFault::Malformed),
    };
    let half = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).map_err(|_| KeyFault::Malformed);
    Ok((half(x)?, half(y)?))
}

/// The name of a public key.
pub(crate) fn thumbprint(point: &[u8]) -> Result<Thumbprint, KeyFault> {
    let (x, y) = coordinates(point)?;
    Ok(PublicKey::P256 { x, y }.thumbprint())
}

/// A signature as JWS has it (two numbers of 32 bytes) of one in DER.
pub(crate) fn fixed(der: &[u8]) -> Result<[u8; 64], KeyFault> {
    let mut signature = [0; 64];
    let body = match der {
        [0x30, length, body @ ..] if usize::from(*length) == body.len() && *length < 0x80 => body,
        _ => return Err(KeyFault::Malformed),
    };
    let (r, rest) = number(body)?;
    let (s, rest) = number(rest)?;
    if !rest.is_empty() {
        return Err(KeyFault::Malformed);
    }
    signature[32 - r.len()..32].copy_from_slice(r);
    signature[64 - s.len()..].copy_from_slice(s);
    Ok(signature)
}

/// The first number of what is left, without the zero that says that it is not negative, and what comes after.
fn number(der: &[u8]) -> Result<(&[u8], &[u8]), KeyFault> {
    let (length, rest) = match der {
        [0x02, length, rest @ ..] if *length >= 1 && *length < 0x80 => (usize::from(*length), rest),
        _ => return Err(KeyFault::Malformed),
    };
    let (digits, rest) = rest.split_at_checked(length).ok_or(KeyFault::Malformed)?;
    let digits = match digits {
        [0, digits @ ..] => digits,
        [first, ..] if *first < 0x80 => digits,
        _ => return Err(KeyFault::Malformed),
    };
    if digits.len() <= 32 { Ok((digits, rest)) } else { Err(KeyFault::Malformed) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_no_signature_is_refused_and_not_a_panic(der in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = fixed(&der);
        }

        #[test]
        fn two_numbers_stay_what_they_are(r in any::<[u8; 32]>(), s in any::<[u8; 32]>()) {
            let integer = |number: &[u8; 32]| {
                let digits: Vec<u8> = number.iter().copied().skip_while(|digit| *digit == 0).collect();
                let sign = digits.first().is_none_or(|first| *first >= 0x80);
                let digits: Vec<u8> = std::iter::repeat_n(0, usize::from(sign)).chain(digits).collect();
                [vec![2, u8::try_from(digits.len()).unwrap()], digits].concat()
            };
            let body = [integer(&r), integer(&s)].concat();
            let der = [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat();
            prop_assert_eq!(fixed(&der).unwrap(), <[u8; 64]>::try_from([r, s].concat()).unwrap());
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = PemKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), "PemKey(…)");
        assert_eq!(PemKey::from_pkcs8(key.0.serialized_der()).unwrap().public(), key.public());
        assert!(matches!(PemKey::from_pkcs8(b"no key"), Err(KeyFault::Malformed)));
    }
}
