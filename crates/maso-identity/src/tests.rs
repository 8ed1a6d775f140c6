//! Nobody is believed without proof, and no proof twice.

mod callbacks;
mod cards;
mod delegation;
mod envelopes;
mod forgetting;
mod identify;
mod instances;
mod keys;
mod messages;
mod nonces;
mod operators;
mod samples;
mod svids;
mod tokens;

use ed25519_dalek::SigningKey;
use maso_core::{Act, HopId, Principal, Refused, SpiffeId, TaskId, Timestamp, TrustDomain, Turn};
use maso_wire::{Arrival, Credential, Limits, Received, UnverifiedToken};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{jws, *};

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_500);
const START: Timestamp = Timestamp::from_millis(1_789_999_000_000);
const HOUR_MS: u64 = 3_600_000;
const URL: &str = "https://gateway.example:8443/mcp/claims";

fn domain() -> TrustDomain {
    "claims.example".parse().unwrap()
}

fn authority() -> AuthorityKey {
    AuthorityKey::from_seed([1; 32])
}

fn settings() -> TrustSettings {
    TrustSettings::new(domain(), authority().public(), START)
}

fn trust() -> Trust {
    Trust::new(settings())
}

fn agent_id() -> SpiffeId {
    SpiffeId { trust_domain: domain(), agent: "intake".parse().unwrap() }
}

const AGENT_SEED: [u8; 32] = [7; 32];

fn agent_key() -> AgentKey {
    AgentKey::from_seed(AGENT_SEED)
}

fn bound_token() -> String {
    authority().issue_agent_token(&agent_id(), Some(&agent_key().thumbprint()), Uuid::from_u128(1), NOW, HOUR_MS)
}

fn bearer_token() -> String {
    authority().issue_agent_token(&agent_id(), None, Uuid::from_u128(2), NOW, HOUR_MS)
}

fn bearer(token: &str, loopback: bool) -> Credential {
    Credential::Bearer { token: UnverifiedToken::new(token), loopback }
}

fn bound(token: &str, proof: &str) -> Credential {
    Credential::Bound {
        token: UnverifiedToken::new(token),
        proof: UnverifiedToken::new(proof),
        method: "POST".into(),
        url: URL.into(),
    }
}

/// A fresh proof over the request that [`bound`] describes, the `n`th of its kind.
fn proof(token: &str, n: u128) -> String {
    agent_key().prove("POST", URL, token, Uuid::from_u128(n), NOW)
}

fn task() -> TaskClaim {
    TaskClaim::begun(TaskId::from_uuid(Uuid::from_u128(9)), maso_core::Digest::of(b"specification"))
}

fn task_token() -> String {
    authority().issue_task_token(&domain(), (task().task, task().specification), &[], NOW, HOUR_MS)
}

fn received(credential: Credential, task: Option<&str>) -> Received {
    let arrival = Arrival {
        id: HopId::from_uuid(Uuid::from_u128(5)),
        at: NOW,
        credential,
        task: task.map(UnverifiedToken::new),
        to: Principal::Server("claims".parse().unwrap()),
    };
    let act = Act::CallTool("claims:read".parse().unwrap());
    Received::from_bytes(arrival, act, Turn::Ask, b"{\"claim\":\"CL-1\"}", &Limits::DEFAULT).unwrap()
}

fn identify_at(credential: Credential, trust: &Trust, now: Timestamp) -> Result<Identified, Box<Refused<Received>>> {
    identify(received(credential, None), trust, now)
}

/// Signs any header and claims, as somebody would who holds the key of `seed` and none of our code.
fn forge(seed: [u8; 32], header: Value, claims: Value) -> String {
    jws::sign(&SigningKey::from_bytes(&seed), &header, &claims)
}

/// The header and claims of a proof that [`trust`] accepts for `token`.
fn proof_parts(token: &str) -> (Value, Value) {
    let ath = proof_hash(token);
    (
        json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": agent_key().public().to_jwk() }),
        json!({ "jti": "one", "htm": "POST", "htu": URL, "iat": NOW.as_millis() / 1000, "ath": ath }),
    )
}

fn proof_hash(token: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(maso_core::Digest::of(token.as_bytes()).as_bytes())
}
