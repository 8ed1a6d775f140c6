//! The chain: whatever is changed, shows.

use maso_core::{Digest, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{
    LogFault,
    chain::{Head, Row, hash},
};

/// A chain in memory: head after each record, with the record's body.
fn chain(bodies: &[(i64, String)]) -> Vec<(Head, Head, Vec<u8>)> {
    let mut head = Head::START;
    bodies
        .iter()
        .map(|(now, text)| {
            let body = serde_json::to_vec(&seen(text.clone())).unwrap();
            let previous = head;
            head = head.after(Timestamp::from_millis(*now), &body);
            (previous, head, body)
        })
        .collect()
}

proptest! {
    #[test]
    fn a_chain_follows_from_itself_and_time_never_runs_back(bodies in prop::collection::vec((any::<i64>(), ".*"), 1..8)) {
        for (previous, head, body) in chain(&bodies) {
            let row = Row {
                sequence: head.sequence as i64,
                at_ms: head.at.as_millis(),
                body: &body,
                previous: previous.hash.as_bytes(),
                hash: head.hash.as_bytes(),
            };
            let record = previous.follow(&row).unwrap();
            prop_assert_eq!(Head::from(&record), head);
            prop_assert!(head.at >= previous.at);
        }
    }

    #[test]
    fn any_changed_byte_of_any_row_is_found(
        bodies in prop::collection::vec((0_i64..1_000_000, ".{0,40}"), 1..6),
        which in any::<prop::sample::Index>(),
        column in 0..5,
        byte in any::<prop::sample::Index>(),
        flip in 1_u8..=255,
    ) {
        let chain = chain(&bodies);
        let (previous, head, body) = &chain[which.index(chain.len())];
        let (mut sequence, mut at_ms) = ((head.sequence as i64).to_be_bytes(), head.at.as_millis().to_be_bytes());
        let (mut body, mut before, mut own) = (body.clone(), *previous.hash.as_bytes(), *head.hash.as_bytes());
        let column: &mut [u8] = match column {
            0 => &mut sequence,
            1 => &mut at_ms,
            2 => &mut body,
            3 => &mut before,
            _ => &mut own,
        };
        column[byte.index(column.len())] ^= flip;
        let row = Row {
            sequence: i64::from_be_bytes(sequence),
            at_ms: i64::from_be_bytes(at_ms),
            body: &body,
            previous: &before,
            hash: &own,
        };
        let found = matches!(previous.follow(&row), Err(LogFault::Corrupt { sequence, .. }) if sequence == head.sequence);
        prop_assert!(found);
    }
}

#[test]
fn the_hash_is_the_one_that_the_documentation_computes() {
    let hash =
        hash(1, Timestamp::from_millis(1_795_438_412_123), Digest::from_bytes([0; 32]), br#"{"kind":"example"}"#);
    expect_test::expect!["sha256:ecdd2554e55df7e5b9121c35a8ece606a72a3346b8d84008f95398177335aead"]
        .assert_eq(&hash.to_string());
}

#[tokio::test]
async fn a_log_that_was_tampered_with_does_not_open() {
    let hash = "x'0000000000000000000000000000000000000000000000000000000000000000'";
    for (attack, expected) in [
        ("UPDATE records SET body = replace(body, 'two', 'ten') WHERE sequence = 2".to_owned(), 2),
        ("UPDATE records SET at_ms = at_ms + 1 WHERE sequence = 2".to_owned(), 2),
        (format!("UPDATE records SET hash = {hash} WHERE sequence = 2"), 2),
        (format!("UPDATE records SET previous = {hash} WHERE sequence = 2"), 2),
        ("UPDATE records SET previous = x'00' WHERE sequence = 2".to_owned(), 2),
        ("UPDATE records SET sequence = 9 WHERE sequence = 2".to_owned(), 2),
        ("DELETE FROM records WHERE sequence = 2".to_owned(), 2),
        ("DELETE FROM records WHERE sequence = 1".to_owned(), 1),
        ("UPDATE records SET body = x'ff' WHERE sequence = 3".to_owned(), 3),
        // Whoever can forget that an approval was used can use it again.
        ("DELETE FROM spent".to_owned(), 4),
        ("UPDATE spent SET subject = 'ticket_other'".to_owned(), 4),
        ("INSERT INTO spent VALUES ('ticket_more', 1)".to_owned(), 4),
    ] {
        let place = Place::new();
        let (recorder, _) = place.open();
        for text in ["one", "two", "three"] {
            recorder.record(seen(text)).await.unwrap();
        }
        recorder.record(spend("ticket_a", "hop_a")).await.unwrap();
        drop(recorder);
        let honest = maso_verify::verify(&place.path).unwrap();
        assert_eq!((honest.records, honest.last), (4, Some(4)));
        // STRICT tables keep other types out, so that attack needs the check off.
        place.attack("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'records';");
        place.attack(&attack);
        match Recorder::open(&place.path, Some(key()), OPTIONS, |_| {}) {
            Err(LogFault::Corrupt { sequence, .. }) => assert_eq!(sequence, expected, "{attack}"),
            other => panic!("{attack}: {other:?}"),
        }
        assert!(!maso_verify::verify(&place.path).unwrap().holds(), "{attack}");
    }
}

#[tokio::test]
async fn the_file_refuses_changes() {
    let place = Place::new();
    let (recorder, _) = place.open();
    recorder.record(spend("ticket_a", "hop_a")).await.unwrap();
    let connection = rusqlite::Connection::open(&place.path).unwrap();
    for change in [
        "UPDATE records SET at_ms = 0",
        "DELETE FROM records",
        "UPDATE spent SET sequence = 0",
        "DELETE FROM spent",
        "UPDATE payloads SET sealed = x''",
        "DELETE FROM payloads",
        "UPDATE keys SET wrapped = x'01'",
        "UPDATE keys SET wrapped = NULL, task = 'task_other'",
        "DELETE FROM keys",
    ] {
        connection.execute("INSERT OR IGNORE INTO keys VALUES (x'01', NULL, '2026-11-23', 0, x'00')", []).unwrap();
        connection.execute("INSERT OR IGNORE INTO payloads VALUES (x'00', x'01', x'00')", []).unwrap();
        assert!(connection.execute(change, []).is_err(), "{change}");
    }
}
