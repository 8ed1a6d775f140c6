//! Opening and closing tasks, and what people say of them meanwhile.

use maso_api::AssumptionScope;
use maso_core::{AgentName, TaskId, WorkflowName};
use maso_intent::{Role, SolutionMandate, TaskPart, TaskSpec};
use maso_log::v1;
use maso_path::{NotPromoted, NotSaid, SaidOf, is_an_answer};
use maso_wire::envelope::Reach;

use crate::{Desk, OrderFault, SignedIn};

impl Desk {
    /// Opens a task; what comes back is its specification and the token that its agents present.
    ///
    /// # Errors
    /// When the person may not, the workflow is unknown, or the specification is not clear enough.
    pub async fn open_task(&self, by: &SignedIn, order: &maso_api::OpenTask) -> Result<(TaskSpec, String), OrderFault> {
        by.needs(Role::Operator)?;
        let deployment = self.path().world().deployment();
        let unknown = || OrderFault::Unknown { what: "workflow", name: order.workflow.clone() };
        let workflow: WorkflowName = order.workflow.parse().map_err(|_| unknown())?;
        if !deployment.workflows.contains_key(&workflow) {
            return Err(unknown());
        }
        let holders = holders(order, &deployment.workflows[&workflow])?;
        let now = self.path().clock().now();
        let wanted = maso_intent::OpenTask {
            workflow,
            words: order.words.clone(),
            success_criteria: order.success_criteria.clone(),
            scope: order.scope.clone(),
            out_of_scope: order.out_of_scope.clone(),
            ttl_ms: order.ttl_ms,
            accountable_human: Some(by.operator().clone()),
        };
        let task = TaskSpec::open(wanted, self.path().ids().task(), now, deployment)
            .map_err(|problem| OrderFault::Bad(problem.to_string()))?;
        let token = self.authority().issue_task_token(
            &deployment.trust_domain,
            (task.id, task.digest()),
            &holders,
            now,
            task.expires_at.since_ms(now),
        );
        self.path().recorder().record(v1::Body::TaskOpened(maso_path::write_task(&task))).await?;
        Ok((task, token))
    }

    /// Says more of a task: answers a question that was asked in it, or says a part that it leaves open. Its specification
    /// and the hash of that stay as they are.
    ///
    /// # Errors
    /// When the person may not, there is no such task or question, or it was answered already.
    pub async fn clarify(&self, by: &SignedIn, task: TaskId, order: &maso_api::Clarify) -> Result<(), OrderFault> {
        by.needs(Role::Operator)?;
        let world = self.path().world();
        let unknown = |what, name: &str| OrderFault::Unknown { what, name: name.to_owned() };
        if !is_an_answer(&order.answer) {
            return Err(OrderFault::Bad("an answer says something, in 4,000 characters at most".to_owned()));
        }
        let open = world.tasks().open(task);
        let of = match (&order.question, &order.about) {
            // It may have been asked in a standing task, which nobody opened.
            (Some(question), None) => SaidOf::Question(question.parse().map_err(|_| unknown("question", question))?),
            (None, Some(about)) => {
                let part = TaskPart::parse(about).ok_or_else(|| unknown("part of a task", about))?;
                let open = open.ok_or_else(|| unknown("open task", &task.to_string()))?;
                SaidOf::Part { part, specification: open.digest() }
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(OrderFault::Bad("name either the question or the part of the task".to_owned()));
            }
        };
        match self.path().clarify(task, of, &order.answer, by.operator()).await {
            Ok(()) => Ok(()),
            Err(NotSaid::NoQuestion(question)) => Err(unknown("question", &question.to_string())),
            Err(fault @ (NotSaid::Answered | NotSaid::Full)) => Err(OrderFault::TooLate(fault.to_string())),
            Err(NotSaid::NotRecorded(fault)) => Err(fault.into()),
        }
    }

    /// Says for whom an assumption holds that an agent made for a task: it travels so far from then on, and what stays local
    /// is refused to travel.
    ///
    /// # Errors
    /// When the person may not, there is no such assumption, or it was answered already.
    pub async fn promote(&self, by: &SignedIn, task: TaskId, order: &maso_api::Promote) -> Result<(), OrderFault> {
        by.needs(Role::Operator)?;
        let unknown = || OrderFault::Unknown { what: "assumption", name: order.assumption.clone() };
        let assumption = order.assumption.parse().map_err(|_| unknown())?;
        let reach = match order.scope {
            AssumptionScope::Local => Reach::Local,
            AssumptionScope::Task => Reach::Task,
            AssumptionScope::Global => Reach::Global,
        };
        match self.path().promote(task, assumption, reach, by.operator()).await {
            Ok(()) => Ok(()),
            Err(NotPromoted::NoAssumption(_)) => Err(unknown()),
            Err(fault @ NotPromoted::TooLate) => Err(OrderFault::TooLate(fault.to_string())),
            Err(NotPromoted::NotRecorded(fault)) => Err(fault.into()),
        }
    }

    /// Closes a task: its token is worth nothing from then on.
    ///
    /// # Errors
    /// When the person may not, or no such task is open.
    pub async fn close_task(&self, by: &SignedIn, task: TaskId, reason: &str) -> Result<(), OrderFault> {
        by.needs(Role::Operator)?;
        if self.path().world().tasks().open(task).is_none() {
            return Err(OrderFault::Unknown { what: "open task", name: task.to_string() });
        }
        let closed = v1::TaskClosed {
            task: task.to_string(),
            reason: reason.to_owned(),
            by: format!("operator:{}", by.operator()),
        };
        self.path().recorder().record(v1::Body::TaskClosed(closed)).await?;
        self.evaluate().await;
        Ok(())
    }

    /// Says whether a criterion of a task is met, open or ended; `failure-N` is one that says when it failed. How the task was
    /// done is evaluated anew.
    ///
    /// # Errors
    /// When there is no such task or criterion, or something else decides it than this person.
    pub async fn assess_task(
        &self,
        by: &SignedIn,
        task: TaskId,
        order: &maso_api::AssessTask,
    ) -> Result<(), OrderFault> {
        by.needs(Role::Operator)?;
        let assignment = self.path().assignment(task)?;
        let criteria = assignment.map(|assignment| assignment.criteria).unwrap_or_default();
        if criteria.is_empty() {
            return Err(OrderFault::Unknown { what: "task", name: task.to_string() });
        }
        let Some(criterion) = criteria.iter().find(|criterion| criterion.id == order.criterion) else {
            return Err(OrderFault::Unknown { what: "criterion", name: order.criterion.clone() });
        };
        if criterion.is_decided_by_record() {
            return Err(OrderFault::Bad(format!("the record decides `{}`, and nobody's word", criterion.id)));
        }
        if !criterion.may_be_assessed_by(by.operator().as_str()) {
            return Err(OrderFault::Bad(format!("another person decides `{}`", criterion.id)));
        }
        if order.reason.trim().is_empty() {
            return Err(OrderFault::Bad("say why".to_owned()));
        }
        let assessed = v1::TaskAssessed {
            task: task.to_string(),
            criterion: criterion.id.clone(),
            met: order.met,
            by: format!("operator:{}", by.operator()),
            reason: order.reason.clone(),
        };
        self.path().recorder().record(v1::Body::TaskAssessed(assessed)).await?;
        self.evaluate().await;
        Ok(())
    }

    /// What was ordered is done and on the record; if how the task was done cannot be evaluated now, it will be.
    async fn evaluate(&self) {
        if let Err(fault) = self.path().evaluate_due().await {
            tracing::error!(error = &fault as &dyn std::error::Error, "how a task was done could not be evaluated");
        }
    }
}

/// The agents that may begin a task.
fn holders(order: &maso_api::OpenTask, workflow: &SolutionMandate) -> Result<Vec<AgentName>, OrderFault> {
    if order.agents.is_empty() {
        return Ok(workflow.entrances().cloned().collect());
    }
    let named = order.agents.iter().map(|name| {
        let agent = name.parse().ok().filter(|agent| workflow.agents.contains(agent));
        agent.ok_or_else(|| OrderFault::Unknown { what: "agent of the workflow", name: name.clone() })
    });
    named.collect()
}
