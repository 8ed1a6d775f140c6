//! Several recorders on one file, as several processes have it; followers.

use futures::StreamExt;

use super::*;
use crate::{
    LogFault,
    store::{Patience, Store},
    turnstile::Turnstile,
};

#[tokio::test(flavor = "multi_thread")]
async fn two_recorders_write_one_gapless_chain_and_see_each_others_records_in_order() {
    let place = Place::new();
    let (one, folded_by_one) = place.open();
    let (two, folded_by_two) = place.open();
    let tasks: Vec<_> = [("one", &one), ("two", &two)]
        .into_iter()
        .flat_map(|(name, recorder)| (0..8).map(move |n| (format!("{name} {n}"), recorder.clone())))
        .map(|(name, recorder)| {
            tokio::spawn(async move {
                for n in 0..20 {
                    recorder.record(seen(format!("{name} {n}"))).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    // Each sees the last record, whoever wrote it, without being asked.
    for recorder in [&one, &two] {
        let all: Vec<_> = recorder.tail(1).take(320).collect().await;
        assert_eq!(all.last().unwrap().sequence, 320);
    }
    assert_eq!(folded_by_one.all(), folded_by_two.all());
    assert_gapless(&folded_by_one.all());
    assert_eq!(folded_by_one.all().len(), 320);
    let report = maso_verify::verify(&place.path).unwrap();
    assert!(report.holds(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_used_once_whichever_process_is_first() {
    let place = Place::new();
    let (one, folded) = place.open();
    let (two, _) = place.open();
    for n in 0..40 {
        let ticket = format!("ticket_{n}");
        let (first, second) =
            tokio::join!(one.record(spend(ticket.clone(), "hop_one")), two.record(spend(ticket.clone(), "hop_two")));
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let refused = first.err().or(second.err());
        assert!(matches!(refused, Some(LogFault::Spent { subject }) if subject == ticket));
    }
    one.record(seen("end")).await.unwrap();
    assert_eq!(folded.all().len(), 41);
}

#[tokio::test]
async fn an_own_record_comes_after_the_foreign_ones_before_it_also_in_the_fold() {
    let place = Place::new();
    let (one, folded) = place.open();
    let (two, _) = place.open();
    two.record_all(vec![seen("a"), seen("b")]).await.unwrap();
    assert_eq!(one.record(seen("c")).await.unwrap().sequence(), 3);
    let reasons: Vec<_> = folded.all().iter().map(|record| reason(record).to_owned()).collect();
    assert_eq!(reasons, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_tail_that_lags_far_behind_loses_nothing_and_repeats_nothing() {
    let place = Place::new();
    let (recorder, _) = place.open();
    for _ in 0..10 {
        recorder.record(seen("early")).await.unwrap();
    }
    let mut follower = recorder.follow();
    let late = recorder.tail(6);
    for _ in 0..100 {
        recorder.record_all(vec![seen("more"); 50]).await.unwrap();
    }
    let sequences: Vec<_> = late.take(5005).map(|record| record.sequence).collect().await;
    assert_eq!(sequences, (6..=5010).collect::<Vec<_>>());
    assert!(matches!(follower.recv().await, Err(tokio::sync::broadcast::error::RecvError::Lagged(_))));
}

#[tokio::test]
async fn a_tail_goes_on_live_and_ends_with_the_recorder() {
    let place = Place::new();
    let (recorder, _) = place.open();
    let mut tail = Box::pin(recorder.tail(0));
    for n in 1..=3 {
        recorder.record(seen("live")).await.unwrap();
        assert_eq!(tail.next().await.unwrap().sequence, n);
    }
    drop(recorder);
    assert!(tail.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_writes_by_itself_if_it_may_and_leaves_it_to_the_writer_if_another_process_is_writing() {
    let place = Place::new();
    let writers = Arc::new(Mutex::new(Vec::new()));
    let seen_on = Arc::clone(&writers);
    let fold = move |_: &Record| seen_on.lock().unwrap().push(std::thread::current().name().map(str::to_owned));
    let recorder = Recorder::open(&place.path, Some(key()), OPTIONS, fold).unwrap();
    recorder.record(seen("alone")).await.unwrap();
    let here = std::thread::current().name().map(str::to_owned);
    assert_eq!(*writers.lock().unwrap(), std::slice::from_ref(&here));

    let other = rusqlite::Connection::open(&place.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (recorded, ()) = tokio::join! {
        biased;
        recorder.record(seen("after the other")),
        async { other.execute_batch("COMMIT").unwrap() },
    };
    assert_eq!(recorded.unwrap().sequence(), 2);
    assert_eq!(*writers.lock().unwrap(), [here, Some("maso-recorder".to_owned())]);
}

#[tokio::test]
async fn what_another_process_recorded_before_is_folded_before_the_guard_is_asked() {
    let place = Place::new();
    let (one, folded) = place.open();
    let (two, _) = place.open();
    let nothing_stops_it = {
        let folded = folded.clone();
        move || folded.all().is_empty()
    };
    two.record(seen("stop")).await.unwrap();
    let refused = one.record_if(decided("h"), Vec::new(), nothing_stops_it).await;
    assert!(matches!(refused, Err(LogFault::Overtaken)), "{refused:?}");
    assert_eq!(folded.sequences(), [1], "nothing was written");
    // The same entry without a guard is written, whatever others recorded before it.
    assert_eq!(one.record_with(decided("h"), Vec::new()).await.unwrap().sequence(), 2);
    assert!(one.record_if(decided("h"), Vec::new(), || true).await.is_ok());
    assert!(maso_verify::verify(&place.path).is_ok());
}

#[tokio::test]
async fn what_this_process_recorded_just_before_is_folded_before_the_guard_is_asked_too() {
    let place = Place::new();
    let (one, folded) = place.open();
    for n in 0..40 {
        let before = folded.all().len();
        let nothing_stops_it = {
            let folded = folded.clone();
            move || folded.all().len() == before
        };
        // Handed over at the same moment, in this order.
        let (stop, refused) =
            tokio::join!(one.record(seen("stop")), one.record_if(decided("h"), Vec::new(), nothing_stops_it));
        stop.unwrap();
        assert!(matches!(refused, Err(LogFault::Overtaken)), "{n}: {refused:?}");
    }
}

#[test]
fn whoever_waits_for_the_lock_is_not_overtaken_by_who_had_it_last() {
    let place = Place::new();
    let store = Store::open(&place.path).unwrap();
    let turnstile = Turnstile::open(&place.path).unwrap();
    // Another process that waits; it does not have the lock yet.
    let turn = turnstile.enter(Patience::None).unwrap();
    assert!(matches!(store.begin(Patience::None), Err(LogFault::Store { operation: "lock", .. })));
    assert!(store.is_idle());
    drop(turn);
    store.begin(Patience::None).unwrap();
    // It is given back with the lock in hand, and not with the lock.
    assert!(turnstile.enter(Patience::None).is_some());
    store.commit().unwrap();
}

/// Takes as long as a turn is waited for.
#[test]
fn whoever_is_halted_in_the_turnstile_keeps_nobody_from_writing() {
    let place = Place::new();
    let store = Store::open(&place.path).unwrap();
    let turnstile = Turnstile::open(&place.path).unwrap();
    let _turn = turnstile.enter(Patience::None).unwrap();
    store.begin(Patience::Waits).unwrap();
    store.commit().unwrap();
}
