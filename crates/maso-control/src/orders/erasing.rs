//! Erasing payloads: what agents read and wrote goes, and what the record says of it stays (OB-2.6).

use maso_core::{Day, TaskId};
use maso_intent::Role;
use maso_log::v1::{Erased, PayloadsErased};
use maso_path::Answer;

use crate::{Desk, OrderFault, SignedIn};

impl Desk {
    /// Erases the payloads of a task that has ended, or all that were kept before a day. Nothing brings them back.
    ///
    /// # Errors
    /// When the person may not, there is no such task, or somebody still works with what would be erased.
    pub async fn erase_payloads(
        &self,
        by: &SignedIn,
        order: &maso_api::ErasePayloads,
    ) -> Result<maso_api::ErasedPayloads, OrderFault> {
        by.needs(Role::Security)?;
        if order.reason.trim().is_empty() {
            return Err(OrderFault::Bad("say why".to_owned()));
        }
        // What was opened or held in another process counts.
        self.path().recorder().flush().await?;
        let what = match (&order.task, &order.before) {
            (Some(task), None) => Erased::Task(self.ended(task)?.to_string()),
            (None, Some(day)) => Erased::Before(self.past(day)?.to_string()),
            (Some(_), Some(_)) | (None, None) => {
                return Err(OrderFault::Bad("name either the task or the day".to_owned()));
            }
        };
        let by = format!("operator:{}", by.operator());
        let erased = self.path().recorder().erase(PayloadsErased { what, by, reason: order.reason.clone() }).await?;
        Ok(maso_api::ErasedPayloads { sequence: erased.sequence(), removed: *erased.value() })
    }

    /// A task in which nobody works any more.
    fn ended(&self, name: &str) -> Result<TaskId, OrderFault> {
        let unknown = || OrderFault::Unknown { what: "task", name: name.to_owned() };
        let task: TaskId = name.parse().map_err(|_| unknown())?;
        let world = self.path().world();
        let not_allowed = |why: String, help: &str| OrderFault::NotAllowed { why, help: help.to_owned() };
        if world.deployment().agents.keys().any(|agent| world.tasks().standing(agent).is_some_and(|of| of.id == task)) {
            let why = format!("`{task}` is a standing task and does not end");
            return Err(not_allowed(why, "erase what was kept before a day"));
        }
        if world.tasks().open(task).is_some() {
            return Err(not_allowed(format!("`{task}` is open"), "`maso tasks close` ends it"));
        }
        if self.path().recorder().reader().about(name, 1)?.is_empty() {
            return Err(unknown());
        }
        Ok(task)
    }

    /// A day before which nothing is kept that somebody waits or works for. Standing tasks go on without it: what has no
    /// payload any more has no origin, and counts with its label.
    fn past(&self, text: &str) -> Result<Day, OrderFault> {
        let day: Day = text.parse().map_err(|error: maso_core::IdError| OrderFault::Bad(error.to_string()))?;
        let (world, now) = (self.path().world(), self.path().clock().now());
        if day > Day::of(now) {
            return Err(OrderFault::Bad(format!("{day} has not begun, and what is kept until then is not erased yet")));
        }
        let not_allowed = |why: String, help: &str| OrderFault::NotAllowed { why, help: help.to_owned() };
        if let Some(task) = world.tasks().all_open().iter().find(|task| task.opened_at < day.begins()) {
            let why = format!("`{}` was opened before {day} and is open", task.id);
            return Err(not_allowed(why, "`maso tasks close` ends it; or name an earlier day"));
        }
        let waits = world.tickets().all().into_iter().find(|ticket| {
            matches!(ticket.answer, Answer::Open | Answer::Approved)
                && ticket.decided.received_at < day.begins().as_millis()
        });
        match waits {
            Some(ticket) => Err(not_allowed(
                format!("`{}` was held before {day} and waits", ticket.id),
                "answer it; or name an earlier day",
            )),
            None => Ok(day),
        }
    }
}
