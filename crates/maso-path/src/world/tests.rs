//! In which task, and under which phases, a hop between agents is looked at.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::sync::Arc;

use maso_core::{Act, AgentName, Digest, HopId, Mode, Phase, Principal, Timestamp, Turn};
use maso_identity::{AuthorityKey, Identified, Trust, TrustSettings, identify};
use maso_intent::{Deployment, Resolved, resolve};
use maso_log::{Record, v1};
use maso_wire::{Arrival, Credential, Limits, Received};
use uuid::Uuid;

use super::World;

/// `writer` may ask `reader` to `proofread`.
fn deployment() -> Deployment {
    let mut source = maso_intent::minimal();
    let grant = "[[grants]]\nfrom = \"writer\"\nto = \"reader\"\nrequest = \"proofread\"\n\n[oispec]";
    let workflow = source.files["workflows/notes.toml"]
        .replace(r#"agents = ["writer"]"#, r#"agents = ["writer", "reader"]"#)
        .replace("[oispec]", grant);
    source.files.insert("workflows/notes.toml".into(), workflow);
    let reader = source.files["agents/writer.toml"].replace("AGT-0001", "AGT-0002");
    source.files.insert("agents/reader.toml".into(), reader);
    maso_intent::parse(&source).unwrap()
}

fn world() -> World {
    World::new(Arc::new(deployment()), Mode::Enforce)
}

fn agent(name: &str) -> AgentName {
    name.parse().unwrap()
}

/// `reader` answers what `writer` asked of it, without a task token.
fn answer(world: &World) -> Identified {
    let authority = AuthorityKey::from_seed([7; 32]);
    let now = Timestamp::from_millis(1_000);
    let domain = world.deployment().trust_domain.clone();
    let trust = Trust::new(TrustSettings::new(domain, authority.public(), now));
    let arrival = Arrival {
        id: HopId::from_uuid(Uuid::from_u128(2)),
        at: now,
        credential: Credential::Pipe(Principal::Agent(agent("reader"))),
        task: None,
        to: Principal::Agent(agent("writer")),
    };
    let act = Act::Request { agent: agent("reader"), request: "proofread".parse().unwrap() };
    let turn = Turn::Answer { to: HopId::from_uuid(Uuid::from_u128(1)) };
    let received = Received::from_bytes(arrival, act, turn, b"{\"errors\":0}", &Limits::DEFAULT).unwrap();
    identify(received, &trust, now).unwrap()
}

fn resolved(world: &World) -> Result<Resolved, &'static str> {
    let (identified, circumstances) =
        world.around(answer(world), Timestamp::from_millis(1_000)).map_err(|refused| refused.refusal.as_str())?;
    resolve(identified, circumstances).map_err(|refused| refused.refusal.as_str())
}

fn kill(world: &World, scope: &str) {
    let killed = v1::Killed { scope: scope.to_owned(), by: "operator:owner".to_owned(), reason: "drill".to_owned() };
    world.fold(&Record {
        sequence: 1,
        at: Timestamp::from_millis(1_000),
        body: v1::Body::Killed(killed),
        previous: Digest::of(b""),
        hash: Digest::of(b""),
    });
}

#[test]
fn an_answer_between_agents_belongs_to_the_task_of_whoever_asked() {
    let world = world();
    let resolved = resolved(&world).unwrap();
    assert_eq!(resolved.task().id, world.tasks().standing(&agent("writer")).unwrap().id);
    assert_eq!(resolved.mandate().agent, agent("writer"));
}

#[test]
fn an_agent_that_is_stopped_neither_answers_nor_is_answered() {
    for stopped in ["writer", "reader"] {
        let world = world();
        assert!(!world.is_stopped(&agent(stopped)));
        kill(&world, &format!("agent:{stopped}"));
        assert!(world.is_stopped(&agent(stopped)));
        assert_eq!(world.phase(&agent(stopped)), Phase::Emergency);
        assert_eq!(resolved(&world).unwrap_err(), "SUSPENDED");
    }
}

/// A held action of an agent.
fn held(world: &World, agent: &str, number: u128) {
    let text = serde_json::json!({
        "hop": HopId::from_uuid(Uuid::from_u128(number)).to_string(),
        "received_at": 1, "hop_kind": "tool-call", "from": format!("agent:{agent}"), "to": "server:notes",
        "verb": "call_tool", "object": "notes:send_note", "input_hash": "sha256:00", "decision": "hold",
        "enforced": true, "findings": [], "pace_phase": "primary", "expires_at": 9_000_000,
        "action": Digest::of(&number.to_be_bytes()).to_string(),
        "ticket": maso_core::TicketId::from_uuid(Uuid::from_u128(number)).to_string(),
    });
    fold(world, v1::Body::HopDecided(serde_json::from_value(text).unwrap()));
}

fn fold(world: &World, body: v1::Body) {
    let at = Timestamp::from_millis(1_000);
    world.fold(&Record { sequence: 1, at, body, previous: Digest::of(b""), hash: Digest::of(b"") });
}

#[test]
fn an_agent_at_its_cap_of_held_actions_takes_no_other_agents_place() {
    let world = world();
    let most = world.deployment().settings.held_actions_max;
    for number in 1..=most {
        assert!(world.tickets().room_for(&agent("writer")).is_ok(), "{number}");
        held(&world, "writer", number as u128);
    }
    assert!(world.tickets().room_for(&agent("writer")).is_err());
    assert!(world.tickets().room_for(&agent("reader")).is_ok());
    // A place is free again when somebody answered.
    let ticket = maso_core::TicketId::from_uuid(Uuid::from_u128(1)).to_string();
    fold(&world, v1::Body::TicketExpired(v1::TicketExpired { ticket }));
    assert!(world.tickets().room_for(&agent("writer")).is_ok());
    assert_eq!((world.tickets().n_open_of(&agent("writer")), world.tickets().n_open()), (most - 1, most - 1));
}
