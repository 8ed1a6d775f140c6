//! The incremental monitor beside an evaluator that reads the whole history by the book.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use maso_core::{Class, Confidentiality, HopId, Integrity, Label, TaskId, Timestamp, Word};
use maso_intent::{
    Condition, EventPattern, Formula, Occurrence, Quantity, Reach, Rule, RuleEffect, Rules, Subject, Told, ValueTerm,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Event, History, cell::PARTS_MAX};
use crate::fixture;

/// What the formulas below may name.
fn events() -> BTreeMap<&'static str, EventPattern> {
    let call = |tool: &str| EventPattern {
        occurrence: Occurrence::Call,
        subjects: BTreeSet::from([Subject::Tool(tool.parse().unwrap())]),
        classes: BTreeSet::new(),
        agents: BTreeSet::new(),
        confidentiality_min: None,
        integrity_max: None,
        values: BTreeMap::new(),
    };
    let large = BTreeMap::from([("/amount".to_owned(), ValueTerm::AtLeast(3))]);
    let anything = EventPattern { subjects: BTreeSet::new(), ..call("db:pay") };
    BTreeMap::from([
        ("pay", call("db:pay")),
        ("send", call("mail:send")),
        ("large", EventPattern { values: large, ..call("db:pay") }),
        ("secret", EventPattern { confidentiality_min: Some(Confidentiality::Confidential), ..anything.clone() }),
        ("approval", EventPattern { occurrence: Occurrence::Approval, ..anything.clone() }),
        ("by-two", EventPattern { agents: BTreeSet::from(["two".parse().unwrap()]), ..anything }),
    ])
}

fn rule(stops: &str, reach: Reach, condition: Condition) -> Rule {
    let events = events();
    let named = condition.formula().names().into_iter().map(ToString::to_string).chain([stops.to_owned()]);
    let named = named.map(|name| (name.parse().unwrap(), Arc::new(events[name.as_str()].clone()))).collect();
    Rule {
        id: "r".into(),
        path: "rules/test.toml".into(),
        line: 7,
        control: maso_core::ControlId::known("EC-2.3"),
        effect: RuleEffect::Forbid,
        stops: stops.parse().unwrap(),
        reach,
        condition,
        because: None,
        events: named,
    }
}

fn when(text: &str) -> Condition {
    Condition::When(text.parse().unwrap())
}

fn unless(text: &str) -> Condition {
    Condition::Unless(text.parse().unwrap())
}

fn history(rules: Vec<Rule>) -> History {
    let mut deployment = fixture::deployment();
    deployment.rules = Rules::new(rules);
    History::new(&deployment)
}

fn stops(history: &History, event: &Event) -> bool {
    history.judge(event, |_| true).word() == Word::NoGo
}

/// An event in words: what happened to which tool, by whom, in which task, at which millisecond, and how much.
fn event(n: u128, occurrence: Occurrence, tool: &str, agent: &str, task: u128, at: i64, amount: Told) -> Event {
    Event {
        occurrence,
        hop: HopId::from_uuid(Uuid::from_u128(n)),
        at: Timestamp::from_millis(at),
        task: Some(TaskId::from_uuid(Uuid::from_u128(task))),
        agent: agent.parse().unwrap(),
        workflow: Some(if agent == "one" { "claims" } else { "other" }.parse().unwrap()),
        act: maso_core::Act::CallTool(tool.parse().unwrap()),
        class: Class::Write,
        label: Some(Label { integrity: Integrity::Internal, confidentiality: Confidentiality::Internal }),
        values: BTreeMap::from([("/amount".to_owned(), amount)]),
    }
}

fn call(n: u128, tool: &str, at: i64, amount: i64) -> Event {
    event(n, Occurrence::Call, tool, "one", 1, at, Told::Whole(amount))
}

/// The whole history by the book.
mod book {
    use super::*;

    /// The points that a rule sees before and with an event.
    pub fn points<'e>(rule: &Rule, past: &'e [Event], event: &'e Event) -> Vec<&'e Event> {
        let is_same = |other: &Event| match rule.reach {
            Reach::Task => other.task == event.task,
            Reach::Agent => other.agent == event.agent,
            Reach::Workflow => other.workflow == event.workflow,
            Reach::Deployment => true,
        };
        let is_named = |other: &Event| rule.events.values().any(|pattern| other.is(pattern));
        past.iter().filter(|other| is_same(other) && is_named(other)).chain([event]).collect()
    }

    pub fn stops(rule: &Rule, points: &[&Event]) -> bool {
        let holds = holds(rule, rule.condition.formula(), points);
        match rule.condition {
            Condition::When(_) => holds,
            Condition::Unless(_) => !holds,
        }
    }

    /// Whether a formula holds at the last of these points.
    fn holds(rule: &Rule, formula: &Formula, points: &[&Event]) -> bool {
        let Some((last, before)) = points.split_last() else { return false };
        let is_in = |within: Option<u64>, then: &Event| within.is_none_or(|ms| last.at.since_ms(then.at) <= ms);
        match formula {
            Formula::Event(name) => last.is(&rule.events[name]),
            Formula::Not(inner) => !holds(rule, inner, points),
            Formula::And(one, other) => holds(rule, one, points) && holds(rule, other, points),
            Formula::Or(one, other) => holds(rule, one, points) || holds(rule, other, points),
            Formula::Formerly(inner, within) => {
                (1..=points.len()).any(|end| is_in(*within, points[end - 1]) && holds(rule, inner, &points[..end]))
            }
            Formula::Since(held, start, within) => (1..=points.len()).any(|begin| {
                is_in(*within, points[begin - 1])
                    && holds(rule, start, &points[..begin])
                    && (begin + 1..=points.len()).all(|end| holds(rule, held, &points[..end]))
            }),
            Formula::Compare(measure, relation, number) => {
                let pattern = &rule.events[&measure.event];
                let counted: Vec<_> = before
                    .iter()
                    .chain([last])
                    .filter(|point| is_in(measure.within, point) && point.is(pattern))
                    .collect();
                let measured = match &measure.quantity {
                    Quantity::Count => counted.len() as u128,
                    Quantity::Sum(pointer) => counted.iter().map(|point| u128::from(point.amount(pointer))).sum(),
                    Quantity::Distinct(pointer) => {
                        counted.iter().map(|point| point.values[pointer]).collect::<BTreeSet<_>>().len() as u128
                    }
                    Quantity::DistinctAgents => {
                        counted.iter().map(|point| &point.agent).collect::<BTreeSet<_>>().len() as u128
                    }
                };
                relation.holds(measured, *number)
            }
        }
    }
}

fn some_window() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", " within 1ms", " within 20ms", " within 60ms", " within 300ms"])
}

fn some_formula() -> impl Strategy<Value = Formula> {
    let name = prop::sample::select(events().into_keys().collect::<Vec<_>>());
    let quantity =
        prop::sample::select(vec!["count of", "sum of /amount of", "distinct /amount of", "distinct agents of"]);
    let relation = prop::sample::select(vec!["at most", "at least", "more than", "less than", "exactly"]);
    let compare = (quantity, name.clone(), some_window(), relation, 0_u64..6).prop_map(
        |(quantity, name, within, relation, number)| format!("{quantity} {name}{within} is {relation} {number}"),
    );
    let leaf = prop_oneof![name.prop_map(str::to_owned), compare];
    let text = leaf.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) and ({other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) or ({other})")),
            (inner.clone(), some_window()).prop_map(|(inner, within)| format!("formerly ({inner}){within}")),
            (inner.clone(), inner, some_window())
                .prop_map(|(held, start, within)| format!("({held}) since ({start}){within}")),
        ]
    });
    text.prop_map(|text| text.parse().unwrap())
}

fn some_rule() -> impl Strategy<Value = Rule> {
    let reach = prop::sample::select(Reach::ALL.to_vec());
    (prop::sample::select(vec!["pay", "send", "secret"]), reach, some_formula(), any::<bool>()).prop_map(
        |(stops, reach, formula, is_when)| {
            rule(stops, reach, if is_when { Condition::When(formula) } else { Condition::Unless(formula) })
        },
    )
}

fn some_history() -> impl Strategy<Value = Vec<Event>> {
    let occurrence = prop::sample::select(vec![
        Occurrence::Call,
        Occurrence::Call,
        Occurrence::Call,
        Occurrence::Approval,
        Occurrence::Refusal,
    ]);
    let amount = prop_oneof![
        8 => (0_i64..4).prop_map(Told::Whole),
        1 => Just(Told::Absent),
    ];
    let one = (
        occurrence,
        prop::sample::select(vec!["db:pay", "mail:send", "files:read"]),
        prop::sample::select(vec!["one", "two"]),
        1_u128..3,
        0_i64..40,
        amount,
        any::<bool>(),
    );
    prop::collection::vec(one, 0..40).prop_map(|steps| {
        let mut at = 0;
        let steps = steps.into_iter().enumerate();
        steps
            .map(|(n, (occurrence, tool, agent, task, later, amount, is_secret))| {
                at += later;
                let mut event = event(n as u128, occurrence, tool, agent, task, at, amount);
                if is_secret {
                    event.label = Some(Label::WORST);
                }
                event
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_is_kept_answers_as_the_whole_history_does(rule in some_rule(), steps in some_history()) {
        let mut history = history(vec![rule.clone()]);
        for (n, event) in steps.iter().enumerate() {
            if event.is(&rule.events[&rule.stops]) {
                let points = book::points(&rule, &steps[..n], event);
                prop_assert_eq!(
                    stops(&history, event), book::stops(&rule, &points),
                    "{} {} at {}", rule.condition.as_str(), rule.condition.formula(), n
                );
            }
            history.happened(event);
        }
    }

    #[test]
    fn what_is_being_committed_counts_as_what_is_on_the_record(rule in some_rule(), steps in some_history(), cut in 0_usize..40) {
        let (before, after) = steps.split_at(cut.min(steps.len()));
        let (mut ahead, mut done) = (history(vec![rule.clone()]), history(vec![rule]));
        for event in before {
            ahead.happened(event);
            done.happened(event);
        }
        for event in after {
            prop_assert_eq!(stops(&ahead, event), stops(&done, event));
            ahead.commits(&Arc::new(event.clone()));
            done.happened(event);
        }
        // What is not written after all leaves nothing behind.
        for event in after {
            ahead.left(event.hop);
        }
        prop_assert!(ahead.is_settled());
    }

    #[test]
    fn rules_that_a_hop_does_not_touch_change_nothing(rules in prop::collection::vec(some_rule(), 1..6), steps in some_history()) {
        let mut together = history(rules.clone());
        let mut alone: Vec<_> = rules.into_iter().map(|rule| history(vec![rule])).collect();
        for event in &steps {
            prop_assert_eq!(stops(&together, event), alone.iter().any(|one| stops(one, event)));
            together.happened(event);
            alone.iter_mut().for_each(|one| one.happened(event));
        }
    }
}

/// Makes payments of these amounts at these moments, each if it is not stopped; which were.
fn paid(condition: Condition, payments: &[(i64, i64)]) -> Vec<bool> {
    let mut history = history(vec![rule("pay", Reach::Workflow, condition)]);
    let payments = payments.iter().enumerate();
    payments
        .map(|(n, (at, amount))| {
            let payment = call(n as u128, "db:pay", *at, *amount);
            let is_stopped = stops(&history, &payment);
            if !is_stopped {
                history.happened(&payment);
            }
            is_stopped
        })
        .collect()
}

#[test]
fn so_many_in_a_window_and_no_more() {
    let most = || unless("count of pay within 10ms is at most 2");
    assert_eq!(paid(most(), &[(0, 1), (0, 1), (10, 1), (11, 1), (21, 1)]), [false, false, true, false, false]);
}

#[test]
fn so_much_in_a_window_and_no_more() {
    let most = || unless("sum of /amount of pay within 10ms is at most 100");
    assert_eq!(paid(most(), &[(0, 60), (1, 41), (2, 40), (10, 1), (11, 60)]), [false, true, false, true, false]);
}

#[test]
fn an_amount_that_is_none_passes_no_limit_on_a_sum() {
    let history = history(vec![rule("pay", Reach::Task, unless("sum of /amount of pay is at most 100"))]);
    for (amount, is_stopped) in [(Told::Whole(100), false), (Told::Absent, true), (Told::Whole(-1), true)] {
        assert_eq!(stops(&history, &event(1, Occurrence::Call, "db:pay", "one", 1, 0, amount)), is_stopped);
    }
}

#[test]
fn an_amount_of_which_nobody_can_say_whether_it_is_large_counts_as_large() {
    let history = history(vec![rule("large", Reach::Task, unless("formerly approval"))]);
    for (amount, is_stopped) in [(Told::Whole(2), false), (Told::Whole(3), true), (Told::Absent, true)] {
        assert_eq!(stops(&history, &event(1, Occurrence::Call, "db:pay", "one", 1, 0, amount)), is_stopped);
    }
}

#[test]
fn a_sum_of_more_parts_than_are_kept_stops_everything_until_they_have_left_the_window() {
    let mut history =
        history(vec![rule("pay", Reach::Task, unless("sum of /amount of pay within 10ms is at most 1000000"))]);
    for n in 0..=PARTS_MAX {
        let payment = call(n as u128, "db:pay", 0, 1);
        assert!(!stops(&history, &payment));
        history.happened(&payment);
    }
    assert!(stops(&history, &call(0, "db:pay", 10, 1)));
    assert!(!stops(&history, &call(0, "db:pay", 11, 1)));
}

#[test]
fn what_a_task_did_is_forgotten_with_the_task() {
    let mut history = history(vec![rule("send", Reach::Task, when("no approval since secret"))]);
    let send = call(2, "mail:send", 1, 0);
    history.happened(&Event { label: Some(Label::WORST), ..call(1, "files:read", 0, 0) });
    assert!(stops(&history, &send));
    history.closed(send.task.unwrap());
    assert!(!stops(&history, &send) && history.is_settled());
}

#[test]
fn a_finding_names_the_rule_its_line_and_the_hops_that_made_it_so() {
    let mut history = history(vec![Rule {
        because: Some("a person reads what leaves".into()),
        ..rule("send", Reach::Task, when("no approval since secret and count of send within 1h is more than 0"))
    }]);
    history.happened(&Event { label: Some(Label::WORST), ..call(1, "files:read", 0, 0) });
    let findings = history.judge(&call(2, "mail:send", 1, 0), |_| true);
    let finding = findings.iter().next().unwrap();
    expect_test::expect![[r#"EC-2.3: rule `r` (rules/test.toml:7) forbids it: when not approval since secret and count of send within 1h is more than 0 (per task); with it, count of send within 1h is at least 1; before it came hop_00000000000000000000000000000001 at 1970-01-01T00:00:00.000Z; because a person reads what leaves"#]]
        .assert_eq(&format!("{}: {}", finding.control, finding.reason));
}

#[test]
fn a_rule_that_does_not_apply_says_nothing() {
    let history = history(vec![rule("pay", Reach::Task, unless("formerly approval"))]);
    let payment = call(1, "db:pay", 0, 1);
    assert!(stops(&history, &payment));
    assert!(history.judge(&payment, |_| false).is_empty());
}
