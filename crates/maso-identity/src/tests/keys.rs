//! Keys and their names, against published examples.

use base64::{Engine as _, engine::general_purpose};
use jsonwebtoken::{Algorithm, EncodingKey};
use maso_core::Digest;

use super::*;
use crate::{
    jws::UnverifiedJws,
    proof::{Freshness, Request, ShownKey, Signed},
};

#[test]
fn the_thumbprint_of_an_ed25519_key_is_that_of_rfc_8037() {
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    let key = AgentKey::from_jwk(
        r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
    )
    .unwrap();
    assert_eq!(key.thumbprint().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    assert_eq!(PublicKey::from_jwk(&jwk), Ok(key.public()));
}

#[test]
fn the_proof_of_rfc_9449_is_believed() {
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    let request = Request {
        method: "GET",
        url: "https://resource.example.org/protectedresource",
        token: Digest::of(b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"),
    };
    let now = Timestamp::from_millis(1_562_262_618_000);
    let freshness = Freshness { now, window_ms: 1_000, since: now };
    let key = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse().unwrap();
    let proof = UnverifiedJws::split(proof).unwrap();
    let shown = ShownKey::read(proof.header, &key).unwrap();
    let signed = Signed::read(proof, &shown).unwrap();
    let possession = signed.fits(request, freshness).unwrap();
    assert_eq!(possession.id, "e1j3V_bKic8-LAEB");
    let other = Request { method: "POST", ..request };
    assert_eq!(signed.fits(other, freshness), Err(ProofError::OtherRequest));
}

/// A P-256 key that was made for this test: PKCS#8, whose last 64 bytes are the public point.
const P256: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjjdXSFhfnO8r0NyMjBNMfbvgas494o2/7j39qudflj2hRANCAATsA1+/vcYt5ii6xw8h42k04quGhom9v31NBbjZHqfImC1Dq1S92dNTx8szM/4mHgi13UFkdWTE/Pnr8Q444QE8";

#[test]
fn an_agent_with_a_p_256_key_is_believed() {
    let der = general_purpose::STANDARD.decode(P256).unwrap();
    let encode = |bytes: &[u8]| general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let (x, y) = (&der[der.len() - 64..der.len() - 32], &der[der.len() - 32..]);
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) });
    let thumbprint = PublicKey::from_jwk(&jwk).unwrap().thumbprint();
    let token = authority().issue_agent_token(&agent_id(), Some(&thumbprint), Uuid::nil(), NOW, HOUR_MS);

    let (mut header, claims) = proof_parts(&token);
    header["alg"] = json!("ES256");
    header["jwk"] = jwk;
    let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature =
        jsonwebtoken::crypto::sign(signed.as_bytes(), &EncodingKey::from_ec_der(&der), Algorithm::ES256).unwrap();
    identify_at(bound(&token, &format!("{signed}.{signature}")), &trust(), NOW).unwrap();

    let broken = format!("{signed}.{}", encode(&[0; 64]));
    assert!(identify_at(bound(&token, &broken), &trust(), NOW).is_err());
}

#[test]
fn a_private_key_reads_back_from_each_of_its_forms() {
    let key = agent_key();
    let from_pem = AgentKey::from_pem(&key.expose_pem()).unwrap();
    let from_jwk = AgentKey::from_jwk(&key.expose_jwk()).unwrap();
    assert_eq!((from_pem.public(), from_jwk.public()), (key.public(), key.public()));
    let authority = authority();
    assert_eq!(AuthorityKey::from_pem(&authority.expose_pem()).unwrap().public(), authority.public());
    assert_eq!(authority.public().to_string().parse(), Ok(authority.public()));
    assert_eq!(key.thumbprint().to_string().parse(), Ok(key.thumbprint()));
}

#[test]
fn a_private_key_is_written_in_the_form_that_every_reader_knows() {
    // PKCS#8 version 1 with the algorithm of RFC 8410, and 32 bytes after it.
    let pem = agent_key().expose_pem();
    assert!(pem.contains("\nMC4CAQAwBQYDK2VwBCIEI"), "the algorithm comes first");
    assert_eq!(pem.lines().nth(1).map(str::len), Some(64));
}

#[test]
fn what_is_no_key_is_refused() {
    assert_eq!(AgentKey::from_pem("-----BEGIN PRIVATE KEY-----\n").err(), Some(KeyError::Pem));
    assert_eq!(AgentKey::from_jwk("{").err(), Some(KeyError::Jwk));
    assert_eq!(AgentKey::from_jwk(&agent_key().public().to_jwk().to_string()).err(), Some(KeyError::Jwk));
    let mut mixed: Value = serde_json::from_str(&agent_key().expose_jwk()).unwrap();
    mixed["x"] = AgentKey::from_seed([8; 32]).public().to_jwk()["x"].clone();
    assert_eq!(AgentKey::from_jwk(&mixed.to_string()).err(), Some(KeyError::Unusable));
    let private: Value = serde_json::from_str(&agent_key().expose_jwk()).unwrap();
    assert_eq!(PublicKey::from_jwk(&private), Err(KeyError::Private));
    let x = |bytes: [u8; 32]| json!({ "kty": "OKP", "crv": "Ed25519", "x": general_purpose::URL_SAFE_NO_PAD.encode(bytes) });
    // The neutral element: under it, one signature fits every message.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(PublicKey::from_jwk(&x(neutral)), Err(KeyError::Unusable));
    assert_eq!(AuthorityPublic::from_bytes(neutral), Err(KeyError::Unusable));
    for jwk in [json!({}), json!(null), json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" })] {
        assert_eq!(PublicKey::from_jwk(&jwk), Err(KeyError::Jwk));
    }
    for text in ["", "short", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4J"] {
        assert!(text.parse::<Thumbprint>().is_err(), "{text}");
    }
}

#[test]
fn what_the_deployment_signs_it_verifies() {
    let signature = authority().sign(b"note");
    assert!(authority().public().verifies(b"note", &signature));
    assert!(!authority().public().verifies(b"nota", &signature));
    assert!(!AuthorityKey::from_seed([2; 32]).public().verifies(b"note", &signature));
}

#[test]
fn debugging_shows_no_private_key() {
    let shown = format!("{:?} {:?}", agent_key(), authority());
    let jwk: Value = serde_json::from_str(&agent_key().expose_jwk()).unwrap();
    assert!(!shown.contains(jwk["d"].as_str().unwrap()));
    assert!(!shown.contains("7, 7"));
}

#[test]
fn what_is_derived_belongs_to_its_key_and_its_purpose() {
    let key = AuthorityKey::from_seed([1; 32]);
    let derived = key.derive("one purpose");
    assert_eq!(*derived, *AuthorityKey::from_seed([1; 32]).derive("one purpose"));
    assert_ne!(*derived, *key.derive("another purpose"));
    assert_ne!(*derived, *AuthorityKey::from_seed([2; 32]).derive("one purpose"));
    assert_ne!(*derived, [1; 32]);
}
