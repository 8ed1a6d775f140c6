//! Files of recorded runs, replayed each under the deployment of its suite.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    replay::{Decided, ReplayFault, Stage},
    run::Row,
};

/// Why runs could not be replayed.
#[derive(Debug, thiserror::Error)]
pub enum TraceFault {
    /// No deployment was declared for a suite.
    #[error("no deployment for the suite `{0}`")]
    NoStage(String),
    /// A run could not be replayed.
    #[error("run `{run}` cannot be replayed: {fault}")]
    Replay {
        /// The run.
        run: String,
        /// Why not.
        fault: ReplayFault,
    },
    /// There is no room for the records of a run.
    #[error("cannot keep the record of a run")]
    NoRoom(#[from] std::io::Error),
}

/// The suites that these rows use.
pub fn suites(rows: &[Row]) -> BTreeSet<&str> {
    rows.iter().map(|row| row.run.suite.as_str()).collect()
}

/// Replays all rows, each on a record of its own that is thrown away, on as many threads as the machine has processors.
/// What is given is in the order of the rows, and the same each time. `done` is called with each run that is over.
///
/// # Errors
/// With the first run that cannot be replayed.
pub fn replay(
    rows: &[Row],
    stages: &BTreeMap<String, Stage>,
    done: &(dyn Fn() + Sync),
) -> Result<Vec<Vec<Decided>>, TraceFault> {
    for suite in suites(rows) {
        if !stages.contains_key(suite) {
            return Err(TraceFault::NoStage(suite.to_owned()));
        }
    }
    let folder = tempfile::tempdir()?;
    let (next, results) = (AtomicUsize::new(0), Mutex::new(vec![None; rows.len()]));
    let fault = Mutex::new(None);
    let n_threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                let work = || -> Result<(), TraceFault> {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                    loop {
                        let nth = next.fetch_add(1, Ordering::Relaxed);
                        let Some(row) = rows.get(nth) else { return Ok(()) };
                        let decided =
                            runtime.block_on(one(row, &stages[&row.run.suite], folder.path().join(nth.to_string())))?;
                        results.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[nth] = Some(decided);
                        done();
                    }
                };
                if let Err(one) = work() {
                    next.store(rows.len(), Ordering::Relaxed);
                    fault.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(one);
                }
            });
        }
    });
    match fault.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(fault) => Err(fault),
        None => {
            Ok(results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_iter().flatten().collect())
        }
    }
}

async fn one(row: &Row, stage: &Stage, folder: PathBuf) -> Result<Vec<Decided>, TraceFault> {
    std::fs::create_dir(&folder)?;
    let decided = stage.replay(&row.run, folder.clone()).await;
    std::fs::remove_dir_all(&folder)?;
    decided.map_err(|fault| TraceFault::Replay { run: row.run.id.clone(), fault })
}
