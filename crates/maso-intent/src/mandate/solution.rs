//! Workflows' mandates (AT-1.1): the parents of their agents'.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{
    Access, AgentName, Class, ContractName, DataSourceName, Digest, HopId, JudgeName, RequestName, Risk, Tier,
    Timestamp, ToolRef, WorkflowName,
};
use maso_identity::{BoundArgument, DataScope, Link, Quota, Remit};
use serde_json::Value;

use super::{
    Amendment, Bounds, ConflictTerms, DataSource, Evaluation, HaltCondition, HaltTerms, History, JudgePrecedence,
    MandateReview, OiSpec, ReviewOutcome, SequenceBy,
};
use crate::{ContentSchema, PreApproval, TaskPart, parse::day_is_over};

/// What a workflow may and must do: the parent of its agents' mandates.
#[derive(Clone, Debug)]
pub struct SolutionMandate {
    /// `SOL-…-v1`.
    pub id: String,
    /// Content address of the file it was read from.
    pub digest: Digest,
    /// Version, counted up.
    pub version: u32,
    /// Who wrote it, and what came before it.
    pub history: History,
    /// The workflow.
    pub workflow: WorkflowName,
    /// The business process it serves.
    pub business_process: String,
    /// What it is for.
    pub intent: String,
    /// What it may bring about.
    pub outcome: String,
    /// Its agents, in sequence.
    pub agents: Vec<AgentName>,
    /// By what they come to their turn; `None` where nothing holds them to a sequence.
    pub sequence: Option<SequenceBy>,
    /// All tools that any of its agents may hold.
    pub tools: BTreeSet<ToolRef>,
    /// The data that it may use, by name.
    pub data_sources: BTreeMap<DataSourceName, DataSource>,
    /// The judges that are heard in it; empty for all.
    pub judges: BTreeSet<JudgeName>,
    /// What nobody in it may do.
    pub prohibited_actions: Vec<String>,
    /// Limits on volume, time and cost.
    pub limits: HardLimits,
    /// How often, how many, and how long it may go back and forth.
    pub bounds: Bounds,
    /// Values that the mandate itself vouches for, with operator integrity, by name.
    pub constants: BTreeMap<String, Value>,
    /// Which typed requests an agent may make of another.
    pub grants: Vec<Grant>,
    /// What an agent may tell another unasked.
    pub channels: Vec<Channel>,
    /// What a task must say of itself before anything but a read is done for it (PG-1.6).
    pub clarity: BTreeSet<TaskPart>,
    /// What needs no person where a task asks for it (Tier 3).
    pub pre_approved: Vec<PreApproval>,
    /// How many plan attempts are still accepted.
    pub plan_attempts: PlanAttempts,
    /// What halts all of its agents, and who decides then.
    pub hard_stops: BTreeMap<HaltCondition, HaltTerms>,
    /// Whose word goes first when judges disagree.
    pub judge_precedence: JudgePrecedence,
    /// How a disagreement ends that nobody settles, by risk of the action.
    pub conflict_resolution: BTreeMap<Risk, ConflictTerms>,
    /// When the workflow as a whole is evaluated.
    pub strategic_evaluation: Option<Evaluation>,
    /// Reviews so far.
    pub reviews: Vec<MandateReview>,
    /// Changes of terms that people decided while work waited.
    pub amendments: Vec<Amendment>,
    /// Who answers for the process.
    pub process_owner: String,
    /// Who answers for the technology.
    pub technical_owner: String,
    /// Who approved it.
    pub approved_by: Vec<String>,
    /// RFC 3339 date from which it holds.
    pub effective_date: String,
    /// The moment at which that day begins in UTC; before it nothing is granted. `None` where no date says so: then
    /// nothing is granted at all.
    pub effective_from: Option<Timestamp>,
    /// RFC 3339 date by which it must be reviewed.
    pub review_date: String,
    /// Its intent specification.
    pub oispec: OiSpec,
}

impl SolutionMandate {
    /// Whether the day by which it must be reviewed has passed (AT-2.2). That is reported and takes nothing away.
    pub fn review_is_overdue(&self, now: Timestamp) -> bool {
        day_is_over(&self.review_date, now)
    }

    /// The grant under which one agent may make this request of another; of two the first counts.
    pub fn grant(&self, from: &AgentName, to: &AgentName, request: &RequestName) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.from == *from && grant.to == *to && grant.request == *request)
    }

    /// The channel by which one agent may tell another things of this kind; of two the first counts.
    pub fn channel(&self, from: &AgentName, to: &AgentName, contract: &ContractName) -> Option<&Channel> {
        self.channels.iter().find(|it| it.from == *from && it.to == *to && it.contract == *contract)
    }

    /// A data source that a tool of this class leads to and that lies outside the scope.
    pub(crate) fn source_beyond(&self, tool: &ToolRef, class: Class, scope: &DataScope) -> Option<&DataSourceName> {
        let needed = Access::needed(class);
        let mut sources = self.data_sources.iter().filter(|(_, source)| source.through.contains(tool));
        sources.find(|(name, _)| !scope.permits(name, needed)).map(|(name, _)| name)
    }

    /// Takes out of each grant the tools that lead to other data than it names, so that what is signed names none of them.
    pub(crate) fn keep_to_data_scopes(&mut self, class: impl Fn(&ToolRef) -> Class) {
        let mut grants = std::mem::take(&mut self.grants);
        for grant in &mut grants {
            if let Some(scope) = &grant.data {
                grant.remit.tools.retain(|tool| self.source_beyond(tool, class(tool), scope).is_none());
            }
        }
        self.grants = grants;
    }

    /// Whether its agents may say anything to each other.
    pub fn lets_agents_talk(&self) -> bool {
        !self.grants.is_empty() || !self.channels.is_empty()
    }

    /// The agents that begin by themselves: no grant leads to them. Where one leads to each of them, all.
    pub fn entrances(&self) -> impl Iterator<Item = &AgentName> {
        let is_asked = |agent: &AgentName| self.grants.iter().any(|grant| grant.to == *agent);
        let all_are = self.agents.iter().all(is_asked);
        self.agents.iter().filter(move |agent| all_are || !self.grants.iter().any(|grant| grant.to == **agent))
    }

    /// Whether its latest review withdrew it (AT-2.2): then it grants nothing. Of two reviews on one day the later one
    /// written counts.
    pub fn is_withdrawn(&self) -> bool {
        let latest = self.reviews.iter().max_by_key(|review| review.date);
        latest.is_some_and(|review| review.outcome == ReviewOutcome::Withdrawn)
    }
}

/// Hard limits of a workflow; reaching one stops it (AT rule 5).
#[derive(Clone, Debug, PartialEq)]
pub struct HardLimits {
    /// Transactions in one task.
    pub max_transactions_per_batch: u64,
    /// Milliseconds that one task may run.
    pub max_execution_ms: u64,
    /// Money that one task may move, in the smallest unit of the deployment's currency.
    pub max_value_minor: u64,
    /// What one task may cost to run, in the smallest unit of the same currency. Counted where a model has a price.
    pub max_cost_minor: Option<u64>,
    /// Tokens that the agents of one task may read and write in all.
    pub max_tokens: Option<u64>,
    /// The currency of it, as ISO 4217 writes it; `None` where the mandate names none.
    pub currency: Option<String>,
}

/// An edge in the solution mandate: a typed request that one agent may make of another.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Who may ask.
    pub from: AgentName,
    /// Who is asked.
    pub to: AgentName,
    /// What may be asked.
    pub request: RequestName,
    /// JSON Schema of the request's content.
    pub schema: ContentSchema,
    /// JSON pointer to the part of the content that names what the request is about.
    pub item_pointer: Option<String>,
    /// Whether a request may wait for an agent that is not there (EC-1.7); `None` where nobody said.
    pub queues: Option<bool>,
    /// What may be done for the request, by whoever ends up doing it (IA-2.4). What it fixes of arguments is in
    /// [`fixed`](Self::fixed). No tool is in it that leads to other data than is in [`data`](Self::data).
    pub remit: Remit,
    /// The data that may be used for it, by whoever ends up doing it; `None` for whatever the tools lead to.
    pub data: Option<DataScope>,
    /// Arguments that the request itself fixes.
    pub fixed: Vec<FixedArgument>,
    /// How much may be done for it, by all who work on it.
    pub quota: Quota,
    /// Over how many further requests the work may be handed on; `None` where nobody said.
    pub depth: Option<u8>,
    /// Milliseconds that the work may take; `None` for as long as its task.
    pub ttl_ms: Option<u64>,
    /// JSON Schema of the answer, where one is declared (EC-2.14).
    pub answer: Option<ContentSchema>,
    /// JSON pointers to parts of the answer that are read out of documents (EI-2.5).
    pub extracted: Vec<String>,
}

/// An edge in the solution mandate along which no work is handed on: what one agent may tell another unasked (PG-1.4).
#[derive(Clone, Debug)]
pub struct Channel {
    /// Who may tell.
    pub from: AgentName,
    /// Who is told.
    pub to: AgentName,
    /// What kind of thing.
    pub contract: ContractName,
    /// JSON Schema of the content (EC-2.14).
    pub schema: ContentSchema,
    /// JSON pointers to parts of the content that are read out of documents (EI-2.5).
    pub extracted: Vec<String>,
}

/// An argument of a tool that must be what the request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedArgument {
    /// The tool.
    pub tool: ToolRef,
    /// JSON pointer to the argument.
    pub argument: String,
    /// JSON pointer to the part of the request's content that has its value.
    pub content: String,
}

impl Grant {
    /// Whether a request may wait for an agent that is not there. Where nobody said so it may, but for the tier at which
    /// nobody looks on.
    pub fn waits(&self, tier: Tier) -> bool {
        self.queues.unwrap_or(tier < Tier::Autonomous)
    }

    /// What may be done for a request with this content. What it fixes and does not say is `null`, which no argument that
    /// says something is.
    pub fn remit_of(&self, content: &Value) -> Remit {
        let bound = self.fixed.iter().map(|fixed| BoundArgument {
            tool: fixed.tool.clone(),
            pointer: fixed.argument.clone(),
            value: content.pointer(&fixed.content).cloned().unwrap_or_default(),
        });
        Remit { arguments: bound.collect(), ..self.remit.clone() }
    }

    /// The link that a released request under this grant adds to its task's chain.
    pub fn link(&self, hop: HopId, content: &Value, now: Timestamp) -> Link {
        Link {
            id: hop,
            from: self.from.clone(),
            to: self.to.clone(),
            request: self.request.clone(),
            remit: self.remit_of(content),
            data: self.data.clone(),
            quota: self.quota,
            depth: self.depth,
            until: self.ttl_ms.map(|ttl_ms| now.plus_ms(ttl_ms)),
        }
    }
}

/// How many plan attempts are still accepted; one more escalates and is a hard stop (AT-2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanAttempts {
    /// In one task.
    pub single_session: u32,
    /// In seven days.
    pub rolling_7day: u32,
    /// In thirty days.
    pub rolling_30day: u32,
}

impl Default for PlanAttempts {
    fn default() -> Self {
        Self { single_session: 3, rolling_7day: 10, rolling_30day: 25 }
    }
}
