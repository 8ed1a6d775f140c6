//! The records of a task and of an agent.

use super::*;
use crate::Owner;

const TASK: &str = "task_00000000000000000000000000000001";
const OTHER: &str = "task_00000000000000000000000000000002";

/// A hop of `writer` in a task.
fn hop(hop: &str, task: &str, ticket: Option<&str>) -> Body {
    let Body::HopDecided(mut decided) = decided(hop) else { unreachable!() };
    decided.task = Some(task.to_owned());
    decided.from = Some("agent:writer".to_owned());
    decided.ticket = ticket.map(str::to_owned);
    Body::HopDecided(decided)
}

fn released(hop: &str) -> Body {
    Body::HopReleased(HopReleased {
        hop: hop.to_owned(),
        outcome: "delivered".to_owned(),
        took_ms: 1,
        fault: None,
        unsuccessful: false,
    })
}

fn opened(task: &str) -> Body {
    let text = format!(
        r#"{{"task":"{task}","workflow":"claims","words":"w","success_criteria":[],"accountable_human":"owner",
            "opened_at":1,"expires_at":2,"specification":"sha256:00"}}"#
    );
    Body::TaskOpened(serde_json::from_str(&text).unwrap())
}

fn closed(task: &str) -> Body {
    Body::TaskClosed(TaskClosed { task: task.to_owned(), reason: "done".to_owned(), by: "operator:one".to_owned() })
}

fn answered(ticket: &str) -> Body {
    Body::TicketAnswered(TicketAnswered {
        ticket: ticket.to_owned(),
        action: "sha256:00".to_owned(),
        answer: "approve".to_owned(),
        by: "one".to_owned(),
        reason: String::new(),
        expires_at: 9,
    })
}

async fn recorded(bodies: Vec<Body>) -> (Place, Recorder) {
    let place = Place::new();
    let (recorder, _) = place.open();
    recorder.record_all(bodies).await.unwrap();
    (place, recorder)
}

fn sequences(page: &crate::Page) -> Vec<u64> {
    page.records.iter().map(|record| record.sequence).collect()
}

#[tokio::test]
async fn everything_that_belongs_to_a_task_is_found_and_nothing_else() {
    let (_place, recorder) = recorded(vec![
        opened(OTHER),
        opened(TASK),
        hop("hop_a", TASK, None),
        hop("hop_x", OTHER, None),
        released("hop_a"),
        released("hop_x"),
        hop("hop_b", TASK, Some("ticket_b")),
        answered("ticket_b"),
        hop("hop_c", TASK, None),
        spend("ticket_b", "hop_c"),
        // A text that speaks of the task does not belong to it.
        seen(format!("about \"{TASK}\"")),
        closed(TASK),
        closed(OTHER),
    ])
    .await;
    let page = recorder.reader().belonging(&Owner::parse(TASK).unwrap(), 1, 100).unwrap();
    assert_eq!((sequences(&page), page.next), (vec![2, 3, 5, 7, 8, 9, 10, 12], None));
    let page = recorder.reader().belonging(&Owner::parse(OTHER).unwrap(), 1, 100).unwrap();
    assert_eq!(sequences(&page), [1, 4, 6, 13]);
}

#[tokio::test]
async fn pages_together_hold_each_record_once_and_a_hop_with_what_became_of_it() {
    let mut bodies = vec![opened(TASK)];
    for n in 0..10 {
        bodies.extend([hop(&format!("hop_{n}"), TASK, None), hop(&format!("hop_x{n}"), OTHER, None)]);
    }
    bodies.extend((0..10).map(|n| released(&format!("hop_{n}"))));
    let (_place, recorder) = recorded(bodies).await;
    let owner = Owner::parse(TASK).unwrap();
    let (mut from, mut all) = (1, Vec::new());
    loop {
        let page = recorder.reader().belonging(&owner, from, 3).unwrap();
        assert!(page.records.len() <= 6, "{page:?}");
        all.extend(sequences(&page));
        let Some(next) = page.next else { break };
        from = next;
    }
    all.sort_unstable();
    let whole = sequences(&recorder.reader().belonging(&owner, 1, 1_000).unwrap());
    assert_eq!((all, whole.len()), (whole, 21));
}

#[tokio::test]
async fn an_agent_is_found_by_what_it_sent_and_what_was_done_about_it() {
    let revoked = Body::Revoked(Revoked {
        what: "agent".to_owned(),
        subject: "writer".to_owned(),
        by: "operator:one".to_owned(),
        reason: "lost".to_owned(),
    });
    let moved = Body::PhaseChanged(PhaseChanged {
        scope: "agent:writer".to_owned(),
        from: "primary".to_owned(),
        to: "alternate".to_owned(),
        trigger: "lost".to_owned(),
        by: "maso".to_owned(),
    });
    let token = |agent: &str| {
        Body::TokenIssued(crate::v1::Token {
            token_id: "00000000-0000-0000-0000-000000000001".to_owned(),
            kind_of_token: "agent".to_owned(),
            subject: format!("spiffe://notes.example/agent/{agent}"),
            thumbprint: None,
            expires_at: 2,
            by: None,
        })
    };
    let bodies = vec![
        decided("hop_z"),
        hop("hop_a", TASK, None),
        released("hop_a"),
        revoked,
        moved,
        token("writer"),
        token("other-writer"),
    ];
    let (_place, recorder) = recorded(bodies).await;
    let page = recorder.reader().belonging(&Owner::parse("agent:writer").unwrap(), 1, 100).unwrap();
    assert_eq!(sequences(&page), [2, 3, 4, 5, 6]);
    let page = recorder.reader().belonging(&Owner::parse("agent:other").unwrap(), 1, 100).unwrap();
    assert_eq!((page.records.len(), page.next), (0, None));
    for text in ["agent:", "agent:not a name", "task_1", "hop_00000000000000000000000000000001", "writer"] {
        assert_eq!(Owner::parse(text), None, "{text}");
    }
}

#[test]
fn a_record_without_excerpts_reads_as_it_always_did() {
    let old = r#"{"pointer":"/to","authority":true,"source":"s","integrity":"external"}"#;
    let origin: Origin = serde_json::from_str(old).unwrap();
    assert_eq!(origin.excerpt, None);
    assert_eq!(serde_json::to_string(&origin).unwrap(), old);
}
