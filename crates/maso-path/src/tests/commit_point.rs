//! Whoever was stopped before a decision is on the record is stopped, whichever process stopped them (ENV-21, IA-2.1).

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::ThreadId,
};

use maso_core::{Mode, TaskId, Timestamp};
use maso_intent::ToolDefinition;
use maso_log::{
    Keep, Ruled,
    v1::{self, Body},
};
use maso_policy::Decision;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::rig::{HandClock, Rig, held, permit, refusal, released, told};
use crate::{Clock, Outcome, travel::NotRecorded};

fn letter() -> Value {
    json!({ "to": "ada@notes.example", "text": "hello" })
}

async fn with_task() -> (Rig, TaskId) {
    let rig = Rig::new().await;
    let task = rig.task("send a letter to ada@notes.example, pay 20 to account-of-the-task").await;
    (rig, task)
}

fn killed(scope: &str) -> Body {
    Body::Killed(v1::Killed { scope: scope.into(), by: "operator:owner".into(), reason: "drill".into() })
}

fn revoked(what: &str, subject: &str) -> Body {
    Body::Revoked(v1::Revoked {
        what: what.into(),
        subject: subject.into(),
        by: "operator:owner".into(),
        reason: "drill".into(),
    })
}

fn closed(task: TaskId) -> Body {
    Body::TaskClosed(v1::TaskClosed { task: task.to_string(), reason: "done".into(), by: "operator:owner".into() })
}

/// Another definition of this tool than the one that is published is the approved one now.
fn repinned(tool: &str) -> Body {
    let definition = ToolDefinition::new(json!({ "name": tool, "description": "another", "inputSchema": {} }));
    Body::ToolApproved(v1::ToolApproved {
        tool: format!("notes:{tool}"),
        digest: definition.digest.to_string(),
        definition: definition.value,
        by: "operator:owner".into(),
    })
}

/// A permit that was decided before another process recorded something, and is to be recorded after it.
async fn overtaken_by(stop: impl Fn(TaskId) -> Body) -> bool {
    let (rig, task) = with_task().await;
    let other = rig.another().await;
    let (guarded, unguarded) =
        (permit(&rig, task, "notes:send_note", &letter()), permit(&rig, task, "notes:send_note", &letter()));
    other.path.recorder().record(stop(task)).await.unwrap();
    let outcome = rig.record_permit(guarded).await;

    // The other half of the pair: an entry without the guard is written, and what it permits could be released.
    let ruled = Ruled {
        decision: Decision::Allow(unguarded),
        ticket: None,
        mode: Mode::Enforce,
        keep: Keep::HashAlone,
        excerpts: Vec::new(),
    };
    assert!(rig.path.recorder().record(ruled).await.is_ok());
    match outcome {
        Ok(_) => false,
        Err(NotRecorded::Overtaken) => true,
        Err(NotRecorded::Fault) => panic!("it could not be recorded"),
    }
}

#[tokio::test]
async fn a_permit_that_was_overtaken_by_a_stop_is_not_recorded() {
    assert!(overtaken_by(|_| killed("deployment")).await);
    assert!(overtaken_by(|_| killed("workflow:notes")).await);
    assert!(overtaken_by(|_| killed("agent:writer")).await);
    assert!(overtaken_by(|_| revoked("agent", "writer")).await);
    assert!(overtaken_by(closed).await);
    assert!(overtaken_by(|_| repinned("send_note")).await);
    let isolated = v1::PhaseChanged {
        scope: "agent:writer".into(),
        from: "primary".into(),
        to: "alternate".into(),
        trigger: "drill".into(),
        by: "maso".into(),
    };
    assert!(overtaken_by(|_| Body::PhaseChanged(isolated.clone())).await);
}

#[tokio::test]
async fn what_does_not_concern_it_sends_no_permit_back() {
    assert!(!overtaken_by(|_| killed("agent:somebody-else")).await);
    assert!(!overtaken_by(|_| killed("workflow:other")).await);
    assert!(!overtaken_by(|_| revoked("agent", "somebody-else")).await);
    assert!(!overtaken_by(|_| closed(TaskId::from_uuid(uuid::Uuid::nil()))).await);
    assert!(!overtaken_by(|_| repinned("read_note")).await);
}

#[tokio::test]
async fn an_approval_that_was_taken_back_before_it_was_used_permits_nothing() {
    let (rig, task) = with_task().await;
    let payment = json!({ "to": "account-of-the-task", "amount": 20 });
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment.clone()).await);
    let other = rig.another().await;
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    let approved = permit(&rig, task, "notes:pay", &payment);
    other.answer_ticket_of(&waiting, "reject", "second").await;
    assert!(matches!(rig.record_permit(approved).await, Err(NotRecorded::Overtaken)));
    assert_eq!(refusal(&rig.wait(waiting).await), Some("NOT_APPROVED"));
    assert_eq!(rig.n_carried(), 0);
}

#[tokio::test]
async fn an_approval_that_ran_out_before_it_was_used_permits_nothing() {
    let (rig, task) = with_task().await;
    let payment = json!({ "to": "account-of-the-task", "amount": 20 });
    let waiting = held(rig.call_in(Some(task), "notes:pay", payment.clone()).await);
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    let approved = permit(&rig, task, "notes:pay", &payment);
    rig.clock.advance(15 * 60_000 + 1);
    assert!(matches!(rig.record_permit(approved).await, Err(NotRecorded::Overtaken)));
}

#[tokio::test]
async fn a_read_on_the_buffer_heeds_what_this_process_has_heard_of() {
    let (rig, task) = with_task().await;
    let read = permit(&rig, task, "notes:read_note", &json!({ "note": "n-1" }));
    rig.path.recorder().record(killed("deployment")).await.unwrap();
    assert!(matches!(rig.record_permit(read).await, Err(NotRecorded::Overtaken)));
}

#[tokio::test]
async fn a_read_that_waits_for_its_place_heeds_what_is_heard_meanwhile() {
    let (rig, task) = with_task().await;
    let lock = rusqlite::Connection::open(rig.log()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    // As many as may wait for the disk.
    let session = v1::OperatorSession { operator: "owner".into(), event: "signed-in".into(), means: "test".into() };
    for _ in 0..4_096 {
        rig.path.recorder().buffer(Body::OperatorSession(session.clone())).await.unwrap();
    }
    let mut read = Box::pin(rig.call_in(Some(task), "notes:read_note", json!({ "note": "n-1" })));
    assert!(futures::poll!(&mut read).is_pending());
    rig.hear(killed("deployment"));
    lock.execute_batch("COMMIT").unwrap();
    assert_eq!((refusal(&read.await), rig.n_carried()), (Some("SUSPENDED"), 0));
}

/// The phase of its workflow worsens whenever the writer looks at the clock, and is well again when the hop does.
struct Unrest {
    clock: Arc<HandClock>,
    hops: ThreadId,
    world: Arc<crate::World>,
    n_left: AtomicUsize,
}

impl Clock for Unrest {
    fn now(&self) -> Timestamp {
        let is_hop = std::thread::current().id() == self.hops;
        let one_less = |n: usize| n.checked_sub(1);
        if is_hop {
            self.world.fold(&told(changed("alternate", "primary")));
        } else if self.n_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            self.world.fold(&told(changed("primary", "alternate")));
        }
        self.clock.now()
    }
}

fn changed(from: &str, to: &str) -> Body {
    let [scope, trigger, by] = ["workflow:notes", "drill", "operator:owner"].map(str::to_owned);
    Body::PhaseChanged(v1::PhaseChanged { scope, from: from.to_owned(), to: to.to_owned(), trigger, by })
}

#[tokio::test]
async fn an_answer_is_not_lost_because_phases_come_and_go() {
    let (mut rig, task) = with_task().await;
    let letter = released(&rig.call_in(Some(task), "notes:send_note", letter()).await);
    let unrest = Unrest {
        clock: Arc::clone(&rig.clock),
        hops: std::thread::current().id(),
        world: Arc::clone(rig.path.world()),
        n_left: AtomicUsize::new(1_000),
    };
    Arc::get_mut(&mut rig.path).unwrap().clock = Arc::new(unrest);
    let answer = rig.answer(Some(task), letter, "notes:send_note", json!({ "sent": true })).await;
    released(&answer);
}

#[tokio::test]
async fn a_hop_does_not_wait_under_a_ticket_that_was_answered_meanwhile() {
    let payment = json!({ "to": "account-of-the-task", "amount": 20 });
    for answer in ["approve", "reject"] {
        let (rig, task) = with_task().await;
        let waiting = held(rig.call_in(Some(task), "notes:pay", payment.clone()).await);
        let Decision::Hold(again) = rig.decision(Some(task), "notes:pay", &payment) else { panic!("it is held") };
        let ticket = rig.path.ticket_for(&again).unwrap();
        assert_eq!(ticket.id, waiting.ticket().id);
        rig.another().await.answer_ticket_of(&waiting, answer, "owner").await;
        let passing = rig.path.world().passing(again.weighed().resolved().identified());
        let recorded = rig.path.record_hold(again, &ticket, &passing).await;
        assert!(matches!(recorded, Err(NotRecorded::Overtaken)), "{answer}");
    }
}

#[tokio::test]
async fn a_hop_that_would_wait_under_a_ticket_of_its_own_hears_the_answer_to_another_first() {
    let payment = json!({ "to": "account-of-the-task", "amount": 20 });
    let (rig, task) = with_task().await;
    let other = rig.another().await;
    let Decision::Hold(mine) = rig.decision(Some(task), "notes:pay", &payment) else { panic!("it is held") };
    let ticket = rig.path.ticket_for(&mine).unwrap();
    let waiting = held(other.call_in(Some(task), "notes:pay", payment.clone()).await);
    other.answer_ticket_of(&waiting, "approve", "owner").await;
    let passing = rig.path.world().passing(mine.weighed().resolved().identified());
    let recorded = rig.path.record_hold(mine, &ticket, &passing).await;
    assert!(matches!(recorded, Err(NotRecorded::Overtaken)));
    released(&rig.call_in(Some(task), "notes:pay", payment).await);
}

#[tokio::test]
async fn whose_agent_is_revoked_while_it_waits_waits_in_vain() {
    let (rig, task) = with_task().await;
    let waiting =
        held(rig.call_in(Some(task), "notes:pay", json!({ "to": "account-of-the-task", "amount": 20 })).await);
    rig.answer_ticket(waiting.ticket().id, "approve", "owner").await;
    rig.another().await.path.recorder().record(revoked("agent", "writer")).await.unwrap();
    assert_eq!(refusal(&rig.wait(waiting).await), Some("UNAUTHENTIC"));
    assert_eq!(rig.n_carried(), 0);
}

/// A clock at whose n-th look from the test's own thread something happens.
struct Meddler {
    clock: Arc<HandClock>,
    thread: ThreadId,
    n_left: AtomicUsize,
    meddle: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Clock for Meddler {
    fn now(&self) -> Timestamp {
        if std::thread::current().id() == self.thread && self.n_left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let meddle = self.meddle.lock().take();
            meddle.into_iter().for_each(|meddle| meddle());
        }
        self.clock.now()
    }
}

/// Sends a letter while another process pulls the kill switch at the n-th look at the clock. Whether it did, what came
/// of the letter, and how often it was carried.
async fn killed_at(n: usize, mode: Mode) -> (bool, Outcome<&'static str>, Rig) {
    let mut rig = Rig::in_mode(mode).await;
    let task = rig.task("send a letter to ada@notes.example").await;
    let other = rig.another().await;
    let recorder = other.path.recorder().clone();
    let kill = move || drop(futures::executor::block_on(recorder.record(killed("deployment"))).unwrap());
    let meddler = Arc::new(Meddler {
        clock: Arc::clone(&rig.clock),
        thread: std::thread::current().id(),
        n_left: AtomicUsize::new(n),
        meddle: Mutex::new(Some(Box::new(kill))),
    });
    Arc::get_mut(&mut rig.path).unwrap().clock = Arc::clone(&meddler) as Arc<dyn Clock>;
    let outcome = rig.call_in(Some(task), "notes:send_note", letter()).await;
    let has_meddled = meddler.meddle.lock().is_none();
    (has_meddled, outcome, rig)
}

/// Whether a hop was permitted, or let through, after the kill.
fn released_after_the_kill(rig: &Rig) -> bool {
    let records = rig.path.recorder().reader().records(1, u64::MAX, 10_000).unwrap();
    let kill = records.iter().find(|record| matches!(record.body, Body::Killed(_))).unwrap().sequence;
    records.iter().filter(|record| record.sequence > kill).any(|record| match &record.body {
        Body::HopDecided(decided) => decided.decision == "allow" || decided.decision == "hold",
        _ => false,
    })
}

#[tokio::test]
async fn wherever_on_its_way_a_hop_is_overtaken_by_a_kill_it_is_not_permitted_after_it() {
    for mode in [Mode::Enforce, Mode::Observe] {
        let (mut n, mut n_refused) = (1, 0);
        loop {
            let (has_meddled, outcome, rig) = killed_at(n, mode).await;
            rig.path.recorder().flush().await.unwrap();
            if !has_meddled {
                released(&outcome);
                break;
            }
            assert!(!released_after_the_kill(&rig), "{mode:?}, look {n}: {outcome:?}");
            match refusal(&outcome) {
                Some(code) => {
                    assert_eq!((code, rig.n_carried()), ("SUSPENDED", 0), "{mode:?}, look {n}");
                    n_refused += 1;
                }
                // It was on the record before the kill.
                None => assert_eq!(rig.n_carried(), 1),
            }
            n += 1;
        }
        assert!(n_refused >= 4, "{mode:?}: refused at {n_refused} of {n} looks");
    }
}

#[tokio::test]
async fn what_is_let_through_because_nothing_binds_is_stopped_by_a_kill_before_it_is_recorded() {
    let rig = Rig::in_mode(Mode::Observe).await;
    let other = rig.another().await;
    let Decision::Deny(denial) = rig.decision(None, "notes:pay", &json!({ "to": "anywhere", "amount": 20 })) else {
        panic!("it is denied");
    };
    other.path.recorder().record(killed("agent:writer")).await.unwrap();
    assert!(matches!(rig.path.record_observed(denial).await, Err(NotRecorded::Overtaken)));
}

#[tokio::test]
async fn the_hourly_rate_holds_across_processes() {
    let many = ("workflows/notes.toml", "max_transactions_per_batch = 100", "max_transactions_per_batch = 1000");
    let one = Rig::declaring(&[many]).await;
    let task = one.task("send letters to ada@notes.example").await;
    let other = one.another().await;
    let mine = (0..70).map(|_| one.call_in(Some(task), "notes:send_note", letter()));
    let yours = (0..70).map(|_| other.call_in(Some(task), "notes:send_note", letter()));
    let (here, there) = tokio::join!(futures::future::join_all(mine), futures::future::join_all(yours));
    let is_released = |outcome: &&Outcome<_>| matches!(outcome, Outcome::Released { .. });
    let n_released = here.iter().chain(&there).filter(is_released).count();
    assert_eq!(one.n_carried() + other.n_carried(), n_released);
    assert!((1..=100).contains(&n_released), "{n_released} calls, 100 an hour are allowed");
    let codes: Vec<_> = here.iter().chain(&there).filter_map(refusal).collect();
    assert!(codes.contains(&"LIMIT_REACHED"), "{codes:?}");
}
