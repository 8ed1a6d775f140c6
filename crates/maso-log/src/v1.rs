//! Version 1 of what is written. Additive only: a field may be added with a default, none removed or reused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What one record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Body {
    /// A process opened the deployment.
    Started(Started),
    /// A process would have opened the deployment, and may not.
    StartRefused(StartRefused),
    /// A task was opened.
    TaskOpened(Task),
    /// A task was closed.
    TaskClosed(TaskClosed),
    /// A person said whether a criterion of a task is met.
    TaskAssessed(TaskAssessed),
    /// An agent's part in a task was evaluated.
    TaskEvaluated(Box<TaskEvaluated>),
    /// A token was issued.
    TokenIssued(Token),
    /// A token was issued with which a program becomes an agent, once.
    JoinTokenIssued(JoinTokenIssued),
    /// A program became an agent by it. At most one such record exists for each token: the log refuses a second.
    JoinTokenUsed(JoinTokenUsed),
    /// An agent started an instance of another, by a hop that is permitted with it.
    AgentSpawned(Box<AgentSpawned>),
    /// An instance ended by itself, or by time.
    InstanceEnded(InstanceEnded),
    /// An SVID was issued to an attested process.
    SvidIssued(Box<SvidIssued>),
    /// Something was revoked.
    Revoked(Revoked),
    /// A hop was decided.
    HopDecided(Box<HopDecided>),
    /// A hop is tried out where it cannot hurt.
    DryRunStarted(DryRunStarted),
    /// It was tried out, and this came of it.
    DryRunEnded(DryRunEnded),
    /// A permitted hop was released, and this came of it.
    HopReleased(HopReleased),
    /// A held action was answered by a person.
    TicketAnswered(TicketAnswered),
    /// Nobody answered a held action in time.
    TicketExpired(TicketExpired),
    /// An approval was used. At most one such record exists for each ticket: the log refuses a second.
    TicketSpent(TicketSpent),
    /// An agent noted what it goes on from, and goes on in an empty context.
    ContextCheckpoint(ContextCheckpoint),
    /// An instruction is carried out. At most one such record exists for each attempt: the log refuses a second.
    InstructionUsed(InstructionUsed),
    /// One agent told another something, by a hop that is permitted with it. At most one such record exists for each
    /// message: the log refuses a second.
    MessageSaid(Box<MessageSaid>),
    /// An agent asked what is meant, and its work waits for the answer.
    ClarificationAsked(ClarificationAsked),
    /// It was answered, or a person said more of a task unasked. At most one such record exists for each question: the
    /// log refuses a second.
    ClarificationAnswered(ClarificationAnswered),
    /// An agent said what it takes for granted, by a hop that is permitted with it.
    AssumptionMade(AssumptionMade),
    /// A person said for whom it holds. At most one such record exists for each assumption: the log refuses a second.
    AssumptionAnswered(AssumptionAnswered),
    /// A tool was seen with a definition that nobody approved.
    ToolSeen(ToolSeen),
    /// A person approved a tool's definition.
    ToolApproved(ToolApproved),
    /// A person erased payloads.
    PayloadsErased(PayloadsErased),
    /// A phase changed.
    PhaseChanged(PhaseChanged),
    /// The kill switch was pulled.
    Killed(Killed),
    /// An operator signed in or out.
    OperatorSession(OperatorSession),
}

/// A process opened the deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The deployment's name.
    pub deployment: String,
    /// Content address of the deployment.
    pub digest: String,
    /// `enforce` or `observe`.
    pub mode: String,
    /// The program's version.
    pub version: String,
    /// What the process serves: `up`, `mcp`, `demo`.
    pub role: String,
    /// Who signed this version; absent if nobody did and nobody ordered to begin anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<VersionApproval>,
}

/// A process would have opened the deployment, and may not: its version is not signed as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRefused {
    /// The deployment's name.
    pub deployment: String,
    /// Content address of what was to start.
    pub digest: String,
    /// What the process would have served: `up`, `mcp`, `demo`.
    pub role: String,
    /// The program's version.
    pub version: String,
    /// Why it may not.
    pub reason: String,
}

/// Who signed a version of a deployment, and who must sign the one that takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionApproval {
    /// Counted up with each version; 0 for one that nobody signed.
    pub number: u32,
    /// The version that it takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Why it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The operators who signed it.
    pub signers: Vec<String>,
    /// Whether what takes its place must be signed.
    pub required: bool,
    /// By whom, if it must.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duties: Vec<SigningDuty>,
    /// Whether a person ordered to believe its signers whatever the version before it asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anew: bool,
}

/// One signature that a version needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningDuty {
    /// `process-owner`, `technical-owner` or `security`.
    pub office: String,
    /// Of which workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Who may sign.
    pub may_sign: Vec<VersionSigner>,
}

/// A person and the key that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionSigner {
    /// The operator.
    pub operator: String,
    /// The public key (Ed25519, base64url).
    pub key: String,
}

/// A task and its immutable specification.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The task.
    pub task: String,
    /// The agent whose standing task it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<String>,
    /// The workflow.
    pub workflow: String,
    /// The operator's own words.
    pub words: String,
    /// When it succeeded.
    pub success_criteria: Vec<String>,
    /// What it is about and how far it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// What is not to be touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out_of_scope: Vec<String>,
    /// Who answers for it.
    pub accountable_human: String,
    /// Unix milliseconds.
    pub opened_at: i64,
    /// Unix milliseconds.
    pub expires_at: i64,
    /// Hash of the specification.
    pub specification: String,
    /// The version of the deployment under which it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Content address of that version's mandates for the workflow and its agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mandates: Option<String>,
}

/// An agent asked what is meant (PG-2.10). What it asked is the payload of the hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClarificationAsked {
    /// The hop by which it asked; the question's name.
    pub question: String,
    /// The task in which it asked.
    pub task: String,
    /// Hash of that task's specification.
    pub specification: String,
    /// Who asked: `agent:NAME`.
    pub by: String,
    /// Who was asked: `agent:NAME` or `operator:NAME`.
    pub of: String,
    /// A part of the task, such as `scope`, or the hop by which another agent made the request.
    pub about: String,
    /// The task to which that request belongs, if it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_task: Option<String>,
    /// Digest of what that request is about, where its grant says what names that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

/// What is meant was said (PG-1.6, PG-2.10). The specification of the task stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClarificationAnswered {
    /// The question; absent where nobody had asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The task.
    pub task: String,
    /// Hash of its specification.
    pub specification: String,
    /// What it is about, as in the question.
    pub about: String,
    /// Who said it: `operator:NAME` or `agent:NAME`.
    pub by: String,
    /// What a person said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// The hop by which an agent said it, whose payload it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hop: Option<String>,
}

/// An agent said what it takes for granted (PG-2.8): for itself alone, until a person says otherwise. Its words are the
/// payload of the hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumptionMade {
    /// The hop by which it said so; the assumption's name.
    pub assumption: String,
    /// The task for which it was made.
    pub task: String,
    /// Whose it is: `agent:NAME`.
    pub by: String,
    /// Digest of the text in the form in which texts are compared: the same for all that differ in spacing, case or Unicode
    /// form.
    pub text: String,
    /// On what it rests: messages and hops.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
}

/// A person let an assumption travel, or said that it stays with its agent (PG-2.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumptionAnswered {
    /// The assumption.
    pub assumption: String,
    /// The task for which it was made.
    pub task: String,
    /// `operator:NAME`.
    pub by: String,
    /// For whom it holds: `task` or `global`; `local` where it is refused to travel.
    pub scope: String,
}

/// A task was closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskClosed {
    /// The task.
    pub task: String,
    /// Why.
    pub reason: String,
    /// Who closed it: `operator:NAME`, or `maso` at expiry.
    pub by: String,
}

/// A person erased payloads: from this record on, nobody reads them any more. What the records say of them stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadsErased {
    /// Which.
    #[serde(flatten)]
    pub what: Erased,
    /// `operator:NAME`.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Which payloads were erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Erased {
    /// Those of this task.
    Task(String),
    /// Those that were kept before this day (UTC), `2026-11-23`.
    Before(String),
}

/// A person said whether a criterion of a task is met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskAssessed {
    /// The task.
    pub task: String,
    /// The criterion's id; `failure-N` for one that says when the task failed.
    pub criterion: String,
    /// Whether it is met.
    pub met: bool,
    /// `operator:NAME`.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// An agent's part in a task was evaluated: means and outcome, each by itself, and what they are together (AT-2.6, AT-2.13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEvaluated {
    /// The task.
    pub task: String,
    /// Its workflow.
    pub workflow: String,
    /// The agent.
    pub agent: String,
    /// The agent's mandate, by which the means were judged.
    pub mandate: String,
    /// `normal-operation`, `execution-failure`, `visible-failure`, `creative-substitution` or `undecided`.
    pub class: String,
    /// `right`, `unfinished`, `wrong` or `unspecified`.
    pub means: String,
    /// `right`, `wrong` or `undecided`.
    pub outcome: String,
    /// What was not as the mandate prescribes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departures: Vec<Departure>,
    /// The criteria of the task, each as far as it is decided.
    pub criteria: Vec<CriterionEvaluated>,
    /// The agent's plan attempts in the task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan_attempts: Vec<Attempted>,
    /// What stands out in its plan attempts of thirty days: `repeated-tool`, `several-tasks`, `rising`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    /// What whoever receives it is to do: `log`, `decide`, `remediate`, `incident` or `contain`.
    pub recommends: String,
    /// How much of it was decided, in percent.
    pub confidence: u8,
}

/// What was not as an agent's mandate prescribes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    /// The call; absent for a step that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hop: Option<String>,
    /// `server:tool`.
    pub tool: String,
    /// `skip`, `reorder`, `repeat`, `substitution`, `unplanned`, `prohibited` or `open`.
    pub what: String,
    /// In words.
    pub detail: String,
}

/// A criterion of a task, as far as it is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriterionEvaluated {
    /// Its id.
    pub id: String,
    /// Whether it says when the task failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_failure: bool,
    /// Whether it is met; absent while nothing decides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_met: Option<bool>,
    /// What decides it, where the mandate says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
}

/// Plan attempts at one tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempted {
    /// What was called.
    pub tool: String,
    /// How often.
    pub n_attempts: u32,
}

/// A token was issued. The token itself is never written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// The token's id.
    pub token_id: String,
    /// `agent` or `task`.
    pub kind_of_token: String,
    /// The agent or task.
    pub subject: String,
    /// Thumbprint of the key that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<String>,
    /// Whence an agent's token came: `operator:NAME`, `join:ID` by a join token, `token:ID` in place of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Unix milliseconds.
    pub expires_at: i64,
}

/// A token was issued with which a program becomes an agent, once. Nothing but its hash is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinTokenIssued {
    /// Its id.
    pub id: String,
    /// Which agent: `agent:NAME`.
    pub agent: String,
    /// SHA-256 of the token.
    pub hash: String,
    /// Who had it issued: `operator:NAME`, or `agent:NAME` for an instance that it started.
    pub by: String,
    /// Unix milliseconds.
    pub expires_at: i64,
    /// The instance for which it was issued. Only the key that was named when it was started joins by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// A program became an agent by its join token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinTokenUsed {
    /// The join token's id.
    pub id: String,
    /// Which agent: `agent:NAME`.
    pub agent: String,
    /// The agent token that was issued for it.
    pub token_id: String,
    /// Thumbprint of the key to which that is bound.
    pub thumbprint: String,
    /// The instance that it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// An agent started an instance of another. What it was started for is in the hop's payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSpawned {
    /// The instance.
    pub instance: String,
    /// Of which agent: `agent:NAME`.
    pub agent: String,
    /// Who started it: `agent:NAME`.
    pub by: String,
    /// Which instance of that, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_instance: Option<String>,
    /// The hop by which it was started.
    pub hop: String,
    /// The task for which it was, and with which it ends.
    pub task: String,
    /// Thumbprint of the key of its process.
    pub thumbprint: String,
    /// All by which its starter was believed. Whatever of it is revoked ends the instance.
    pub rests_on: Vec<RestsOn>,
    /// How many instances stand between it and an agent that nobody started, itself included.
    pub depth: u32,
    /// Until when its process must have joined, in Unix milliseconds.
    pub join_by: i64,
    /// Its end, in Unix milliseconds.
    pub until: i64,
}

/// Something that can be revoked, and was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestsOn {
    /// `token`, `agent`, `key`, `task`, `delegation` or `instance`.
    pub what: String,
    /// Its id, name or thumbprint.
    pub subject: String,
}

impl From<(&str, String)> for RestsOn {
    fn from((what, subject): (&str, String)) -> Self {
        Self { what: what.to_owned(), subject }
    }
}

/// An instance ended by itself, or by time. Those that it started end with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceEnded {
    /// The instance.
    pub instance: String,
    /// Of which agent: `agent:NAME`.
    pub agent: String,
    /// `left`, `expired` or `not-joined`.
    pub reason: String,
    /// Who says so: `agent:NAME` or `maso`.
    pub by: String,
}

/// An SVID was issued to a process that was taken for an agent's. Neither the SVID nor a private key is ever written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SvidIssued {
    /// Whose: `agent:NAME`.
    pub agent: String,
    /// `x509` or `jwt`.
    pub svid: String,
    /// The certificate's serial number in hexadecimal digits, or the token's `jti`.
    pub id: String,
    /// Thumbprint (RFC 7638) of the certificate's key, or of the key that signed the token.
    pub key: String,
    /// For whom a token is meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// Unix milliseconds.
    pub not_after: i64,
    /// What the kernel said of the process.
    pub attested: AttestedProcess,
}

/// What the kernel said of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestedProcess {
    /// Its number while it ran.
    pub pid: i32,
    /// The user that it ran as.
    pub uid: u32,
    /// The content of the program that it ran, where its agent's mandate asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<String>,
    /// Its control group, where its agent's mandate asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
}

/// Something was revoked, by an operator; a request of one agent to another also by the agent that made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revoked {
    /// `token`, `agent`, `key`, `instance`, or `delegation`: a request, and all that it led to.
    pub what: String,
    /// Its id, name or thumbprint.
    pub subject: String,
    /// Who revoked it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The control.
    pub control: String,
    /// `GO`, `ESCALATE` or `NO-GO`.
    pub word: String,
    /// Why.
    pub reason: String,
    /// Where in the payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// A short, redacted excerpt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// The bytes of the string there that carry it: the first, and the one after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<[usize; 2]>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// JSON pointer to the argument.
    pub pointer: String,
    /// Whether the argument carries authority.
    pub authority: bool,
    /// Where the value was found, in words.
    pub source: String,
    /// The integrity that gives it.
    pub integrity: String,
    /// The confidentiality that gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidentiality: Option<String>,
    /// The integrity it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed: Option<String>,
    /// The words around the value in that source, for hops that were held or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<Excerpt>,
}

/// The words around a value in the source from which it came. Inert text: bounded, on one line, with what cannot be
/// seen shown by its number and credentials taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excerpt {
    /// What the source calls the field in which it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What stands before the value.
    pub before: String,
    /// The value, as the source writes it.
    pub value: String,
    /// What stands after it.
    pub after: String,
}

/// What a judge said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The judge.
    pub judge: String,
    /// `approve`, `flag`, `escalate`, `block` or `silent`.
    pub opinion: String,
    /// Why.
    pub reasoning: String,
    /// The criteria that it applied.
    pub criteria: Vec<String>,
}

/// A hop was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HopDecided {
    /// The hop.
    pub hop: String,
    /// The hop that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<String>,
    /// When it was received, Unix milliseconds.
    pub received_at: i64,
    /// The framework's kind: `tool-call`, `tool-result`, ….
    pub hop_kind: String,
    /// Who sent it, if that was established.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Whom it was addressed to.
    pub to: String,
    /// The verb.
    pub verb: String,
    /// What the verb is applied to.
    pub object: String,
    /// The task, if that was established.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The hops by which agents asked each other for the work that it belongs to, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
    /// The agent's SPIFFE id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_nhi: Option<String>,
    /// Which instance of its agent sent it, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// SHA-256 of the exact payload bytes.
    pub input_hash: String,
    /// Digest of the payload in its canonical form, under which it is kept beside the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// What approvals are bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// What is done, without what is said beside it. Absent where nothing is, so that it is the action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deed: Option<String>,
    /// The decision: `allow`, `hold` or `deny`.
    pub decision: String,
    /// Whether it binds: false in observe mode.
    pub enforced: bool,
    /// The code that the agent was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Whether it was refused for what its sender signed: no message, or none as its contract has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub breaks_contract: bool,
    /// The ticket of a held action.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// When a held action is denied by silence, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// What a held action waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited: Option<Review>,
    /// `low` to `critical`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<String>,
    /// `reversible`, `time-bounded` or `irreversible`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversibility: Option<String>,
    /// For how long it can be undone from its decision on, in milliseconds, where that is bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reversible_ms: Option<u64>,
    /// What a transaction moves, in the smallest unit of the currency, 0 for one that moves no money; absent for what
    /// is no transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moves: Option<u64>,
    /// Digest of what it is about, where a tool or a grant says what names that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Digest of what it decides about that, where a tool says what names a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decides: Option<String>,
    /// Bytes of it that came to lie in a context that somebody watches, or in a budget; absent for hops that concern
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_bytes: Option<u64>,
    /// How many tokens the sender said are in its context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_claimed: Option<u64>,
    /// The values that temporal rules asked for, so that they can be counted and compared later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
    /// The review that it needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    /// `integrity/confidentiality`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What the controls said.
    pub findings: Vec<Finding>,
    /// Where its values came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<Origin>,
    /// What came of trying it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<TriedOut>,
    /// What the judges said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
    /// Who approved: tickets and operators.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// The worst PACE phase on its way up; `unresolved` for a hop that was refused before that was known.
    pub pace_phase: String,
    /// Content addresses of the mandates in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mandates: Vec<String>,
    /// Who answers for it (OB-2.7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accountable_human: Option<String>,
}

/// A value that a temporal rule asked for: a whole number as it is, anything else as a digest; neither for none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// JSON pointer into the payload.
    pub pointer: String,
    /// The whole number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<i64>,
    /// Digest of the canonical form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// What must be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Judges.
    pub judges: u8,
    /// People.
    pub people: u8,
    /// A dry run.
    pub dry_run: bool,
}

/// A person's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The ticket.
    pub ticket: String,
    /// The operator.
    pub by: String,
}

/// What came of trying a hop out, as those saw it who decided (EC-2.7a).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedOut {
    /// What was called for it: `server:tool`.
    pub tool: String,
    /// When it ended, Unix milliseconds.
    pub at: i64,
    /// `succeeded` or `failed`.
    pub outcome: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What was answered, as inert text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
}

/// A hop is tried out where it cannot hurt, before anybody is asked about it (EC-2.7a).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunStarted {
    /// The hop.
    pub hop: String,
    /// The exact action.
    pub action: String,
    /// The task.
    pub task: String,
    /// The agent.
    pub agent: String,
    /// What would be called: `server:tool`.
    pub of: String,
    /// What is called for it: `server:tool`.
    pub tool: String,
    /// Digest of the arguments that are sent, in their canonical form.
    pub arguments: String,
}

/// A hop was tried out. What came of it counts once, for the exact action, and not for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRunEnded {
    /// The hop.
    pub hop: String,
    /// The exact action.
    pub action: String,
    /// What was called for it: `server:tool`.
    pub tool: String,
    /// `succeeded` or `failed`.
    pub outcome: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What was answered, as inert text: bounded, on one line, without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Digest of what was answered, in its canonical form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Milliseconds that it took.
    pub took_ms: u64,
    /// It counts until then, Unix milliseconds.
    pub expires_at: i64,
}

/// A permitted hop was released, and this came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HopReleased {
    /// The hop.
    pub hop: String,
    /// `delivered`, `failed` (the other side said no) or `unknown` (it broke midway).
    pub outcome: String,
    /// Milliseconds that it took.
    pub took_ms: u64,
    /// What went wrong, for operators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Whether what was delivered says of itself that it did not succeed: a tool's `isError`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsuccessful: bool,
}

impl HopReleased {
    /// Whether it reached the other side, and that does not say itself that it failed.
    pub fn succeeded(&self) -> bool {
        self.outcome == "delivered" && !self.unsuccessful
    }
}

/// A held action was answered by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketAnswered {
    /// The ticket.
    pub ticket: String,
    /// The action that was answered.
    pub action: String,
    /// `approve` or `reject`.
    pub answer: String,
    /// The operator.
    pub by: String,
    /// The operator's reason.
    pub reason: String,
    /// An approval counts until then, Unix milliseconds.
    pub expires_at: i64,
}

/// Nobody answered a held action in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketExpired {
    /// The ticket.
    pub ticket: String,
}

/// An approval was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketSpent {
    /// The ticket.
    pub ticket: String,
    /// The hop that used it.
    pub hop: String,
}

/// An instruction is carried out by a hop that is permitted with it (AT-2.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstructionUsed {
    /// `instruction:` and the digest of tool and idempotency key.
    pub instruction: String,
    /// The instruction, `#`, and how often it failed before.
    pub attempt: String,
    /// The hop that carries it out.
    pub hop: String,
    /// `server:tool`.
    pub tool: String,
}

/// What one agent told another, without its words: on what it rests, how sure its sender is, and by digests what it takes
/// for granted, does not know and hands on as binding (PG-2.4 to PG-2.8, PG-3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSaid {
    /// The message's id.
    pub message: String,
    /// Who said it and the message's id: `agent:NAME msg_…`.
    pub said: String,
    /// The hop by which it was said.
    pub hop: String,
    /// The task.
    pub task: String,
    /// `agent:NAME`.
    pub from: String,
    /// `agent:NAME`.
    pub to: String,
    /// `data`, `claim` or `work`.
    pub stance: String,
    /// Whether it says of itself that an agent made it and nobody verified it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub made_up: bool,
    /// How sure its sender is, in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<u32>,
    /// The lowest confidence of what it read out of documents, in millionths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extracted: Option<u32>,
    /// For whom each assumption holds (`local`, `task`, `global`), by the digest of its text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assumptions: BTreeMap<String, String>,
    /// Digests of what is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknowns: Vec<String>,
    /// Digests of what binds whoever works on, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub constraints: BTreeMap<String, String>,
    /// Messages and hops on which it rests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
}

/// An agent noted what it goes on from, and goes on in an empty context (EC-2.16). The note itself is kept as a payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextCheckpoint {
    /// The hop by which it came.
    pub hop: String,
    /// The agent, as `agent:NAME`.
    pub agent: String,
    /// The task.
    pub task: String,
    /// Hash of the task's specification, which the note names as its goal.
    pub specification: String,
    /// SHA-256 of the exact bytes that arrived.
    pub input_hash: String,
    /// Digest of the note in its canonical form, under which it is kept beside the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// Bytes of the note: so much is in the context now.
    pub bytes: u64,
    /// Tokens that were counted in the context before.
    pub tokens_before: u64,
    /// The version of the deployment that it was checked under.
    pub version: String,
}

/// A tool was seen with a definition that nobody approved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSeen {
    /// `server:tool`.
    pub tool: String,
    /// Digest of the published definition.
    pub digest: String,
    /// The definition as published.
    pub definition: Value,
    /// Digest of the approved definition, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<String>,
    /// What the scanners said of it.
    pub findings: Vec<Finding>,
}

/// A person approved a tool's definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolApproved {
    /// `server:tool`.
    pub tool: String,
    /// Digest of the approved definition.
    pub digest: String,
    /// The definition.
    pub definition: Value,
    /// The operator.
    pub by: String,
}

/// A phase changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseChanged {
    /// `deployment`, `workflow:NAME` or `agent:NAME`.
    pub scope: String,
    /// The phase before.
    pub from: String,
    /// The phase now.
    pub to: String,
    /// Why.
    pub trigger: String,
    /// `maso` or `operator:NAME`.
    pub by: String,
}

/// The kill switch was pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Killed {
    /// The scope.
    pub scope: String,
    /// Who pulled it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// An operator signed in or out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorSession {
    /// The operator.
    pub operator: String,
    /// `signed-in`, `signed-out` or `refused`.
    pub event: String,
    /// How: `passphrase`, `link` or `command-line`.
    pub means: String,
}
