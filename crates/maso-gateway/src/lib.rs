//! The MCP doors: streamable HTTP and pipes, to clients and to servers.
//!
//! The gateway decides nothing. It turns frames into hops, hands the path a way to carry them, and delivers what is
//! released; a server's answer is a hop too. It must never know why something is allowed.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it"))]

mod admission;
mod assuming;
mod bodies;
mod calls;
mod client;
mod decider;
mod drain;
mod dry_run;
mod fleet;
mod gateway;
mod hold;
mod inquiring;
mod inquiry;
mod kept;
mod listening;
mod listing;
mod meeting;
mod mirrors;
mod outlet;
mod places;
mod proxy;
mod room;
mod rooms;
mod rotation;
mod serving;
mod sidecar;
mod stirred;
mod unbroken;
mod upstream;

pub use client::{http::router, stdio::serve_stdio};
pub use gateway::{Doors, Gateway, Parts};
pub use inquiry::{InquiryFault, list_tools};
pub use serving::{
    Believed, Doorkeeper, KnownAs, Peers, Place, Reception, ServerCertificate, Showing, Tls, serve, serve_lines,
    serve_over_tls,
};
pub use sidecar::{Badge, BadgeFault, Dial, Unreached, Way, sidecar_router};
