//! Each fold answers as a naive count over the whole history does, also when it begins anew from the record.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use maso_core::{Digest, HopId, TaskId, Timestamp, Word};
use maso_intent::{Bounds, Deployment, Specification, TaskKind, TaskSpec};
use maso_log::{
    Record,
    v1::{self, Body},
};
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

use super::{
    commits::{Commits, Deciding},
    delegations::Delegations,
    depths::Depths,
    evaluations::FOUND_MAX,
    requests::{Request, Runs},
    retries::{Patience, Retries},
    turns::Turns,
};
use crate::world::conduct::Conduct;

const HOUR_MS: i64 = 3_600_000;

fn hop(number: usize) -> HopId {
    HopId::from_uuid(Uuid::from_u128(number as u128 + 1))
}

fn task(number: usize) -> TaskId {
    TaskId::from_uuid(Uuid::from_u128(number as u128 + 1))
}

fn digest(of: impl std::fmt::Debug) -> Digest {
    Digest::of(format!("{of:?}").as_bytes())
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Three agents of one workflow; `a` may let its work be handed on over two hops.
fn deployment() -> Arc<Deployment> {
    let mut source = maso_intent::minimal();
    let writer = source.files.remove("agents/writer.toml").unwrap();
    for (name, number) in [("a", 1), ("b", 2), ("c", 3)] {
        let text = writer.replace("AGT-0001", &format!("AGT-000{number}"));
        let bounded = if name == "a" { "[authority]\nmax_delegation_depth = 2\n\n[oispec]" } else { "[oispec]" };
        source.files.insert(format!("agents/{name}.toml"), text.replace("[oispec]", bounded));
    }
    let workflow = &source.files["workflows/notes.toml"];
    let workflow = workflow.replace(r#"agents = ["writer"]"#, r#"agents = ["a", "b", "c"]"#);
    source.files.insert("workflows/notes.toml".into(), workflow);
    Arc::new(maso_intent::parse(&source).unwrap())
}

const AGENTS: [&str; 3] = ["a", "b", "c"];

/// A decision on the record.
fn decided(number: usize, verb: &str, more: serde_json::Value) -> v1::HopDecided {
    let mut record = serde_json::json!({
        "hop": hop(number).to_string(), "received_at": 1, "hop_kind": "delegation", "to": "", "verb": verb, "object": "",
        "input_hash": "sha256:00", "decision": "allow", "enforced": true, "findings": [], "pace_phase": "primary",
    });
    record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(record).unwrap()
}

fn record(at: Timestamp, body: Body) -> Record {
    Record { sequence: 1, at, body, previous: Digest::of(b""), hash: Digest::of(b"") }
}

#[derive(Clone, Debug)]
struct Asks {
    from: usize,
    to: usize,
    item: Option<u8>,
    content: u8,
    task: usize,
    later_ms: i64,
}

fn asks() -> impl Strategy<Value = Asks> {
    let item = prop_oneof![Just(None), (0..2_u8).prop_map(Some)];
    (0..3_usize, 1..3_usize, item, 0..3_u8, 0..2_usize, 0..HOUR_MS).prop_map(
        |(from, step, item, content, task, later_ms)| Asks {
            from,
            to: (from + step) % 3,
            item,
            content,
            task,
            later_ms,
        },
    )
}

impl Asks {
    fn action(&self) -> Digest {
        digest((self.from, self.to, self.item, self.content, self.task))
    }

    fn decided(&self, number: usize) -> v1::HopDecided {
        let (from, to) = (AGENTS[self.from], AGENTS[self.to]);
        let mut more = serde_json::json!({
            "from": format!("agent:{from}"), "to": format!("agent:{to}"), "object": format!("{to}:keep"),
            "task": task(self.task).to_string(), "action": self.action().to_string(),
        });
        if let Some(item) = self.item {
            more["item"] = digest(item).to_string().into();
        }
        decided(number, "request", more)
    }
}

/// The turns of a conversation, counted over all that was asked in it.
fn turns(history: &[Asks], next: &Asks) -> u32 {
    let same = |one: &&Asks| {
        one.task == next.task
            && one.item == next.item
            && BTreeSet::from([one.from, one.to]) == BTreeSet::from([next.from, next.to])
    };
    let conversation: Vec<&Asks> = history.iter().filter(same).chain([next]).collect();
    let turns = conversation.iter().enumerate().filter(|(place, one)| {
        let before = place.checked_sub(1).map(|before| conversation[before]);
        one.item.is_some() || before.is_none_or(|before| before.from != one.from || before.action() == one.action())
    });
    u32::try_from(turns.count()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn turns_and_delegations_are_what_a_count_over_all_of_them_says(history in vec(asks(), 1..40)) {
        let deployment = deployment();
        let runs = Runs::new(&deployment);
        let bounds = Bounds { turns_max: 3, delegations_max: 9, delegations_per_hour_max: 7, ..Bounds::default() };
        let (folded, delegated) = (Turns::default(), Delegations::default());
        let mut now = 0;
        let mut times = Vec::new();
        for (number, next) in history.iter().enumerate() {
            now += next.later_ms;
            let request = runs.read(&deployment, &next.decided(number)).unwrap();
            let turn = turns(&history[..number], next);
            let expected = if turn <= 3 { Word::Go } else if turn <= 6 { Word::Escalate } else { Word::NoGo };
            prop_assert_eq!(folded.limits(&request, 3, at(now)).word(), expected);
            folded.leave(request.hop);
            for heard in [Word::Go, Word::Escalate] {
                prop_assert_eq!(folded.bear(&request, 3, heard, at(now)), expected <= heard);
            }

            let n_in_task = history[..number].iter().filter(|one| one.task == next.task).count();
            // By the minute, and the minute that is only partly gone counts.
            let minute = |at: i64| at / 60_000;
            let n_in_hour = times.iter().filter(|one| minute(**one) >= minute(now) - 60).count();
            let fits = n_in_task < 9 && n_in_hour < 7;
            prop_assert_eq!(delegated.limits(&request, &bounds, at(now)).word() == Word::Go, fits);
            delegated.leave(request.hop);
            prop_assert_eq!(delegated.bear(&request, &bounds, at(now)), fits);

            folded.asked(at(now), &request);
            delegated.asked(at(now), &request);
            times.push(now);
        }
    }

    /// Whoever asks while others wait for its answers stands below all of them.
    #[test]
    fn how_deep_a_request_stands_is_what_following_it_up_says(
        history in vec((asks(), prop::option::of(0..40_usize)), 1..40)
    ) {
        let deployment = deployment();
        let runs = Runs::new(&deployment);
        let chains = Depths::default();
        // Who was asked in which task, and how much is left below it.
        let mut open: BTreeMap<usize, (usize, usize, u32)> = BTreeMap::new();
        for (number, (next, answered)) in history.iter().enumerate() {
            if let Some(answered) = answered {
                chains.ended(hop(*answered));
                open.remove(answered);
            }
            let request: Request = runs.read(&deployment, &next.decided(number)).unwrap();
            let above = open.values().filter(|(agent, task, _)| *agent == next.from && *task == next.task);
            let own = (next.from == 0).then_some(2);
            let room = above.map(|(_, _, room)| *room).chain(own).min();
            prop_assert_eq!(chains.bear(&request, &deployment), room != Some(0));
            if room != Some(0) {
                chains.asked(&request, &deployment);
                if let Some(room) = room {
                    open.insert(number, (next.to, next.task, room - 1));
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Tries {
    agent: usize,
    item: Option<u8>,
    content: u8,
    task: usize,
    later_ms: i64,
    /// `delivered`, `unsuccessful`, `failed`, `unknown`, or denied.
    comes: usize,
}

fn tries() -> impl Strategy<Value = Tries> {
    let item = prop_oneof![Just(None), (0..2_u8).prop_map(Some)];
    (0..2_usize, item, 0..2_u8, 0..2_usize, 0..30_000_i64, 0..5_usize)
        .prop_map(|(agent, item, content, task, later_ms, comes)| Tries { agent, item, content, task, later_ms, comes })
}

impl Tries {
    fn action(&self) -> Digest {
        digest((self.agent, self.item, self.content, self.task))
    }

    fn decided(&self, number: usize) -> v1::HopDecided {
        let mut more = serde_json::json!({
            "from": format!("agent:{}", AGENTS[self.agent]), "to": "server:notes", "object": "notes:file",
            "task": task(self.task).to_string(), "action": self.action().to_string(),
        });
        if let Some(item) = self.item {
            more["item"] = digest(item).to_string().into();
        }
        if self.comes == 4 {
            (more["decision"], more["refusal"]) = ("deny".into(), "DENIED".into());
        }
        decided(number, "call_tool", more)
    }

    fn released(&self, number: usize) -> v1::HopReleased {
        let (outcome, unsuccessful) =
            [("delivered", false), ("delivered", true), ("failed", false), ("unknown", false)][self.comes];
        let hop = hop(number).to_string();
        v1::HopReleased { hop, outcome: outcome.into(), took_ms: 1, fault: None, unsuccessful }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn retries_are_what_a_count_over_all_attempts_says(history in vec(tries(), 1..40)) {
        let deployment = deployment();
        let retries = Retries::default();
        let patience = Patience { n_retries: Some(1), cooldown_ms: 20_000 };
        let mut now = 0;
        let mut times = Vec::new();
        for (number, next) in history.iter().enumerate() {
            now += next.later_ms;
            let before = || history[..number].iter().zip(&times).filter(|(one, _)| one.task == next.task).rev();
            // Failures in a row, of the same agent and item.
            let aimed = before().filter(|(one, _)| one.agent == next.agent && one.item == next.item && one.comes != 4);
            let n_failed = aimed.take_while(|(one, _)| one.comes != 0).count();
            let same = || before().filter(|(one, _)| one.action() == next.action());
            let n_refused = same().take_while(|(one, _)| one.comes == 4).count();
            // What was released since says nothing of an earlier refusal; what failed then does.
            let last = same().next().filter(|(one, _)| one.comes != 0).map(|(_, at)| *at);
            let cools = last.is_some_and(|last: i64| now - last < 20_000);
            // A failure takes the earlier refusals of the same away: it was released.
            let expected = if cools { Some("ENV-14") } else if n_refused > 1 || n_failed > 1 { Some("EC-1.10") } else { None };

            let standing = TaskSpec::standing(&deployment, &"a".parse().unwrap(), task(next.task)).unwrap();
            let spec = TaskSpec::from(Specification { kind: TaskKind::Opened, ..Specification::clone(&standing) });
            prop_assert_eq!(retries.control_of(&next.decided(number), &spec, patience, at(now)), expected);
            retries.decided(at(now), &next.decided(number));
            if next.comes != 4 {
                retries.released(at(now), &next.released(number));
            }
            times.push(now);
        }
    }

    #[test]
    fn reversals_are_what_a_count_over_all_decisions_says(
        history in vec((0..2_u8, 0..3_u8, 0..3_usize, 0..HOUR_MS), 1..30)
    ) {
        let deployment = deployment();
        let commits = Commits::default();
        let bounds = &deployment.workflows.values().next().unwrap().bounds;
        let mut now = 0;
        // What is decided about each item, and how often that was reversed.
        let mut made: BTreeMap<u8, (u8, u32)> = BTreeMap::new();
        for (number, (item, decision, comes, later_ms)) in history.iter().enumerate() {
            now += later_ms;
            let body = decided(number, "call_tool", serde_json::json!({
                "from": "agent:a", "to": "server:notes", "object": "notes:file", "task": task(0).to_string(),
                "item": digest(item).to_string(), "decides": digest(decision).to_string(),
            }));
            let known = made.get(item).copied();
            let n_reversals = known.map_or(0, |(earlier, n)| if earlier == *decision { 0 } else { n + 1 });
            let deciding = Deciding::read(&body, &deployment).unwrap();
            for (heard, bears) in [(Word::Go, n_reversals == 0), (Word::Escalate, n_reversals <= 2)] {
                prop_assert_eq!(commits.bear(&deciding, bounds, heard, at(now)), bears);
            }
            if n_reversals > 2 {
                continue;
            }
            commits.decided(at(now), &body, &deployment);
            let outcome = ["delivered", "unknown", "failed"][*comes];
            let hop = hop(number).to_string();
            commits.released(&v1::HopReleased {
                hop, outcome: outcome.into(), took_ms: 1, fault: None, unsuccessful: false,
            });
            if outcome != "failed" {
                made.insert(*item, (*decision, known.map_or(0, |(earlier, n)| n + u32::from(earlier != *decision))));
            }
        }
    }
}

#[test]
fn when_a_task_is_closed_nothing_is_left_of_it() {
    let deployment = deployment();
    let conduct = Conduct::new(&deployment, HashSet::new());
    let fresh = format!("{conduct:?}");
    let ask = Asks { from: 0, to: 1, item: Some(1), content: 0, task: 0, later_ms: 0 };
    let fails = Tries { agent: 0, item: Some(1), content: 0, task: 0, later_ms: 0, comes: 4 };
    for number in 0..3 {
        conduct.fold(&record(at(1), Body::HopDecided(Box::new(ask.decided(number)))));
        conduct.fold(&record(at(1), Body::HopDecided(Box::new(fails.decided(number + 3)))));
    }
    assert_ne!(format!("{conduct:?}"), fresh);
    let closed = v1::TaskClosed { task: task(0).to_string(), reason: "done".into(), by: "maso".into() };
    conduct.fold(&record(at(2), Body::TaskClosed(closed)));
    assert_eq!(conduct.evaluations().due(), [task(0)], "it waits for its verdict");
    conduct.evaluations().settle(task(0));
    let left = format!("{conduct:?}");
    assert!(!left.contains(&task(0).to_string()), "{left}");
}

#[test]
fn many_tasks_that_went_well_do_not_hide_one_that_did_not() {
    let conduct = Conduct::new(&deployment(), HashSet::new());
    let evaluated = |number: usize, class: &str| {
        Body::TaskEvaluated(Box::new(v1::TaskEvaluated {
            task: format!("task-{number}"),
            workflow: "notes".into(),
            agent: "writer".into(),
            mandate: "writer".into(),
            class: class.into(),
            means: "right".into(),
            outcome: "right".into(),
            departures: Vec::new(),
            criteria: Vec::new(),
            plan_attempts: Vec::new(),
            patterns: Vec::new(),
            recommends: "log".into(),
            confidence: 100,
        }))
    };
    let latest = || conduct.evaluations().latest();
    conduct.fold(&record(at(0), evaluated(0, "creative-substitution")));
    for number in 1..=FOUND_MAX + 5 {
        conduct.fold(&record(at(1), evaluated(number, "normal-operation")));
    }
    assert_eq!(latest().len(), FOUND_MAX);
    assert_eq!(latest()[0].evaluated.task, format!("task-{}", FOUND_MAX + 5), "the latest first");
    assert_eq!(latest().last().unwrap().evaluated.task, "task-0");
    assert_eq!(conduct.evaluations().substitutions(), [latest().pop().unwrap()]);
    // What a person assessed is found anew, and stands for what was found before.
    conduct.fold(&record(at(2), evaluated(0, "visible-failure")));
    assert_eq!((latest().len(), latest()[0].evaluated.class.as_str()), (FOUND_MAX, "visible-failure"));
    assert_eq!(conduct.evaluations().substitutions(), []);
}
