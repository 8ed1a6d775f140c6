use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{AgentKey, AuthorityKey, CardError, CardKeys};

fn partner() -> AuthorityKey {
    AuthorityKey::from_seed([9; 32])
}

fn trusting(key: &AuthorityKey) -> CardKeys {
    CardKeys::new(vec![key.public().key()]).unwrap()
}

fn card() -> Value {
    json!({ "name": "partner", "skills": [{ "id": "quote" }], "version": "1.5" })
}

/// A card that this key signed under this header.
fn under(header: &Value, key: &AgentKey, card: &Value) -> Value {
    let payload = serde_json_canonicalizer::to_vec(card).unwrap();
    let protected = URL_SAFE_NO_PAD.encode(header.to_string());
    let signed = format!("{protected}.{}", URL_SAFE_NO_PAD.encode(payload));
    let mut card = card.clone();
    card["signatures"] =
        json!([{ "protected": protected, "signature": URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes())) }]);
    card
}

#[test]
fn a_card_is_believed_by_the_key_that_was_named() {
    let signed = trusting(&partner()).verify(&partner().sign_card(card())).unwrap();
    assert_eq!(signed.value(), &card());
    let mut other = card();
    other["version"] = json!("1.6");
    assert_ne!(trusting(&partner()).verify(&partner().sign_card(other)).unwrap().digest(), signed.digest());
}

#[test]
fn what_nobody_signed_is_not_believed() {
    let keys = trusting(&partner());
    assert_eq!(keys.verify(&card()).err(), Some(CardError::Unsigned));
    assert_eq!(keys.verify(&json!([])).err(), Some(CardError::Malformed));
    let mut changed = partner().sign_card(card());
    changed["skills"][0]["id"] = json!("pay");
    assert_eq!(keys.verify(&changed).err(), Some(CardError::Forged));
    let mut added = partner().sign_card(card());
    added["url"] = json!("https://elsewhere.example");
    assert_eq!(keys.verify(&added).err(), Some(CardError::Forged));
}

#[test]
fn a_key_that_the_card_names_is_no_key() {
    let mallory = AgentKey::from_seed([66; 32]);
    let own = mallory.public().to_jwk();
    for header in [
        json!({ "alg": "EdDSA", "kid": "k", "jku": "https://mallory.example/keys.json" }),
        json!({ "alg": "EdDSA", "jwk": own }),
        json!({ "alg": "EdDSA", "x5u": "https://mallory.example/cert.pem" }),
        json!({ "alg": "none" }),
    ] {
        let forged = under(&header, &mallory, &card());
        assert_eq!(trusting(&partner()).verify(&forged).err(), Some(CardError::Forged), "{header}");
    }
}

#[test]
fn the_header_says_nothing_that_loosens() {
    let key = AgentKey::from_seed([9; 32]);
    let keys = trusting(&partner());
    let sound = json!({ "alg": "EdDSA", "jku": "https://partner.example/keys.json" });
    assert!(keys.verify(&under(&sound, &key, &card())).is_ok(), "a key that was named, wherever else it is found");
    for header in [
        json!({ "alg": "ES256" }),
        json!({ "alg": "HS256" }),
        json!({}),
        json!({ "alg": "EdDSA", "crit": ["b64"], "b64": false }),
    ] {
        assert_eq!(keys.verify(&under(&header, &key, &card())).err(), Some(CardError::Forged), "{header}");
    }
}

#[test]
fn what_is_empty_is_no_part_of_a_card_that_was_signed_without_it() {
    let mut shown = partner().sign_card(card());
    shown["description"] = json!("");
    shown["provider"] = json!({ "url": "" });
    shown["skills"][0]["examples"] = json!([]);
    assert_eq!(trusting(&partner()).verify(&shown).unwrap().value(), &card());
    let with_empty = json!({ "name": "partner", "skills": [] });
    let whole = trusting(&partner()).verify(&partner().sign_card(with_empty.clone())).unwrap();
    assert_eq!(whole.value(), &with_empty, "what was signed with it has it");
}

#[test]
fn somebody_is_always_believed_and_not_too_many() {
    assert!(CardKeys::new(Vec::new()).is_none());
    assert!(CardKeys::new(vec![partner().public().key(); 17]).is_none());
}
