//! Three servers, each mailbox on all of them: one may be lost at any moment, and with two lost nothing is promised.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use maso_bus::{Bounds, Broker, Caller, Carriage as _, Kind, Mailbox, Nats, NatsOptions, NotPut, Promise, User};
use maso_intent::{BusServers, Durability, Replicas};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{layout, seal, stolen};
use crate::{
    contract::{self, LONG, Tried, awaited, mailbox, nothing_lies_there, request},
    server::Server,
};

/// Three servers that know each other.
struct Cluster {
    servers: [Server; 3],
}

impl Cluster {
    fn start() -> Self {
        Self::start_with("")
    }

    /// Starts them with this in the configuration of each.
    fn start_with(config: &str) -> Self {
        static N_STARTED: AtomicU16 = AtomicU16::new(0);
        let port = 6_222 + N_STARTED.fetch_add(1, Ordering::Relaxed);
        let hosts = [1, 2, 3].map(host);
        let routes: Vec<_> = hosts.iter().map(|host| format!("nats://{host}:{port}")).collect();
        let routes = routes.join(", ");
        let servers = hosts.map(|host| {
            let cluster = format!("cluster {{ name: maso, listen: \"{host}:{port}\", routes: [{routes}] }}");
            Server::start_on(host.into(), "", &format!("server_name: \"{host}\"\n{cluster}\n{config}"))
        });
        Self { servers }
    }

    fn url(&self) -> BusServers {
        self.servers.each_ref().map(Server::url).join(",").parse().unwrap()
    }

    fn options(&self, within: Duration) -> NatsOptions {
        let broker = Broker { within, ..Broker::of_mediator(self.url(), None, &layout()) };
        NatsOptions {
            promise: Durability::Synced,
            replicas: Replicas::Three,
            ..NatsOptions::new(broker, layout(), seal())
        }
    }

    /// A process with mailboxes, as soon as the servers have found each other.
    async fn process(&self, options: NatsOptions) -> Arc<Nats> {
        // Until there is somebody who leads nobody answers, so this one asks again soon.
        let broker = Broker { within: Duration::from_secs(2), ..options.broker.clone() };
        let maker = Nats::connect(NatsOptions { broker, ..options.clone() }).await.unwrap();
        while maker.prepare(mailboxes()).await.is_err() {
            tokio::task::yield_now().await;
        }
        Arc::new(Nats::connect(options).await.unwrap())
    }

    /// One that waits as long as it takes.
    async fn patient(&self) -> Arc<Nats> {
        self.process(self.options(LONG)).await
    }

    /// Kills whichever server leads the mailbox of analysis, and gives its number.
    async fn kill_leader(&mut self) -> usize {
        let urls: Vec<_> = self.servers.iter().map(Server::url).collect();
        let onlooker = async_nats::jetstream::new(async_nats::connect(urls).await.unwrap());
        let stream = onlooker.get_stream(layout().stream(&mailbox("analysis", Kind::Request))).await.unwrap();
        let leader = stream.cached_info().cluster.as_ref().and_then(|cluster| cluster.leader.clone()).unwrap();
        let leads = [1, 2, 3].map(host).iter().position(|host| host.to_string() == leader).unwrap();
        self.servers[leads].kill();
        leads
    }
}

/// An address of this machine that is a server's of this process alone.
fn host(n: u32) -> Ipv4Addr {
    let id = std::process::id() & 0x003f_ffff;
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 0, 0)) | id << 2 | n)
}

/// Those that the cases of the contract have something put into.
fn mailboxes() -> impl Iterator<Item = Mailbox> + Send {
    ["analysis", "intake"].into_iter().flat_map(|of| [Kind::Request, Kind::Answer].map(|kind| mailbox(of, kind)))
}

async fn over_a_cluster(bounds: Bounds) -> Tried {
    let cluster = Cluster::start();
    let at = || cluster.process(NatsOptions { bounds, ..cluster.options(LONG) });
    Tried { one: at().await, other: at().await, promise: Promise::Synced, _needs: Box::new(cluster) }
}

contract::each_case!(over_a_cluster:
    what_is_put_is_taken_once,
    the_largest_parcel_arrives_whole,
    putting_twice_is_putting_once,
    putting_again_what_was_ended_brings_it_to_nobody,
    whoever_took_it_may_end_it_when_another_has_it,
    of_many_who_wait_one_gets_it,
    one_sender_fills_no_mailbox_alone,
    a_full_mailbox_takes_nothing_and_again_when_something_is_gone,
    a_mailbox_is_bounded_in_bytes,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_taken_when_the_leader_of_its_mailbox_was_killed() {
    let mut cluster = Cluster::start();
    let nats = cluster.patient().await;
    for n in 1..=20 {
        assert_eq!(nats.put(&request(n)).await, Ok(Promise::Synced));
    }
    cluster.kill_leader().await;
    for n in 1..=20 {
        let taken = awaited(&*nats).await;
        assert_eq!(taken.parcel, request(n));
        nats.acknowledge(&taken.receipt).await.unwrap();
    }
    nothing_lies_there(&*nats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_once_is_known_to_whoever_leads_next() {
    let mut cluster = Cluster::start();
    let nats = cluster.patient().await;
    nats.put(&request(1)).await.unwrap();
    cluster.kill_leader().await;
    nats.put(&request(1)).await.unwrap();
    let taken = awaited(&*nats).await;
    assert_eq!(taken.parcel, request(1));
    nats.acknowledge(&taken.receipt).await.unwrap();
    nothing_lies_there(&*nats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_can_be_ended_when_the_leader_was_killed() {
    let mut cluster = Cluster::start();
    let nats = cluster.patient().await;
    nats.put(&request(1)).await.unwrap();
    let taken = awaited(&*nats).await;
    cluster.kill_leader().await;
    nats.acknowledge(&taken.receipt).await.unwrap();
    nothing_lies_there(&*nats).await;
}

/// Whichever the client is connected to, and whichever leads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_server_may_be_killed_in_turn() {
    let mut cluster = Cluster::start();
    let nats = cluster.patient().await;
    for (n, server) in (1..).zip([0, 1, 2]) {
        nats.put(&request(n)).await.unwrap();
        cluster.servers[server].kill();
        let taken = awaited(&*nats).await;
        assert_eq!(taken.parcel, request(n));
        nats.acknowledge(&taken.receipt).await.unwrap();
        cluster.servers[server].start_again();
    }
    nothing_lies_there(&*nats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_two_of_three_gone_nothing_is_acknowledged_and_all_goes_on_when_they_are_back() {
    let mut cluster = Cluster::start();
    let patient = cluster.patient().await;
    let impatient = Nats::connect(cluster.options(Duration::from_secs(2))).await.unwrap();
    patient.put(&request(1)).await.unwrap();
    let lost = cluster.kill_leader().await;
    let other = (lost + 1) % 3;
    cluster.servers[other].kill();
    let put = impatient.put(&request(2)).await;
    assert!(matches!(put, Err(NotPut::Unavailable(_) | NotPut::Unknown(_))), "{put:?}");
    cluster.servers[lost].start_again();
    cluster.servers[other].start_again();
    // Whoever does not know puts it again, and it comes once.
    patient.put(&request(2)).await.unwrap();
    for n in 1..=2 {
        let taken = awaited(&*patient).await;
        assert_eq!(taken.parcel, request(n));
        patient.acknowledge(&taken.receipt).await.unwrap();
    }
    nothing_lies_there(&*patient).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_users_of_a_deployment_are_known_to_each_server() {
    let mut cluster = Cluster::start_with(&stolen::users());
    let anonymous = Nats::connect(cluster.options(LONG)).await;
    assert!(anonymous.is_err(), "nobody comes without a key");
    let options = cluster.options(LONG);
    let broker = Broker { seed: Some(stolen::keys()[&User::Mediator].clone()), ..options.broker };
    let nats = cluster.process(NatsOptions { broker, ..options }).await;
    for (n, server) in (1..).zip([0, 1]) {
        cluster.servers[server].kill();
        nats.put(&request(n)).await.unwrap();
        assert_eq!(awaited(&*nats).await.parcel, request(n));
        cluster.servers[server].start_again();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sidecar_goes_on_over_another_server() {
    let mut cluster = Cluster::start();
    let maso = cluster.patient().await;
    let mut lines = maso.lines().await.unwrap();
    let intake: maso_core::AgentName = "intake".parse().unwrap();
    let broker = Broker::of_sidecar(cluster.url(), None, &layout(), &intake);
    let caller = Caller::connect(&broker, layout(), intake).await.unwrap();
    for server in 0..3 {
        cluster.servers[server].kill();
        let called = async {
            loop {
                // A line may be lost with the server in the middle of its being asked for, or be refused until there is one.
                let Ok(mut near) = caller.call().await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let mut echoed = [0; 4];
                if near.write_all(b"here").await.is_ok() && near.read_exact(&mut echoed).await.is_ok() {
                    return echoed;
                }
            }
        };
        let answering = async {
            loop {
                let (mut from, mut to) = tokio::io::split(lines.next().await.unwrap().line);
                tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
            }
        };
        tokio::select! {
            echoed = called => assert_eq!(&echoed, b"here"),
            () = answering => {}
        }
        cluster.servers[server].start_again();
    }
}
