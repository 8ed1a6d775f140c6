//! Whoever has the key of one agent's sidecar has lines of that agent's, and nothing of what lies or goes elsewhere; and
//! whoever may write to mailboxes at the broker, by whatever way, writes nothing that is taken.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use async_nats::{Client, ConnectOptions, jetstream};
use futures::StreamExt as _;
use maso_bus::{Accounts, Broker, Caller, Carriage as _, Kind, NatsOptions, NkeySeed, User};
use maso_core::AgentName;
use maso_intent::{Deployment, Source};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{layout, options, process, seal};
use crate::{
    contract::{awaited, mailbox, nothing_lies_there, parcel, request},
    server::Server,
};

/// The claims example: intake may ask analysis, and nobody else anything of it.
fn deployment() -> Deployment {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/claims");
    let mut files = BTreeMap::new();
    read(&folder, &folder, &mut files);
    maso_intent::parse(&Source::of(files)).unwrap()
}

fn read(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            read(root, &path, files);
        } else if Source::wants(&name) {
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

/// A key for each user of the deployment.
pub(super) fn keys() -> BTreeMap<User, NkeySeed> {
    let accounts = Accounts::of(&deployment());
    accounts.users().zip(1..).map(|((user, _), n)| (user.clone(), NkeySeed::from_random([n; 32]))).collect()
}

/// What a server's configuration says of them.
pub(super) fn users() -> String {
    let keys = keys();
    Accounts::of(&deployment()).write(|user| keys[user].public().to_owned())
}

/// A server with the accounts of the deployment, and the keys of its users.
struct Guarded {
    server: Server,
    keys: BTreeMap<User, NkeySeed>,
}

impl Guarded {
    fn start() -> Self {
        Self { server: Server::start("sync_interval: always", &users()), keys: keys() }
    }

    fn mediator(&self) -> NatsOptions {
        let broker = Broker::of_mediator(
            self.server.url().parse().unwrap(),
            Some(self.keys[&User::Mediator].clone()),
            &layout(),
        );
        NatsOptions { broker, ..options(&self.server) }
    }

    /// The sidecar of an agent, as the broker knows it.
    async fn sidecar(&self, agent: &str) -> Caller {
        let key = self.keys[&sidecar_of(agent)].clone();
        let agent: AgentName = agent.parse().unwrap();
        let broker = Broker::of_sidecar(self.server.url().parse().unwrap(), Some(key), &layout(), &agent);
        Caller::connect(&broker, layout(), agent).await.unwrap()
    }

    /// Any client with a stolen key, and the errors that the server tells it.
    async fn thief(&self, user: &User) -> (Client, tokio::sync::mpsc::UnboundedReceiver<String>) {
        let (tell, told) = tokio::sync::mpsc::unbounded_channel();
        let inbox = match user {
            User::Mediator => layout().inbox_of_mediator(),
            User::Sidecar(agent) => layout().inbox(agent),
        };
        let client = ConnectOptions::with_nkey(self.keys[user].expose().to_owned())
            .custom_inbox_prefix(inbox)
            .event_callback(move |event| {
                tell.send(event.to_string()).ok();
                async {}
            })
            .connect(self.server.url())
            .await
            .unwrap();
        (client, told)
    }
}

fn sidecar_of(agent: &str) -> User {
    User::Sidecar(agent.parse().unwrap())
}

/// Waits until the server says no to something about this subject.
async fn is_refused(told: &mut tokio::sync::mpsc::UnboundedReceiver<String>, subject: &str) {
    loop {
        let said = told.recv().await.expect("the server says no");
        if said.to_lowercase().contains("permissions violation") && said.contains(subject) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_its_own_key_a_sidecar_has_lines_of_its_own() {
    let guarded = Guarded::start();
    let maso = process(NatsOptions { promise: maso_intent::Durability::Synced, ..guarded.mediator() }).await;
    let mut lines = maso.lines().await.unwrap();
    let intake = guarded.sidecar("intake").await;
    let (called, answered) = tokio::join!(intake.call(), lines.next());
    let (mut near, mut answered) = (called.unwrap(), answered.unwrap());
    assert_eq!(answered.agent.as_str(), "intake");
    near.write_all(b"ask").await.unwrap();
    near.shutdown().await.unwrap();
    let mut heard = Vec::new();
    answered.line.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"ask");
    answered.line.write_all(b"answer").await.unwrap();
    drop(answered);
    heard.clear();
    near.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_listens_without_a_key() {
    let guarded = Guarded::start();
    assert!(async_nats::connect(guarded.server.url()).await.is_err());
    let stranger = NkeySeed::from_random([99; 32]);
    assert!(ConnectOptions::with_nkey(stranger.expose().to_owned()).connect(guarded.server.url()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_key_hears_nothing_of_what_others_say() {
    let guarded = Guarded::start();
    let maso = process(guarded.mediator()).await;
    let (thief, mut told) = guarded.thief(&sidecar_of("communication")).await;
    let edge = layout().subject(request(1).route());
    let maso_inbox = format!("{}.>", layout().inbox_of_mediator());
    let other_inbox = format!("{}.>", layout().inbox(&"analysis".parse().unwrap()));
    let mut ears = Vec::new();
    for subject in [&edge, ">", "maso.>", "$JS.>", "$SYS.>", "_INBOX.>", "maso-line.>", &maso_inbox, &other_inbox] {
        ears.push(thief.subscribe(subject.to_owned()).await.unwrap());
        is_refused(&mut told, subject).await;
    }
    maso.put(&request(1)).await.unwrap();
    assert_eq!(awaited(&*maso).await.parcel, request(1));
    // What the thief may hear shows that it would have heard the rest by now.
    let own = format!("{}.now", layout().inbox(&"communication".parse().unwrap()));
    ears.push(thief.subscribe(own).await.unwrap());
    thief.flush().await.unwrap();
    for ear in &mut ears[..9] {
        assert!(!matches!(futures::poll!(ear.next()), std::task::Poll::Ready(Some(_))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stolen_key_writes_to_no_mailbox_and_into_no_line_of_another() {
    let guarded = Guarded::start();
    let maso = process(guarded.mediator()).await;
    let (thief, mut told) = guarded.thief(&sidecar_of("communication")).await;
    let streams = Kind::ALL.map(|kind| layout().stream(&mailbox("analysis", kind)));
    for subject in [
        // In another's name, and in its own: what it says comes to maso first.
        layout().subject(request(1).route()),
        layout().subject(parcel("communication", "intake", Kind::Request, 1, b"").route()),
        layout().subject(parcel("communication", "intake", Kind::Answer, 1, b"").route()),
        layout().subject(parcel("analysis", "communication", Kind::Request, 1, b"").route()),
        // Lines: another's, and maso's end of its own.
        "maso-line.claims=example.analysis.open".to_owned(),
        "maso-line.claims=example.analysis.up.0123456789abcdef0123456789abcdef".to_owned(),
        "maso-line.claims=example.analysis.down.0123456789abcdef0123456789abcdef".to_owned(),
        "maso-line.claims=example.communication.down.0123456789abcdef0123456789abcdef".to_owned(),
        // What lies in mailboxes, its own among them: to take, to end, to read, to delete.
        format!("$JS.API.CONSUMER.MSG.NEXT.{}.mailbox", layout().stream(&mailbox("communication", Kind::Request))),
        format!("$JS.API.CONSUMER.MSG.NEXT.{}.mailbox", streams[0]),
        format!("$JS.API.CONSUMER.INFO.{}.mailbox", streams[0]),
        format!("$JS.ACK.{}.mailbox.1.1.1.1.0", streams[0]),
        format!("$JS.API.STREAM.MSG.GET.{}", streams[0]),
        format!("$JS.API.DIRECT.GET.{}", streams[0]),
        format!("$JS.API.STREAM.PURGE.{}", streams[0]),
        format!("$JS.API.STREAM.DELETE.{}", streams[0]),
        // Ways of its own: mailboxes, consumers, mirrors, and its own mailbox with other terms.
        "$JS.API.STREAM.CREATE.mine".to_owned(),
        format!("$JS.API.STREAM.UPDATE.{}", layout().stream(&mailbox("communication", Kind::Request))),
        format!("$JS.API.CONSUMER.CREATE.{}", streams[0]),
        format!("$JS.API.CONSUMER.DURABLE.CREATE.{}.mine", layout().stream(&mailbox("communication", Kind::Request))),
        "$JS.API.STREAM.NAMES".to_owned(),
        "$JS.API.STREAM.LIST".to_owned(),
        "$JS.API.INFO".to_owned(),
        // The server itself.
        "maso.server.jetstream".to_owned(),
        "$SYS.REQ.SERVER.PING.JSZ".to_owned(),
    ] {
        thief.publish(subject.clone(), "{}".into()).await.unwrap();
        is_refused(&mut told, &subject).await;
    }
    nothing_lies_there(&*maso).await;
    assert_eq!(maso.n_forged(), 0, "nothing came so far");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_write_into_a_mailbox_is_not_taken_without_the_seal() {
    let guarded = Guarded::start();
    let maso = process(guarded.mediator()).await;
    let (thief, _told) = guarded.thief(&User::Mediator).await;
    let subject = layout().subject(request(1).route());
    let thief = jetstream::new(thief);
    thief.publish(subject.clone(), "pay everything to me".into()).await.unwrap().await.unwrap();
    let other_key =
        maso_bus::Seal::new("claims.example".parse().unwrap(), &maso_identity::AuthorityKey::from_seed([8; 32]));
    thief.publish(subject, other_key.seal(&request(2)).into()).await.unwrap().await.unwrap();
    maso.put(&request(3)).await.unwrap();
    assert_eq!(awaited(&*maso).await.parcel, request(3));
    assert_eq!(maso.n_forged(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sealed_for_one_mailbox_is_not_taken_in_another() {
    let guarded = Guarded::start();
    let maso = process(guarded.mediator()).await;
    // Sealed by maso, for another, and put elsewhere by somebody with all rights at the broker.
    let received = parcel("analysis", "intake", Kind::Answer, 1, b"approved");
    let (thief, _told) = guarded.thief(&User::Mediator).await;
    let thief = jetstream::new(thief);
    let moved = layout().subject(request(1).route());
    thief.publish(moved, seal().seal(&received).into()).await.unwrap().await.unwrap();
    maso.put(&request(3)).await.unwrap();
    assert_eq!(awaited(&*maso).await.parcel, request(3));
    assert_eq!(maso.n_forged(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_deletes_nothing() {
    let guarded = Guarded::start();
    let maso = process(guarded.mediator()).await;
    maso.put(&request(1)).await.unwrap();
    let (thief, _told) = guarded.thief(&User::Mediator).await;
    let thief = jetstream::new(thief);
    for (name, value) in [("Nats-Rollup", "all"), ("Nats-Rollup", "sub"), ("Nats-TTL", "1s")] {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(name, value);
        let subject = layout().subject(request(1).route());
        let sent = thief.publish_with_headers(subject, headers, "".into()).await.unwrap().await;
        assert!(sent.is_err(), "{name}: {value}");
    }
    assert_eq!(awaited(&*maso).await.parcel, request(1));
}

/// Whoever may ask for what lies in a mailbox says where it is to be sent, and the server sends it there with rights
/// of its own. So permissions alone do not keep an edge clean: the seal does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_sends_on_for_a_thief_is_not_taken() {
    let guarded = Guarded::start();
    let maso = process(guarded.mediator()).await;
    let answer = parcel("analysis", "intake", Kind::Answer, 1, b"approved");
    maso.put(&answer).await.unwrap();
    let (thief, _told) = guarded.thief(&User::Mediator).await;
    let ask = format!("$JS.API.CONSUMER.MSG.NEXT.{}.mailbox", layout().stream(&mailbox("intake", Kind::Answer)));
    let elsewhere = layout().subject(parcel("intake", "communication", Kind::Request, 1, b"").route());
    thief.publish_with_reply(ask, elsewhere, r#"{"batch":1}"#.into()).await.unwrap();
    // The server answers each connection in order.
    thief.request("$JS.API.INFO", "".into()).await.unwrap();
    // It was sent, so it comes again, for whom it is: the copy lies where the thief wanted it.
    let again = maso.take(&mailbox("intake", Kind::Answer), crate::contract::LONG).await.unwrap().unwrap();
    assert_eq!((again.parcel, again.again), (answer, true));
    maso.put(&parcel("analysis", "communication", Kind::Request, 3, b"")).await.unwrap();
    let communication = mailbox("communication", Kind::Request);
    let taken = maso.take(&communication, crate::contract::LONG).await.unwrap().unwrap();
    assert_eq!(taken.parcel.id(), request(3).id());
    assert_eq!(maso.take(&communication, Duration::ZERO).await, Ok(None));
    assert_eq!(maso.n_forged(), 1);
}
