use std::future::pending;

use maso_bus::{Bounds, InProcess};

use super::*;

fn fleet() -> Fleet {
    Fleet::new(Arc::new(InProcess::default()), |_, _| None)
}

fn open(to: &str, at: i64) -> Open {
    from_to("intake", to, at)
}

fn from_to(from: &str, to: &str, at: i64) -> Open {
    let ways = (from.parse().unwrap(), to.parse().unwrap());
    let asked = ("assess_claim".parse().unwrap(), json!({ "at": at }));
    Open::new(ways, asked, (None, None), None, Timestamp::from_millis(at))
}

fn id(n: u128) -> HopId {
    HopId::from_uuid(uuid::Uuid::from_u128(n))
}

#[tokio::test]
async fn a_request_is_taken_once_and_answered_once() {
    let fleet = fleet();
    let analysis: AgentName = "analysis".parse().unwrap();
    fleet.put(id(2), open("analysis", 1)).await.unwrap();
    fleet.put(id(1), open("analysis", 2)).await.unwrap();
    fleet.put(id(3), open("intake", 3)).await.unwrap();
    let taken = fleet.receive(&analysis, 10, 0, pending()).await;
    let order: Vec<_> = taken.iter().map(|request| request["content"]["at"].clone()).collect();
    assert_eq!(order, [json!(1), json!(2)]);
    assert!(fleet.receive(&analysis, 10, 0, pending()).await.is_empty());
    fleet.give_back(&[id(2)]).await;
    let again = fleet.receive(&analysis, 10, 0, pending()).await;
    assert_eq!(again.len(), 1, "what nobody got is taken again");
    assert_eq!(fleet.result(id(2), 0, pending()).await, None);
    assert!(fleet.complete(id(2), json!({ "ok": true }), None).await.unwrap());
    assert!(!fleet.complete(id(2), json!({ "ok": false }), None).await.unwrap());
    assert_eq!(fleet.result(id(2), 0, pending()).await, Some(json!({ "done": true, "result": { "ok": true } })));
}

#[tokio::test]
async fn whoever_left_takes_nothing_and_waits_no_longer() {
    let fleet = fleet();
    let analysis: AgentName = "analysis".parse().unwrap();
    let (leave, left) = tokio::sync::oneshot::channel::<()>();
    let over = async { drop(left.await) };
    let mut orphan = std::pin::pin!(fleet.receive(&analysis, 10, WAIT_MS_MAX, over));
    assert!(futures::poll!(&mut orphan).is_pending());
    leave.send(()).unwrap();
    fleet.put(id(1), open("analysis", 1)).await.unwrap();
    assert!(orphan.await.is_empty(), "it came when nobody waited for it");
    assert_eq!(fleet.receive(&analysis, 10, 0, pending()).await.len(), 1);
}

#[tokio::test]
async fn a_mailbox_is_bounded() {
    let (fleet, bounds) = (fleet(), Bounds::DEFAULT);
    for n in 0..bounds.mailbox_max {
        let from = format!("agent-{}", n / bounds.edge_max);
        assert_eq!(fleet.put(id(n as u128), from_to(&from, "analysis", 1)).await, Ok(()));
    }
    assert_eq!(fleet.put(id(u128::MAX), open("analysis", 1)).await, Err(NotPut::Full(Full::Mailbox)));
    assert!(fleet.find(id(u128::MAX)).is_none());
    assert_eq!(fleet.put(id(u128::MAX), open("intake", 1)).await, Ok(()));
}

#[tokio::test]
async fn what_is_a_day_old_is_answered_by_nobody() {
    let fleet = fleet();
    let analysis: AgentName = "analysis".parse().unwrap();
    for (n, at) in [(1, 1), (2, 2)] {
        fleet.put(id(n), open("analysis", at)).await.unwrap();
    }
    assert_eq!(fleet.receive(&analysis, 10, 0, pending()).await.len(), 2);
    fleet.forget_old(Timestamp::from_millis(1).plus_ms(KEPT_MS));
    assert!(fleet.find(id(1)).is_none() && fleet.find(id(2)).is_some());
    assert!(!fleet.complete(id(1), json!({ "ok": true }), None).await.unwrap());
    assert!(fleet.complete(id(2), json!({ "ok": true }), None).await.unwrap());
}

#[tokio::test]
async fn one_agent_fills_no_mailbox_of_another_alone() {
    let fleet = fleet();
    for n in 0..Bounds::DEFAULT.edge_max {
        assert_eq!(fleet.put(id(n as u128), open("analysis", 1)).await, Ok(()));
    }
    assert_eq!(fleet.put(id(u128::MAX), open("analysis", 1)).await, Err(NotPut::Full(Full::Edge)));
    assert_eq!(fleet.put(id(u128::MAX), from_to("audit", "analysis", 1)).await, Ok(()));
}

#[tokio::test]
async fn what_one_process_was_asked_another_hands_out_and_answers() {
    let bus = Arc::new(InProcess::default());
    let process = || Fleet::new(bus.clone(), |_, _| None);
    let (one, other) = (process(), process());
    let analysis: AgentName = "analysis".parse().unwrap();
    let mut asked = from_to("intake", "analysis", 1);
    (asked.task, asked.handed_on) = (Some(UnverifiedToken::new("a")), Some(UnverifiedToken::new("b")));
    (asked.goal, asked.beside) = (Some(Digest::of(b"goal")), Some(json!({ "said": "this" })));
    let shown = asked.told(id(1));
    one.put(id(1), asked).await.unwrap();
    assert_eq!(other.receive(&analysis, 10, 0, pending()).await, [shown]);
    assert!(one.receive(&analysis, 10, 0, pending()).await.is_empty());
    assert!(other.complete(id(1), json!({ "ok": true }), Some(json!({ "said": "that" }))).await.unwrap());
    let answer = json!({ "done": true, "result": { "ok": true }, "message": { "said": "that" } });
    assert_eq!(one.result(id(1), 0, pending()).await, Some(answer.clone()));
    assert_eq!(one.result(id(1), 0, pending()).await, Some(answer), "and again, as often as it is asked for");
}

#[tokio::test]
async fn what_was_answered_is_worked_on_by_nobody_again() {
    let bus = Arc::new(InProcess::default());
    let analysis: AgentName = "analysis".parse().unwrap();
    let one = Fleet::new(bus.clone(), |_, _| None);
    one.put(id(1), open("analysis", 1)).await.unwrap();
    one.put(id(2), open("analysis", 2)).await.unwrap();
    // A process that the record tells that the first was answered, by another that could not end it any more.
    let told = Fleet::new(bus.clone(), |request, _| (request == id(1)).then_some(Ended::Answered));
    let received = told.receive(&analysis, 10, 0, pending()).await;
    assert_eq!(received.len(), 0, "the first look finds what is over");
    let received = told.receive(&analysis, 10, 0, pending()).await;
    assert_eq!(received.iter().filter_map(request_id).collect::<Vec<_>>(), [id(2)]);
    assert!(!told.complete(id(1), json!({}), None).await.unwrap());
}

#[tokio::test]
async fn what_somebody_works_on_is_not_handed_out_beside() {
    let bus = Arc::new(InProcess::default());
    let (one, other) = (Fleet::new(bus.clone(), |_, _| None), Fleet::new(bus, |_, _| None));
    let analysis: AgentName = "analysis".parse().unwrap();
    one.put(id(1), open("analysis", 1)).await.unwrap();
    assert_eq!(other.receive(&analysis, 10, 0, pending()).await.len(), 1);
    // As when a broker did not hear that this process is at work, and hands it out once more.
    other.post.give_back(&analysis, Kind::Request, id(1)).await;
    assert!(other.receive(&analysis, 10, 0, pending()).await.is_empty());
    assert!(other.complete(id(1), json!({}), None).await.unwrap());
}

#[tokio::test]
async fn answers_that_nobody_fetched_here_can_be_fetched_elsewhere() {
    let bus = Arc::new(InProcess::default());
    let process = || Fleet::new(bus.clone(), |_, _| None);
    let (one, other) = (process(), process());
    let analysis: AgentName = "analysis".parse().unwrap();
    one.put(id(1), open("analysis", 1)).await.unwrap();
    other.put(id(2), open("analysis", 2)).await.unwrap();
    assert_eq!(one.receive(&analysis, 10, 0, pending()).await.len(), 2);
    assert!(one.complete(id(2), json!({}), None).await.unwrap());
    assert_eq!(one.result(id(1), 0, pending()).await, None, "it came for another request");
    assert!(other.result(id(2), 0, pending()).await.is_some());
    // Whoever asks where nobody knows of the request learns of it by its answer.
    assert!(one.complete(id(1), json!({}), None).await.unwrap());
    let third = process();
    let intake: AgentName = "intake".parse().unwrap();
    assert_eq!(third.find_for(id(1), &intake).await.map(|open| open.to), Some(analysis));
    assert!(third.find_for(id(3), &intake).await.is_none());
}

#[tokio::test]
async fn whoever_follows_a_request_hears_that_it_was_taken() {
    let analysis: AgentName = "analysis".parse().unwrap();
    for native in [false, true] {
        let fleet = fleet();
        fleet.put(id(1), open("analysis", 1)).await.unwrap();
        // It is here already: that it comes is news of its own.
        let mailbox = Mailbox::new(analysis.clone(), Kind::Request);
        fleet.arrive(fleet.post.take(&mailbox, Duration::ZERO).await.unwrap()).await;
        let is_taken = || fleet.find(id(1)).filter(|open| open.lies == Lies::WithIt).map(drop);
        let mut following = std::pin::pin!(fleet.look(WAIT_MS_MAX, pending(), is_taken));
        assert!(futures::poll!(&mut following).is_pending());
        if native {
            fleet.hand(&analysis, pending()).await.unwrap();
        } else {
            assert_eq!(fleet.receive(&analysis, 1, 0, pending()).await.len(), 1);
        }
        assert!(futures::poll!(&mut following).is_ready());
    }
}
