//! Histories at random: whatever happens in whatever order, nothing unsafe is carried and the record tells it all.
//!
//! One seed is one history. `MASO_SEED=7` plays that one alone and prints it; `MASO_SEEDS=5000` plays more of them.

mod auditor;
mod dice;
mod history;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use auditor::Coverage;
use history::History;

/// Histories that are played when nobody says how many.
const SEEDS: u64 = 150;

/// What must have happened in so many histories; else they prove nothing.
const MUST_HAPPEN: [&str; 20] = [
    "ask notes:read_note allow",
    "ask notes:read_note deny DENIED",
    "ask notes:read_note deny OUT_OF_MANDATE",
    "ask notes:read_note deny SUSPENDED",
    "ask notes:send_note allow",
    "ask notes:send_note hold",
    "ask notes:pay allow",
    "ask notes:pay hold",
    "ask notes:pay deny DENIED",
    "ask notes:pay deny NOT_APPROVED",
    "ask notes:wipe allow",
    "ask notes:wipe hold",
    "ask notes:delete_everything deny OUT_OF_MANDATE",
    "answer notes:read_note allow",
    "answer notes:read_note deny DENIED",
    "answer: approved!",
    "ticket expired",
    "ticket used",
    "deployment killed",
    "agent:writer to alternate by maso",
];

#[test]
fn whatever_happens_nothing_unsafe_is_carried_and_the_record_tells_it_all() {
    if let Some(seed) = number_in("MASO_SEED") {
        play(seed).unwrap_or_else(|why| panic!("{why}"));
        return;
    }
    let n_seeds = number_in("MASO_SEEDS").unwrap_or(SEEDS);
    let (next, seen, broken) = (AtomicU64::new(0), Mutex::new(Coverage::default()), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while broken.lock().unwrap().is_none() {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= n_seeds {
                        return;
                    }
                    match play(seed) {
                        Ok(coverage) => seen.lock().unwrap().join(&coverage),
                        Err(why) => *broken.lock().unwrap() = Some(why),
                    }
                }
            });
        }
    });
    if let Some(why) = broken.into_inner().unwrap() {
        panic!("{why}");
    }
    let seen = seen.into_inner().unwrap();
    let never: Vec<_> = MUST_HAPPEN.iter().filter(|what| !seen.0.contains_key(**what)).collect();
    assert!(n_seeds < SEEDS || never.is_empty(), "these never happened: {never:?}; these did: {seen:#?}");
}

/// Plays a history, and every tenth a second time: the same decisions must come out of it.
fn play(seed: u64) -> Result<Coverage, String> {
    let first = once(seed)?;
    if seed.is_multiple_of(10) {
        let second = once(seed)?;
        for (index, (one, other)) in first.decisions.iter().zip(&second.decisions).enumerate() {
            if one != other {
                return Err(format!("seed {seed} was decided in two ways, decision {index}:\n{one}\n{other}"));
            }
        }
        if first.decisions.len() != second.decisions.len() {
            return Err(format!("seed {seed} has {} and {} decisions", first.decisions.len(), second.decisions.len()));
        }
    }
    Ok(first.seen)
}

fn once(seed: u64) -> Result<auditor::Auditor, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match catch_unwind(AssertUnwindSafe(|| runtime.block_on(History::of(seed)))) {
        Ok(lived) => lived,
        Err(_) => Err(format!("seed {seed} panicked; MASO_SEED={seed} plays it again")),
    }
}

fn number_in(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
