//! How far an assumption travels, held against all that was assumed and said of it.

use maso_core::MessageId;
use maso_wire::envelope::{Remark, Remarked};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;

fn agent(n: usize) -> AgentName {
    ["intake", "analysis", "audit"][n].parse().unwrap()
}

fn hop(n: usize) -> HopId {
    HopId::from_uuid(Uuid::from_u128(n as u128 + 1))
}

fn assumed(n: usize, by: usize, text: &str) -> Assumed {
    let at = Timestamp::from_millis(n as i64);
    Assumed { hop: hop(n), at, by: agent(by), text: likeness(text), inputs: BTreeSet::new(), answer: None }
}

fn promoted(reach: Reach) -> Promoted {
    Promoted { by: "owner".parse().unwrap(), reach }
}

/// What an agent says that it assumes, beside an empty content.
fn carrying(from: usize, text: &str, reach: Reach) -> Spoken {
    let beside = json!({ "assumptions": [{ "text": text, "scope": reach.as_str() }] });
    let id = MessageId::from_uuid(Uuid::from_u128(1));
    let remark = Remark::read(id, beside, Remarked::Request, &json!({})).unwrap();
    Spoken::of(agent(from), Some(remark.beside()), &json!({}))
}

fn saying(from: usize, content: &Value) -> Spoken {
    Spoken::of(agent(from), None, content)
}

const CLAIM: &str = "The account is ours.";

/// Ways to write it that say the same.
const SAME: [&str; 6] = [
    CLAIM,
    "the account  is OURS",
    " The\u{a0}account is ours ",
    "\u{ff34}he account is ours.",
    "The acc\u{200b}ount is ours!",
    "“The account” is ours",
];

#[test]
fn what_is_written_otherwise_is_the_same_and_what_says_something_else_is_not() {
    SAME.iter().for_each(|text| assert_eq!(likeness(text), likeness(CLAIM), "{text}"));
    // Composed and decomposed.
    assert_eq!(likeness("caf\u{e9}"), likeness("CAFE\u{301}"));
    for other in ["The account is not ours.", "The accountis ours.", "", "The account is ours, too."] {
        assert_ne!(likeness(other), likeness(CLAIM), "{other}");
    }
}

#[test]
fn what_nobody_let_travel_is_said_by_nobody_and_what_was_let_travel_is() {
    let mut register = Register::default();
    assert_eq!(register.judge(&carrying(0, CLAIM, Reach::Global)), None, "nobody keeps it to itself");
    register.take(assumed(0, 0, CLAIM));
    for text in SAME {
        for from in 0..3 {
            let finding = register.judge(&carrying(from, text, Reach::Task)).expect("it is local");
            assert_eq!((finding.control.as_str(), finding.word), ("PG-2.8", Word::NoGo));
        }
    }
    register.answer(hop(0), promoted(Reach::Task));
    assert_eq!(register.judge(&carrying(1, SAME[1], Reach::Task)), None);
    assert!(register.judge(&carrying(1, SAME[1], Reach::Global)).is_some(), "it was let travel in the task alone");
    // A second word of the same assumption is none; that of another which says the same only narrows.
    register.answer(hop(0), promoted(Reach::Global));
    assert!(register.judge(&carrying(1, CLAIM, Reach::Global)).is_some());
    register.take(assumed(1, 1, SAME[2]));
    assert_eq!(
        register.judge(&carrying(0, CLAIM, Reach::Task)),
        None,
        "that somebody else assumes it takes nothing back"
    );
    register.answer(hop(1), promoted(Reach::Local));
    assert!(register.judge(&carrying(0, CLAIM, Reach::Task)).is_some());
}

#[test]
fn whoever_assumes_something_does_not_say_it_as_a_fact_either() {
    let mut register = Register::default();
    register.take(assumed(0, 0, CLAIM));
    let content = json!({ "found": [{ "note": SAME[3] }], "n": 1 });
    assert!(register.judge(&saying(0, &content)).is_some());
    assert_eq!(register.judge(&saying(1, &content)), None, "another one may know it");
    assert_eq!(register.judge(&saying(0, &json!({ "note": "something else" }))), None);
    register.answer(hop(0), promoted(Reach::Task));
    assert_eq!(register.judge(&saying(0, &content)), None);
}

#[test]
fn what_is_assumed_in_a_task_leaves_it_when_it_holds_for_everybody() {
    let mut register = Register::default();
    register.take(assumed(0, 0, CLAIM));
    let content = json!({ "note": CLAIM });
    for reach in [None, Some(Reach::Local), Some(Reach::Task), Some(Reach::Global)] {
        let mut register = register.clone();
        reach.into_iter().for_each(|reach| register.answer(hop(0), promoted(reach)));
        let may = reach == Some(Reach::Global);
        for spoken in [carrying(0, SAME[2], Reach::Task), saying(0, &content)] {
            assert_eq!(register.judge_elsewhere(&spoken).is_none(), may, "{reach:?}");
        }
        assert_eq!(register.judge_elsewhere(&carrying(1, CLAIM, Reach::Task)), None, "another one may assume it there");
    }
}

#[test]
fn there_is_only_so_much_to_assume() {
    let mut register = Register::default();
    for n in 0..Register::OF_AGENT_MAX {
        assert!(register.has_room(&agent(0)), "{n}");
        register.take(assumed(n, 0, &format!("number {n}")));
    }
    assert!(!register.has_room(&agent(0)));
    assert!(register.has_room(&agent(1)));
    for n in Register::OF_AGENT_MAX..Register::ASSUMPTIONS_MAX {
        let by: AgentName = format!("agent-{n}").parse().unwrap();
        register.take(Assumed { by, ..assumed(n, 0, &format!("number {n}")) });
    }
    assert!(!register.has_room(&agent(1)));
}

/// What happens in a task.
#[derive(Clone, Debug)]
enum Step {
    Assume { by: usize, text: usize },
    Answer { which: usize, reach: Reach },
    Say { from: usize, text: usize, reach: Reach },
}

/// Two things that are assumed, each in some ways of writing it.
const TEXTS: [&str; 4] = [SAME[0], SAME[1], "the invoice was paid", "The Invoice was paid."];

fn step() -> impl Strategy<Value = Step> {
    let reach = || prop::sample::select(Reach::ALL);
    prop_oneof![
        (0..3_usize, 0..TEXTS.len()).prop_map(|(by, text)| Step::Assume { by, text }),
        (0..8_usize, reach()).prop_map(|(which, reach)| Step::Answer { which, reach }),
        (0..3_usize, 0..TEXTS.len(), reach()).prop_map(|(from, text, reach)| Step::Say { from, text, reach }),
    ]
}

proptest! {
    #[test]
    fn no_local_assumption_travels_unpromoted(steps in prop::collection::vec(step(), 0..40)) {
        let mut register = Register::default();
        // By what it says and not by how it is written: what was assumed, and what people said first of each.
        let mut made: Vec<(usize, Option<Reach>)> = Vec::new();
        for step in steps {
            match step {
                Step::Assume { by, text } => {
                    register.take(assumed(made.len(), by, TEXTS[text]));
                    made.push((text / 2, None));
                }
                Step::Answer { which, reach } => {
                    register.answer(hop(which), promoted(reach));
                    if let Some((_, answer @ None)) = made.get_mut(which) {
                        *answer = Some(reach);
                    }
                }
                Step::Say { from, text, reach } => {
                    let like: Vec<_> = made.iter().filter(|(made, _)| *made == text / 2).collect();
                    let let_go = like.iter().filter_map(|(_, answer)| *answer).min().unwrap_or(Reach::Local);
                    let may = like.is_empty() || reach <= let_go;
                    let judged = register.judge(&carrying(from, TEXTS[text], reach));
                    prop_assert_eq!(judged.is_none(), may, "{:?} {:?}", text, reach);
                }
            }
        }
    }
}
