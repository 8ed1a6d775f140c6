//! Instances that agents start: whatever is revoked or ends, in whichever order, nothing that came of it is believed.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::LazyLock,
};

use maso_core::{AgentName, InstanceId};

use super::*;

/// A planner starts a worker; that starts a helper; beside them stands another worker.
const LINE: [(u128, &str, Option<u128>); 3] = [(1, "worker", None), (2, "helper", Some(1)), (3, "worker", None)];

fn agent(name: &str) -> AgentName {
    name.parse().unwrap()
}

fn id(number: u128) -> InstanceId {
    InstanceId::from_uuid(Uuid::from_u128(number))
}

/// Made once: a key costs more than all else that is done in a state.
static KEYS: LazyLock<[Thumbprint; 4]> =
    LazyLock::new(|| [0, 1, 2, 3].map(|seed| AgentKey::from_seed([seed; 32]).thumbprint()));

fn key_of(number: u128) -> Thumbprint {
    KEYS[usize::try_from(number).unwrap()]
}

fn planner_token() -> Uuid {
    Uuid::from_u128(77)
}

fn task_of(number: u128) -> TaskId {
    TaskId::from_uuid(Uuid::from_u128(if number == 3 { 8 } else { 9 }))
}

fn after(ms: u64) -> Timestamp {
    NOW.plus_ms(ms)
}

/// What the credential of one of them rests on.
fn basis(number: u128, name: &str) -> Basis {
    Basis {
        agent: Some(agent(name)),
        instance: Some(id(number)),
        key: Some(key_of(number)),
        token: Some(Uuid::from_u128(100 + number)),
        ..Basis::default()
    }
}

fn planner() -> Basis {
    Basis { agent: Some(agent("planner")), token: Some(planner_token()), ..Basis::default() }
}

fn instance(number: u128) -> Instance {
    let (_, name, starter) = LINE.into_iter().find(|(one, ..)| *one == number).unwrap();
    let (by, by_basis) = match starter {
        None => ("planner", planner()),
        Some(starter) => ("worker", basis(starter, "worker")),
    };
    Instance {
        id: id(number),
        agent: agent(name),
        by: Starter { agent: agent(by), instance: starter.map(id) },
        rests_on: by_basis.rests_on().collect(),
        task: task_of(number),
        key: key_of(number),
        depth: if starter.is_some() { 2 } else { 1 },
        since: NOW,
        join_by: after(1_000),
        until: after(10_000),
        joined: None,
        ended: None,
    }
}

/// What may come onto the record, in any order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Started(u128),
    Joined(u128),
    Left(u128),
    /// Who did not join in time ends.
    JoinTimeOver,
    /// Everything ends.
    TimeOver,
    TaskClosed(u128),
    Revoked(&'static str),
}

const REVOKED: [&str; 7] =
    ["the planner", "its token", "the first worker", "the key of the helper", "all workers", "a task", "another task"];

fn revocation(name: &str) -> Revocation {
    match name {
        "the planner" => Revocation::Agent(agent("planner")),
        "its token" => Revocation::Token(planner_token()),
        "the first worker" => Revocation::Instance(id(1)),
        "the key of the helper" => Revocation::Key(key_of(2)),
        "all workers" => Revocation::Agent(agent("worker")),
        "a task" => Revocation::Task(task_of(1)),
        _ => Revocation::Task(task_of(3)),
    }
}

/// Whom a revocation names itself.
fn hits(name: &str, number: u128) -> bool {
    match name {
        "the planner" | "its token" => number != 2,
        "the first worker" => number == 1,
        "the key of the helper" => number == 2,
        "all workers" => number != 2,
        "a task" => number != 3,
        _ => number == 3,
    }
}

fn take(trust: &Trust, event: &Event) {
    let instances = trust.instances();
    match event {
        Event::Started(number) => trust.started(instance(*number)),
        Event::Joined(number) => instances.joined(id(*number), after(10)),
        Event::Left(number) => instances.end(id(*number), after(20), Ending::Left),
        Event::JoinTimeOver | Event::TimeOver => {
            let now = if *event == Event::TimeOver { after(10_000) } else { after(1_000) };
            instances.overdue(now).into_iter().for_each(|(id, why)| instances.end(id, now, why));
        }
        Event::TaskClosed(number) => instances.task_closed(task_of(*number), after(30)),
        Event::Revoked(name) => trust.revoke(revocation(name), after(40)),
    }
}

/// Whether one of them must count after these events: a count over all of them, by the book.
fn must_count(number: u128, events: &[Event]) -> bool {
    let Some(start) = events.iter().position(|event| *event == Event::Started(number)) else { return false };
    let (before, since) = events.split_at(start);
    let ended_itself = since.iter().enumerate().any(|(at, event)| match event {
        Event::Left(other) => *other == number,
        Event::TimeOver => true,
        Event::JoinTimeOver => !since[..at].contains(&Event::Joined(number)),
        Event::TaskClosed(other) => task_of(*other) == task_of(number),
        Event::Revoked(name) => hits(name, number),
        Event::Started(_) | Event::Joined(_) => false,
    });
    let starter = LINE[usize::try_from(number).unwrap() - 1].2;
    let is_revoked_before = before.iter().any(|event| matches!(event, Event::Revoked(name) if hits(name, number)));
    // Whoever starts it must count then, and for as long as it does.
    let starter_counts = starter.is_none_or(|starter| must_count(starter, events) && must_count(starter, before));
    !ended_itself && !is_revoked_before && starter_counts
}

fn possible() -> Vec<Event> {
    let mut events = vec![Event::JoinTimeOver, Event::TimeOver, Event::TaskClosed(1), Event::TaskClosed(3)];
    for (number, ..) in LINE {
        events.extend([Event::Started(number), Event::Joined(number), Event::Left(number)]);
    }
    events.extend(REVOKED.map(Event::Revoked));
    events
}

/// Every order of every four of these events, as far as they lead to different states.
#[test]
fn in_no_reachable_state_is_anybody_believed_in_whose_line_something_ended() {
    const DEPTH: usize = 4;
    let (mut seen, mut open) = (BTreeSet::new(), VecDeque::from([Vec::<Event>::new()]));
    let mut n_alive = 0;
    while let Some(events) = open.pop_front() {
        let trust = trust();
        events.iter().for_each(|event| take(&trust, event));
        // What came onto the record twice is no other state, and what is told of a state is what it was made of.
        let mut made_of = events.clone();
        made_of.sort();
        if !seen.insert(format!("{:?} {made_of:?}", trust.instances().all())) {
            continue;
        }
        for (number, name, _) in LINE {
            let believed = trust.bears(&basis(number, name)).is_ok();
            let expected = must_count(number, &events);
            assert!(!believed || expected, "{number} is believed after {events:?}");
            // Nor is anybody stopped without a reason, but for what their own credential rests on beside.
            let is_revoked = |event: &Event| matches!(event, Event::Revoked(name) if hits(name, number));
            assert!(
                believed || !expected || events.iter().any(is_revoked),
                "{number} is not believed after {events:?}"
            );
            // Nobody is believed to be an instance of an agent that it is not.
            let other = if name == "worker" { "helper" } else { "worker" };
            assert!(trust.bears(&basis(number, other)).is_err());
            n_alive += usize::from(believed);
        }
        if events.len() < DEPTH {
            let next = possible().into_iter().filter(|event| !events.contains(event));
            open.extend(next.map(|event| events.iter().cloned().chain([event]).collect()));
        }
    }
    assert!(n_alive > 100, "there were states in which somebody is believed");
}

#[test]
fn a_token_of_an_instance_is_bound_to_a_key_and_counts_for_as_long_as_the_instance() {
    let trust = trust();
    let holder = maso_core::Holder::instance(SpiffeId { agent: agent("worker"), ..agent_id() }, id(1));
    let token = |key: Option<&Thumbprint>| {
        authority().issue_agent_token(holder.clone(), key, Uuid::from_u128(101), NOW, HOUR_MS)
    };
    let bound_to_its_key = token(Some(&key_of(1)));
    let shown = |token: &str, n: u128| {
        let key = AgentKey::from_seed([1; 32]);
        let proof = key.prove("POST", URL, token, Uuid::from_u128(n), NOW);
        identify_at(bound(token, &proof), &trust, NOW)
    };
    let refused = shown(&bound_to_its_key, 1).unwrap_err();
    assert_eq!(refused.finding.reason, "the instance of the agent is not known");
    trust.started(instance(1));
    let identified = shown(&bound_to_its_key, 2).unwrap();
    assert_eq!(identified.basis().instance(), Some(id(1)));
    assert_eq!(identified.hop().from, Principal::Agent(agent("worker")));
    trust.instances().end(id(1), NOW, Ending::Left);
    assert_eq!(shown(&bound_to_its_key, 3).unwrap_err().finding.reason, "the instance of the agent left");
    // What was identified before is asked once more at its commit.
    assert!(trust.bears(identified.basis()).is_err());

    let unbound = token(None);
    let loose = Trust::new(TrustSettings { bearer_on_loopback: true, ..settings() });
    loose.started(instance(1));
    assert!(identify_at(bearer(&unbound, true), &loose, NOW).is_err(), "an instance has no token without a key");
}

#[test]
fn what_is_revoked_and_believed_again_brings_no_instance_back() {
    let trust = trust();
    trust.started(instance(1));
    trust.revoke(Revocation::Agent(agent("planner")), NOW);
    assert!(trust.reinstate(&Revocation::Agent(agent("planner"))));
    assert!(trust.bears(&planner()).is_ok());
    assert_eq!(trust.bears(&basis(1, "worker")), Err(Unproven::Instance(Ending::Revoked)));
}

#[test]
fn an_id_names_one_instance_for_ever() {
    let trust = trust();
    trust.started(instance(1));
    trust.instances().end(id(1), NOW, Ending::Left);
    trust.started(instance(1));
    assert_eq!(trust.bears(&basis(1, "worker")), Err(Unproven::Instance(Ending::Left)));
}
