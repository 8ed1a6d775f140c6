//! What the deployment issues is read back as issued, and nothing else is.

use super::*;

fn believe(text: &str) -> Result<AgentToken, TokenError> {
    AgentToken::believe(text, &authority().public(), &domain())
}

#[test]
fn an_agent_token_reads_back_as_issued() {
    let token = believe(&bound_token()).unwrap();
    assert_eq!((token.id(), token.agent()), (Uuid::from_u128(1), &agent_id()));
    assert_eq!(token.key(), Some(&agent_key().thumbprint()));
    assert_eq!(believe(&bearer_token()).unwrap().key(), None);
}

#[test]
fn an_agent_token_that_says_anything_else_is_refused_even_if_we_had_signed_it() {
    let header = json!({ "typ": "maso-agent+jwt", "alg": "EdDSA" });
    let claims = json!({
        "iss": "spiffe://claims.example/maso",
        "sub": "spiffe://claims.example/agent/intake",
        "aud": "maso",
        "iat": 1_790_000_000,
        "exp": 1_790_003_600,
        "jti": Uuid::from_u128(1).to_string(),
    });
    assert!(believe(&forge([1; 32], header.clone(), claims.clone())).is_ok());
    let malformed = TokenError::Malformed;
    let cases = [
        ("iss", json!("spiffe://elsewhere/maso"), TokenError::Foreign),
        ("iss", json!("https://claims.example"), TokenError::Foreign),
        ("sub", json!("spiffe://elsewhere/agent/intake"), TokenError::Foreign),
        ("sub", json!("intake"), malformed),
        ("aud", json!("maso-console"), TokenError::Foreign),
        ("aud", json!(["maso"]), malformed),
        ("exp", json!("1790003600"), malformed),
        ("exp", json!(1_790_003_600.5), malformed),
        ("jti", json!("one"), malformed),
        ("cnf", json!({ "jkt": "short" }), malformed),
        ("cnf", json!({ "x5t#S256": "other" }), malformed),
        ("cnf", json!({}), malformed),
        ("cnf", json!("bound"), malformed),
        ("scope", json!("everything"), malformed),
    ];
    for (claim, value, error) in cases {
        let mut changed = claims.clone();
        changed[claim] = value;
        assert_eq!(believe(&forge([1; 32], header.clone(), changed.clone())), Err(error), "{changed}");
        if claim != "cnf" && claim != "scope" {
            changed.as_object_mut().unwrap().remove(claim);
            assert_eq!(believe(&forge([1; 32], header.clone(), changed)), Err(malformed), "without `{claim}`");
        }
    }
}

#[test]
fn a_token_that_is_bound_to_null_is_not_a_bearer_token() {
    let text = forge(
        [1; 32],
        json!({ "typ": "maso-agent+jwt", "alg": "EdDSA" }),
        json!({
            "iss": "spiffe://claims.example/maso",
            "sub": "spiffe://claims.example/agent/intake",
            "aud": "maso",
            "iat": 1_790_000_000,
            "exp": 1_790_003_600,
            "jti": Uuid::from_u128(1).to_string(),
            "cnf": null,
        }),
    );
    assert_eq!(believe(&text), Err(TokenError::Malformed));
}

#[test]
fn the_signature_is_over_the_exact_bytes_and_of_the_authority() {
    let token = bound_token();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let (other, _) = bearer_token().rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let unsigned = forge([1; 32], json!({ "typ": "maso-agent+jwt", "alg": "none" }), json!({}));
    let symmetric = forge([1; 32], json!({ "typ": "maso-agent+jwt", "alg": "HS256" }), json!({}));
    let stranger = AuthorityKey::from_seed([2; 32]).issue_agent_token(&agent_id(), None, Uuid::nil(), NOW, HOUR_MS);
    let cases = [
        (format!("{other}.{signature}"), TokenError::Forged),
        (format!("{signed}."), TokenError::Forged),
        (format!("{header}.{claims}"), TokenError::Malformed),
        (format!("{token}.x"), TokenError::Malformed),
        (format!("{token}="), TokenError::Malformed),
        (format!(" {token}"), TokenError::Malformed),
        ("x".repeat(9_000), TokenError::Malformed),
        (unsigned, TokenError::Forged),
        (symmetric, TokenError::Forged),
        (stranger, TokenError::Forged),
        (task_token(), TokenError::Malformed),
    ];
    for (text, error) in cases {
        assert_eq!(believe(&text), Err(error), "{text}");
    }
}

#[test]
fn each_kind_of_token_is_good_for_its_own_purpose_only() {
    let trust = Trust::new(TrustSettings { bearer_on_loopback: true, ..settings() });
    let sign_ins = SignIns::new(domain(), authority().public(), START);
    let agent = bearer_token();
    let task = task_token();
    let sign_in =
        authority().issue_sign_in(&domain(), &"claims-supervisor".parse().unwrap(), Uuid::from_u128(3), NOW, HOUR_MS);
    for (text, is_agent, is_task, is_sign_in) in
        [(agent, true, false, false), (task, false, true, false), (sign_in, false, false, true)]
    {
        assert_eq!(trust.authenticate(&bearer(&text, true), NOW).is_ok(), is_agent);
        assert_eq!(trust.task(&UnverifiedToken::new(&*text), NOW).is_ok(), is_task);
        assert_eq!(sign_ins.redeem(&UnverifiedToken::new(text), NOW).is_ok(), is_sign_in);
    }
}

#[test]
fn a_token_lives_no_longer_than_asked() {
    let lifetime = believe(&bound_token()).unwrap().lifetime();
    assert!(lifetime.until() <= NOW.plus_ms(HOUR_MS));
    assert!(lifetime.check(NOW, 0).is_ok());
    let gone = authority().issue_agent_token(&agent_id(), None, Uuid::nil(), NOW, 0);
    assert!(believe(&gone).unwrap().lifetime().check(NOW, 0).is_err());
}

#[test]
fn remembered_tokens_are_bounded_and_forgetting_costs_only_time() {
    let trust = Trust::new(TrustSettings { bearer_on_loopback: true, tokens_max: 3, ..settings() });
    for round in 0..2 {
        for id in 0..10 {
            let token = authority().issue_agent_token(&agent_id(), None, Uuid::from_u128(id), NOW, HOUR_MS);
            trust.authenticate(&bearer(&token, true), NOW).unwrap();
            assert!(trust.n_agent_tokens() <= 3, "round {round}");
        }
    }
    let nothing = Trust::new(TrustSettings { bearer_on_loopback: true, tokens_max: 0, ..settings() });
    nothing.authenticate(&bearer(&bearer_token(), true), NOW).unwrap();
    assert_eq!(nothing.n_agent_tokens(), 0);
}

#[test]
fn what_was_not_believed_is_not_remembered() {
    let trust = trust();
    let forged = AuthorityKey::from_seed([2; 32]).issue_agent_token(&agent_id(), None, Uuid::nil(), NOW, HOUR_MS);
    assert!(trust.authenticate(&bearer(&forged, true), NOW).is_err());
    assert_eq!(trust.n_agent_tokens(), 0);
}
