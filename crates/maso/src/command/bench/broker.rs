//! (e) Messages through a NATS server, beside a bare request of that server with the same bytes, signed and verified.

use std::{sync::Arc, time::Duration};

use async_nats::Client;
use ed25519_dalek::{Signer as _, SigningKey, Verifier as _};
use futures::StreamExt as _;
use maso_bus::{Broker, Caller, Carriage as _, Kind, Layout, Lines, Mailbox, Nats, NatsOptions, Parcel, Route, Seal};
use maso_core::{AgentName, HopId, Timestamp, TrustDomain};
use maso_identity::AuthorityKey;
use maso_intent::BusServers;
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use super::times::{Quantiles, Times};
use crate::fault::Fault;

/// What messages through a server take.
#[derive(Clone, Debug, Serialize)]
pub struct Through {
    /// Bytes in a message.
    pub n_bytes: usize,
    /// The yardstick: a request of the server with the bytes and their signature, verified by whoever answers it.
    pub bare: Quantiles,
    /// The same bytes, signed, on a line, verified and answered.
    pub line: Quantiles,
    /// How many times as long as the yardstick.
    pub line_ratio: f64,
    /// The yardstick of what is kept: published to a stream, fetched from it and acknowledged, signed and verified.
    pub bare_kept: Quantiles,
    /// A parcel sealed, put into a mailbox, taken, opened and ended.
    pub mailbox: Quantiles,
    /// How many times as long as that yardstick.
    pub mailbox_ratio: f64,
}

/// Measures them at the server at `url`, which asks for no key and keeps streams.
pub async fn measure(url: &str, rounds: usize) -> Result<Through, Fault> {
    let fault = |what: &'static str| move |error: Failed| Fault::plain(format!("{what}: {error}"));
    let domain: TrustDomain = format!("bench-{}.example", Uuid::new_v4().simple()).parse().expect("a trust domain");
    let (layout, authority) = (Layout::of(&domain), AuthorityKey::from_seed([7; 32]));
    let servers: BusServers = url.parse().map_err(|error: String| Fault::plain(error))?;
    let broker = Broker::of_mediator(servers.clone(), None, &layout);
    let options = NatsOptions::new(broker, layout.clone(), Seal::new(domain, &authority));
    let unreached = |error| Fault::new("cannot use the NATS server", error);
    let nats = Nats::connect(options).await.map_err(unreached)?;
    let (from, to): (AgentName, AgentName) = (name("teller"), name("listener"));
    let mailbox = Mailbox::new(to.clone(), Kind::Told);
    nats.prepare([mailbox.clone()]).await.map_err(unreached)?;
    let key = Arc::new(SigningKey::from_bytes(&[9; 32]));
    let words = vec![b'w'; N_BYTES];

    let bare = bare(url, &key, &words, rounds).await.map_err(fault("the bare request failed"))?;
    let broker = Broker::of_sidecar(servers, None, &layout, &from);
    let caller = Caller::connect(&broker, layout, from.clone()).await.map_err(unreached)?;
    let lines = nats.lines().await.map_err(|error| Fault::new("lines cannot be taken", error))?;
    let line = on_a_line(&caller, lines, &key, &words, rounds).await.map_err(fault("the line broke"))?;
    let bare_kept = kept(url, &key, &words, rounds).await.map_err(fault("the bare stream failed"))?;
    let route = Route::new(from, to, Kind::Told);
    let in_mailbox =
        through_a_mailbox(&nats, (&mailbox, &route), &words, rounds).await.map_err(fault("the mailbox failed"))?;
    Ok(Through {
        n_bytes: N_BYTES,
        line_ratio: line.p50_us / bare.p50_us,
        mailbox_ratio: in_mailbox.p50_us / bare_kept.p50_us,
        bare,
        line,
        bare_kept,
        mailbox: in_mailbox,
    })
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

async fn bare(url: &str, key: &Arc<SigningKey>, words: &[u8], rounds: usize) -> Result<Quantiles, Failed> {
    let (asking, answering) = (connected(url).await?, connected(url).await?);
    let subject = format!("maso-bench.{}", Uuid::new_v4().simple());
    let mut asked = answering.subscribe(subject.clone()).await?;
    answering.flush().await?;
    let public = key.verifying_key();
    let answers = tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            let is_sound = verified(&public, &message.payload);
            if let (Some(reply), true) = (message.reply, is_sound) {
                answering.publish(reply, "+".into()).await.ok();
            }
        }
    });
    // The server may hear of who answers a moment after it hears of the first who asks.
    while asking.request(subject.clone(), signed(key, words).into()).await.is_err() {}
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = std::time::Instant::now();
        asking.request(subject.clone(), signed(key, words).into()).await?;
        times.push(start.elapsed());
    }
    answers.abort();
    quantiles(times)
}

async fn on_a_line(
    caller: &Caller,
    mut lines: Lines,
    key: &Arc<SigningKey>,
    words: &[u8],
    rounds: usize,
) -> Result<Quantiles, Failed> {
    let public = key.verifying_key();
    let n_bytes = words.len() + SIGNATURE_LEN;
    let answers = tokio::spawn(async move {
        let Some(mut answered) = lines.next().await else { return };
        let mut message = vec![0; n_bytes];
        while answered.line.read_exact(&mut message).await.is_ok() {
            if !verified(&public, &message) || answered.line.write_all(b"+").await.is_err() {
                return;
            }
        }
    });
    let mut line = caller.call().await?;
    let mut answer = [0];
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = std::time::Instant::now();
        line.write_all(&signed(key, words)).await?;
        line.read_exact(&mut answer).await?;
        times.push(start.elapsed());
    }
    answers.abort();
    quantiles(times)
}

async fn kept(url: &str, key: &Arc<SigningKey>, words: &[u8], rounds: usize) -> Result<Quantiles, Failed> {
    use async_nats::jetstream::{self, consumer::pull, stream};
    let (putting, taking) = (jetstream::new(connected(url).await?), jetstream::new(connected(url).await?));
    let name = format!("maso-bench-{}", Uuid::new_v4().simple());
    let config = stream::Config { name: name.clone(), subjects: vec![name.clone()], ..Default::default() };
    putting.create_stream(config).await?;
    let stream = taking.get_stream(&name).await?;
    let consumer =
        stream.create_consumer(pull::Config { durable_name: Some("bench".to_owned()), ..Default::default() }).await?;
    let public = key.verifying_key();
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = std::time::Instant::now();
        putting.publish(name.clone(), signed(key, words).into()).await?.await?;
        let mut fetched = consumer.batch().max_messages(1).expires(PATIENCE).messages().await?;
        let message = fetched.next().await.ok_or("nothing came")??;
        if !verified(&public, &message.payload) {
            return Err("what came is something else".into());
        }
        message.double_ack().await?;
        times.push(start.elapsed());
    }
    putting.delete_stream(&name).await?;
    quantiles(times)
}

async fn through_a_mailbox(
    nats: &Nats,
    (mailbox, route): (&Mailbox, &Route),
    words: &[u8],
    rounds: usize,
) -> Result<Quantiles, Failed> {
    let mut times = Vec::with_capacity(rounds);
    for n in 0..rounds {
        let id = HopId::from_uuid(Uuid::from_u128(n as u128 + 1));
        let parcel = Parcel::new(route.clone(), id, Timestamp::from_millis(0), words.to_vec())?;
        let start = std::time::Instant::now();
        nats.put(&parcel).await?;
        let taken = nats.take(mailbox, PATIENCE).await?.ok_or("nothing came")?;
        nats.acknowledge(&taken.receipt).await?;
        times.push(start.elapsed());
    }
    quantiles(times)
}

async fn connected(url: &str) -> Result<Client, Failed> {
    Ok(async_nats::connect(url).await?)
}

fn signed(key: &SigningKey, words: &[u8]) -> Vec<u8> {
    [&key.sign(words).to_bytes()[..], words].concat()
}

fn verified(public: &ed25519_dalek::VerifyingKey, message: &[u8]) -> bool {
    message.split_first_chunk::<SIGNATURE_LEN>().is_some_and(|(signature, words)| {
        public.verify(words, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    })
}

fn quantiles(times: Vec<Duration>) -> Result<Quantiles, Failed> {
    Ok(Times::of(times).ok_or("no round was measured")?.quantiles())
}

fn name(text: &str) -> AgentName {
    text.parse().expect("the name is an agent's")
}

/// As large as a message between agents is.
const N_BYTES: usize = 1_024;
const SIGNATURE_LEN: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);
