//! The words that every other crate speaks: ids, hops, labels, findings, risk, posture.
//!
//! This crate must never know a protocol, a file, a socket, a clock or a random source, and nothing in it
//! is serializable: the record and the HTTP API have versioned types of their own.

mod access;
mod canonical;
mod finding;
mod hop;
mod id;
mod instance;
mod label;
mod posture;
mod refusal;
mod risk;
mod time;
mod uri;
mod words;
mod workload;

pub use access::Access;
pub use canonical::{Digest, canonical_bytes};
pub use finding::{Evidence, Finding, Findings, Span, Word};
pub use hop::{Act, Hop, HopKind, ITSELF, Listing, Principal, Turn, Wants, WorkStatus};
pub use id::{
    AgentName, ConstraintName, ContractName, ControlId, DataSourceName, HopId, IdError, InstanceId, JudgeName,
    MessageId, OperatorName, RequestName, ServerName, SpiffeId, TaskId, TicketId, ToolName, ToolRef, TrustDomain,
    WorkflowName,
};
pub use instance::Holder;
pub use label::{Confidentiality, Integrity, Label, Origin, Source};
pub use posture::{Mode, Phase, Scope, Tier, TierFact};
pub use refusal::{Refusal, Refused};
pub use risk::{Class, Reversibility, Review, Risk};
pub use time::{Day, Timestamp};
pub use uri::lies_within;
pub use workload::WorkloadId;

#[cfg(test)]
mod tests;
