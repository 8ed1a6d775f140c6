//! Pages, one hop's records, export.

use super::*;

#[tokio::test]
async fn pages_and_single_records_are_read_as_they_were_written() {
    let place = Place::new();
    let (recorder, folded) = place.open();
    for n in 0..30 {
        recorder.record(seen(n.to_string())).await.unwrap();
    }
    let reader = recorder.reader();
    assert_eq!(reader.records(0, u64::MAX, 100).unwrap(), folded.all());
    assert_eq!(reader.records(11, 20, 5).unwrap(), folded.all()[10..15]);
    assert_eq!(reader.record(7).unwrap().as_ref(), folded.all().get(6));
    assert_eq!(reader.record(31).unwrap(), None);
    assert_eq!(reader.last_sequence().unwrap(), 30);
}

#[tokio::test]
async fn a_hop_and_a_ticket_are_found_by_their_names() {
    let place = Place::new();
    let (recorder, _) = place.open();
    let mut held = decided("hop_a");
    if let Body::HopDecided(held) = &mut held {
        held.ticket = Some("ticket_a".to_owned());
    }
    recorder.record(held).await.unwrap();
    recorder.record(seen("between")).await.unwrap();
    recorder.record_with(decided("hop_b"), vec![spend("ticket_a", "hop_b")]).await.unwrap();
    for (what, expected) in [
        ("hop_a", vec![1]),
        ("hop_b", vec![3, 4]),
        ("ticket_a", vec![1, 3]),
        ("2", vec![2]),
        ("9", vec![]),
        ("hop_c", vec![]),
    ] {
        let found: Vec<_> = recorder.reader().show(what).unwrap().iter().map(|record| record.sequence).collect();
        assert_eq!(found, expected, "{what}");
    }
}

#[tokio::test]
async fn an_export_can_be_verified_whole_and_in_part() {
    let place = Place::new();
    let (recorder, folded) = place.open();
    recorder.record_all((0..600).map(|n| seen(format!("\"{n}\" über \u{1F980}\n"))).collect()).await.unwrap();
    for (from, to, expected) in [(1, u64::MAX, 600), (0, 1, 1), (200, 599, 400), (601, 700, 0)] {
        let mut export = Vec::new();
        assert_eq!(recorder.reader().export(from, to, &mut export).unwrap(), expected);
        let report = maso_verify::verify_export(&export[..]).unwrap();
        assert!(report.holds(), "{report:?}");
        assert_eq!(report.records, expected);
    }
    let mut export = Vec::new();
    recorder.reader().export(1, 600, &mut export).unwrap();
    for (line, record) in std::str::from_utf8(&export).unwrap().lines().zip(folded.all()) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["sequence"], record.sequence);
        assert_eq!(line["at"], record.at.to_string());
        assert_eq!(line["body"], serde_json::to_value(&record.body).unwrap());
    }
}
