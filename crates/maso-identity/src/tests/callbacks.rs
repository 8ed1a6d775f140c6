use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use maso_core::{Timestamp, TrustDomain};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{AgentToken, AuthorityKey, Callback};

fn part(token: &str, n: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(n).unwrap()).unwrap()).unwrap()
}

#[test]
fn a_callback_is_signed_for_its_address_its_body_and_some_minutes() {
    let key = AuthorityKey::from_seed([9; 32]);
    let domain: TrustDomain = "claims.example".parse().unwrap();
    let (id, at) = (Uuid::from_u128(7), Timestamp::from_millis(1_000_500));
    let callback = Callback { domain: &domain, url: "https://partner.example/hooks/1", body: b"{}", id, at };
    let token = key.sign_callback(&callback);
    let kid = key.public().thumbprint().to_string();
    assert_eq!(part(&token, 0), json!({ "alg": "EdDSA", "typ": "maso-callback+jwt", "kid": kid }));
    let claims = json!({
        "iss": "spiffe://claims.example", "aud": "https://partner.example/hooks/1", "iat": 1000, "exp": 1300,
        "jti": id.to_string(),
        // SHA-256 of `{}`.
        "request_body_sha256": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    });
    assert_eq!(part(&token, 1), claims);
    assert!(AgentToken::believe(&token, &key.public(), &domain).is_err(), "it opens no door");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap().try_into().unwrap();
    assert!(key.public().verifies(signed.as_bytes(), &signature));
    assert!(!AuthorityKey::from_seed([8; 32]).public().verifies(signed.as_bytes(), &signature));
}
