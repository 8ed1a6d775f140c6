//! Following the log without losing or repeating anything.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{LogFault, Reader, Record, recorder::Progress};

/// A follower that reads from the file what the broadcast did not bring.
#[derive(Debug)]
pub(crate) struct Tail {
    /// The sequence of the record that comes next.
    next: u64,
    page: VecDeque<Record>,
    reader: Reader,
    progress: Arc<Progress>,
    /// Subscribed before the first page is read, so that nothing falls between.
    live: Receiver<Arc<Record>>,
}

impl Tail {
    pub(crate) fn new(from: u64, reader: Reader, progress: Arc<Progress>, live: Receiver<Arc<Record>>) -> Self {
        Self { next: from.max(1), page: VecDeque::new(), reader, progress, live }
    }

    /// The next record; `None` when there will be none.
    pub(crate) async fn next(&mut self) -> Option<Arc<Record>> {
        loop {
            if let Some(record) = self.page.pop_front() {
                self.next = record.sequence + 1;
                return Some(Arc::new(record));
            }
            // Only what was folded: a follower must not run ahead of the world that it asks next.
            if self.next <= self.progress.last() {
                match self.read_page().await {
                    Ok(page) => self.page = page.into(),
                    Err(fault) => {
                        tracing::error!(%fault, "a follower of the flight record stops");
                        return None;
                    }
                }
                continue;
            }
            match self.live.recv().await {
                Ok(record) if record.sequence == self.next => {
                    self.next += 1;
                    return Some(record);
                }
                // Earlier ones were read from the file; later ones mean that the file has what is missing.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }

    async fn read_page(&self) -> Result<Vec<Record>, LogFault> {
        let (reader, from, to) = (self.reader.clone(), self.next, self.progress.last());
        let read = move || reader.records(from, to, PAGE_MAX);
        let page = tokio::task::spawn_blocking(read).await.map_err(|_| LogFault::Stopped)??;
        match page.first() {
            Some(first) if first.sequence == from => Ok(page),
            _ => Err(LogFault::Corrupt { sequence: from, reason: "it is missing".to_owned() }),
        }
    }
}

/// Records that are read at a time.
const PAGE_MAX: usize = 512;
