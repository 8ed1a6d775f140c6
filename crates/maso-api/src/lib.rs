//! Version 1 of the HTTP API's types: what control, console, command line and other languages share.
//!
//! Additive only: a field may be added with a default, none removed or given another meaning. Times are Unix
//! milliseconds. Names, ids and words are those of the record.

mod agents;
mod hops;
mod map;
mod posture;
mod record;
mod session;
mod status;
mod tasks;
mod tickets;
mod tools;

pub use agents::{
    AgentView, ContextView, GrantView, IssueToken, IssuedToken, Join, MandateDates, OiSpecView, Revoke, ToolView,
};
pub use hops::{ApprovalView, DryRunView, ExcerptView, FindingView, HopView, OriginView, ReviewView, VerdictView};
pub use map::{
    AgentNode, ChainView, DecidedView, EdgeView, EndedView, GrantedView, InstanceView, InstancesView, LinkView,
    MapView, NodeView,
};
pub use posture::{EmergencyReview, Kill, MovePhase, MoveView, PostureView, ScopeView};
pub use record::{ErasePayloads, ErasedPayloads, ProblemView, VerificationView};
pub use session::{Session, SignIn};
pub use status::{Event, Problem, Status};
pub use tasks::{
    AssessTask, AssumptionScope, AssumptionView, ClarificationView, Clarify, CloseTask, CriterionView, DepartureView,
    EvaluationView, OpenTask, OpenedTask, Promote, TaskView,
};
pub use tickets::{AmountView, AnswerTicket, TicketView, TicketWord};
pub use tools::{ApproveTool, WaitingTool};
