//! Stage 11: what came of it is recorded, learned from, and may change the posture.

use maso_core::{HopId, Timestamp};
use maso_log::v1;

use crate::{Path, learning::Lesson, release::Carried};

impl Path {
    /// Records what came of a released hop, and what its task has now seen.
    pub(crate) async fn watch<R>(&self, hop: HopId, lesson: Option<Lesson>, started: Timestamp, carried: &Carried<R>) {
        if let Some(lesson) = lesson {
            self.learn(lesson);
        }
        let (outcome, fault) = carried.outcome();
        let released = v1::HopReleased {
            hop: hop.to_string(),
            outcome: outcome.to_owned(),
            took_ms: self.clock.now().since_ms(started),
            fault,
            unsuccessful: matches!(carried, Carried::Unsuccessful(_)),
        };
        // A failure is on the record before anybody is told of it, and so is what makes up for one: whoever tries again at
        // once is counted, and no more than that (EC-1.10). What was done for the first time is not new the next time
        // (EC-2.7a).
        let waits = !matches!(carried, Carried::Delivered(_)) || self.world.is_watched(hop);
        let body = v1::Body::HopReleased(released);
        let written = match waits {
            true => self.recorder.record(body).await.map(drop),
            false => self.recorder.buffer(body).await.map(drop),
        };
        // The effect has happened and its permit is on the record; only the outcome is missing if this fails.
        if let Err(fault) = written {
            tracing::error!(error = &fault as &dyn std::error::Error, %hop, "the outcome could not be recorded");
        }
    }

    /// Records what the posture orders after a decision that may move it. It has moved already: the orders tell.
    pub(crate) async fn follow_orders(&self) {
        for order in self.world.standing().orders(self.clock.now()) {
            if let Err(fault) = self.recorder.record(order).await {
                tracing::error!(error = &fault as &dyn std::error::Error, "a change of phase could not be recorded");
            }
        }
    }

    /// Closes what time alone closes. Called regularly by whoever serves the deployment.
    ///
    /// # Errors
    /// When it could not be recorded; the next call tries again.
    pub async fn tick(&self) -> Result<(), maso_log::LogFault> {
        let now = self.clock.now();
        for body in self.world.overdue(now).into_iter().chain(self.overdue_instances(now)) {
            self.recorder.record(body).await?;
        }
        self.evaluate_due().await
    }
}
