//! A task: one run of a workflow, with its immutable specification (PG-2.2, PG-3.2).

use std::ops::Deref;

use maso_core::{AgentName, Digest, OperatorName, TaskId, Timestamp, WorkflowName};

use crate::{Deployment, HardLimits};

/// Where a task comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// An operator or a trusted front end opened it.
    Opened,
    /// The agent's standing task, whose only operator words are its mandate.
    Standing(AgentName),
}

/// The immutable specification of a task, with its hash. It reads as the [`Specification`] that it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSpec {
    said: Specification,
    // INVARIANT: of exactly what is said, which nothing changes afterwards. Each hop asks for it, so it is computed once.
    digest: Digest,
}

/// What a specification says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specification {
    /// The task.
    pub id: TaskId,
    /// Where it comes from.
    pub kind: TaskKind,
    /// The workflow that it is one run of.
    pub workflow: WorkflowName,
    /// The operator's own words; empty for a standing task.
    pub words: String,
    /// When it succeeded.
    pub success_criteria: Vec<String>,
    /// What it is about and how far it goes; `None` where nobody said so.
    pub scope: Option<String>,
    /// What is not to be touched.
    pub out_of_scope: Vec<String>,
    /// The person who answers for it (OB-2.7).
    pub accountable_human: OperatorName,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// Under what it was opened; `None` for a standing task, and for one that was opened before this was noted.
    pub under: Option<OpenedUnder>,
}

/// The version of a deployment under which a task was opened (AT-1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenedUnder {
    /// The version.
    pub version: Digest,
    /// Content address of its mandates for the task's workflow and agents. Under others the task does nothing.
    pub mandates: Digest,
}

/// What an operator or a trusted front end asks for when it opens a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenTask {
    /// The workflow that it is to be one run of.
    pub workflow: WorkflowName,
    /// The operator's own words.
    pub words: String,
    /// When it will have succeeded; if empty, the workflow's own criteria.
    pub success_criteria: Vec<String>,
    /// What it is about and how far it goes.
    pub scope: Option<String>,
    /// What is not to be touched.
    pub out_of_scope: Vec<String>,
    /// The person who answers for it; if none, the deployment's.
    pub accountable_human: Option<OperatorName>,
    /// When it ends by itself; if none, after [`OpenTask::TTL_MS`] or the workflow's `max_execution`, if that is less.
    pub ttl_ms: Option<u64>,
}

impl OpenTask {
    /// How long a task lasts for which nobody says how long.
    pub const TTL_MS: u64 = 24 * 3_600_000;
    /// How long a task may last: as long as its token may count.
    pub const TTL_MS_MAX: u64 = maso_identity::TASK_TOKEN_MS_MAX;
    /// Bytes of the operator's words.
    pub const WORDS_BYTES_MAX: usize = 64 << 10;
    /// Success criteria of one task, and as many things that are not to be touched.
    pub const CRITERIA_MAX: usize = 64;
}

/// Why a task was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Nothing says what is wanted (PG-1.6).
    #[error("a task needs the operator's words: what is to be done")]
    NoWords,
    /// A success criterion without words (PG-1.6).
    #[error("success criterion {position} has no words")]
    NoCriterion {
        /// Its place, from 1.
        position: usize,
    },
    /// A limit of the scope without words (PG-1.6).
    #[error("what is out of scope has no words at place {position}")]
    NoLimit {
        /// Its place, from 1.
        position: usize,
    },
    /// More text than a task may have.
    #[error("{n_bytes} bytes of words and {n_criteria} criteria or limits, {words} and {criteria} allowed",
        words = OpenTask::WORDS_BYTES_MAX, criteria = OpenTask::CRITERIA_MAX)]
    TooLong {
        /// Bytes of words and criteria together.
        n_bytes: usize,
        /// Success criteria, or things that are out of scope.
        n_criteria: usize,
    },
    /// No such workflow (AT-1.1).
    #[error("there is no workflow `{workflow}`")]
    UnknownWorkflow {
        /// What was named.
        workflow: WorkflowName,
    },
    /// Nobody of this name answers for anything here (OB-2.7).
    #[error("there is no operator `{operator}`")]
    UnknownOperator {
        /// Who was named.
        operator: OperatorName,
    },
    /// No time, or more than a task of its workflow may have (EC-3.4).
    #[error("a task may last from 1 to {max_ms} ms, not {ttl_ms}")]
    Lasting {
        /// What was asked for.
        ttl_ms: u64,
        /// What is allowed.
        max_ms: u64,
    },
}

impl From<Specification> for TaskSpec {
    fn from(said: Specification) -> Self {
        Self { digest: said.digest(), said }
    }
}

impl Deref for TaskSpec {
    type Target = Specification;

    fn deref(&self) -> &Specification {
        &self.said
    }
}

impl TaskSpec {
    /// The standing task of an agent, in which it works when no task was opened for it; `None` for an unknown agent.
    ///
    /// It says the same whenever it is made, so that its digest is stable. It has no operator words, so nothing with
    /// authority can rest on it.
    pub fn standing(deployment: &Deployment, agent: &AgentName, id: TaskId) -> Option<Self> {
        let mandate = deployment.agents.get(agent)?;
        let said = Specification {
            id,
            kind: TaskKind::Standing(agent.clone()),
            workflow: mandate.workflow.clone(),
            words: String::new(),
            success_criteria: mandate.oispec.success_criteria.clone(),
            scope: None,
            out_of_scope: Vec::new(),
            accountable_human: deployment.accountable_human.clone(),
            opened_at: Timestamp::from_millis(0),
            expires_at: Timestamp::from_millis(LAST_MILLISECOND),
            under: None,
        };
        Some(said.into())
    }

    /// When it ends by itself: at the latest when its workflow's time box is over (EC-3.4). A standing task has none.
    pub fn ends_at(&self, limits: &HardLimits) -> Timestamp {
        match self.kind {
            TaskKind::Opened => self.expires_at.min(self.opened_at.plus_ms(limits.max_execution_ms)),
            TaskKind::Standing(_) => self.expires_at,
        }
    }

    /// Opens a task at the moment `now`.
    ///
    /// # Errors
    /// When it is not clear what is wanted, by whom, in which workflow or for how long.
    pub fn open(open: OpenTask, id: TaskId, now: Timestamp, deployment: &Deployment) -> Result<Self, OpenError> {
        let OpenTask { workflow, words, success_criteria, scope, out_of_scope, accountable_human, ttl_ms } = open;
        let scope = scope.filter(|scope| !scope.trim().is_empty());
        if words.trim().is_empty() {
            return Err(OpenError::NoWords);
        }
        if let Some(index) = success_criteria.iter().position(|criterion| criterion.trim().is_empty()) {
            return Err(OpenError::NoCriterion { position: index + 1 });
        }
        if let Some(index) = out_of_scope.iter().position(|limit| limit.trim().is_empty()) {
            return Err(OpenError::NoLimit { position: index + 1 });
        }
        let texts = success_criteria.iter().chain(&out_of_scope).chain(&scope);
        let n_bytes = words.len() + texts.map(String::len).sum::<usize>();
        let n_criteria = success_criteria.len().max(out_of_scope.len());
        if n_bytes > OpenTask::WORDS_BYTES_MAX || n_criteria > OpenTask::CRITERIA_MAX {
            return Err(OpenError::TooLong { n_bytes, n_criteria });
        }
        let Some(solution) = deployment.workflows.get(&workflow) else {
            return Err(OpenError::UnknownWorkflow { workflow });
        };
        let accountable_human = accountable_human.unwrap_or_else(|| deployment.accountable_human.clone());
        if !deployment.operators.contains_key(&accountable_human) {
            return Err(OpenError::UnknownOperator { operator: accountable_human });
        }
        let max_ms = OpenTask::TTL_MS_MAX.min(solution.limits.max_execution_ms);
        let ttl_ms = ttl_ms.unwrap_or(OpenTask::TTL_MS.min(max_ms));
        if !(1..=max_ms).contains(&ttl_ms) {
            return Err(OpenError::Lasting { ttl_ms, max_ms });
        }
        let under =
            deployment.mandates_of(&workflow).map(|mandates| OpenedUnder { version: deployment.digest, mandates });
        let success_criteria =
            if success_criteria.is_empty() { solution.oispec.success_criteria.clone() } else { success_criteria };
        let said = Specification {
            id,
            kind: TaskKind::Opened,
            workflow,
            words,
            success_criteria,
            scope,
            out_of_scope,
            accountable_human,
            opened_at: now,
            expires_at: now.plus_ms(ttl_ms),
            under,
        };
        Ok(said.into())
    }

    /// The hash of the specification, which travels with every hop.
    pub const fn digest(&self) -> Digest {
        self.digest
    }
}

impl Specification {
    fn digest(&self) -> Digest {
        let mut specification = serde_json::json!({
            "id": self.id.to_string(),
            "standing": match &self.kind { TaskKind::Opened => None, TaskKind::Standing(agent) => Some(agent.as_str()) },
            "workflow": self.workflow.as_str(),
            "words": self.words,
            "success_criteria": self.success_criteria,
            "accountable_human": self.accountable_human.as_str(),
            "opened_at_ms": self.opened_at.as_millis(),
            "expires_at_ms": self.expires_at.as_millis(),
        });
        if let Some(OpenedUnder { version, mandates }) = &self.under {
            specification["version"] = version.to_string().into();
            specification["mandates"] = mandates.to_string().into();
        }
        // Absent where nobody said it, so that what was hashed before anybody could say it hashes as it did.
        if let Some(scope) = &self.scope {
            specification["scope"] = scope.as_str().into();
        }
        if !self.out_of_scope.is_empty() {
            specification["out_of_scope"] = self.out_of_scope.clone().into();
        }
        Digest::of_value(&specification)
    }
}

/// The last millisecond of the year 9999: as late as RFC 3339 can say, and exact in canonical JSON.
const LAST_MILLISECOND: i64 = 253_402_300_799_999;
