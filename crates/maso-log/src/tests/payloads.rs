//! Payloads: encrypted, found again by whoever has the key, erased for everybody.

use std::path::PathBuf;

use maso_core::{Digest, TaskId, Timestamp};
use maso_seal::{WrapFault, WrappingKey};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::{Entry, LogFault, Payload, Reader};

/// Stands in payloads alone.
const CANARY: &str = "canary-7f3a-in-the-coal-mine";
const DAY_MS: i64 = 86_400_000;

#[derive(Debug)]
struct Hop {
    task: Option<TaskId>,
    payload: Value,
}

impl Entry for Hop {
    fn body(&self) -> Body {
        decided("hop_a")
    }

    fn payload(&self) -> Option<Payload<'_>> {
        Some(Payload { task: self.task, value: &self.payload })
    }
}

fn hop(task: Option<TaskId>, payload: Value) -> Hop {
    Hop { task, payload }
}

fn task(n: u128) -> TaskId {
    TaskId::from_uuid(uuid::Uuid::from_u128(n))
}

fn erased(what: Erased) -> PayloadsErased {
    PayloadsErased { what, by: "operator:one".to_owned(), reason: "its retention is over".to_owned() }
}

fn of_task(n: u128) -> PayloadsErased {
    erased(Erased::Task(task(n).to_string()))
}

/// A recorder on this day, counted from the first of January 1970.
fn on_day(place: &Place, day: i64) -> Recorder {
    let clock = move || Timestamp::from_millis(day * DAY_MS + 5);
    Recorder::open_with_clock(&place.path, Some(key()), OPTIONS, clock, |_| {}).unwrap()
}

fn verified(place: &Place) -> maso_verify::Report {
    maso_verify::verify_database(&place.path, Some(&maso_verify::PayloadKey::new(&KEY))).unwrap()
}

/// The files in which this stands. Looked at anew when one goes meanwhile: whoever closes the record last puts its write-ahead
/// log into the database.
fn find(place: &Place, what: &[u8]) -> Vec<PathBuf> {
    let holds = |file: PathBuf| {
        let content = std::fs::read(&file)?;
        Ok(content.windows(what.len()).any(|window| window == what).then_some(file))
    };
    let look = || -> std::io::Result<Vec<PathBuf>> {
        let files = std::fs::read_dir(place.path.parent().unwrap())?.map(|file| file.map(|file| file.path()));
        files.filter_map(|file| file.and_then(holds).transpose()).collect()
    };
    loop {
        match look() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            found => return found.unwrap(),
        }
    }
}

fn nowhere() -> Vec<PathBuf> {
    Vec::new()
}

#[tokio::test]
async fn a_payload_is_kept_beside_the_record_that_names_it() {
    let place = Place::new();
    let (recorder, folded) = place.open();
    let payload = json!({"b": 1.0, "a": "é"});
    recorder.record(hop(None, payload.clone())).await.unwrap();
    recorder.buffer(hop(None, payload.clone())).await.unwrap();
    recorder.flush().await.unwrap();
    let Body::HopDecided(decided) = &folded.all()[0].body else { panic!() };
    let digest = Digest::parse(decided.payload.as_deref().unwrap()).unwrap();
    assert_eq!(digest, Digest::of_value(&payload));
    assert_eq!(recorder.reader().payload(digest).unwrap(), Some(json!({"a": "é", "b": 1})));
    let report = verified(&place);
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.payloads, report.payloads_locked, report.payloads_absent), (1, 0, 0));
    let report = maso_verify::verify(&place.path).unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.payloads, report.payloads_locked, report.payloads_absent), (0, 1, 0));
}

#[tokio::test]
async fn no_payload_and_no_key_lies_in_the_clear_in_any_file() {
    let place = Place::new();
    let (recorder, _) = place.open();
    for n in 0..20 {
        let payload = json!({ "note": CANARY, "n": n, "long": CANARY.repeat(500) });
        recorder.record(hop(Some(task(n % 3)), payload)).await.unwrap();
    }
    assert_eq!(find(&place, CANARY.as_bytes()), nowhere());
    assert_eq!(find(&place, &KEY), nowhere());
    assert_ne!(find(&place, b"hop-decided"), nowhere(), "what is in the clear is found");
    drop(recorder);
    assert_eq!(find(&place, CANARY.as_bytes()), nowhere());
    assert_eq!(verified(&place).payloads, 20);
}

#[tokio::test]
async fn with_another_key_nothing_starts_and_without_one_no_payload_is_kept_or_read() {
    let place = Place::new();
    let payload = json!({ "a": 1 });
    let digest = Digest::of_value(&payload);
    let locked = Recorder::open(&place.path, None, OPTIONS, |_| {}).unwrap();
    assert!(matches!(locked.record(hop(None, payload.clone())).await, Err(LogFault::Locked)));
    assert!(matches!(locked.buffer(hop(None, payload.clone())).await, Err(LogFault::Locked)));
    place.open().0.record(hop(None, payload)).await.unwrap();

    let other: PayloadKey = Arc::new(LocalKey::new(&[8; 32]));
    let refused = Recorder::open(&place.path, Some(Arc::clone(&other)), OPTIONS, |_| {});
    assert!(matches!(refused, Err(LogFault::WrongKey)), "{refused:?}");
    assert!(matches!(Reader::open_with_key(&place.path, other), Err(LogFault::WrongKey)));
    let other = maso_verify::PayloadKey::new(&[8; 32]);
    let refused = maso_verify::verify_database(&place.path, Some(&other));
    assert!(matches!(refused, Err(maso_verify::VerifyError::WrongKey)), "{refused:?}");

    assert!(matches!(Reader::open(&place.path).unwrap().payload(digest), Err(LogFault::Locked)));
    assert!(Reader::open(&place.path).unwrap().has_sealed_payloads().unwrap());
    assert!(Reader::open_with_key(&place.path, key()).unwrap().payload(digest).unwrap().is_some());
    // Whoever has no key can still stop a deployment.
    assert_eq!(locked.record(seen("stop")).await.unwrap().sequence(), 2);
}

/// A key service that answers at first and then no more.
struct Service {
    key: LocalKey,
    answers: std::sync::atomic::AtomicUsize,
}

impl Service {
    fn ask(&self) -> Result<(), WrapFault> {
        let left = &self.answers;
        let is_there = left
            .try_update(std::sync::atomic::Ordering::SeqCst, std::sync::atomic::Ordering::SeqCst, |n| n.checked_sub(1));
        is_there.map(|_| ()).map_err(|_| WrapFault::Unreachable("connection refused".to_owned()))
    }
}

impl WrappingKey for Service {
    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, WrapFault> {
        self.ask()?;
        self.key.wrap(context, key)
    }

    fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, WrapFault> {
        self.ask()?;
        self.key.unwrap(context, wrapped)
    }
}

#[tokio::test]
async fn a_key_service_is_asked_once_for_each_task_and_what_it_does_not_answer_is_refused() {
    let place = Place::new();
    let service = Arc::new(Service { key: LocalKey::new(&KEY), answers: 2.into() });
    let recorder = Recorder::open(&place.path, Some(service), OPTIONS, |_| {}).unwrap();
    for n in 0..10 {
        recorder.record(hop(Some(task(1)), json!({ "n": n }))).await.unwrap();
        recorder.record(hop(Some(task(2)), json!({ "n": n }))).await.unwrap();
    }
    let refused = recorder.record(hop(Some(task(3)), json!({ "n": 1 }))).await;
    assert!(matches!(refused, Err(LogFault::Key(WrapFault::Unreachable(_)))), "{refused:?}");
    assert_eq!(recorder.last_sequence(), 20);
    assert!(recorder.is_running());
}

#[tokio::test]
async fn a_ciphertext_in_another_place_is_corrupt() {
    for attack in [
        // Another payload's, another task's key, another key's row, a bit of its own.
        "UPDATE payloads SET sealed = (SELECT sealed FROM payloads WHERE rowid = 2) WHERE rowid = 1",
        "UPDATE payloads SET key = (SELECT key FROM payloads WHERE rowid = 3) WHERE rowid = 1",
        "UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE task LIKE '%3')
         WHERE id = (SELECT key FROM payloads WHERE rowid = 1)",
        "UPDATE keys SET task = 'task_other' WHERE id = (SELECT key FROM payloads WHERE rowid = 1)",
        "UPDATE keys SET day = '2026-11-22' WHERE id = (SELECT key FROM payloads WHERE rowid = 1)",
        "UPDATE payloads SET sealed = x'00' WHERE rowid = 1",
        "UPDATE payloads SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB) WHERE rowid = 1",
    ] {
        let place = Place::new();
        let (recorder, _) = place.open();
        for (n, owner) in [(1, 1), (2, 1), (3, 3)] {
            recorder.record(hop(Some(task(owner)), json!({ "n": n }))).await.unwrap();
        }
        let reads = || recorder.reader().payload(Digest::of_value(&json!({ "n": 1 })));
        assert!(reads().unwrap().is_some());
        place.attack(attack);
        assert!(matches!(reads(), Err(LogFault::Corrupt { .. })), "{attack}: {:?}", reads());
        assert!(!verified(&place).holds(), "{attack}");
    }
}

#[tokio::test]
async fn what_was_erased_is_gone_for_everybody_and_the_record_holds() {
    let place = Place::new();
    let (one, folded) = place.open();
    let (two, _) = place.open();
    let (shared, own) = (json!({ "both": CANARY }), json!({ "own": 1 }));
    let digests = [&shared, &own].map(Digest::of_value);
    for recorder in [&one, &two] {
        recorder.record(hop(Some(task(1)), shared.clone())).await.unwrap();
        recorder.record(hop(Some(task(1)), own.clone())).await.unwrap();
    }
    two.record(hop(Some(task(2)), shared.clone())).await.unwrap();
    let wrapped = keys_of(&place, 1);
    assert!(wrapped.iter().all(|key| find(&place, key) != nowhere()));

    let removed = one.erase(of_task(1)).await.unwrap();
    assert_eq!((removed.sequence(), *removed.value()), (6, 2));
    two.flush().await.unwrap();
    for recorder in [&one, &two] {
        assert_eq!(recorder.reader().payload(digests[1]).unwrap(), None);
        // Another task said the same, and is not erased with it.
        assert_eq!(recorder.reader().payload(digests[0]).unwrap(), Some(shared.clone()));
    }
    assert_eq!(recorder_reasons(&folded), ["its retention is over"]);
    let report = verified(&place);
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.payloads, report.payloads_absent), (1, 1));
    for key in wrapped {
        assert_eq!(find(&place, &key), nowhere(), "nobody finds the key in what is left of the file");
    }
    // What comes later has a new key.
    two.record(hop(Some(task(1)), own.clone())).await.unwrap();
    assert_eq!(one.reader().payload(digests[1]).unwrap(), Some(own));
    let report = verified(&place);
    assert!(report.holds(), "{report:?}");
}

fn recorder_reasons(folded: &Folded) -> Vec<String> {
    let records = folded.all();
    let reasons = records.iter().filter_map(|record| match &record.body {
        Body::PayloadsErased(erased) => Some(erased.reason.clone()),
        _ => None,
    });
    reasons.collect()
}

/// The keys of a task as they lie in the file.
fn keys_of(place: &Place, n: u128) -> Vec<Vec<u8>> {
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    let mut statement = connection.prepare("SELECT wrapped FROM keys WHERE task = ?1").unwrap();
    let rows = statement.query_map([task(n).to_string()], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn what_was_sealed_just_before_its_task_was_erased_is_erased_too() {
    let place = Place::new();
    let (one, _) = place.open();
    let (two, _) = place.open();
    one.record(hop(Some(task(1)), json!({ "n": 1 }))).await.unwrap();
    let late = json!({ "n": 2 });
    let lock = rusqlite::Connection::open(&place.path).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waits = Box::pin(one.record(hop(Some(task(1)), late.clone())));
    assert!(futures::poll!(&mut waits).is_pending());
    // Another process erases before it: here, with the lock in hand.
    lock.execute("UPDATE keys SET wrapped = NULL", []).unwrap();
    lock.execute_batch("COMMIT").unwrap();
    waits.await.unwrap();
    for recorder in [&one, &two] {
        assert_eq!(recorder.reader().payload(Digest::of_value(&late)).unwrap(), None);
    }
    assert!(verified(&place).holds());
}

#[tokio::test]
async fn what_was_kept_before_a_day_is_erased_whatever_its_task() {
    let place = Place::new();
    for day in 1..=3 {
        let recorder = on_day(&place, day);
        recorder.record(hop(Some(task(1)), json!({ "day": day }))).await.unwrap();
        recorder.record(hop(None, json!({ "no task": day }))).await.unwrap();
    }
    let recorder = on_day(&place, 3);
    let removed = recorder.erase(erased(Erased::Before("1970-01-03".to_owned()))).await.unwrap();
    assert_eq!(*removed.value(), 2);
    for day in 1..=3 {
        for payload in [json!({ "day": day }), json!({ "no task": day })] {
            let found = recorder.reader().payload(Digest::of_value(&payload)).unwrap();
            assert_eq!(found.is_some(), day >= 2, "{payload}: 1970-01-03 is the second day after the first");
        }
    }
    let report = verified(&place);
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.payloads, report.payloads_absent), (4, 2));
}

#[tokio::test]
async fn a_key_that_comes_back_after_its_erasure_is_found() {
    let place = Place::new();
    let (recorder, _) = place.open();
    recorder.record(hop(Some(task(1)), json!({ "n": 1 }))).await.unwrap();
    let wrapped = hex::encode(&keys_of(&place, 1)[0]);
    recorder.erase(of_task(1)).await.unwrap();
    place.attack(&format!("UPDATE keys SET wrapped = x'{wrapped}'"));
    let report = verified(&place);
    assert!(report.problems.iter().any(|problem| problem.sequence == 2), "{report:?}");
}

/// A record as it was laid out before payloads were encrypted, with these.
fn plain(place: &Place, payloads: &[(Option<TaskId>, Value)]) {
    drop(Recorder::open(&place.path, None, OPTIONS, |_| {}).unwrap());
    place.attack(
        "DROP TABLE payloads; DROP TABLE keys; PRAGMA user_version = 1;
         CREATE TABLE payloads (digest BLOB PRIMARY KEY, task TEXT, bytes BLOB NOT NULL) STRICT;
         CREATE TRIGGER payloads_keep_their_content BEFORE UPDATE ON payloads
         BEGIN SELECT RAISE(ABORT, 'a payload is found by its content'); END;",
    );
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    for (task, payload) in payloads {
        let bytes = maso_core::canonical_bytes(payload);
        let (digest, task) = (Digest::of(&bytes), task.map(|task| task.to_string()));
        let row = rusqlite::params![digest.as_bytes(), task, bytes];
        connection.execute("INSERT INTO payloads VALUES (?1, ?2, ?3)", row).unwrap();
    }
}

fn old_payloads() -> Vec<(Option<TaskId>, Value)> {
    (0..300)
        .map(|n| {
            let long = CANARY.repeat(if n % 50 == 0 { 800 } else { 4 });
            (Some(task(n % 7)).filter(|_| n % 3 > 0), json!({ "n": n, "note": long }))
        })
        .collect()
}

#[tokio::test]
async fn an_older_record_is_encrypted_when_it_is_opened_and_nothing_of_it_is_left_in_the_clear() {
    let place = Place::new();
    let payloads = old_payloads();
    plain(&place, &payloads);
    assert_ne!(find(&place, CANARY.as_bytes()), nowhere());
    assert!(!Reader::open(&place.path).unwrap().has_sealed_payloads().unwrap());
    let report = maso_verify::verify(&place.path).unwrap();
    assert_eq!((report.holds(), report.payloads), (true, 300));
    // Whoever has no key leaves it as it is, and still writes records.
    let locked = Recorder::open(&place.path, None, OPTIONS, |_| {}).unwrap();
    locked.record(seen("stop")).await.unwrap();
    assert_eq!(maso_verify::verify(&place.path).unwrap().payloads, 300);
    drop(locked);

    let (recorder, folded) = place.open();
    assert_eq!(find(&place, CANARY.as_bytes()), nowhere());
    assert_eq!(folded.sequences(), [1]);
    for (_, payload) in &payloads {
        assert_eq!(recorder.reader().payload(Digest::of_value(payload)).unwrap().as_ref(), Some(payload));
    }
    let report = verified(&place);
    assert_eq!((report.holds(), report.payloads, report.payloads_locked), (true, 300, 0));
    // Opened again it is as it was, and each task's key erases what was its own.
    drop(recorder);
    let (recorder, _) = place.open();
    recorder.erase(of_task(1)).await.unwrap();
    let n_left =
        payloads.iter().filter(|(_, payload)| recorder.reader().payload(Digest::of_value(payload)).unwrap().is_some());
    let n_of_others = payloads.iter().filter(|(owner, _)| *owner != Some(task(1)));
    assert_eq!(n_left.count(), n_of_others.count());
}

#[tokio::test]
async fn an_older_record_that_cannot_be_encrypted_whole_stays_as_it_was() {
    let place = Place::new();
    plain(&place, &old_payloads());
    // The service answers for the first task and for no other.
    let service = Arc::new(Service { key: LocalKey::new(&KEY), answers: 1.into() });
    let refused = Recorder::open(&place.path, Some(service), OPTIONS, |_| {});
    assert!(matches!(refused, Err(LogFault::Key(WrapFault::Unreachable(_)))), "{refused:?}");
    assert_eq!(maso_verify::verify(&place.path).unwrap().payloads, 300);
    place.attack("UPDATE payloads SET bytes = x'7b7d' WHERE rowid = 7");
    let refused = Recorder::open(&place.path, Some(key()), OPTIONS, |_| {});
    assert!(matches!(refused, Err(LogFault::Corrupt { .. })), "{refused:?}");
    assert_eq!(maso_verify::verify(&place.path).unwrap().n_problems, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_keep_and_read_each_others_payloads() {
    let place = Place::new();
    plain(&place, &old_payloads());
    // Both find the older record and open it at once.
    let open = || {
        let path = place.path.clone();
        tokio::task::spawn_blocking(move || Recorder::open(&path, Some(key()), OPTIONS, |_| {}).unwrap())
    };
    let (one, two) = tokio::join!(open(), open());
    let recorders = [one.unwrap(), two.unwrap()];
    let mut written = Vec::new();
    for n in 0..40 {
        let payload = json!({ "written": n });
        let [one, two] = &recorders;
        let (first, second) = tokio::join!(
            one.record(hop(Some(task(n % 4)), payload.clone())),
            two.record(hop(Some(task(n % 4)), json!({ "other": n }))),
        );
        first.unwrap();
        second.unwrap();
        written.extend([payload, json!({ "other": n })]);
    }
    for payload in written {
        for recorder in &recorders {
            assert_eq!(recorder.reader().payload(Digest::of_value(&payload)).unwrap().as_ref(), Some(&payload));
        }
    }
    let report = verified(&place);
    assert!(report.holds(), "{report:?}");
    assert_eq!(report.payloads, 380);
}
