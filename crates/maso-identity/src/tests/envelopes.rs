//! Envelopes: what a key signed is exactly this, as this, and by this key.

use proptest::prelude::*;

use super::*;

/// The example of DSSE's protocol.md; its key is a P-256 key.
const PUBLISHED: &str = r#"{"payload": "aGVsbG8gd29ybGQ=",
 "payloadType": "http://example.com/HelloWorld",
 "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}"#;

fn published_key() -> PublicKey {
    let jwk = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "Z805D3eqNZywjCI19lInBJOp7YMrCrzAH3CVTAOQ0jg",
        "y": "DHgr1U4mkSWkT0Qzr_FDLOlOErynOqZ6yAzqEmCN33Q",
    });
    PublicKey::from_jwk(&jwk).unwrap()
}

fn operator(n: u8) -> OperatorKey {
    OperatorKey::from_seed([n; 32])
}

#[test]
fn the_published_envelope_is_believed_under_the_published_key() {
    let envelope = Envelope::read(PUBLISHED).unwrap();
    assert_eq!(envelope.unverified_payload(), b"hello world");
    assert!(envelope.is_signed_by(&published_key()));
    assert!(!envelope.is_signed_by(&operator(1).public().key()));
    for (from, to) in [("aGVsbG8gd29ybGQ=", "aGVsbG8gd29ybGR="), ("HelloWorld", "HelloWorlds"), ("A3Jq", "B3Jq")] {
        let changed = Envelope::read(&PUBLISHED.replace(from, to));
        assert!(changed.is_err() || !changed.unwrap().is_signed_by(&published_key()), "{from} became {to}");
    }
}

#[test]
fn either_alphabet_of_base64_is_read_padded_or_not() {
    for (from, to) in [("F+FnZ+O88", "F-FnZ-O88"), ("JIZA==", "JIZA"), ("ybGQ=", "ybGQ")] {
        assert!(Envelope::read(&PUBLISHED.replace(from, to)).unwrap().is_signed_by(&published_key()), "{to}");
    }
}

#[test]
fn what_is_no_envelope_is_refused_with_what_is_wrong() {
    let many = format!(r#"{{"payload":"","payloadType":"t","signatures":[{}]}}"#, vec![r#"{"sig":""}"#; 65].join(","));
    let json = |text| matches!(Envelope::read(text), Err(EnvelopeError::Json(_)));
    assert!(json("") && json("{") && json(r#"{"payload":"","payload":""}"#));
    for (text, expected) in [
        ("[]", EnvelopeError::Member("signatures")),
        (r#"{"payload":"","payloadType":"t"}"#, EnvelopeError::Member("signatures")),
        (r#"{"payload":"","signatures":[]}"#, EnvelopeError::Member("payloadType")),
        (r#"{"payload":"*","payloadType":"t","signatures":[]}"#, EnvelopeError::Member("payload")),
        (r#"{"payload":"","payloadType":"t","signatures":[{}]}"#, EnvelopeError::Member("sig")),
        (r#"{"payload":"","payloadType":"t","signatures":[{"sig":"","keyid":7}]}"#, EnvelopeError::Member("keyid")),
        (many.as_str(), EnvelopeError::TooMany(65)),
    ] {
        assert_eq!(Envelope::read(text), Err(expected), "{text}");
    }
}

#[test]
fn a_claimed_key_proves_nothing() {
    let mut envelope = Envelope::new("type", "payload");
    envelope.sign(&operator(1));
    let name = |n| operator(n).public().thumbprint().to_string();
    let renamed = Envelope::read(&envelope.write().replace(&name(1), &name(2))).unwrap();
    assert!(!renamed.is_signed_by(&operator(2).public().key()));
}

#[test]
fn signing_twice_adds_one_signature() {
    let mut envelope = Envelope::new("type", "payload");
    envelope.sign(&operator(1));
    envelope.sign(&operator(1));
    assert_eq!(envelope.n_signatures(), 1);
}

#[test]
fn an_operators_key_is_the_same_after_it_was_written() {
    let key = OperatorKey::from_pem(&operator(3).expose_pem()).unwrap();
    assert_eq!(key.public(), operator(3).public());
    assert_eq!(key.public().to_string().parse(), Ok(key.public()));
    assert!(!format!("{key:?}").contains("PRIVATE"));
    for no_key in ["", "AAAA", &"A".repeat(43), "not base64url, and of no length"] {
        assert!(no_key.parse::<OperatorPublic>().is_err(), "{no_key}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_the_order_of_signatures_says_nothing(
        payload in prop::collection::vec(any::<u8>(), 0..200),
        payload_type in "[ -~]{0,40}",
        mut signers in prop::sample::subsequence(vec![1_u8, 2, 3, 4], 0..=4).prop_shuffle(),
    ) {
        let mut envelope = Envelope::new(payload_type.as_str(), payload);
        for signer in &signers {
            envelope.sign(&operator(*signer));
        }
        let read = Envelope::read(&envelope.write()).unwrap();
        prop_assert_eq!(&read, &envelope);
        signers.sort_unstable();
        let found: Vec<u8> = (1..=4).filter(|n| read.is_signed_by(&operator(*n).public().key())).collect();
        prop_assert_eq!(found, signers);
    }

    #[test]
    fn a_signature_is_for_one_payload_of_one_type(
        (type_a, type_b) in ("[0-9 a]{0,6}", "[0-9 a]{0,6}"),
        (payload_a, payload_b) in ("[0-9 a]{0,6}", "[0-9 a]{0,6}"),
    ) {
        let mut signed = Envelope::new(type_a.as_str(), payload_a.as_str());
        signed.sign(&operator(1));
        let text = signed.write();
        let moved = Envelope::new(type_b.as_str(), payload_b.as_str()).write();
        let signature = &text[text.find("\"signatures\"").unwrap()..];
        let moved = format!("{}{signature}", &moved[..moved.find("\"signatures\"").unwrap()]);
        let is_same = (&type_a, &payload_a) == (&type_b, &payload_b);
        prop_assert_eq!(Envelope::read(&moved).unwrap().is_signed_by(&operator(1).public().key()), is_same);
    }
}
