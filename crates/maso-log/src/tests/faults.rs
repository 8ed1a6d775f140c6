//! What the recorder does when the file does not do its part.

use super::*;
use crate::{LogFault, Reader, store::Store};

/// A recorder whose own connection was prepared in a way that nobody else's is.
fn start(place: &Place, prepare: &str) -> (Recorder, Folded) {
    let store = Store::open(&place.path).unwrap();
    store.connection().execute_batch(prepare).unwrap();
    let folded = Folded::default();
    let seen = folded.clone();
    let fold = move |record: &Record| seen.0.lock().unwrap().push(record.clone());
    let clock = Arc::new(|| maso_core::Timestamp::from_millis(1));
    (Recorder::start(store, &place.path, None, OPTIONS, clock, fold).unwrap(), folded)
}

/// Lets an insertion fail, as a full disk does, when a record says so.
const FULL: &str = "CREATE TEMP TRIGGER full BEFORE INSERT ON main.records WHEN new.body LIKE '%too much%'
    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";

#[tokio::test]
async fn a_full_disk_refuses_the_entry_and_acknowledges_nothing() {
    let place = Place::new();
    drop(place.open());
    let pages: i64 =
        rusqlite::Connection::open(&place.path).unwrap().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let (recorder, folded) = start(&place, &format!("PRAGMA max_page_count = {}", pages + 2));
    let mut n_recorded = 0;
    let refused = loop {
        match recorder.record(seen("x".repeat(3000))).await {
            Ok(_) => n_recorded += 1,
            Err(fault) => break fault,
        }
    };
    assert!(matches!(refused, LogFault::Store { .. }), "{refused:?}");
    assert_eq!(folded.all().len(), n_recorded);
    drop(recorder);
    let (_, replayed) = place.open();
    assert_eq!(replayed.all().len(), n_recorded);
}

#[tokio::test]
async fn a_refused_entry_leaves_the_recorder_usable_when_it_is_known_that_nothing_was_written() {
    let place = Place::new();
    let (recorder, folded) = start(&place, FULL);
    recorder.record(seen("one")).await.unwrap();
    let refused = recorder.record(seen("too much")).await;
    assert!(matches!(refused, Err(LogFault::Store { operation: "append to", .. })), "{refused:?}");
    assert!(recorder.is_running());
    assert_eq!(recorder.record(seen("two")).await.unwrap().sequence(), 2);
    assert_eq!(folded.sequences(), [1, 2]);
}

#[tokio::test]
async fn a_buffered_entry_that_cannot_be_written_is_the_end() {
    let place = Place::new();
    let (recorder, _) = start(&place, FULL);
    recorder.buffer(seen("one")).await.unwrap();
    recorder.flush().await.unwrap();
    recorder.buffer(seen("too much")).await.unwrap();
    assert!(recorder.flush().await.is_err());
    assert!(!recorder.is_running());
    assert!(matches!(recorder.buffer(seen("two")).await, Err(LogFault::Stopped)));
    assert!(matches!(recorder.record(seen("three")).await, Err(LogFault::Stopped)));
    let (_, replayed) = place.open();
    assert_eq!(replayed.sequences(), [1]);
}

#[tokio::test]
async fn a_commit_that_fails_stops_the_recorder() {
    let place = Place::new();
    // A deferred constraint is checked by the commit and by nothing before it.
    let (recorder, folded) = start(
        &place,
        "PRAGMA foreign_keys = ON;
         CREATE TEMP TABLE parents (id INTEGER PRIMARY KEY);
         CREATE TEMP TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
         CREATE TEMP TRIGGER orphan AFTER INSERT ON main.records WHEN new.body LIKE '%too much%'
         BEGIN INSERT INTO children VALUES (7); END;",
    );
    recorder.record(seen("one")).await.unwrap();
    let refused = recorder.record(seen("too much")).await;
    assert!(matches!(refused, Err(LogFault::Store { operation: "commit", .. })), "{refused:?}");
    assert!(matches!(recorder.record(seen("two")).await, Err(LogFault::Stopped)));
    assert_eq!(folded.sequences(), [1]);
    let (again, replayed) = place.open();
    assert_eq!(replayed.sequences(), [1]);
    again.record(seen("two")).await.unwrap();
}

#[tokio::test]
async fn a_recorder_that_meets_another_past_than_it_wrote_stops() {
    for attack in [
        "UPDATE records SET hash = x'00' WHERE sequence = 2",
        "DELETE FROM records WHERE sequence = 2",
        "INSERT INTO records VALUES (3, 0, '{}', x'00', x'00')",
        "INSERT INTO records SELECT 4, at_ms, body, previous, hash FROM records WHERE sequence = 2",
    ] {
        let place = Place::new();
        let (recorder, folded) = place.open();
        recorder.record_all(vec![seen("one"), seen("two")]).await.unwrap();
        place.attack(attack);
        let refused = recorder.record(seen("three")).await;
        assert!(matches!(refused, Err(LogFault::Corrupt { .. } | LogFault::Stopped)), "{attack}: {refused:?}");
        assert!(matches!(recorder.record(seen("four")).await, Err(LogFault::Stopped)));
        assert_eq!(folded.sequences(), [1, 2]);
    }
}

#[tokio::test]
async fn a_fold_that_panics_stops_the_recorder() {
    check_that_a_panic_stops_it().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fold_that_panics_where_the_caller_writes_stops_the_recorder_and_not_the_caller() {
    check_that_a_panic_stops_it().await;
}

async fn check_that_a_panic_stops_it() {
    let place = Place::new();
    let fold = |record: &Record| assert_ne!(record.sequence, 2, "the world cannot take this one");
    let recorder = Recorder::open(&place.path, None, OPTIONS, fold).unwrap();
    recorder.record(seen("one")).await.unwrap();
    assert!(matches!(recorder.record(seen("two")).await, Err(LogFault::Stopped)));
    assert!(matches!(recorder.record(seen("three")).await, Err(LogFault::Stopped)));
}

#[test]
fn other_programs_files_are_left_alone() {
    let place = Place::new();
    for (sql, expected) in [
        ("CREATE TABLE x (y)", "another program's"),
        ("PRAGMA application_id = 1835103087; PRAGMA user_version = 9", "version is 9"),
    ] {
        let path = place.path.with_extension(sql.len().to_string());
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let refused = Recorder::open(&path, None, OPTIONS, |_| {}).unwrap_err();
        assert!(matches!(refused, LogFault::Foreign { .. }) && refused.to_string().contains(expected), "{refused}");
    }
    let path = place.path.with_extension("text");
    std::fs::write(&path, "this is no database, and long enough that nobody takes it for an empty one".repeat(9))
        .unwrap();
    assert!(matches!(Recorder::open(&path, None, OPTIONS, |_| {}), Err(LogFault::Corrupt { .. })));
    let path = place.path.parent().unwrap().join("absent").join("flight.db");
    assert!(matches!(Recorder::open(&path, None, OPTIONS, |_| {}), Err(LogFault::Foreign { .. })));
    assert!(matches!(Reader::open(&path), Err(LogFault::Foreign { .. })));
}
