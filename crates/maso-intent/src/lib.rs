//! Declared intent: what each agent should do, and what a hop may therefore ask for.
//!
//! Parses a deployment folder from text (doors read files), lints it, opens tasks, and turns `Identified` into
//! [`Resolved`]: the effective authority, the task, the mandate in force. No file, clock or socket here.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod applicability;
mod argument;
mod asking;
mod authority;
mod bus;
mod catalogue;
mod checkpoint;
mod clarity;
mod commitment;
mod context;
mod controls;
mod delegated;
mod deployment;
mod evidence;
mod form;
mod format;
mod free_text;
mod init;
mod instruction;
mod item;
mod judge;
mod lifetime;
mod lint;
mod listening;
mod mandate;
mod manifest;
mod minimal;
mod money;
mod nearest;
mod outside;
mod parse;
mod places;
mod problem;
mod prospect;
mod reach;
mod resolved;
mod rule;
mod secret;
mod settings;
mod signing;
mod source;
mod task;
mod transaction;
mod typed;

pub use applicability::{Applicability, ControlState, Gap, Spared};
pub use asking::{Phrase, PreApproval};
pub use authority::{Authority, visible_tools};
pub use bus::{BusServers, BusSettings, Durability, Replicas};
pub use catalogue::{Awaits, Concern, Control, ControlKind, Does, Domain, Effect, Needs, Rhythm, Strength};
pub use checkpoint::Checkpoint;
pub use clarity::{Clarifying, Matter, TaskPart};
pub use commitment::Commitment;
pub use context::Counted;
pub use deployment::{Deployment, Deselection, Operator, PolicyFile, Role};
pub use evidence::{Attestation, Attested};
pub use form::{schema::FileKind, text::span_ms};
pub use format::format;
pub use free_text::{ContentSchema, FreeText, Prose, Roomy};
pub use init::{ClientServer, Draft, DraftError, Guess, client_servers, draft};
pub use instruction::Instruction;
pub use item::{About, Item};
pub use judge::{Calibration, JudgeAction, JudgeKind, JudgeOiSpec, JudgeProhibition, JudgeRole, JudgeSpec};
pub use lint::{Checked, LintRule, check, check_at, lint, look_over};
pub use listening::{CertificateFiles, ClientCertificates, Federation, HostName, TlsSettings};
pub use mandate::{
    Access, AfterFailure, AgentMandate, AgentRole, Amendment, Bound, Bounds, Came, Channel, ConflictTerms,
    ContextLevel, ContextTerms, DataSource, Decider, Deviation, Done, Evaluation, Expiry, FixedArgument, Grant,
    HaltCondition, HaltTerms, HardLimits, History, JudgePrecedence, MandateReview, OiSpec, OnDeviation, OverrideRule,
    Plan, PlanAttempts, PlannedCall, PlannedStep, Powers, PrimaryAction, ProcessSeen, ProcessTerms, Progress,
    ResourceTerm, ReviewOutcome, ReviewTrigger, SequenceBy, SolutionMandate, SpawnTerms, ToolTerms, Whose,
};
pub use manifest::{
    AuthorityArgument, Below, Comparison, DryRunCall, ResultLabels, ServerManifest, ToolDefinition, ToolManifest,
    Transport,
};
pub use minimal::minimal;
pub use money::{decimals, in_currency};
pub use nearest::nearest;
pub use outside::{ExternalTerms, PeerTerms, UrlPrefix};
pub use parse::parse;
pub use places::{Place, Places};
pub use problem::{Problem, Problems, Severity};
pub use prospect::Prospect;
pub use reach::{Hold, Spread, Step, Ways};
pub use resolved::{Circumstances, PinState, Resolved, Seat, is_plan_attempt, resolve, seat};
pub use rule::{
    Condition, EventName, EventPattern, Formula, FormulaError, Measure, Occurrence, Quantity, Reach, Relation, Rule,
    RuleEffect, Rules, Subject, Told, ToolTerm, ValueTerm, span,
};
pub use settings::{OpenLimits, Settings};
pub use signing::{
    Approval, Change, Duties, Duty, InForce, Office, SignError, SignedVersions, Statement, Unapproved,
    signature_problems,
};
pub use source::Source;
pub use task::{OpenError, OpenTask, OpenedUnder, Specification, TaskKind, TaskSpec};
pub use transaction::Moved;
pub use typed::Wordy;

#[cfg(test)]
mod tests;
