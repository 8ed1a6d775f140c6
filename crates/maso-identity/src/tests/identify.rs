//! Stage 2, case by case: each way to be believed, and each way not to be.

use maso_core::{AgentName, Refusal, Word};
use proptest::prelude::*;

use super::*;

/// The credential is refused with this code, by this control, for this reason.
fn refused(credential: Credential, trust: &Trust, now: Timestamp, expected: (Refusal, &str, &str)) {
    check(identify_at(credential, trust, now), expected);
}

fn check(result: Result<Identified, Box<Refused<Received>>>, (refusal, control, reason): (Refusal, &str, &str)) {
    let refused = *result.expect_err(reason);
    assert_eq!(refused.refusal, refusal, "{reason}");
    assert_eq!(refused.finding.control.as_str(), control, "{reason}");
    assert_eq!(refused.finding.word, Word::NoGo);
    assert_eq!(refused.finding.reason, reason);
    assert!(!format!("{refused:?}").contains("eyJ"), "no token in what is logged");
}

const UNAUTHENTIC: Refusal = Refusal::Unauthentic;

#[test]
fn a_bound_token_with_a_fresh_proof_is_believed() {
    let token = bound_token();
    let hop = received(bound(&token, &proof(&token, 1)), Some(&task_token()));
    let identified = identify(hop, &trust(), NOW).unwrap();
    assert_eq!(identified.hop().from, Principal::Agent("intake".parse().unwrap()));
    assert_eq!(identified.hop().to, Principal::Server("claims".parse().unwrap()));
    assert_eq!(identified.hop().id, HopId::from_uuid(Uuid::from_u128(5)));
    assert_eq!(identified.hop().payload, json!({"claim": "CL-1"}));
    assert_eq!(identified.proof(), &Proof::Key { thumbprint: agent_key().thumbprint().to_string() });
    assert_eq!(identified.task(), Some(&task()));
    assert_eq!(identified.digest(), maso_core::Digest::of(b"{\"claim\":\"CL-1\"}"));
}

#[test]
fn a_bearer_token_is_believed_on_loopback_where_the_deployment_says_so() {
    let trust = Trust::new(TrustSettings { bearer_on_loopback: true, ..settings() });
    let identified = identify_at(bearer(&bearer_token(), true), &trust, NOW).unwrap();
    assert_eq!(identified.proof(), &Proof::Bearer { token_id: Uuid::from_u128(2).to_string() });
    refused(
        bearer(&bearer_token(), false),
        &trust,
        NOW,
        (UNAUTHENTIC, "IA-1.2", "a token that is bound to no key came from another machine"),
    );
}

#[test]
fn a_bearer_token_is_refused_where_the_deployment_does_not_say_so() {
    refused(
        bearer(&bearer_token(), true),
        &trust(),
        NOW,
        (UNAUTHENTIC, "IA-1.2", "tokens that are bound to no key are not accepted in this deployment"),
    );
}

#[test]
fn a_pipe_speaks_for_its_peer() {
    for peer in [Principal::Server("claims".parse().unwrap()), Principal::Agent("intake".parse().unwrap())] {
        let identified = identify_at(Credential::Pipe(peer.clone()), &trust(), NOW).unwrap();
        assert_eq!((&identified.hop().from, identified.proof()), (&peer, &Proof::Pipe));
    }
}

#[test]
fn nothing_shown_is_nobody() {
    refused(Credential::Absent, &trust(), NOW, (UNAUTHENTIC, "IA-2.3", "no credential was shown"));
}

#[test]
fn a_stolen_bound_token_is_worth_nothing_alone() {
    let trust = Trust::new(TrustSettings { bearer_on_loopback: true, ..settings() });
    let reason = "the agent token is bound to a key and came without a proof by that key";
    refused(bearer(&bound_token(), true), &trust, NOW, (UNAUTHENTIC, "IA-2.3", reason));
}

#[test]
fn a_bearer_token_does_not_become_bound_by_some_proof() {
    let token = bearer_token();
    let trust = Trust::new(TrustSettings { bearer_on_loopback: true, ..settings() });
    let reason = "the agent token is bound to no key, so the proof that came with it proves nothing";
    refused(bound(&token, &proof(&token, 1)), &trust, NOW, (UNAUTHENTIC, "IA-2.3", reason));
}

#[test]
fn a_proof_is_believed_once() {
    let (trust, token) = (trust(), bound_token());
    let credential = bound(&token, &proof(&token, 1));
    identify_at(credential.clone(), &trust, NOW).unwrap();
    let replayed = (UNAUTHENTIC, "IA-2.3", "the proof of possession was used before");
    refused(credential.clone(), &trust, NOW, replayed);
    refused(credential.clone(), &trust, NOW.plus_ms(59_000), replayed);
    // The same bytes are good for a deployment that has not seen them: it is the memory that refuses, nothing else.
    identify_at(credential, &super::trust(), NOW).unwrap();
    identify_at(bound(&token, &proof(&token, 2)), &trust, NOW).unwrap();
}

#[test]
fn of_many_threads_with_one_proof_one_is_believed() {
    let (trust, token) = (trust(), bound_token());
    let credential = bound(&token, &proof(&token, 1));
    let n_believed = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..16).map(|_| scope.spawn(|| identify_at(credential.clone(), &trust, NOW).is_ok())).collect();
        threads.into_iter().map(|thread| usize::from(thread.join().unwrap())).sum::<usize>()
    });
    assert_eq!(n_believed, 1);
}

#[test]
fn a_refusal_for_another_reason_does_not_use_up_the_proof() {
    let (trust, token) = (trust(), bound_token());
    let credential = bound(&token, &proof(&token, 1));
    check(
        identify(received(credential.clone(), Some("nonsense")), &trust, NOW),
        (UNAUTHENTIC, "PG-1.3", "the task token is of another kind"),
    );
    identify_at(credential, &trust, NOW).unwrap();
}

#[test]
fn a_proof_is_fresh_within_its_window_on_both_sides() {
    let earlier = Timestamp::from_millis(NOW.as_millis() - 600_000);
    let token =
        authority().issue_agent_token(&agent_id(), Some(&agent_key().thumbprint()), Uuid::nil(), earlier, HOUR_MS);
    let made = NOW.as_millis() / 1000 * 1000;
    for (offset_ms, fresh) in [(-60_001, false), (-60_000, true), (0, true), (60_000, true), (60_001, false)] {
        let now = Timestamp::from_millis(made + offset_ms);
        let result = identify_at(bound(&token, &proof(&token, 1)), &trust(), now);
        assert_eq!(result.is_ok(), fresh, "{offset_ms} ms after it was made");
        if let Err(refused) = result {
            assert!(refused.finding.reason.starts_with("the proof of possession is not fresh"));
        }
    }
}

#[test]
fn a_proof_from_before_the_start_may_have_been_used_before_the_start() {
    let token = bound_token();
    let started = Trust::new(TrustSettings { proofs_since: NOW.plus_ms(1_000), ..settings() });
    refused(
        bound(&token, &proof(&token, 1)),
        &started,
        NOW.plus_ms(2_000),
        (UNAUTHENTIC, "IA-2.3", "the proof of possession was made before this process started"),
    );
    let in_its_second = Trust::new(TrustSettings { proofs_since: NOW, ..settings() });
    identify_at(bound(&token, &proof(&token, 1)), &in_its_second, NOW).unwrap();
}

#[test]
fn a_proof_that_says_anything_else_is_refused() {
    let token = bound_token();
    let malformed = "the proof of possession cannot be read as a DPoP proof";
    let other_request = "the proof of possession is made for another method or address";
    let other_key = "the proof of possession is made with another key than the token's";
    let other_token = "the proof of possession is made for another token";
    let forged = "the proof of possession is not signed by the key that it shows";
    let stranger = AgentKey::from_seed([8; 32]).public().to_jwk();
    let mut private = agent_key().public().to_jwk();
    private["d"] = json!("AAAA");
    // The part that is changed, what it becomes (null removes it), and the reason.
    let cases = [
        ("header", "typ", json!("JWT"), malformed),
        ("header", "typ", json!("maso-agent+jwt"), malformed),
        ("header", "typ", Value::Null, malformed),
        ("header", "crit", json!(["exp"]), malformed),
        ("header", "alg", json!("none"), forged),
        ("header", "alg", json!("HS256"), forged),
        ("header", "alg", json!("ES256"), forged),
        ("header", "alg", Value::Null, malformed),
        ("header", "jwk", stranger, other_key),
        ("header", "jwk", private, malformed),
        ("header", "jwk", json!({ "kty": "oct", "k": "AAAA" }), malformed),
        ("header", "jwk", Value::Null, malformed),
        ("claims", "htm", json!("GET"), other_request),
        ("claims", "htm", json!("post"), other_request),
        ("claims", "htm", Value::Null, malformed),
        ("claims", "htu", json!("http://gateway.example:8443/mcp/claims"), other_request),
        ("claims", "htu", json!("https://gateway.example/mcp/claims"), other_request),
        ("claims", "htu", json!("https://gateway.example:8443/mcp/payments"), other_request),
        ("claims", "htu", json!("https://gateway.example.evil:8443/mcp/claims"), other_request),
        ("claims", "htu", json!("https://u@gateway.example:8443/mcp/claims"), other_request),
        ("claims", "htu", json!("/mcp/claims"), other_request),
        ("claims", "htu", json!(""), other_request),
        ("claims", "ath", json!(proof_hash("another token")), other_token),
        ("claims", "ath", json!(""), other_token),
        ("claims", "ath", Value::Null, malformed),
        ("claims", "iat", json!("1790000000"), malformed),
        ("claims", "iat", json!(-1), malformed),
        ("claims", "iat", json!(1e300), malformed),
        ("claims", "jti", json!(""), malformed),
        ("claims", "jti", json!("x".repeat(257)), malformed),
        ("claims", "jti", Value::Null, malformed),
    ];
    for (part, member, value, reason) in cases {
        let (mut header, mut claims) = proof_parts(&token);
        let object = if part == "header" { &mut header } else { &mut claims };
        match value {
            Value::Null => drop(object.as_object_mut().unwrap().remove(member)),
            value => object[member] = value,
        }
        let forged = forge(AGENT_SEED, header, claims);
        refused(bound(&token, &forged), &trust(), NOW, (UNAUTHENTIC, "IA-2.3", reason));
    }
    let (header, claims) = proof_parts(&token);
    let wrong_hand = forge([8; 32], header.clone(), claims.clone());
    refused(bound(&token, &wrong_hand), &trust(), NOW, (UNAUTHENTIC, "IA-2.3", forged));
    // And unchanged, it is believed: each case above failed for its one change.
    identify_at(bound(&token, &forge(AGENT_SEED, header, claims)), &trust(), NOW).unwrap();
}

#[test]
fn an_address_is_compared_as_an_address() {
    let token = bound_token();
    for same in [
        "https://gateway.example:8443/mcp/claims?session=1#top",
        "HTTPS://Gateway.Example:8443/mcp/claims",
        "https://gateway.example:8443/mcp/x/../claims",
    ] {
        let (header, mut claims) = proof_parts(&token);
        claims["htu"] = json!(same);
        identify_at(bound(&token, &forge(AGENT_SEED, header, claims)), &trust(), NOW).expect(same);
    }
}

#[test]
fn a_proof_may_carry_a_fractional_time_and_claims_of_its_own() {
    let token = bound_token();
    let (header, mut claims) = proof_parts(&token);
    claims["iat"] = json!(1_790_000_000.25);
    claims["nonce"] = json!("theirs");
    identify_at(bound(&token, &forge(AGENT_SEED, header, claims)), &trust(), NOW).unwrap();
}

#[test]
fn a_token_ends_when_it_ends_also_when_its_signature_is_remembered() {
    let trust = Trust::new(TrustSettings { bearer_on_loopback: true, ..settings() });
    let token = bearer_token();
    let end = Timestamp::from_millis((NOW.as_millis() / 1000) * 1000).plus_ms(HOUR_MS);
    let last = Timestamp::from_millis(end.as_millis() - 1);
    identify_at(bearer(&token, true), &trust, last).unwrap();
    assert_eq!(trust.n_agent_tokens(), 1);
    let expired = format!("the agent token expired at {end}");
    refused(bearer(&token, true), &trust, end, (UNAUTHENTIC, "IA-2.2", &expired));
}

#[test]
fn a_token_from_the_future_is_refused() {
    let trust = Trust::new(TrustSettings { bearer_on_loopback: true, ..settings() });
    let early = Timestamp::from_millis(NOW.as_millis() - 61_000);
    let result = identify_at(bearer(&bearer_token(), true), &trust, early);
    check(result, (UNAUTHENTIC, "IA-2.2", "the agent token is valid only from 2026-09-21T14:13:20.000Z"));
}

#[test]
fn what_is_revoked_is_refused_at_once_also_when_its_signature_is_remembered() {
    let intake = || "intake".parse().unwrap();
    let cases = [
        (Revocation::Token(Uuid::from_u128(1)), "the agent token is revoked"),
        (Revocation::Agent(intake()), "agent `intake` is revoked"),
        (Revocation::Key(agent_key().thumbprint()), "the key that the agent token is bound to is revoked"),
    ];
    let token = bound_token();
    for (revocation, reason) in cases {
        let trust = trust();
        identify_at(bound(&token, &proof(&token, 1)), &trust, NOW).unwrap();
        trust.revoke(revocation.clone(), NOW);
        assert!(trust.is_revoked(&revocation));
        refused(bound(&token, &proof(&token, 2)), &trust, NOW, (UNAUTHENTIC, "IA-2.1", reason));
        assert!(trust.reinstate(&revocation) && !trust.reinstate(&revocation));
        identify_at(bound(&token, &proof(&token, 2)), &trust, NOW).unwrap();
    }
    let trust = trust();
    trust.revoke(Revocation::Agent(intake()), NOW);
    let pipe = Credential::Pipe(Principal::Agent(intake()));
    refused(pipe, &trust, NOW, (UNAUTHENTIC, "IA-2.1", "agent `intake` is revoked"));
}

#[test]
fn a_task_token_that_came_along_must_be_good() {
    let pipe = || Credential::Pipe(Principal::Agent("intake".parse().unwrap()));
    let at = |token: &str, trust: &Trust, now| identify(received(pipe(), Some(token)), trust, now);
    let trust = trust();
    assert_eq!(at(&task_token(), &trust, NOW).unwrap().task(), Some(&task()));
    let refusals = [
        (bearer_token(), "the task token is of another kind"),
        (String::new(), "the task token is of another kind"),
        ("biscuit:".to_owned(), "the task token cannot be read"),
        (
            AuthorityKey::from_seed([2; 32]).issue_task_token(
                &domain(),
                (task().task, task().specification),
                &[],
                NOW,
                HOUR_MS,
            ),
            "the task token is not signed by this deployment",
        ),
        (
            authority().issue_task_token(
                &"elsewhere".parse().unwrap(),
                (task().task, task().specification),
                &[],
                NOW,
                HOUR_MS,
            ),
            "the task token belongs to another trust domain or audience",
        ),
    ];
    for (token, reason) in &refusals {
        check(at(token, &trust, NOW), (UNAUTHENTIC, "PG-1.3", reason));
    }
    let later = NOW.plus_ms(HOUR_MS);
    check(
        at(&task_token(), &trust, later),
        (UNAUTHENTIC, "PG-1.3", "the task token expired at 2026-09-21T15:13:20.000Z"),
    );
    trust.revoke(Revocation::Task(task().task), NOW);
    check(at(&task_token(), &trust, NOW), (UNAUTHENTIC, "PG-1.3", "the task is closed"));
}

#[test]
fn a_full_replay_table_refuses_and_says_so() {
    let token = bound_token();
    let none = Trust::new(TrustSettings { proofs_max: 0, ..settings() });
    let full = "the proof of possession cannot be remembered: the replay table is full";
    refused(bound(&token, &proof(&token, 1)), &none, NOW, (Refusal::Unavailable, "IA-2.3", full));
    let small = Trust::new(TrustSettings { proofs_max: 4, ..settings() });
    identify_at(bound(&token, &proof(&token, 1)), &small, NOW).unwrap();
    let share = "the proof of possession would be one too many of this sender within the time window";
    refused(bound(&token, &proof(&token, 2)), &small, NOW, (Refusal::LimitReached, "IA-2.3", share));
}

#[test]
fn a_request_without_a_hop_is_authenticated_the_same_way() {
    let (trust, token) = (trust(), bound_token());
    let credential = bound(&token, &proof(&token, 1));
    let (principal, _) = trust.authenticate(&credential, NOW).unwrap();
    assert_eq!(principal, Principal::Agent("intake".parse().unwrap()));
    assert_eq!(trust.authenticate(&credential, NOW), Err(Unproven::Spent(Spent::Seen)));
    assert_eq!(trust.authenticate(&Credential::Absent, NOW), Err(Unproven::NoCredential));
}

proptest! {
    #[test]
    fn arbitrary_tokens_and_proofs_never_panic_and_are_never_believed(token in "\\PC{0,80}", proof in "\\PC{0,80}") {
        let trust = Trust::new(TrustSettings { bearer_on_loopback: true, ..settings() });
        prop_assert!(identify_at(bearer(&token, true), &trust, NOW).is_err());
        prop_assert!(identify_at(bound(&token, &proof), &trust, NOW).is_err());
        prop_assert!(identify_at(bound(&bound_token(), &proof), &trust, NOW).is_err());
        prop_assert!(trust.task(&UnverifiedToken::new(token), NOW).is_err());
    }

    #[test]
    fn a_good_token_or_proof_with_one_character_changed_is_not_believed(at in 0_usize..400, to in "[A-Za-z0-9_.-]") {
        let token = bound_token();
        let good = proof(&token, 1);
        let change = |text: &str| {
            let at = at % text.len();
            format!("{}{to}{}", &text[..at], &text[at + 1..])
        };
        let trust = trust();
        for (token, proof) in [(change(&token), good.clone()), (token.clone(), change(&good))] {
            if (&token, &proof) != (&bound_token(), &good) {
                prop_assert!(identify_at(bound(&token, &proof), &trust, NOW).is_err());
            }
        }
    }
}

#[test]
fn whose_token_it_is_can_be_told_without_a_proof_and_uses_none_up() {
    let (trust, token) = (trust(), bound_token());
    let credential = bound(&token, &proof(&token, 1));
    let intake: AgentName = "intake".parse().unwrap();
    for _ in 0..3 {
        assert_eq!(trust.named_agent(&credential, NOW), Ok(intake.clone()));
        assert_eq!(trust.shown_agent(&credential, NOW), Ok(intake.clone()));
    }
    identify_at(credential.clone(), &trust, NOW).unwrap();
    // A used proof is a matter of the hop; a wrong one is a matter of whoever looks at it.
    assert_eq!(trust.named_agent(&credential, NOW), Ok(intake.clone()));
    let without_key = bound(&token, "no proof");
    assert_eq!(trust.named_agent(&without_key, NOW), Ok(intake.clone()));
    assert!(trust.shown_agent(&without_key, NOW).is_err());
}

#[test]
fn what_was_shown_is_remembered_until_it_is_used_up_and_looked_at_anew_each_time() {
    let (trust, token) = (trust(), bound_token());
    let credential = bound(&token, &proof(&token, 1));
    trust.shown_agent(&credential, NOW).unwrap();
    assert_eq!(trust.n_shown_proofs(), 1);
    // Its signature is known, and nothing else of it: neither its time nor the request that it came with.
    let late = NOW.plus_ms(61_000);
    assert!(matches!(trust.shown_agent(&credential, late), Err(Unproven::Possession(ProofError::Stale { .. }))));
    let Credential::Bound { token: text, proof, method, .. } = credential.clone() else { unreachable!() };
    let elsewhere = Credential::Bound { token: text, proof, method, url: "http://127.0.0.1:7680/mcp/other".to_owned() };
    assert_eq!(trust.shown_agent(&elsewhere, NOW), Err(Unproven::Possession(ProofError::OtherRequest)));
    identify_at(credential.clone(), &trust, NOW).unwrap();
    assert_eq!(trust.n_shown_proofs(), 0);
    let used = identify_at(credential, &trust, NOW).unwrap_err();
    assert_eq!(used.refusal, Refusal::Unauthentic);
}

#[test]
fn what_no_hop_could_be_identified_by_names_nobody() {
    let trust = trust();
    let (bound_token, bearer_token) = (bound_token(), bearer_token());
    let revoking = || {
        let trust = super::trust();
        trust.revoke(Revocation::Agent("intake".parse().unwrap()), NOW);
        trust
    };
    let fresh = bound(&bound_token, &proof(&bound_token, 1));
    for (credential, trust, now) in [
        (Credential::Absent, &trust, NOW),
        (bearer(&bearer_token, true), &trust, NOW),
        (bearer(&bound_token, true), &trust, NOW),
        (bound(&bearer_token, "x"), &trust, NOW),
        (bound("guess", "x"), &trust, NOW),
        (fresh.clone(), &trust, NOW.plus_ms(100 * 24 * 3_600_000)),
        (fresh, &revoking(), NOW),
        (Credential::Pipe(Principal::Server("claims".parse().unwrap())), &trust, NOW),
    ] {
        let named = trust.named_agent(&credential, now);
        assert!(named.is_err(), "{credential:?} names {named:?}");
    }
}
