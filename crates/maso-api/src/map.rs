//! The map: who there is, who may deal with whom, and what goes between them.

use serde::{Deserialize, Serialize};

/// A deployment as a graph, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapView {
    /// The moment.
    pub at: i64,
    /// The last record that is counted: whoever follows the stream adds what comes after it.
    pub sequence: u64,
    /// How long a span is in which decisions are counted, in milliseconds. Spans begin at its multiples.
    pub span_ms: i64,
    /// How long an instance is shown that has ended, in milliseconds.
    #[serde(default)]
    pub ended_shown_ms: i64,
    /// Agents, servers, and whoever else took part.
    pub nodes: Vec<NodeView>,
    /// Who may ask whom, and who did.
    pub edges: Vec<EdgeView>,
    /// Decisions on further edges, for which there was no room.
    pub n_left_out: u64,
    /// The requests by which agents handed work on, by task, the latest first.
    pub chains: Vec<ChainView>,
}

/// Somebody on the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// `agent:NAME`, `server:NAME`, `operator:NAME`, or `stranger` for all whom nobody declared.
    pub party: String,
    /// `agent`, `server`, `operator` or `stranger`.
    pub kind: String,
    /// Of an agent, what is known of it besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentNode>,
}

/// What the map says of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentNode {
    /// Its workflow.
    pub workflow: String,
    /// Its place in the workflow's sequence.
    pub sequence_position: u32,
    /// Its own PACE phase.
    pub phase: String,
    /// The worst phase around it.
    pub around_phase: String,
    /// Whether nothing of it passes: it is isolated, or everything around it is stopped.
    pub stopped: bool,
    /// Whether it was revoked: nothing that it shows is believed.
    pub revoked: bool,
    /// Tokens and SVIDs of it that have not ended.
    pub n_credentials: usize,
    /// When the last of them ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_until: Option<i64>,
    /// Instances of it that other agents started.
    #[serde(default)]
    pub instances: InstancesView,
}

/// Instances of an agent that other agents started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstancesView {
    /// How many count now.
    pub n_live: usize,
    /// Those of them that were started last, and then what ended lately: as many as there is room for.
    pub latest: Vec<InstanceView>,
}

/// An instance of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceView {
    /// Its id.
    pub instance: String,
    /// Who started it: `agent:NAME`.
    pub by: String,
    /// When it was started.
    pub since: i64,
    /// When it ends at the latest.
    pub until: i64,
    /// When its process joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<i64>,
    /// When and why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndedView>,
}

/// The end of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedView {
    /// When.
    pub at: i64,
    /// `left`, `expired`, `not-joined`, `task-closed`, `revoked`, `with-its-starter`, or `unknown` for a later version's word.
    pub why: String,
}

/// An edge, from who asks to who is asked. Answers count on the edge of their question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EdgeView {
    /// Who asks.
    pub from: String,
    /// Who is asked.
    pub to: String,
    /// The tools that a mandate gives.
    #[serde(default)]
    pub tools: Vec<String>,
    /// The resources that a mandate gives, by what their URIs begin with; `*` for all.
    #[serde(default)]
    pub resources: Vec<String>,
    /// The prompts that a mandate gives.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// The requests that grants allow.
    #[serde(default)]
    pub grants: Vec<GrantedView>,
    /// What one agent may tell another unasked, by the names of the contracts.
    #[serde(default)]
    pub tells: Vec<String>,
    /// Decisions in all. What was held and then let through was decided twice.
    pub decided: DecidedView,
    /// Decisions in the last spans: the one that is begun first, then those before it.
    pub lately: Vec<DecidedView>,
    /// When the last was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<i64>,
}

/// A request that a grant allows, and how far the work may be handed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedView {
    /// What may be asked.
    pub request: String,
    /// Over how many further requests; absent where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u8>,
    /// How long the work may take; absent for as long as its task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
}

/// How many were decided how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedView {
    /// Allowed.
    pub allowed: u64,
    /// Held.
    pub held: u64,
    /// Refused.
    pub refused: u64,
}

/// The requests by which agents handed the work of one task on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainView {
    /// The task.
    pub task: String,
    /// What is to be done, while the task is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// Its latest requests, in order.
    pub links: Vec<LinkView>,
}

/// A request by which work was handed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkView {
    /// The request's hop.
    pub hop: String,
    /// Who asked.
    pub from: String,
    /// Who was asked.
    pub to: String,
    /// What was asked for: `AGENT:REQUEST`.
    pub request: String,
    /// The requests that it rests on, the first one first.
    pub chain: Vec<String>,
    /// When.
    pub at: i64,
    /// Whether it, or one that it rests on, was revoked.
    pub revoked: bool,
}
