//! What the recorder promises.

mod belonging;
mod chain;
mod faults;
mod inbox;
mod payloads;
mod reading;
mod recording;
mod ruled;
mod sharing;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use maso_seal::LocalKey;

use crate::{Options, PayloadKey, Record, Recorder, v1::*};

const OPTIONS: Options = Options { queue_max: 64, batch_max: 16 };

/// A log in a folder of its own, gone with it.
struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("flight.db"), _folder: folder }
    }

    fn open(&self) -> (Recorder, Folded) {
        open(&self.path)
    }

    /// A connection that nobody guards, as an attacker with the file would have it.
    fn attack(&self, sql: &str) {
        let connection = rusqlite::Connection::open(&self.path).unwrap();
        let triggers: Vec<String> = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for trigger in triggers {
            connection.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        }
        connection.execute_batch(sql).unwrap();
    }
}

fn open(path: &Path) -> (Recorder, Folded) {
    let folded = Folded::default();
    let seen = folded.clone();
    let recorder =
        Recorder::open(path, Some(key()), OPTIONS, move |record| seen.0.lock().unwrap().push(record.clone())).unwrap();
    (recorder, folded)
}

/// The bytes of the key that wraps the keys of payloads.
const KEY: [u8; 32] = [7; 32];

fn key() -> PayloadKey {
    Arc::new(LocalKey::new(&KEY))
}

/// A fold that keeps everything.
#[derive(Clone, Default)]
struct Folded(Arc<Mutex<Vec<Record>>>);

impl Folded {
    fn all(&self) -> Vec<Record> {
        self.0.lock().unwrap().clone()
    }

    fn sequences(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().map(|record| record.sequence).collect()
    }
}

fn seen(text: impl Into<String>) -> Body {
    Body::Killed(Killed { scope: "deployment".to_owned(), by: "operator:one".to_owned(), reason: text.into() })
}

fn reason(record: &Record) -> &str {
    match &record.body {
        Body::Killed(killed) => &killed.reason,
        _ => "",
    }
}

fn spend(ticket: impl Into<String>, hop: &str) -> Body {
    Body::TicketSpent(TicketSpent { ticket: ticket.into(), hop: hop.to_owned() })
}

fn decided(hop: &str) -> Body {
    let text = format!(
        r#"{{"hop":"{hop}","received_at":1,"hop_kind":"tool-call","to":"server:claims","verb":"call_tool",
            "object":"claims:pay","input_hash":"sha256:00","decision":"deny","enforced":true,"findings":[],
            "pace_phase":"primary"}}"#
    );
    Body::HopDecided(serde_json::from_str(&text).unwrap())
}

fn assert_gapless(records: &[Record]) {
    for (index, record) in records.iter().enumerate() {
        assert_eq!(record.sequence, index as u64 + 1);
    }
}
