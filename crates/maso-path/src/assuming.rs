//! What agents assume, as people see it, and what people say of it (PG-2.8).

use std::sync::Arc;

use maso_core::{HopId, OperatorName, Principal, TaskId};
use maso_log::{LogFault, v1};
use maso_policy::Assumed;
use maso_wire::envelope::Reach;
use serde_json::Value;

use crate::Path;

/// An assumption with its words, and for whom it holds.
#[derive(Clone, Debug)]
pub struct Assumption {
    /// What was assumed, by whom, and what a person said of it.
    pub assumed: Assumed,
    /// The task for which it was made.
    pub task: TaskId,
    /// Its words; `None` if they cannot be read any more.
    pub text: Option<String>,
    /// For whom it holds, by all that people said of what is like it in its task.
    pub reach: Reach,
}

/// Why a person's word of an assumption was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotPromoted {
    /// Nobody made such an assumption for an open task.
    #[error("there is no assumption `{0}`")]
    NoAssumption(HopId),
    /// A person said something of it before, or its task ended.
    #[error("it was answered already, or its task is over")]
    TooLate,
    /// It could not be recorded.
    #[error(transparent)]
    NotRecorded(LogFault),
}

impl Path {
    /// The assumptions that `wanted` picks, with their words.
    pub fn assumptions(&self, wanted: impl Fn(TaskId, &Assumed) -> bool) -> Vec<Assumption> {
        let all = self.world.conduct().assumptions().all();
        let wanted = all.into_iter().filter(|(task, assumed)| wanted(*task, assumed)).take(SHOWN_MAX);
        let with_words = |(task, assumed): (TaskId, Assumed)| {
            let said = self.payload_of(assumed.hop);
            let text = said.as_ref().and_then(|said| said.get("text")).and_then(Value::as_str).map(str::to_owned);
            let reach = self.world.conduct().assumptions().reach(task, &assumed);
            Assumption { assumed, task, text, reach }
        };
        wanted.map(with_words).collect()
    }

    /// Records for whom an assumption holds, by a person's word, once for each. [`Reach::Local`] refuses it to travel.
    ///
    /// # Errors
    /// When there is no such assumption or it was answered already, or it could not be recorded.
    pub async fn promote(
        &self,
        task: TaskId,
        assumption: HopId,
        reach: Reach,
        by: &OperatorName,
    ) -> Result<(), NotPromoted> {
        let known = self.world.conduct().assumptions().find(assumption).filter(|(of, _)| *of == task);
        let (_, assumed) = known.ok_or(NotPromoted::NoAssumption(assumption))?;
        if assumed.answer.is_some() {
            return Err(NotPromoted::TooLate);
        }
        let answered = v1::AssumptionAnswered {
            assumption: assumption.to_string(),
            task: task.to_string(),
            by: Principal::Operator(by.clone()).to_string(),
            scope: reach.to_string(),
        };
        let world = Arc::clone(&self.world);
        // Its task may end, and another person may answer, through another process.
        let is_open = move || {
            let known = world.conduct().assumptions().find(assumption);
            known.is_some_and(|(_, assumed)| assumed.answer.is_none())
        };
        match self.recorder.record_if(v1::Body::AssumptionAnswered(answered), Vec::new(), is_open).await {
            Ok(_) => Ok(()),
            Err(LogFault::Overtaken | LogFault::Spent { .. }) => Err(NotPromoted::TooLate),
            Err(fault) => Err(NotPromoted::NotRecorded(fault)),
        }
    }
}

/// Assumptions that are shown at once.
const SHOWN_MAX: usize = 256;
