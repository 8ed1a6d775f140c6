//! The fold is the sum of what the record says, whatever comes in which order.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;

/// What a record says, as the test has it.
#[derive(Clone, Debug)]
enum Told {
    /// A hop of so many bytes, to the writer or from it, with what it claims.
    Hop {
        task: u128,
        n_bytes: u64,
        is_answer: bool,
        decision: &'static str,
        claimed: Option<u64>,
    },
    Rotated {
        task: u128,
        n_bytes: u64,
    },
    Closed {
        task: u128,
    },
}

fn told() -> impl Strategy<Value = Told> {
    let task = || 0..3_u128;
    let decision = prop::sample::select(vec!["allow", "allow", "allow", "deny", "hold"]);
    let hop = (task(), 0..5_000_u64, any::<bool>(), decision, prop::option::of(0..2_000_u64)).prop_map(
        |(task, n_bytes, is_answer, decision, claimed)| Told::Hop { task, n_bytes, is_answer, decision, claimed },
    );
    let rotated = (task(), 0..1_000_u64).prop_map(|(task, n_bytes)| Told::Rotated { task, n_bytes });
    prop_oneof![8 => hop, 1 => rotated, 1 => task().prop_map(|task| Told::Closed { task })]
}

fn deployment() -> Arc<Deployment> {
    let mut source = maso_intent::minimal();
    source.files.get_mut("maso.toml").unwrap().push_str("\n[context]\ntokens = 1000000\nbytes_per_token = 3\n");
    Arc::new(maso_intent::parse(&source).unwrap())
}

fn id(task: u128) -> TaskId {
    TaskId::from_uuid(Uuid::from_u128(task + 1))
}

fn hop(told: &Told) -> Option<v1::HopDecided> {
    let Told::Hop { task, n_bytes, is_answer, decision, claimed } = told else { return None };
    let (from, to) = if *is_answer { ("server:notes", "agent:writer") } else { ("agent:writer", "server:notes") };
    let decided = json!({
        "hop": HopId::from_uuid(Uuid::from_u128(7)).to_string(),
        "received_at": 0, "hop_kind": "tool-call", "from": from, "to": to, "verb": "call_tool",
        "object": "notes:read_note", "task": id(*task).to_string(), "input_hash": "", "decision": decision,
        "enforced": true, "findings": [], "pace_phase": "primary",
        "context_bytes": n_bytes, "context_claimed": claimed,
    });
    Some(serde_json::from_value(decided).unwrap())
}

proptest! {
    #[test]
    fn the_fold_is_the_sum_of_the_history(history in prop::collection::vec(told(), 0..60)) {
        let contexts = Contexts::new(&deployment(), HashSet::new());
        let now = Timestamp::from_millis(1_000);
        let writer: AgentName = "writer".parse().unwrap();
        let mut naive: HashMap<u128, u64> = HashMap::new();
        for told in &history {
            match told {
                Told::Hop { task, n_bytes, is_answer, decision, claimed } => {
                    contexts.decided(now, &hop(told).unwrap());
                    if *decision == "allow" {
                        let sum = naive.entry(*task).or_default();
                        // What whoever answers claims is of its own, and a server has no context.
                        *sum = (*sum + n_bytes.div_ceil(3)).max(claimed.filter(|_| !is_answer).unwrap_or(0));
                    }
                }
                Told::Rotated { task, n_bytes } => {
                    contexts.rotated(now, &v1::ContextCheckpoint {
                        hop: String::new(),
                        agent: "agent:writer".into(),
                        task: id(*task).to_string(),
                        specification: String::new(),
                        input_hash: String::new(),
                        payload: None,
                        bytes: *n_bytes,
                        tokens_before: 0,
                        version: String::new(),
                    });
                    naive.insert(*task, n_bytes.div_ceil(3));
                }
                Told::Closed { task } => {
                    let closed = v1::TaskClosed { task: id(*task).to_string(), reason: String::new(), by: "maso".into() };
                    contexts.closed(&closed);
                    naive.remove(task);
                }
            }
            for task in 0..3 {
                let used = contexts.usage_in(id(task), &writer, now).unwrap().used;
                prop_assert_eq!(used, naive.get(&task).copied().unwrap_or(0));
            }
        }
    }
}

#[test]
fn a_warning_is_passed_once_until_the_context_is_rotated() {
    let contexts = Contexts::new(&deployment(), HashSet::new());
    let now = Timestamp::from_millis(1_000);
    let read = |n_bytes| Told::Hop { task: 0, n_bytes, is_answer: true, decision: "allow", claimed: None };
    let warned = |n_bytes| contexts.decided(now, &hop(&read(n_bytes)).unwrap()).len();
    assert_eq!([warned(2_400_000), warned(200_000), warned(3_000), warned(600_000)], [0, 1, 0, 0]);
}
