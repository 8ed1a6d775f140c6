//! Checking the whole record while it is in use, with the verifier's own code.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use maso_api::{ProblemView, VerificationView};
use maso_verify::{PayloadKey, VerifyError};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::{Desk, OrderFault};

/// Checks one file, one check at a time: each reads all of it.
pub(crate) struct Verifier {
    log: PathBuf,
    key: Arc<PayloadKey>,
    /// The one place for a check under way.
    pub(crate) running: Arc<Semaphore>,
    latest: Arc<Mutex<Option<VerificationView>>>,
}

impl Verifier {
    pub(crate) fn new(log: PathBuf, key: PayloadKey) -> Self {
        Self { log, key: Arc::new(key), running: Arc::new(Semaphore::new(1)), latest: Arc::default() }
    }
}

impl Desk {
    /// What came of the latest check; `None` before the first.
    pub fn verification(&self) -> Option<VerificationView> {
        self.verifier.latest.lock().clone()
    }

    /// Checks the whole record as it stands now. Whoever asks while a check runs is told to wait for that one.
    /// It goes on, and is the latest, even if whoever asked hangs up.
    ///
    /// # Errors
    /// When a check runs already, or the file cannot be read: neither says anything of whether the record holds.
    pub async fn verify(&self) -> Result<VerificationView, OrderFault> {
        let running = Arc::clone(&self.verifier.running)
            .try_acquire_owned()
            .map_err(|_| OrderFault::NotVerified("a check is running".to_owned()))?;
        let at = self.path().clock().now().as_millis();
        let (log, key) = (self.verifier.log.clone(), Arc::clone(&self.verifier.key));
        let latest = Arc::clone(&self.verifier.latest);
        // Away from the threads that decide hops. The permit goes along, and what comes of it is noted there: hanging up
        // must neither let a second check begin nor lose the first.
        let checked = tokio::task::spawn_blocking(move || {
            let view = check(&log, &key, at);
            if let Ok(view) = &view {
                *latest.lock() = Some(view.clone());
            }
            drop(running);
            view
        });
        checked
            .await
            .map_err(|_| OrderFault::NotVerified("the check broke off".to_owned()))?
            .map_err(|fault| OrderFault::NotVerified(fault.to_string()))
    }
}

fn check(log: &Path, key: &PayloadKey, at: i64) -> Result<VerificationView, VerifyError> {
    let begun = Instant::now();
    let report = maso_verify::verify_database(log, Some(key))?;
    Ok(VerificationView {
        at,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        verified: report.n_problems == 0,
        records: report.records,
        head: report.last_hash.unwrap_or_default(),
        payloads: report.payloads,
        n_problems: report.n_problems,
        problems: report
            .problems
            .into_iter()
            .take(PROBLEMS_MAX)
            .map(|problem| ProblemView { sequence: problem.sequence, what: problem.what })
            .collect(),
    })
}

/// How many problems are shown: the first ones tell where to look.
const PROBLEMS_MAX: usize = 50;
