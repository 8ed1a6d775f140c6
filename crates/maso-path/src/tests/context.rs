//! How full contexts are, what follows from that, and what a task may use of its budgets (EC-1.9, OB-2.5, OB-2.5a, AT-1.7).

use maso_core::{Act, HopId, Phase, Principal, Scope, TaskId, Turn};
use maso_log::v1::HopDecided;
use maso_wire::{Limits, Received};
use serde_json::{Value, json};

use super::rig::{Rig, refusal, released};
use crate::{Carried, ContextUse, Outcome};

const MASO: &str = "maso.toml";
const WORKFLOW: &str = "workflows/notes.toml";
/// Ten tokens to the byte that an answer has, so that a hundred bytes are one per cent.
const CONTEXT: (&str, &str, &str) = (MASO, "", "\n[context]\ntokens = 2500\n");
const TIER_1: (&str, &str, &str) = (MASO, "tier = 2", "tier = 1");
pub(super) const OFF: &str =
    "\n[[controls.deselected]]\ncontrol = \"OB-2.5a\"\nreason = \"a trial\"\nowner = \"owner\"\n";

/// A deployment whose agent has a context of 10,000 bytes, and a task.
pub(super) async fn rig(more: &[(&str, &str, &str)]) -> (Rig, TaskId) {
    let rig = Rig::declaring(&[&[CONTEXT][..], more].concat()).await;
    let task = rig.task("tell ada@notes.example").await;
    (rig, task)
}

/// Lets a server answer with about so many bytes.
pub(super) async fn answer(rig: &Rig, task: TaskId, n_bytes: usize) -> Outcome<&'static str> {
    let to = released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": "n" })).await);
    answer_to(rig, task, to, n_bytes).await
}

async fn answer_to(rig: &Rig, task: TaskId, to: HopId, n_bytes: usize) -> Outcome<&'static str> {
    rig.answer(Some(task), to, "notes:read_note", Value::from("a".repeat(n_bytes))).await
}

pub(super) async fn usage(rig: &Rig) -> ContextUse {
    // A pure read may be carried a moment before it is on the record.
    rig.path.recorder().flush().await.unwrap();
    rig.path.world().fullest_context(&"writer".parse().unwrap(), rig.path.clock().now()).unwrap()
}

fn findings<'a>(decided: &'a [HopDecided], control: &str) -> Vec<(&'a str, &'a str)> {
    let all = decided.iter().flat_map(|hop| &hop.findings).filter(|finding| finding.control == control);
    all.map(|finding| (finding.word.as_str(), finding.reason.split(':').next().unwrap_or_default())).collect()
}

fn phase(rig: &Rig) -> Phase {
    rig.path.world().standing().phase_of(&Scope::Agent("writer".parse().unwrap()))
}

async fn free(rig: &Rig) {
    let by = maso_posture::Authority {
        operator: "owner".parse().unwrap(),
        office: maso_posture::Office::Supervisor,
        reason: "the letters were long".into(),
        review: None,
    };
    let agent = Scope::Agent("writer".parse().unwrap());
    let now = rig.path.clock().now();
    for order in rig.path.world().standing().moved(agent, Phase::Primary, by, now).unwrap() {
        rig.path.recorder().record(order).await.unwrap();
    }
}

#[tokio::test]
async fn each_level_is_told_once_and_past_the_warning_the_agent_is_isolated() {
    let (rig, task) = rig(&[]).await;
    released(&answer(&rig, task, 6_500).await);
    released(&answer(&rig, task, 600).await);
    released(&answer(&rig, task, 200).await);
    let decided = rig.decided().await;
    assert_eq!((findings(&decided, "EC-1.9"), phase(&rig)), (vec![("GO", "info")], Phase::Primary));
    released(&answer(&rig, task, 1_300).await);
    assert_eq!(findings(&rig.decided().await, "EC-1.9"), [("GO", "info"), ("GO", "warning")]);
    // Nothing is carried to it any more, in no task, and a restart does not free it.
    assert_eq!(phase(&rig), Phase::Alternate);
    let read = json!({ "note": "n" });
    assert_eq!(refusal(&rig.call_in(Some(task), "notes:read_note", read.clone()).await), Some("SUSPENDED"));
    let used = usage(&rig).await.used;
    let rig = rig.restarted().await;
    assert_eq!((phase(&rig), usage(&rig).await.used), (Phase::Alternate, used));
    let why = rig.path.world().standing().summary(rig.path.clock().now()).scopes;
    let trigger = why.into_iter().find_map(|scope| scope.standing).unwrap().trigger;
    assert!(trigger.starts_with("OB-2.5a: the agent's context is 8"), "{trigger}");

    // A person lets it go on: once, and only until it is full.
    free(&rig).await;
    rig.path.tick().await.unwrap();
    released(&rig.call_in(Some(task), "notes:read_note", read).await);
    assert_eq!(refusal(&answer(&rig, task, 1_000).await), Some("LIMIT_REACHED"));
    assert_eq!(findings(&rig.decided().await, "OB-2.5a").len(), 1);
    released(&answer(&rig, task, 10).await);
}

#[tokio::test]
async fn at_tier_1_people_are_told_unless_the_control_is_off_and_nothing_is_stopped() {
    let off = OFF.replace("OB-2.5a", "EC-1.9");
    let told = vec![("GO", "info"), ("GO", "warning"), ("GO", "critical")];
    for (more, told) in [(&[TIER_1][..], told), (&[TIER_1, (MASO, "", off.as_str())][..], Vec::new())] {
        let (rig, task) = rig(more).await;
        for n_bytes in [7_200, 1_400, 1_200, 1_000, 1_000] {
            released(&answer(&rig, task, n_bytes).await);
        }
        assert_eq!(findings(&rig.decided().await, "EC-1.9"), told);
        assert_eq!(phase(&rig), Phase::Primary);
        assert!(usage(&rig).await.used > 2_500);
    }
}

#[tokio::test]
async fn what_would_flood_a_context_is_not_delivered_and_with_the_control_off_it_is() {
    let off = (MASO, "", OFF);
    for (more, is_delivered) in [(&[][..], false), (&[off][..], true)] {
        let (rig, task) = rig(more).await;
        let outcome = answer(&rig, task, 20_000).await;
        assert_eq!(refusal(&outcome), (!is_delivered).then_some("LIMIT_REACHED"));
        assert_eq!(usage(&rig).await.used > 2_500, is_delivered);
        // What was not delivered is in no context.
        released(&answer(&rig, task, 100).await);
    }
}

#[tokio::test]
async fn two_answers_at_once_are_no_more_than_one_after_the_other() {
    let (one, task) = rig(&[]).await;
    let other = one.another().await;
    let ask = async |rig: &Rig| released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": "n" })).await);
    let (first, second, third) = (ask(&one).await, ask(&one).await, ask(&other).await);
    let outcomes = tokio::join!(
        answer_to(&one, task, first, 5_000),
        answer_to(&one, task, second, 5_000),
        answer_to(&other, task, third, 5_000),
    );
    let outcomes = [outcomes.0, outcomes.1, outcomes.2];
    // A pure read that another process recorded a moment ago may be unknown here, as with every rate.
    assert!(outcomes.iter().filter(|outcome| refusal(outcome).is_some()).count() >= 1, "{outcomes:?}");
    let here = outcomes[..2].iter().filter(|outcome| refusal(outcome).is_none()).count();
    assert!(here <= 1, "{outcomes:?}");
}

#[tokio::test]
async fn an_agent_may_say_that_its_context_is_fuller_and_never_that_it_is_emptier() {
    let (rig, task) = rig(&[]).await;
    let say = async |claim: u64| {
        let (agent, server) =
            (Principal::Agent("writer".parse().unwrap()), Principal::Server("notes".parse().unwrap()));
        let arrival = rig.arrival(agent, server, Some(task));
        let act = Act::CallTool("notes:read_note".parse().unwrap());
        let bytes = json!({ "note": "n" }).to_string();
        let received = Received::from_bytes(arrival, act, Turn::Ask, bytes.as_bytes(), &Limits::DEFAULT).unwrap();
        rig.path.travel(received.claiming_context(Some(claim)), async |_| Carried::Delivered("done")).await
    };
    released(&say(2_000).await);
    assert_eq!(usage(&rig).await.used, 2_000);
    released(&say(3).await);
    assert!(usage(&rig).await.used > 2_000);
    assert_eq!(refusal(&say(2_400).await), Some("LIMIT_REACHED"));
}

#[tokio::test]
async fn a_standing_task_is_as_full_as_its_last_day() {
    let (rig, _) = rig(&[]).await;
    let to = released(&rig.call("notes:read_note", json!({ "note": "n" })).await);
    released(&rig.answer(None, to, "notes:read_note", Value::from("a".repeat(6_000))).await);
    assert!(usage(&rig).await.used >= 1_500);
    rig.clock.advance(26 * 3_600_000);
    assert_eq!(usage(&rig).await.used, 0);
}

#[tokio::test]
async fn a_task_uses_its_tokens_and_no_more_and_people_are_told_before() {
    for (most, last) in [(2_000, Some("LIMIT_REACHED")), (20_000, None)] {
        let budget = format!("[limits]\nmax_tokens = {most}");
        let (rig, task) = rig(&[(WORKFLOW, "[limits]", budget.as_str()), TIER_1]).await;
        for _ in 0..3 {
            released(&answer(&rig, task, 2_200).await);
        }
        let alerts = findings(&rig.decided().await, "OB-2.5").len();
        assert_eq!(alerts, usize::from(last.is_some()), "at 80 per cent, once");
        let rig = rig.restarted().await;
        assert_eq!(refusal(&answer(&rig, task, 2_200).await), last);
        if last.is_some() {
            let decided = rig.decided().await;
            assert_eq!(findings(&decided, "AT-1.7").len(), 1);
            // Another task has a budget of its own.
            let other = rig.task("tell ada@notes.example once more").await;
            released(&answer(&rig, other, 2_200).await);
        }
    }
}

#[tokio::test]
async fn what_a_task_costs_binds_where_its_model_has_a_price() {
    let price = "model = { provider = \"one\", name = \"m\", price_per_million_tokens_minor = 10000 }\nescalation = ";
    let budget = (WORKFLOW, "[limits]", "[limits]\nmax_cost_minor = 10");
    let priced = ("agents/writer.toml", "escalation = ", price);
    // A hundred tokens to the cent: a thousand for ten.
    for (more, last) in [(&[budget, priced, TIER_1][..], Some("LIMIT_REACHED")), (&[budget, TIER_1][..], None)] {
        let (rig, task) = rig(more).await;
        released(&answer(&rig, task, 2_000).await);
        assert_eq!(refusal(&answer(&rig, task, 2_400).await), last);
    }
}

#[tokio::test]
async fn people_are_told_before_a_budget_is_used_up_unless_the_control_is_off() {
    let off = OFF.replace("OB-2.5a", "OB-2.5");
    let budget = (WORKFLOW, "[limits]", "[limits]\nmax_tokens = 2000");
    for (more, n_alerts) in [(&[budget, TIER_1][..], 1), (&[budget, TIER_1, (MASO, "", off.as_str())][..], 0)] {
        let (rig, task) = rig(more).await;
        for _ in 0..3 {
            released(&answer(&rig, task, 2_200).await);
        }
        assert_eq!(findings(&rig.decided().await, "OB-2.5").len(), n_alerts);
    }
}

#[tokio::test]
async fn people_are_told_before_the_time_of_a_task_is_over() {
    let (rig, task) = rig(&[]).await;
    let read = async || released(&rig.call_in(Some(task), "notes:read_note", json!({ "note": "n" })).await);
    rig.clock.advance(47 * 60_000);
    read().await;
    assert!(findings(&rig.decided().await, "OB-2.5").is_empty());
    rig.clock.advance(60_000);
    read().await;
    assert_eq!(
        findings(&rig.decided().await, "OB-2.5"),
        [("GO", "720000 ms are left of the 3600000 ms that the task may take")]
    );
}
