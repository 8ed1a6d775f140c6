//! The path: what happens to every hop, end to end, in one readable function ([`Path::travel`]).
//!
//! Knows no protocol and no HTTP: an adapter brings a [`maso_wire::Received`] and a way to carry it, and consumes
//! what becomes of it. A simulator can drive it as well as a gateway.

mod assuming;
mod clarifying;
mod dry_run;
pub mod evaluation;
mod footing;
mod hearing;
mod instructions;
mod learning;
mod messages;
mod opening;
mod publishing;
mod recording;
mod release;
mod rotation;
mod spawning;
mod taking_back;
mod travel;
mod turns;
mod waiting;
mod watching;
mod world;

pub use assuming::{Assumption, NotPromoted};
pub use clarifying::{Clarification, NotSaid, SaidOf, is_an_answer};
pub use dry_run::Trying;
pub use evaluation::Assignment;
pub use opening::{OpenFault, Path, Signers, Sources};
pub use release::{Carried, Release};
pub use rotation::Resumed;
pub use spawning::{Invited, NotInvited, fold_instances};
pub use taking_back::{Ended, NotTakenBack};
pub use travel::Outcome;
pub use waiting::{Ticket, Waiting};
pub use world::{
    Answer, Assumptions, Clarity, Clock, Conduct, ContextUse, Counts, Credentials, Edge, Ends, Evaluation, Evaluations,
    Flow, Ids, Invitation, Joins, Link, Memories, Party, Pin, Pins, Question, SPAN_MS, SPANS, Said, Standing,
    SystemClock, SystemIds, Tasks, TicketState, Tickets, Traffic, Versions, World, write_task,
};

#[cfg(test)]
mod tests;
