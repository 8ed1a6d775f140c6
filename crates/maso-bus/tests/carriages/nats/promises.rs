//! What an acknowledgement promises is what was asked for, or nothing starts.

use maso_bus::{BusFault, Carriage as _, Nats, NatsOptions, Promise};
use maso_intent::{Durability, Replicas};

use super::{mailboxes, options};
use crate::{contract::request, server::Server};

/// What lets maso ask, and only that.
const ACCOUNTS: &str = r#"
accounts {
  A: {
    jetstream: enabled
    imports: [{ service: { account: SYS, subject: "$SYS.REQ.SERVER.PING.JSZ" }, to: "maso.server.jetstream" }]
    users: [{ user: a, password: a }]
  }
  SYS: { exports: [{ service: "$SYS.REQ.SERVER.PING.JSZ", accounts: [A] }] }
}
system_account: SYS
no_auth_user: a
"#;

fn synced(server: &Server) -> NatsOptions {
    NatsOptions { promise: Durability::Synced, ..options(server) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_waits_for_its_disk_can_be_asked_to() {
    let server = Server::start("sync_interval: always", ACCOUNTS);
    let nats = Nats::connect(synced(&server)).await.unwrap();
    nats.prepare(mailboxes()).await.unwrap();
    assert_eq!(nats.put(&request(1)).await, Ok(Promise::Synced));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_wait_for_its_disk_promises_less() {
    let server = Server::start("", ACCOUNTS);
    let nats = Nats::connect(synced(&server)).await.unwrap();
    let fault = nats.prepare(mailboxes()).await.unwrap_err();
    assert!(matches!(fault, BusFault::NotSynced), "{fault}");
    assert!(fault.help().contains("sync_interval: always"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_be_asked_promises_less() {
    let server = Server::start("sync_interval: always", "");
    let nats = Nats::connect(synced(&server)).await.unwrap();
    assert!(matches!(nats.prepare(mailboxes()).await, Err(BusFault::NotAsked(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_machine_is_not_three() {
    let server = Server::start("", "");
    let nats = Nats::connect(NatsOptions { replicas: Replicas::Three, ..synced(&server) }).await.unwrap();
    assert!(matches!(nats.prepare(mailboxes()).await, Err(BusFault::NotPrepared { .. })));
}
