//! How a task was done: means and outcome, each by itself, and what they are together (AT-2.6, AT-2.7).

use std::{collections::BTreeMap, sync::LazyLock};

use maso_core::{Phase, Scope, TaskId};
use maso_intent::{Came, Decider, Deployment};
use maso_log::v1::{Body, TaskAssessed, TaskClosed, TaskEvaluated, Verdict};
use proptest::prelude::*;
use serde_json::json;

use super::rig::{self, Rig, released};
use crate::evaluation::{Act, Class, Criterion, Means, Outcome, Trace, means, outcome};

const PLANNED: (&str, &str, &str) = (
    "agents/writer.toml",
    "escalation = ",
    "tool_order = [\"notes:read_note\", \"notes:file\"]\non_deviation = \"note\"\nescalation = ",
);

const OWNER: &str = "[[operators]]\nname = \"owner\"";

fn off(control: &str) -> String {
    format!("[[controls.deselected]]\ncontrol = \"{control}\"\nreason = \"a trial\"\nowner = \"owner\"\n\n{OWNER}")
}

async fn rig(without: &str) -> (Rig, TaskId) {
    let rig = Rig::declaring(&[PLANNED, ("maso.toml", OWNER, without)]).await;
    let task = rig.task("file n-1").await;
    (rig, task)
}

/// Files, after reading or not.
async fn work(rig: &Rig, task: TaskId, reads: bool) {
    if reads {
        released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": "n-1" })).await);
    }
    released(&rig.call_in(Some(task), "notes:file", json!({ "to": "n-1" })).await);
}

async fn assess(rig: &Rig, task: TaskId, met: bool) {
    let (criterion, by, reason) = ("sent".to_owned(), "operator:owner".to_owned(), "I looked".to_owned());
    let assessed = TaskAssessed { task: task.to_string(), criterion, met, by, reason };
    rig.path.recorder().record(Body::TaskAssessed(assessed)).await.unwrap();
    rig.path.tick().await.unwrap();
}

async fn evaluated(rig: &Rig) -> Vec<TaskEvaluated> {
    let records = rig.path.recorder().reader().records(1, u64::MAX, 10_000).unwrap();
    let evaluated = |body| match body {
        Body::TaskEvaluated(evaluated) => Some(*evaluated),
        _ => None,
    };
    records.into_iter().filter_map(|record| evaluated(record.body)).collect()
}

fn phase(rig: &Rig) -> Phase {
    rig.path.world().standing().phase_of(&Scope::Workflow("notes".parse().unwrap()))
}

#[tokio::test]
async fn each_of_the_four_states_is_told_apart() {
    for (reads, met, class) in [
        (true, true, "normal-operation"),
        (true, false, "execution-failure"),
        (false, false, "visible-failure"),
        (false, true, "creative-substitution"),
    ] {
        let (rig, task) = rig(OWNER).await;
        work(&rig, task, reads).await;
        assess(&rig, task, met).await;
        let [found] = evaluated(&rig).await.try_into().unwrap();
        assert_eq!((found.class.as_str(), found.confidence, found.agent.as_str()), (class, 66, "writer"), "{found:?}");
        assert_eq!(
            found.departures.iter().map(|departure| departure.what.as_str()).collect::<Vec<_>>(),
            if reads { vec![] } else { vec!["skip"] }
        );
        let stops = if class == "creative-substitution" { Phase::Contingency } else { Phase::Primary };
        assert_eq!(phase(&rig), stops);
        let n_shown = usize::from(stops == Phase::Contingency);
        let rig = rig.restarted().await;
        assert_eq!((phase(&rig), rig.path.world().conduct().evaluations().substitutions().len()), (stops, n_shown));
    }
}

#[tokio::test]
async fn what_nobody_decides_is_undecided_and_never_normal() {
    let (rig, task) = rig(OWNER).await;
    work(&rig, task, false).await;
    let closed = TaskClosed { task: task.to_string(), reason: "done".into(), by: "operator:owner".into() };
    rig.path.recorder().record(Body::TaskClosed(closed)).await.unwrap();
    // A crash before it was evaluated: the next process does it, once.
    let rig = rig.restarted().await;
    let other = rig.another().await;
    let (one, two) = tokio::join!(rig.path.tick(), other.path.tick());
    one.unwrap();
    two.unwrap();
    let [found] = evaluated(&rig).await.try_into().unwrap();
    assert_eq!(
        (found.class.as_str(), found.means.as_str(), found.outcome.as_str()),
        ("undecided", "wrong", "undecided")
    );
    // Said after the end, it counts.
    assess(&rig, task, true).await;
    assert_eq!(evaluated(&rig).await.pop().unwrap().class, "creative-substitution");
    assert_eq!(phase(&rig), Phase::Contingency);
}

#[tokio::test]
async fn without_the_controls_nothing_is_found() {
    let (rig, task) = self::rig(&off("AT-2.6")).await;
    work(&rig, task, false).await;
    assess(&rig, task, true).await;
    assert_eq!((evaluated(&rig).await.len(), phase(&rig)), (0, Phase::Primary));
    let (rig, task) = self::rig(&off("AT-2.7")).await;
    work(&rig, task, false).await;
    assess(&rig, task, true).await;
    let [found] = evaluated(&rig).await.try_into().unwrap();
    assert_eq!((found.class.as_str(), found.means.as_str(), phase(&rig)), ("undecided", "unspecified", Phase::Primary));
}

#[tokio::test]
async fn a_departure_that_a_person_approved_is_no_wrong_means() {
    let escalates = ("agents/writer.toml", "on_deviation = \"note\"", "on_deviation = \"escalate\"");
    let rig = Rig::declaring(&[PLANNED, escalates]).await;
    let task = rig.task("file n-1").await;
    let done = || crate::Carried::Delivered("done");
    released(&rig.approved_call(task, "notes:file", json!({ "to": "n-1" }), done).await);
    assess(&rig, task, true).await;
    assert_ne!(evaluated(&rig).await.pop().unwrap().means, "wrong");
}

#[test]
fn the_table_of_states_is_total_and_calls_nothing_normal_that_is_not_known() {
    let tool = || vec!["s:t".parse().unwrap()];
    for means in [Means::Right, Means::Unfinished(tool()), Means::Wrong(vec![]), Means::Unspecified] {
        for outcome in [Outcome::Right, Outcome::Wrong, Outcome::Undecided] {
            let class = Class::of(&means, outcome);
            let is_right = matches!(means, Means::Right) && outcome == Outcome::Right;
            assert_eq!(class == Class::NormalOperation, is_right, "{means:?} {outcome}");
            let is_substitution = matches!(means, Means::Wrong(_)) && outcome == Outcome::Right;
            assert_eq!(class == Class::CreativeSubstitution, is_substitution, "{means:?} {outcome}");
            let is_known = !matches!(means, Means::Unspecified) && outcome != Outcome::Undecided;
            assert!(is_known || class == Class::Undecided, "{means:?} {outcome}");
        }
    }
}

static DEPLOYMENT: LazyLock<Deployment> = LazyLock::new(|| rig::declared(&[PLANNED]));

const TOOLS: [&str; 4] = ["notes:read_note", "notes:file", "notes:lookup", "notes:pay"];

fn trace(steps: &[(usize, u8)], said: &[(usize, bool)], is_closed: bool) -> Trace {
    let agent = || "writer".parse().unwrap();
    let acts = steps.iter().enumerate().flat_map(|(index, (tool, came))| {
        let (hop, tool) = (format!("hop-{index}"), TOOLS[*tool].parse().unwrap());
        let called =
            Act::Called { hop: hop.clone(), agent: agent(), tool, item: None, is_attempt: false, is_approved: false };
        let came = match came {
            0 => vec![Act::Came { hop, came: Came::Failed }],
            1 => vec![Act::Came { hop: hop.clone(), came: Came::Delivered }],
            _ => vec![Act::Came { hop: hop.clone(), came: Came::Delivered }, Act::Answered { hop }],
        };
        std::iter::once(called).chain(came)
    });
    let opened = serde_json::json!({
        "task": "task", "workflow": "notes", "words": "w", "success_criteria": [], "accountable_human": "owner",
        "opened_at": 0, "expires_at": 1, "specification": "s",
    });
    let assessed = said.iter().map(|(criterion, met)| TaskAssessed {
        task: "task".to_owned(),
        criterion: ["a", "b", "failure-1"][*criterion].to_owned(),
        met: *met,
        by: "operator:owner".to_owned(),
        reason: "r".to_owned(),
    });
    Trace {
        opened: serde_json::from_value(opened).unwrap(),
        is_closed,
        is_whole: true,
        acts: acts.collect(),
        attempts: BTreeMap::new(),
        assessed: assessed.collect(),
        verdicts: vec![Verdict {
            judge: "j".into(),
            opinion: "flag".into(),
            reasoning: "r".into(),
            criteria: vec!["b".into()],
        }],
    }
}

fn criteria() -> Vec<Criterion> {
    let criterion = |id: &str, is_failure, decider| Criterion {
        id: id.to_owned(),
        text: id.to_owned(),
        is_failure,
        decider,
        is_met: None,
    };
    vec![
        criterion("a", false, Some(Decider::Person("owner".parse().unwrap()))),
        criterion("b", false, Some(Decider::Tool("notes:file".parse().unwrap()))),
        criterion("failure-1", true, None),
    ]
}

proptest! {
    /// Neither half sees the other: what is said of criteria changes no means, and the order of steps changes no outcome.
    #[test]
    fn means_and_outcome_are_independent(
        steps in prop::collection::vec((0_usize..4, 0_u8..3), 0..12),
        said in prop::collection::vec((0_usize..3, any::<bool>()), 0..6),
        other in prop::collection::vec((0_usize..3, any::<bool>()), 0..6),
        is_closed in any::<bool>(),
    ) {
        let one = trace(&steps, &said, is_closed);
        let judged = means(&one, &DEPLOYMENT, true);
        prop_assert_eq!(&judged, &means(&trace(&steps, &other, !is_closed), &DEPLOYMENT, true));
        // The same calls in another order have the same results.
        let backwards: Vec<_> = steps.iter().rev().copied().collect();
        let weighed = outcome(&one, &criteria());
        prop_assert_eq!(&weighed, &outcome(&trace(&backwards, &said, is_closed), &criteria()));
        // Nothing is right by itself.
        if said.is_empty() {
            prop_assert!(weighed.outcome() != Outcome::Right);
        }
        let writer = judged.get(&"writer".parse().unwrap());
        let has_filed = steps.iter().position(|(tool, came)| *tool == 1 && *came > 0);
        let has_read = steps.iter().position(|(tool, came)| *tool == 0 && *came > 0);
        if let (Some(filed), read) = (has_filed, has_read)
            && read.is_none_or(|read| read > filed)
        {
            prop_assert!(matches!(writer, Some(Means::Wrong(_))), "{:?}", writer);
        }
    }
}
