//! The written form of `workflows/*.toml`.

use std::collections::BTreeMap;

use maso_core::{
    AgentName, Confidentiality, ContractName, DataSourceName, Day, Digest, JudgeName, OperatorName, RequestName, Risk,
    ToolRef,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    agent::{PromptForm, ResourceForm},
    oispec::OiSpecForm,
    text::{At, Moment, Pointer, Span},
};
use crate::{
    Access, Evaluation, Expiry, HaltCondition, JudgeAction, Phrase, PrimaryAction, ReviewOutcome, ReviewTrigger, Role,
    SequenceBy, TaskPart, Whose,
};

/// A solution mandate: what a group of agents is there for, and what they may ask of each other. The name of the file is
/// the name of the workflow.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowForm {
    /// The mandate's id, such as `SOL-2026-0047-v2`.
    pub(crate) id: At<String>,
    /// The mandate's version, counted up.
    #[serde(default = "super::one")]
    pub(crate) version: u32,
    /// Content addresses (`sha256:…`) of the versions before this one, oldest first.
    #[serde(default)]
    pub(crate) version_history: Vec<At<Digest>>,
    /// The id of its intent specification, a UUID.
    pub(crate) oispec_id: Option<At<uuid::Uuid>>,
    /// Who wrote it: a person, never an agent.
    pub(crate) created_by: Option<At<String>>,
    /// When it was written, such as `2026-11-01T09:00:00Z`.
    pub(crate) created_at: Option<At<Moment>>,
    /// The business process that it serves.
    pub(crate) business_process: At<String>,
    /// What it is for.
    pub(crate) intent: At<String>,
    /// What it may bring about.
    pub(crate) outcome: At<String>,
    /// Its agents, in sequence.
    pub(crate) agents: Vec<At<AgentName>>,
    /// What holds its agents to their sequence in an opened task.
    pub(crate) sequence: Option<SequenceForm>,
    /// All tools that any of its agents may be given, as `server:tool`.
    pub(crate) tools: Vec<At<ToolRef>>,
    /// The judges that it counts on.
    #[serde(default)]
    pub(crate) judges: Vec<At<JudgeName>>,
    /// What nobody in it may do, in words; the rule judge blocks a `server:tool` among them.
    #[serde(default)]
    pub(crate) prohibited_actions: Vec<String>,
    /// Who answers for the process.
    pub(crate) process_owner: Option<At<String>>,
    /// Who answers for the technology.
    pub(crate) technical_owner: Option<At<String>>,
    /// Who approved it.
    #[serde(default)]
    pub(crate) approved_by: Vec<String>,
    /// The day from which it holds (UTC); before it nothing is granted.
    #[schemars(with = "Option<At<Day>>")]
    pub(crate) effective_date: Option<At<String>>,
    /// The day by which it must be reviewed.
    #[schemars(with = "Option<At<Day>>")]
    pub(crate) review_date: Option<At<String>>,
    /// When the workflow as a whole is evaluated.
    pub(crate) strategic_evaluation: Option<At<Evaluation>>,
    /// Hard stops on volume, time and money.
    pub(crate) limits: HardLimitsForm,
    /// How many calls of unmandated tools are accepted.
    #[serde(default)]
    pub(crate) plan_attempts: PlanAttemptsForm,
    /// The data that it may use, by name, and the tools that lead to it.
    #[serde(default)]
    pub(crate) data_sources: BTreeMap<At<DataSourceName>, DataSourceForm>,
    /// What halts all of its agents at once, and who decides then.
    #[serde(default)]
    pub(crate) hard_stops: BTreeMap<At<HaltCondition>, HaltForm>,
    /// Values that the mandate itself vouches for; they have `operator` integrity.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub(crate) constants: BTreeMap<String, toml::Value>,
    /// Which typed requests an agent may make of another.
    #[serde(default)]
    pub(crate) grants: Vec<GrantForm>,
    /// What an agent may tell another without having been asked.
    #[serde(default)]
    pub(crate) messages: Vec<MessageForm>,
    /// What a task must say of itself before anything but a read is done for it.
    #[serde(default)]
    pub(crate) clarity: ClarityForm,
    /// What needs no person where a task asks for it (Tier 3).
    #[serde(default)]
    pub(crate) pre_approved: Vec<PreApprovalForm>,
    /// Whose word goes first when judges disagree.
    #[serde(default)]
    pub(crate) judge_precedence: JudgePrecedenceForm,
    /// How a disagreement of judges ends that nobody settles, by risk of the action.
    #[serde(default)]
    pub(crate) conflict_resolution: BTreeMap<At<Risk>, ConflictForm>,
    /// Reviews so far. If the latest one withdrew the mandate, it grants nothing.
    #[serde(default)]
    pub(crate) reviews: Vec<ReviewForm>,
    /// Changes of terms that a person decided while work waited for them.
    #[serde(default)]
    pub(crate) amendments: Vec<AmendmentForm>,
    /// What success and failure of the whole are.
    pub(crate) oispec: OiSpecForm,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SequenceForm {
    /// `completion`: each agent acts when all before it have completed their work; `hand-over`: each acts while it has work
    /// that another one handed to it.
    pub(crate) by: At<SequenceBy>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HardLimitsForm {
    /// Calls of tools that do more than read, in one task.
    pub(crate) max_transactions_per_batch: u64,
    /// The time box of one task.
    pub(crate) max_execution: At<Span>,
    /// What one task may move in all, in cents or the like.
    pub(crate) max_value_minor: u64,
    /// What one task may cost to run, in cents or the like. Binds where a model behind its agents has a price.
    pub(crate) max_cost_minor: Option<u64>,
    /// How many tokens the agents of one task may read and write in all, as maso counts them.
    pub(crate) max_tokens: Option<u64>,
    /// The currency's three letters, such as `EUR`.
    pub(crate) currency: Option<At<String>>,
    /// Turns of one conversation between two agents (10): one more needs a person, and past twice as many there is none
    /// (EC-1.5).
    pub(crate) turns_max: Option<u32>,
    /// Requests to other agents in one task (1000, EC-1.5a).
    pub(crate) delegations_max: Option<u32>,
    /// Requests to other agents in the whole workflow within an hour (10000, EC-1.5a).
    pub(crate) delegations_per_hour_max: Option<u32>,
    /// Instances of agents that agents may start for one task (32, EC-1.5a).
    pub(crate) spawns_max: Option<u32>,
    /// How deep they may stand below an agent that nobody started (1, EC-1.5a).
    pub(crate) spawn_depth: Option<u32>,
    /// How often an agent may try again what failed or was refused (3, EC-1.10).
    pub(crate) retries_max: Option<u32>,
    /// For how long an action that failed or was refused may not be tried again as it is (0s, ENV-14).
    pub(crate) retry_cooldown: Option<At<Span>>,
    /// For how long a decision stays committed after it was last carried out (30d, EC-2.6).
    pub(crate) decisions_kept: Option<At<Span>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanAttemptsForm {
    /// In one task (3); one more stops the workflow.
    pub(crate) single_session: Option<u32>,
    /// In seven days (10).
    pub(crate) rolling_7day: Option<u32>,
    /// In thirty days (25).
    pub(crate) rolling_30day: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataSourceForm {
    /// What may be done with it.
    pub(crate) access: At<Access>,
    /// The tools that lead to it, as `server:tool`.
    pub(crate) through: Vec<At<ToolRef>>,
    /// How confidential it is; an agent that is cleared for less is an error.
    pub(crate) confidentiality: Option<At<Confidentiality>>,
    /// What it is.
    pub(crate) description: Option<At<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HaltForm {
    /// The operator who is told; a person, never an agent.
    pub(crate) tell: At<OperatorName>,
    /// What state is kept.
    #[serde(default)]
    pub(crate) preserve: Vec<At<String>>,
    /// What has to be decided.
    pub(crate) decision: At<String>,
    /// The role whose word lets it go on or ends it.
    pub(crate) resume: At<Role>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantForm {
    /// Who may ask.
    pub(crate) from: At<AgentName>,
    /// Who is asked.
    pub(crate) to: At<AgentName>,
    /// What may be asked.
    pub(crate) request: At<RequestName>,
    /// What the request's content must satisfy: a JSON Schema, written as TOML.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub(crate) schema: Option<toml::Table>,
    /// The part of the content that names what the request is about, such as one claim of a batch: what is counted or ordered item
    /// by item goes by it.
    pub(crate) item_pointer: Option<At<Pointer>>,
    /// Whether a request may wait for an agent that is not there (`true`, at Tier 3 `false`).
    pub(crate) queues: Option<bool>,
    /// The tools that may be called for the request, by whoever ends up doing it; none, where this is left out.
    pub(crate) tools: Option<Vec<At<ToolRef>>>,
    /// The resources that may be read for it.
    #[serde(default)]
    pub(crate) resources: Vec<ResourceForm>,
    /// The prompts that may be fetched for it.
    #[serde(default)]
    pub(crate) prompts: Vec<PromptForm>,
    /// Arguments of those tools that the request itself fixes: by tool and argument, the part of the request's content whose
    /// value it must have.
    #[serde(default)]
    pub(crate) arguments: BTreeMap<At<ToolRef>, BTreeMap<At<Pointer>, At<Pointer>>>,
    /// The workflow's data sources that may be used for it, and how: source = `read`, `write` or `read-write`. A tool that leads
    /// to another one is not called for it; left out, the tools say what.
    pub(crate) data_scope: Option<BTreeMap<At<DataSourceName>, At<Access>>>,
    /// How many calls of tools may be made for it, by all who work on it.
    pub(crate) max_calls: Option<u64>,
    /// How much money may be moved for it, in the smallest unit of the deployment's currency.
    pub(crate) max_value_minor: Option<u64>,
    /// Over how many further requests the work may be handed on; 0 is none.
    pub(crate) depth: Option<u8>,
    /// How long the work may take; left out, as long as its task.
    pub(crate) ttl: Option<At<Span>>,
    /// What the answer must satisfy: a JSON Schema, written as TOML.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub(crate) answer: Option<toml::Table>,
    /// Parts of the answer that are read out of documents: none is said without who read it, where, and how surely.
    #[serde(default)]
    pub(crate) extracted: Vec<At<Pointer>>,
}

/// Something that one agent may tell another without having been asked for it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageForm {
    /// Who may tell.
    pub(crate) from: At<AgentName>,
    /// Who is told.
    pub(crate) to: At<AgentName>,
    /// What kind of thing: the contract that such messages name.
    pub(crate) contract: At<ContractName>,
    /// What its content must satisfy: a JSON Schema, written as TOML.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub(crate) schema: Option<toml::Table>,
    /// Parts of the content that are read out of documents: none is said without who read it, where, and how surely.
    #[serde(default)]
    pub(crate) extracted: Vec<At<Pointer>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClarityForm {
    /// The parts of a task (`["objective", "success-criteria"]`).
    pub(crate) required: Option<Vec<At<TaskPart>>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreApprovalForm {
    /// The tool, as `server:tool`.
    pub(crate) tool: At<ToolRef>,
    /// The words of a task that ask for it; one is enough. Words of one text stand together in a sentence, `*` is any ending.
    pub(crate) asked_by: Vec<At<Phrase>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JudgePrecedenceForm {
    /// The judges, the weightiest first.
    #[serde(default)]
    pub(crate) order: Vec<At<JudgeName>>,
    /// What follows from certain verdicts together; never less than the most restrictive of them.
    #[serde(default)]
    pub(crate) override_rules: Vec<OverrideRuleForm>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OverrideRuleForm {
    /// Judge = what it has to say; `any` for whichever judge.
    pub(crate) when: BTreeMap<At<Whose>, At<JudgeAction>>,
    /// What follows.
    pub(crate) action: At<JudgeAction>,
    /// Why.
    pub(crate) rationale: At<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConflictForm {
    /// How long people have.
    pub(crate) window: At<Span>,
    /// What holds afterwards.
    pub(crate) expiry: At<Expiry>,
    /// What is done at once.
    pub(crate) primary_action: Option<At<PrimaryAction>>,
    /// Whether the other judges' measures go on beside it.
    #[serde(default)]
    pub(crate) parallel_degraded: bool,
    /// After how long not even a hold lasts; left out, as long as the law allows.
    pub(crate) hold_max: Option<At<Span>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewForm {
    /// The day, such as `2027-01-31`.
    pub(crate) date: At<Day>,
    /// Why it was reviewed.
    pub(crate) trigger: At<ReviewTrigger>,
    /// What came of it.
    pub(crate) outcome: At<ReviewOutcome>,
    /// Who reviewed it; both owners are among them.
    pub(crate) reviewed_by: Vec<At<String>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmendmentForm {
    /// The version that holds it.
    pub(crate) version: u32,
    /// The term as it was.
    pub(crate) original: At<String>,
    /// What made the change necessary.
    pub(crate) trigger: At<String>,
    /// The term as it is now.
    pub(crate) amendment: At<String>,
    /// The operator who approved it.
    pub(crate) approved_by: At<OperatorName>,
}
