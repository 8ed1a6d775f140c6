//! Erasing payloads.

use maso_api::ErasePayloads;
use maso_core::{Day, Digest};
use maso_log::{Entry, Payload};
use serde_json::json;

use super::*;

/// Something that was said in a task.
struct Said(TaskId, Value);

impl Entry for Said {
    fn body(&self) -> v1::Body {
        let decided = json!({
            "hop": "hop_a", "received_at": 1, "hop_kind": "tool-call", "to": "server:claims", "verb": "call_tool",
            "object": "claims:pay", "input_hash": "sha256:00", "decision": "deny", "enforced": true, "findings": [],
            "pace_phase": "primary",
        });
        v1::Body::HopDecided(serde_json::from_value(decided).unwrap())
    }

    fn payload(&self) -> Option<Payload<'_>> {
        Some(Payload { task: Some(self.0), value: &self.1 })
    }
}

fn of_task(task: impl ToString) -> ErasePayloads {
    ErasePayloads { task: Some(task.to_string()), before: None, reason: "its retention is over".to_owned() }
}

fn before(day: impl ToString) -> ErasePayloads {
    ErasePayloads { task: None, before: Some(day.to_string()), reason: "their retention is over".to_owned() }
}

fn is_there(desk: &Desk, said: &Value) -> bool {
    desk.path().recorder().reader().payload(Digest::of_value(said)).unwrap().is_some()
}

#[tokio::test]
async fn what_was_said_in_a_task_is_erased_when_it_has_ended_and_not_before() {
    let (desk, operator, _folder) = desk().await;
    let (by, _) = bearer(&desk, &operator).await;
    let (task, other) = (open(&desk, &by, "file it").await, open(&desk, &by, "file that").await);
    let (said, kept) = (json!({ "said": "this" }), json!({ "said": "that" }));
    for (task, said) in [(task, &said), (other, &kept)] {
        desk.path().recorder().record(Said(task, said.clone())).await.unwrap();
    }
    let refused = desk.erase_payloads(&by, &of_task(task)).await;
    assert!(matches!(refused, Err(OrderFault::NotAllowed { .. })), "{refused:?}");
    assert!(is_there(&desk, &said));
    desk.close_task(&by, task, "done").await.unwrap();
    let erased = desk.erase_payloads(&by, &of_task(task)).await.unwrap();
    assert_eq!(erased.removed, 1);
    assert!(!is_there(&desk, &said) && is_there(&desk, &kept));
    let record = desk.path().recorder().reader().record(erased.sequence).unwrap().unwrap();
    let v1::Body::PayloadsErased(recorded) = record.body else { panic!("{record:?}") };
    assert_eq!((recorded.by, recorded.reason), (format!("operator:{operator}"), "its retention is over".to_owned()));
    let verified = desk.verify().await.unwrap();
    assert_eq!((verified.verified, verified.payloads), (true, 1));
}

#[tokio::test]
async fn what_somebody_still_works_with_is_not_erased() {
    let (desk, operator, _folder) = desk().await;
    let (by, _) = bearer(&desk, &operator).await;
    let now = desk.path().clock().now();
    let (today, tomorrow) = (Day::of(now), Day::of(now).plus(1));
    let standing = desk.path().world().tasks().standing(&"writer".parse().unwrap()).unwrap().id;
    let nobodys = desk.path().ids().task();
    for (order, code) in [
        (of_task(standing), "NOT_ALLOWED"),
        (of_task(nobodys), "UNKNOWN"),
        (of_task("task of nobody"), "UNKNOWN"),
        (before(tomorrow), "BAD_ORDER"),
        (before("yesterday"), "BAD_ORDER"),
        (ErasePayloads { reason: " ".to_owned(), ..before(today) }, "BAD_ORDER"),
        (ErasePayloads { before: Some(today.to_string()), ..of_task(nobodys) }, "BAD_ORDER"),
        (ErasePayloads { task: None, ..of_task(nobodys) }, "BAD_ORDER"),
    ] {
        let refused = desk.erase_payloads(&by, &order).await.unwrap_err();
        assert_eq!(refused.code(), code, "{order:?}: {refused}");
    }
    assert!(desk.erase_payloads(&by, &before(today)).await.is_ok());
}

#[tokio::test]
async fn over_http_it_takes_somebody_who_signed_in() {
    let (desk, operator, _folder) = desk().await;
    let (_, authorization) = bearer(&desk, &operator).await;
    let order = serde_json::to_vec(&before("2026-01-01")).unwrap();
    for (authorization, status) in
        [(authorization.as_str(), StatusCode::OK), ("Bearer guessed", StatusCode::UNAUTHORIZED)]
    {
        let request = Request::builder()
            .method("POST")
            .uri("/api/v1/erasures")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, authorization)
            .body(Body::from(order.clone()))
            .unwrap();
        let answer = http::router(Arc::clone(&desk), &Arc::new(KnownHosts::loopback())).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status);
    }
}
