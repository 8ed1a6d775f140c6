//! Carriage of parcels between the mailboxes of agents: one contract, [`Carriage`], kept by two.
//!
//! [`InProcess`] serves one process, [`Nats`] as many as share a NATS server with JetStream. What is carried was decided and
//! recorded before: a carriage decides nothing, knows no protocol of agents, and is not trusted by whoever uses it. Over a
//! broker every [`Parcel`] is sealed for one mailbox by the deployment ([`Seal`]), so that nobody but maso writes, moves or
//! reads one; [`Accounts`] tells the broker itself what each agent's sidecar may do, derived from which agents are declared.

mod accounts;
mod bounds;
mod carriage;
mod in_process;
mod layout;
mod line;
mod nats;
mod parcel;
mod seal;

pub use accounts::{Access, Accounts, User};
pub use bounds::Bounds;
pub use carriage::{Carriage, Delivery, Full, NotPut, Promise, Receipt, Unavailable};
pub use in_process::InProcess;
pub use layout::{Layout, Token, TokenError};
pub use line::{Answered, Caller, Line, Lines};
pub use nats::{Broker, BusFault, CertificateError, ClientCertificate, Nats, NatsOptions, NkeySeed, SeedError};
pub use parcel::{Kind, Mailbox, Parcel, Route, TooLarge};
pub use seal::{Broken, Seal};
