//! One recorder: order, replay, atomicity, buffering.

use maso_core::Timestamp;

use super::*;
use crate::LogFault;

#[tokio::test]
async fn what_was_recorded_is_folded_when_the_caller_is_answered_and_again_when_the_log_is_opened() {
    let place = Place::new();
    let (recorder, folded) = place.open();
    for n in 1..=20 {
        let recorded = recorder.record(seen(n.to_string())).await.unwrap();
        assert_eq!((recorded.sequence(), recorder.last_sequence()), (n, n));
        assert_eq!(folded.all().len() as u64, n);
    }
    drop(recorder);
    let (again, replayed) = place.open();
    assert_eq!(replayed.all(), folded.all());
    assert_gapless(&replayed.all());
    assert_eq!(again.record(seen("next")).await.unwrap().sequence(), 21);
    let report = maso_verify::verify(&place.path).unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!(report.records, 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_share_commits_and_each_gets_its_own_place() {
    let place = Place::new();
    let (recorder, folded) = place.open();
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let recorder = recorder.clone();
            tokio::spawn(async move { (n, recorder.record(seen(n.to_string())).await.unwrap().sequence()) })
        })
        .collect();
    let mut places = Vec::new();
    for task in tasks {
        let (n, sequence) = task.await.unwrap();
        assert_eq!(reason(&folded.all()[sequence as usize - 1]), n.to_string());
        places.push(sequence);
    }
    places.sort_unstable();
    assert_eq!(places, (1..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_second_use_fails_alone_and_takes_nobody_with_it() {
    let place = Place::new();
    let (recorder, folded) = place.open();
    recorder.record(spend("ticket_a", "hop_a")).await.unwrap();
    let (before, again, after) = tokio::join!(
        recorder.record(seen("before")),
        recorder.record(spend("ticket_a", "hop_b")),
        recorder.record(spend("ticket_b", "hop_b")),
    );
    assert!(matches!(again, Err(LogFault::Spent { subject }) if subject == "ticket_a"));
    assert_eq!((before.unwrap().sequence(), after.unwrap().sequence()), (2, 3));
    assert_eq!(folded.sequences(), [1, 2, 3]);
    drop(recorder);
    let (recorder, _) = place.open();
    assert!(matches!(recorder.record(spend("ticket_b", "hop_c")).await, Err(LogFault::Spent { .. })));
}

#[tokio::test]
async fn what_belongs_together_is_written_together_or_not_at_all() {
    let place = Place::new();
    let (recorder, folded) = place.open();
    let recorded = recorder.record_with(decided("hop_a"), vec![spend("ticket_a", "hop_a")]).await.unwrap();
    assert_eq!(recorded.sequence(), 2);
    for refused in [
        recorder
            .record_with(decided("hop_b"), vec![spend("ticket_b", "hop_b"), spend("ticket_a", "hop_b")])
            .await
            .err(),
        recorder.record_all(vec![seen("x"), spend("ticket_c", "h"), spend("ticket_c", "h")]).await.err(),
    ] {
        assert!(matches!(refused, Some(LogFault::Spent { .. })), "{refused:?}");
    }
    assert_eq!(folded.sequences(), [1, 2]);
    let all = recorder.record_all(vec![seen("x"), spend("ticket_b", "h"), seen("y")]).await.unwrap();
    assert_eq!(all.sequence(), 5);
    assert_eq!(folded.all().last().map(reason), Some("y"));
}

#[tokio::test]
async fn the_records_time_never_runs_back_when_the_clock_does() {
    let place = Place::new();
    let ticks = Mutex::new([5_000, 3_000, 9_000, 1].into_iter());
    let clock = move || Timestamp::from_millis(ticks.lock().unwrap().next().unwrap());
    let recorder = Recorder::open_with_clock(&place.path, None, OPTIONS, clock, |_| {}).unwrap();
    for _ in 0..4 {
        recorder.record(seen("tick")).await.unwrap();
    }
    let times: Vec<_> =
        recorder.reader().records(1, 9, 9).unwrap().iter().map(|record| record.at.as_millis()).collect();
    assert_eq!(times, [5_000, 5_000, 9_000, 9_000]);
}

#[tokio::test]
async fn a_buffered_entry_keeps_its_place_and_is_on_disk_after_a_flush() {
    let place = Place::new();
    let (recorder, folded) = place.open();
    for n in 0..10 {
        let buffered = recorder.buffer(seen(n.to_string())).await.unwrap();
        assert!(matches!(buffered.value(), Body::Killed(_)));
    }
    assert_eq!(recorder.record(seen("durable")).await.unwrap().sequence(), 11);
    for n in 11..100 {
        recorder.buffer(seen(n.to_string())).await.unwrap();
    }
    recorder.flush().await.unwrap();
    let (_, replayed) = place.open();
    assert_eq!(replayed.all().len(), 100);
    assert_eq!(replayed.all(), folded.all());
    let reasons: Vec<_> = folded.all().iter().map(|record| reason(record).to_owned()).collect();
    let expected: Vec<_> = (0..100).map(|n| if n == 10 { "durable".to_owned() } else { n.to_string() }).collect();
    assert_eq!(reasons, expected);
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let (_recorder, _) = place.open();
    for file in std::fs::read_dir(place.path.parent().unwrap()).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn what_is_buffered_is_asked_what_it_rests_on_when_it_has_its_place() {
    let place = Place::new();
    let recorder = Recorder::open(&place.path, Some(key()), Options { queue_max: 1, batch_max: 16 }, |_| {}).unwrap();
    let lock = rusqlite::Connection::open(&place.path).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    recorder.buffer(seen("it has the only place")).await.unwrap();

    let stands = Arc::new(Mutex::new(true));
    let still_stands = {
        let stands = Arc::clone(&stands);
        move || *stands.lock().unwrap()
    };
    let mut waits = Box::pin(recorder.buffer_if(seen("it waits for one"), still_stands));
    assert!(futures::poll!(&mut waits).is_pending());
    *stands.lock().unwrap() = false;
    lock.execute_batch("COMMIT").unwrap();
    assert!(matches!(waits.await, Err(LogFault::Overtaken)));

    recorder.buffer_if(seen("it stands"), || true).await.unwrap();
    recorder.flush().await.unwrap();
    let written = recorder.reader().records(1, u64::MAX, 10).unwrap();
    assert_eq!(written.iter().map(reason).collect::<Vec<_>>(), ["it has the only place", "it stands"]);
}

#[tokio::test]
async fn what_is_asked_is_kept_until_the_entry_is_written() {
    let place = Place::new();
    let (recorder, _) = place.open();
    let lock = rusqlite::Connection::open(&place.path).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let kept = Arc::new(true);
    let held = Arc::clone(&kept);
    recorder.buffer_if(seen("a read"), move || *held).await.unwrap();
    assert_eq!(Arc::strong_count(&kept), 2);
    lock.execute_batch("COMMIT").unwrap();
    recorder.flush().await.unwrap();
    assert_eq!(Arc::strong_count(&kept), 1);
}
