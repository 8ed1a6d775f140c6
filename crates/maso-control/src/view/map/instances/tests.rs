//! Which instances the map shows, and for how long.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use maso_core::{InstanceId, TaskId, Timestamp};
use maso_identity::{AgentKey, Ending, Instance, Instances, Starter};
use uuid::Uuid;

use super::{ENDED_SHOWN_MS, SHOWN_MAX, by_agent};

const TTL_MS: i64 = 900_000;
const JOIN_MS: i64 = 300_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn id(number: u128) -> InstanceId {
    InstanceId::from_uuid(Uuid::from_u128(number))
}

/// The planner starts a reader at this moment.
fn start(instances: &Instances, number: u128, since_ms: i64) {
    instances.started(Instance {
        id: id(number),
        agent: "reader".parse().unwrap(),
        by: Starter { agent: "planner".parse().unwrap(), instance: None },
        rests_on: Vec::new(),
        task: TaskId::from_uuid(Uuid::from_u128(1)),
        key: AgentKey::from_seed([7; 32]).thumbprint(),
        depth: 1,
        since: at(since_ms),
        join_by: at(since_ms + JOIN_MS),
        until: at(since_ms + TTL_MS),
        joined: None,
        ended: None,
    });
}

/// An instance's id, and why it ended.
type Told = (String, Option<String>);

/// What is shown at a moment: how many count, and by its number each of those told apart, with why it ended.
fn shown(instances: &Instances, now_ms: i64) -> Option<(usize, Vec<Told>)> {
    let mut by_agent = by_agent(instances, at(now_ms));
    let view = by_agent.remove(&"reader".parse().unwrap());
    assert!(by_agent.is_empty());
    let told = |view: maso_api::InstancesView| {
        view.latest.into_iter().map(|it| (it.instance, it.ended.map(|ended| ended.why))).collect()
    };
    view.map(|view| (view.n_live, told(view)))
}

fn told(number: u128, why: Option<&str>) -> Told {
    (id(number).to_string(), why.map(str::to_owned))
}

#[test]
fn what_counts_comes_first_and_what_has_ended_goes_after_a_while() {
    let instances = Instances::default();
    (1..=3).for_each(|number| start(&instances, number, number.try_into().unwrap()));
    instances.joined(id(2), at(4));
    instances.end(id(3), at(5), Ending::Left);
    let all = vec![told(2, None), told(1, None), told(3, Some("left"))];
    assert_eq!(shown(&instances, 5), Some((2, all.clone())));
    assert_eq!(
        shown(&instances, 5 + ENDED_SHOWN_MS),
        Some((1, vec![told(2, None), told(1, Some("not-joined")), told(3, Some("left"))]))
    );
    assert_eq!(shown(&instances, 6 + ENDED_SHOWN_MS), Some((1, vec![told(2, None), told(1, Some("not-joined"))])));
    // Time alone ends it too, whether or not that is on the record yet.
    assert_eq!(shown(&instances, 2 + TTL_MS), Some((0, vec![told(2, Some("expired"))])));
    assert_eq!(shown(&instances, 3 + TTL_MS + ENDED_SHOWN_MS), None);
}

#[test]
fn no_more_are_told_apart_than_there_is_room_for_and_none_that_counts_is_hidden_by_one_that_ended() {
    let instances = Instances::default();
    let n_started = SHOWN_MAX as u128 + 20;
    for number in 0..n_started {
        start(&instances, number, number.try_into().unwrap());
        if number > 0 {
            instances.end(id(number), at(100), Ending::Left);
        }
    }
    let (n_live, latest) = shown(&instances, 100).unwrap();
    assert_eq!((n_live, latest.len(), latest[0].clone()), (1, SHOWN_MAX, told(0, None)));
}
