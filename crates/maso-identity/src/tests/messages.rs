//! A message is its sender's own, to the byte, for whom it says, now and once; or it is not taken.

use maso_core::{AgentName, Refusal};
use maso_wire::envelope::{Message, Parts};
use proptest::prelude::*;

use super::*;

/// What a sound message says. Made at [`NOW`], valid for five minutes.
fn told() -> Value {
    json!({
        "message_id": "msg_0192f3c07b7a7c3e9f0a1b2c3d4e5f60",
        "sender_id": "spiffe://claims.example/agent/intake",
        "recipient_id": "spiffe://claims.example/agent/payments",
        "timestamp": NOW.to_string(),
        "valid_until": NOW.plus_ms(VALID_MS).to_string(),
        "message_type": "claim",
        "content": { "claim": "CL-1" },
        "provenance":
            { "source": "tool", "source_id": "claims:read", "verified": true, "verification_method": "tool-output" },
        "confidence": 0.82,
        "assumptions": [],
        "unknowns": [],
        "constraints": [],
        "classification": "internal",
        "goal_hash": maso_core::Digest::of(b"specification").to_string(),
        "nonce": "kq3V0b9xT2mZr8Lw",
        "contract": { "name": "assessed-claim", "version": 1 },
        "inputs": [],
    })
}

pub(super) fn message() -> Message {
    Message::parse(told().to_string().as_bytes()).unwrap()
}

fn with(change: impl FnOnce(&mut Parts)) -> Message {
    let mut parts = message().into_parts();
    change(&mut parts);
    Message::of(parts).unwrap()
}

pub(super) fn sealed(message: &Message) -> Envelope {
    SignedMessage::seal(message, &agent_key())
}

/// What the sender shows with its `n`th message, made at `now`.
fn shown(n: u128, now: Timestamp) -> Credential {
    let token = bound_token();
    bound(&token, &agent_key().prove("POST", URL, &token, Uuid::from_u128(n), now))
}

fn messages() -> Messages {
    Messages::new(1_000, START)
}

fn take(envelope: &Envelope) -> Result<SignedMessage, MessageError> {
    messages().take(envelope, &shown(1, NOW), Addressee::Anyone, &trust(), NOW)
}

fn agent(name: &str) -> AgentName {
    name.parse().unwrap()
}

#[test]
fn what_is_said_is_taken_with_the_digest_of_what_was_signed() {
    let envelope = sealed(&message());
    let digest = maso_core::Digest::of(envelope.unverified_payload());
    let taken = take(&envelope).unwrap();
    assert_eq!(taken.digest(), digest);
    let (taken, content) = taken.into_parts();
    assert_eq!((content.value(), content.digest()), (&Value::Object(taken.content.clone()), digest));
    assert_eq!(taken, message());
}

#[test]
fn a_message_is_taken_as_what_was_signed() {
    let envelope = Envelope::read(&sealed(&message()).write()).unwrap();
    let taken = take(&envelope).unwrap();
    assert_eq!(taken.message(), &message());
    assert_eq!((taken.sender(), taken.recipient()), (&agent("intake"), &agent("payments")));
    assert_eq!(taken.digest(), maso_core::Digest::of(envelope.unverified_payload()));
    assert_eq!(taken.key(), &agent_key().thumbprint());
}

#[test]
fn a_message_is_taken_once_and_again_only_where_nobody_remembers() {
    let (messages, trust) = (messages(), trust());
    let envelope = sealed(&message());
    let again = |n, now| messages.take(&envelope, &shown(n, now), Addressee::Anyone, &trust, now);
    assert!(again(1, NOW).is_ok());
    let last = NOW.plus_ms(VALID_MS);
    for (n, now) in [(2, NOW), (3, NOW.plus_ms(1)), (4, last)] {
        assert_eq!(again(n, now), Err(MessageError::Spent(Spent::Seen)), "a fresh proof makes no fresh message");
    }
    assert_eq!(again(5, last.plus_ms(1)), Err(MessageError::Late { until: last }));
    // The same bytes are good for a deployment that has not seen them: it is the memory that refuses, nothing else.
    assert!(take(&envelope).is_ok());
}

#[test]
fn two_agents_may_use_the_same_nonce() {
    let (messages, trust) = (messages(), trust());
    assert!(messages.take(&sealed(&message()), &shown(1, NOW), Addressee::Anyone, &trust, NOW).is_ok());
    let other = AgentKey::from_seed([8; 32]);
    let id = SpiffeId { agent: agent("payments"), ..agent_id() };
    let token = authority().issue_agent_token(&id, Some(&other.thumbprint()), Uuid::from_u128(3), NOW, HOUR_MS);
    let credential = bound(&token, &other.prove("POST", URL, &token, Uuid::from_u128(4), NOW));
    let answer = with(|parts| std::mem::swap(&mut parts.claimed_sender, &mut parts.recipient));
    let envelope = SignedMessage::seal(&answer, &other);
    assert!(messages.take(&envelope, &credential, Addressee::Agent(&agent("intake")), &trust, NOW).is_ok());
}

#[test]
fn what_is_not_taken_leaves_its_nonce_unused() {
    let (messages, trust) = (messages(), trust());
    let take = |message: &Message, addressee: Addressee<'_>, n| {
        messages.take(&sealed(message), &shown(n, NOW), addressee, &trust, NOW)
    };
    let early = with(|parts| {
        parts.at = NOW.plus_ms(Messages::SKEW_MS + 1);
        parts.valid_until = parts.at.plus_ms(VALID_MS);
    });
    assert_eq!(take(&early, Addressee::Anyone, 1), Err(MessageError::NotYet { at: early.at }));
    assert_eq!(take(&message(), Addressee::Agent(&agent("audit")), 2), Err(MessageError::Recipient));
    assert!(take(&message(), Addressee::Agent(&agent("payments")), 3).is_ok());
}

#[test]
fn a_full_memory_takes_no_message() {
    let (messages, trust) = (Messages::new(4, START), trust());
    let numbered = |n: u128| with(|parts| parts.nonce = format!("nonce-number-{n:04}").parse().unwrap());
    let take = |n: u128| messages.take(&sealed(&numbered(n)), &shown(n, NOW), Addressee::Anyone, &trust, NOW);
    assert!(take(1).is_ok());
    let refused = take(2).unwrap_err();
    assert_eq!((refused.clone(), refused.refusal()), (MessageError::Spent(Spent::ShareUsed), Refusal::LimitReached));
}

#[test]
fn whoever_holds_no_key_can_send_no_message() {
    let bearers = Trust::new(TrustSettings { bearer_on_loopback: true, ..settings() });
    for credential in [bearer(&bearer_token(), true), Credential::Pipe(Principal::Agent(agent("intake")))] {
        let refused = messages().take(&sealed(&message()), &credential, Addressee::Anyone, &bearers, NOW);
        assert_eq!(refused, Err(MessageError::NoKey));
    }
    let refused = messages().take(&sealed(&message()), &Credential::Absent, Addressee::Anyone, &bearers, NOW);
    assert_eq!(refused, Err(MessageError::Credential(Unproven::NoCredential)));
}

#[test]
fn whoever_was_revoked_sends_nothing() {
    for revocation in [Revocation::Agent(agent("intake")), Revocation::Key(agent_key().thumbprint())] {
        let trust = trust();
        trust.revoke(revocation, NOW);
        let refused = messages().take(&sealed(&message()), &shown(1, NOW), Addressee::Anyone, &trust, NOW);
        assert!(matches!(refused, Err(MessageError::Credential(_))), "{refused:?}");
    }
}

#[test]
fn nothing_is_parsed_before_its_signature_was_checked() {
    let mut forged = Envelope::new(SignedMessage::PAYLOAD_TYPE, "{ no message");
    assert_eq!(take(&forged), Err(MessageError::Signatures(0)));
    forged.sign_as_agent(&AgentKey::from_seed([8; 32]));
    assert_eq!(take(&forged), Err(MessageError::Forged));
    let mut signed = Envelope::new(SignedMessage::PAYLOAD_TYPE, "{ no message");
    signed.sign_as_agent(&agent_key());
    let refused = take(&signed).unwrap_err();
    assert!(matches!(refused, MessageError::Malformed(_)));
    assert_eq!((refused.control(), refused.refusal()), ("EC-2.15", Refusal::Malformed));
}

#[test]
fn a_signature_for_something_else_signs_no_message() {
    let mut other = Envelope::new("application/vnd.in-toto+json", message().write());
    other.sign_as_agent(&agent_key());
    assert_eq!(take(&other), Err(MessageError::Type));
    let named = Envelope::read(&other.write().replace("application/vnd.in-toto+json", SignedMessage::PAYLOAD_TYPE));
    assert_eq!(take(&named.unwrap()), Err(MessageError::Forged));
}

#[test]
fn an_envelope_has_its_senders_signature_and_no_other() {
    let mut envelope = sealed(&message());
    envelope.sign_as_agent(&AgentKey::from_seed([8; 32]));
    assert_eq!(take(&envelope), Err(MessageError::Signatures(2)));
}

#[test]
fn neither_sender_nor_recipient_can_be_another() {
    let domain: TrustDomain = "other.example".parse().unwrap();
    for (message, expected) in [
        (with(|parts| parts.claimed_sender.agent = agent("audit")), MessageError::Sender),
        (with(|parts| parts.claimed_sender.trust_domain = domain.clone()), MessageError::Sender),
        (with(|parts| parts.recipient.agent = agent("intake")), MessageError::Recipient),
        (with(|parts| parts.recipient.trust_domain = domain.clone()), MessageError::Recipient),
    ] {
        let refused = take(&sealed(&message)).unwrap_err();
        assert_eq!(refused, expected);
        assert_eq!((refused.control(), refused.refusal()), ("IA-2.3", Refusal::Unauthentic));
    }
}

#[test]
fn the_window_holds_at_its_edges() {
    let made = |at: Timestamp| {
        sealed(&with(|parts| {
            parts.at = at;
            parts.valid_until = at.plus_ms(VALID_MS);
        }))
    };
    let ago = |ms: i64| Timestamp::from_millis(NOW.as_millis() - ms);
    assert!(take(&made(NOW.plus_ms(Messages::SKEW_MS))).is_ok());
    assert!(take(&made(ago(300_000))).is_ok());
    assert_eq!(take(&made(ago(300_001))), Err(MessageError::Late { until: ago(1) }));
    let since = |since| {
        let credential = shown(1, NOW);
        Messages::new(10, since).take(&made(NOW), &credential, Addressee::Anyone, &trust(), NOW)
    };
    assert!(since(NOW).is_ok());
    assert_eq!(since(NOW.plus_ms(1)), Err(MessageError::BeforeStart));
}

#[test]
fn nothing_that_was_said_is_shown() {
    let secret = with(|parts| drop(parts.content.insert("iban".to_owned(), json!("GB33BUKB20201555555555"))));
    let taken = take(&sealed(&secret)).unwrap();
    assert!(!format!("{taken:?}").contains("GB33"));
    let refused = take(&sealed(&with(|parts| parts.recipient.agent = agent("intake")))).unwrap_err();
    assert!(!refused.finding().reason.contains("CL-1"));
}

proptest! {
    #[test]
    fn no_byte_of_what_was_signed_can_be_another(place in any::<prop::sample::Index>(), bit in 0_u8..8, cut in any::<bool>()) {
        let whole = sealed(&message());
        let mut payload = whole.unverified_payload().to_vec();
        let place = place.index(payload.len());
        if cut {
            payload.truncate(place);
        } else {
            payload[place] ^= 1 << bit;
        }
        // The signature of the whole around what is left of it.
        let text = whole.write();
        let signature = &text[text.find("\"signatures\"").unwrap()..];
        let moved = Envelope::new(SignedMessage::PAYLOAD_TYPE, payload).write();
        let moved = format!("{}{signature}", &moved[..moved.find("\"signatures\"").unwrap()]);
        prop_assert_eq!(take(&Envelope::read(&moved).unwrap()), Err(MessageError::Forged));
    }

    #[test]
    fn no_text_but_an_envelope_of_the_message_is_taken(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3)) {
        let mut text = sealed(&message()).write().into_bytes();
        for (place, byte) in edits {
            let place = place.index(text.len());
            text[place] = byte;
        }
        if let Ok(taken) = std::str::from_utf8(&text).map_or(Err(()), |text| Envelope::read(text).map_err(drop))
            .and_then(|envelope| take(&envelope).map_err(drop)) {
            prop_assert_eq!(taken.message(), &message(), "another message is believed");
        }
    }

    #[test]
    fn no_other_key_signs_for_the_sender(seed in any::<[u8; 32]>().prop_filter("another", |seed| *seed != AGENT_SEED)) {
        let envelope = SignedMessage::seal(&message(), &AgentKey::from_seed(seed));
        prop_assert_eq!(take(&envelope), Err(MessageError::Forged));
    }

    #[test]
    fn of_any_order_of_copies_each_message_is_taken_once(order in prop::collection::vec(0_u128..4, 1..24)) {
        let (messages, trust) = (Messages::new(1_000, START), trust());
        let mut taken = std::collections::HashSet::new();
        for (n, which) in order.into_iter().enumerate() {
            let envelope = sealed(&with(|parts| parts.nonce = format!("nonce-number-{which:04}").parse().unwrap()));
            let result = messages.take(&envelope, &shown(n as u128, NOW), Addressee::Anyone, &trust, NOW);
            prop_assert_eq!(result.is_ok(), taken.insert(which));
        }
    }
}

const VALID_MS: u64 = 300_000;
