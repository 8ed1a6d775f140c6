//! What one durable record costs, beside one bare `fdatasync` of the same size; and what group commit brings.
//!
//! Run it with optimisation, on the disk that counts: `cargo run --release -p maso-log --example log_cost -- FOLDER`.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    error::Error,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use maso_log::{Entry, Options, Payload, Recorder, v1::Body};
use maso_seal::LocalKey;
use serde_json::{Value, json};

const N_SINGLE: usize = 2000;
const N_CALLERS: usize = 64;
const N_EACH: usize = 500;

/// A decided tool call of the usual size.
struct Hop {
    body: Body,
    payload: Value,
}

impl Entry for Hop {
    fn body(&self) -> Body {
        self.body.clone()
    }

    fn payload(&self) -> Option<Payload<'_>> {
        Some(Payload { task: None, value: &self.payload })
    }
}

fn hop(n: usize) -> Result<Hop, serde_json::Error> {
    let body = serde_json::from_value(json!({
        "kind": "hop-decided", "hop": format!("hop_{n:032x}"), "received_at": 1, "hop_kind": "tool-call",
        "from": "agent:communication", "to": "server:claims-db", "verb": "call_tool",
        "object": "claims-db:pay_claim", "task": format!("task_{:032x}", n / 20),
        "input_hash": format!("sha256:{n:064x}"), "action": format!("sha256:{n:064x}"), "decision": "allow",
        "enforced": true, "risk": "high", "reversibility": "irreversible", "label": "internal/confidential",
        "findings": [
            {"control": "EC-1.2", "word": "GO", "reason": "permitted by the mandate"},
            {"control": "PG-1.1", "word": "GO", "reason": "nothing found"},
            {"control": "DP-1.1", "word": "GO", "reason": "within the clearance"}],
        "pace_phase": "primary"
    }))?;
    Ok(Hop { body, payload: json!({"claim": format!("CLM-{n}"), "amount": n, "note": "x".repeat(1500)}) })
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = folder.join(format!("log-cost-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure(&folder);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(folder: &Path) -> Result<(), Box<dyn Error>> {
    let one = hop(1)?;
    let n_bytes = serde_json::to_vec(&one.body)?.len() + serde_json::to_vec(&one.payload)?.len();
    let bare = median(bare_appends(folder, n_bytes)?);
    println!("bare append of {n_bytes} B + fdatasync   p50 {bare:>9.1?}");

    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    runtime.block_on(async {
        let options = Options { queue_max: 1024, batch_max: 512 };
        let key = Arc::new(LocalKey::new(&[7; 32]));
        let recorder = Recorder::open(&folder.join("flight.db"), Some(key), options, |_| {})?;
        let mut single = Vec::with_capacity(N_SINGLE);
        for n in 0..N_SINGLE {
            let entry = hop(n)?;
            let start = Instant::now();
            recorder.record(entry).await?;
            single.push(start.elapsed());
        }
        let single = median(single);
        println!("one record                          p50 {single:>9.1?}   {:.2} of bare", ratio(single, bare));

        let start = Instant::now();
        let callers: Vec<_> = (0..N_CALLERS)
            .map(|caller| {
                let recorder = recorder.clone();
                tokio::spawn(async move {
                    let mut waits = Vec::with_capacity(N_EACH);
                    for n in 0..N_EACH {
                        let entry = hop(N_SINGLE + caller * N_EACH + n).map_err(|error| error.to_string())?;
                        let start = Instant::now();
                        recorder.record(entry).await.map_err(|error| error.to_string())?;
                        waits.push(start.elapsed());
                    }
                    Ok::<_, String>(waits)
                })
            })
            .collect();
        let mut waits = Vec::new();
        for caller in callers {
            waits.extend(caller.await??);
        }
        let rate = waits.len() as f64 / start.elapsed().as_secs_f64();
        println!("{N_CALLERS} callers, group commit             p50 {:>9.1?}   {rate:.0} records/s", median(waits));
        Ok(())
    })
}

/// What the disk itself takes for a durable append.
fn bare_appends(folder: &Path, n_bytes: usize) -> std::io::Result<Vec<Duration>> {
    let mut file = std::fs::File::create(folder.join("bare"))?;
    let bytes = vec![b'x'; n_bytes];
    (0..N_SINGLE)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&bytes)?;
            file.sync_data()?;
            Ok(start.elapsed())
        })
        .collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
