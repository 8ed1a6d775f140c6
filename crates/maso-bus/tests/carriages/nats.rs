//! The contract over a NATS server, and what its faults do.

mod cluster;
mod disk;
mod faults;
mod lines;
mod promises;
mod stolen;
mod tls;

use std::{sync::Arc, time::Duration};

use maso_bus::{Bounds, Broker, Kind, Layout, Mailbox, Nats, NatsOptions, Promise, Seal};
use maso_identity::AuthorityKey;

use crate::{contract::Tried, server::Server};

/// Who has mailboxes in these tests.
const AGENTS: [&str; 5] = ["intake", "analysis", "communication", "payment", "audit"];

fn seal() -> Seal {
    Seal::new("claims.example".parse().unwrap(), &AuthorityKey::from_seed([7; 32]))
}

fn layout() -> Layout {
    Layout::of(&"claims.example".parse().unwrap())
}

fn options(server: &Server) -> NatsOptions {
    NatsOptions {
        // A process that is gone is noticed soon; one that lives says so far more often.
        redeliver_after: Duration::from_secs(2),
        ..NatsOptions::new(Broker::of_mediator(server.url().parse().unwrap(), None, &layout()), layout(), seal())
    }
}

/// The same, with as long for every answer of the server.
fn options_within(server: &Server, within: Duration) -> NatsOptions {
    let options = options(server);
    NatsOptions { broker: Broker { within, ..options.broker }, ..options }
}

fn mailboxes() -> impl Iterator<Item = Mailbox> + Send {
    AGENTS.into_iter().flat_map(|of| Kind::ALL.map(|kind| Mailbox::new(of.parse().unwrap(), kind)))
}

/// A process at this server, with its mailboxes made.
async fn process(options: NatsOptions) -> Arc<Nats> {
    let nats = Nats::connect(options).await.unwrap();
    nats.prepare(mailboxes()).await.unwrap();
    Arc::new(nats)
}

async fn over_nats(bounds: Bounds) -> Tried {
    let server = Server::start("", "");
    let at = || process(NatsOptions { bounds, ..options(&server) });
    Tried { one: at().await, other: at().await, promise: Promise::Stored, _needs: Box::new(server) }
}

keeps_the_contract!(over_nats);
