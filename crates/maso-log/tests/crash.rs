//! `kill -9` at any point loses nothing that was acknowledged.
//!
//! The test runs itself again as the process that is killed.
#![allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use maso_log::{
    LogFault, Options, Recorder,
    v1::{Body, Killed, TicketSpent},
};

const LOG: &str = "MASO_LOG_TEST_WRITES_TO";
const ROUND: &str = "MASO_LOG_TEST_ROUND";
/// Together with those of the whole program, in `maso`'s own crash test, two hundred.
const N_ROUNDS: u32 = 60;
const OPTIONS: Options = Options { queue_max: 64, batch_max: 16 };

/// The process that is killed: writes without end, and says what was acknowledged. Does nothing when it is not told where.
#[test]
fn writes_until_it_is_killed() {
    let (Ok(path), Ok(round)) = (std::env::var(LOG), std::env::var(ROUND)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let recorder = Recorder::open(Path::new(&path), None, OPTIONS, |_| {}).unwrap();
        let writers: Vec<_> =
            (0..4).map(|writer| tokio::spawn(write(recorder.clone(), round.clone(), writer))).collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn write(recorder: Recorder, round: String, writer: u32) {
    for n in 0.. {
        let name = format!("{round}/{writer}/{n}");
        let body = Body::Killed(Killed {
            scope: "deployment".to_owned(),
            by: "operator:one".to_owned(),
            reason: name.clone(),
        });
        let sequence = if n % 3 == 0 {
            let spent = Body::TicketSpent(TicketSpent { ticket: format!("ticket_{name}"), hop: "hop".to_owned() });
            recorder.record_with(body, vec![spent]).await.unwrap().sequence()
        } else {
            if n % 3 == 1 {
                recorder.buffer(body.clone()).await.unwrap();
            }
            recorder.record(body).await.unwrap().sequence()
        };
        // One write for the line: a reader sees a line break only behind a whole acknowledgement.
        write_line(&format!("\nack {sequence} {name}\n"));
    }
}

fn write_line(line: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).expect("the parent reads until it kills");
}

fn spawn(path: &Path, round: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["writes_until_it_is_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env(LOG, path)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads acknowledgements until `n_wanted` of them were seen, kills, and reads what else had been said before that.
fn kill_after(mut child: Child, n_wanted: usize) -> Vec<(u64, String)> {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    let mut is_killed = false;
    loop {
        if !is_killed && acknowledged.len() >= n_wanted {
            child.kill().unwrap();
            is_killed = true;
        }
        let mut line = String::new();
        if out.read_line(&mut line).unwrap() == 0 {
            break;
        }
        if let (true, Some(rest)) = (line.ends_with('\n'), line.trim_end().strip_prefix("ack ")) {
            let (sequence, name) = rest.split_once(' ').unwrap();
            acknowledged.push((sequence.parse().unwrap(), name.to_owned()));
        }
    }
    assert!(is_killed, "the writer ended by itself");
    child.wait().unwrap();
    acknowledged
}

#[test]
#[allow(clippy::print_stdout, reason = "a run that fails says how to repeat it")]
fn what_was_acknowledged_survives_being_killed_at_any_point() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flight.db");
    let mut acknowledged: Vec<(u64, String)> = Vec::new();
    let seed = std::env::var("MASO_CRASH_SEED").map_or_else(|_| any_seed(), |seed| seed.parse().unwrap());
    println!("power cuts as MASO_CRASH_SEED={seed} says");
    // A multiplicative generator: spread over the points of a run, and the same for the same seed.
    let mut random: u32 = seed;
    for round in 0..N_ROUNDS {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let n_wanted = (random >> 16) as usize % 40;
        let first = spawn(&path, round);
        // In every third round two processes share the log when they are killed.
        let second = (round % 3 == 2).then(|| spawn(&path, 1000 + round));
        acknowledged.extend(kill_after(first, n_wanted));
        if let Some(second) = second {
            acknowledged.extend(kill_after(second, n_wanted / 2));
        }
        if !path.exists() {
            continue;
        }
        check(&path, &acknowledged);
    }
    assert!(acknowledged.len() > N_ROUNDS as usize);
}

fn any_seed() -> u32 {
    use std::hash::{BuildHasher as _, Hasher as _};
    // The only randomness that the standard library has.
    let hash = std::hash::RandomState::new().build_hasher().finish();
    u32::try_from(hash & u64::from(u32::MAX)).unwrap()
}

fn check(path: &Path, acknowledged: &[(u64, String)]) {
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&reasons);
    let recorder = Recorder::open(path, None, OPTIONS, move |record| {
        seen.lock().unwrap().push(match &record.body {
            Body::Killed(killed) => killed.reason.clone(),
            Body::TicketSpent(spent) => spent.ticket.clone(),
            _ => String::new(),
        });
    })
    .expect("the log opens after a crash");
    let report = maso_verify::verify(path).unwrap();
    // The writers use tickets that nobody held; everything else must be as it should.
    let others: Vec<_> =
        report.problems.iter().filter(|problem| !problem.what.contains("nothing was held under it")).collect();
    assert!(others.is_empty(), "{others:?}");
    let reasons = reasons.lock().unwrap();
    for (sequence, name) in acknowledged {
        assert_eq!(&reasons[*sequence as usize - 1], name, "the acknowledged record {sequence}");
        if name.rsplit('/').next().unwrap().parse::<u32>().unwrap() % 3 == 0 {
            assert_eq!(reasons[*sequence as usize - 2], format!("ticket_{name}"), "what belongs to {sequence}");
        }
    }
    drop(reasons);
    if let Some((_, name)) = acknowledged.iter().find(|(_, name)| name.ends_with("/0")) {
        let again = Body::TicketSpent(TicketSpent { ticket: format!("ticket_{name}"), hop: "hop".to_owned() });
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(matches!(runtime.block_on(recorder.record(again)), Err(LogFault::Spent { .. })));
    }
}
