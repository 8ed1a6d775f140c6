//! Whose turn it is to write, among processes.
//!
//! SQLite gives its lock to whoever asks at the right moment, and those who wait ask ever more seldom: two processes that
//! commit back to back kept a third one waiting for almost three seconds. So whoever wants the lock passes a turnstile
//! first, and stays in it until it has the lock: who had it last cannot have it again before. It is a courtesy and no
//! safeguard: SQLite's lock alone keeps the chain from forking.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::store::Patience;

/// The file beside the log by which processes let each other go first.
#[derive(Debug)]
pub(crate) struct Turnstile(File);

/// A place in the turnstile, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<'t>(Option<&'t Turnstile>);

impl Turnstile {
    /// The turnstile of the log at `path`.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(beside(path)).map(Self)
    }

    /// Enters when nobody is in it. `None` if somebody is and there is no patience. Somebody who stays in it for long has
    /// been halted there; then it is passed by.
    pub(crate) fn enter(&self, patience: Patience) -> Option<Turn<'_>> {
        let wait = if patience == Patience::Waits { TURN_WAIT } else { Duration::ZERO };
        match ask_again(wait, || self.0.try_lock(), |refused| matches!(refused, TryLockError::WouldBlock)) {
            Ok(()) => Some(Turn(Some(self))),
            Err(TryLockError::WouldBlock) if patience == Patience::None => None,
            // Where files cannot be locked so, there are no turns.
            Err(_) => Some(Turn(None)),
        }
    }
}

/// Asks until it is not refused for a reason that passes, for so long at most; gives the last answer. SQLite would ask ever
/// more seldom by itself, and whoever comes later would be lucky first.
pub(crate) fn ask_again<T, E>(
    wait: Duration,
    ask: impl Fn() -> Result<T, E>,
    passes: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let begun = Instant::now();
    loop {
        match ask() {
            // No event comes of a lock that another process lets go.
            Err(refused) if passes(&refused) && begun.elapsed() < wait => std::thread::sleep(ASK_EVERY),
            answer => return answer,
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(Turnstile(file)) = self.0
            && let Err(error) = file.unlock()
        {
            tracing::error!(%error, "the turn to write cannot be given back");
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-turn");
    name.into()
}

/// How long a turn is waited for: as long as dozens of processes take to commit, one after the other.
const TURN_WAIT: Duration = Duration::from_millis(250);

/// How often whoever waits asks whether it is its turn, or whether the lock is free.
const ASK_EVERY: Duration = Duration::from_millis(1);
