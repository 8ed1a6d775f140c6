//! Coming to an end without breaking anything off: what has begun is finished, and nobody waits for what may not come.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::gateway::Gateway;

/// What is under way, and whether there will be more.
#[derive(Default)]
pub(crate) struct Drain {
    under_way: TaskTracker,
    begun: CancellationToken,
}

impl Drain {
    /// Work that must be finished before the end, whoever awaits it.
    pub(crate) fn keep<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        self.under_way.track_future(work)
    }

    /// Resolves when the end has begun.
    pub(crate) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }
}

impl Gateway {
    /// Prepares for the end: streams that wait for news are ended, held requests get their tickets, and requests under way
    /// are finished, also those whose clients are gone. `false` where some were not within this time. Whoever serves takes
    /// no new connection by then.
    pub async fn drain(&self, within: Duration) -> bool {
        self.drain.begun.cancel();
        self.ticks.send_replace(());
        self.drain.under_way.close();
        tokio::time::timeout(within, self.drain.under_way.wait()).await.is_ok()
    }
}
