//! Power cuts under load: what was done is on the record, and nothing is done twice.
//!
//! Together with those of `maso-log`'s own crash test, of the recorder alone, it is two hundred of them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use maso_log::{Reader, v1::Body};
use maso_seal::LocalKey;
use proptest::{
    prelude::Rng as _,
    test_runner::{RngAlgorithm, TestRng},
};
use reqwest::{Response, header::HeaderMap};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{self, Sender},
    task::JoinSet,
};

use crate::{
    client::{Client, REVISION, held, is_done},
    decisions::scene,
    deployment::{Deployment, Operator, TRIED_OUT, Up, Wanted},
};

/// How often the program is killed; `MASO_CRASH_ROUNDS` for another number.
const ROUNDS: usize = 140;
/// So many deployments are cut off side by side, so that none has a long past to read before it serves.
const N_LANES: usize = 4;
const N_PAYERS: usize = 3;
const N_WRITERS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout, reason = "a run that fails says how to repeat it")]
async fn a_kill_at_any_moment_loses_nothing_and_repeats_nothing() {
    let rounds = std::env::var("MASO_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let any_seed = || uuid::Uuid::new_v4().as_fields().0;
    let seed: u32 = std::env::var("MASO_CRASH_SEED").map_or_else(|_| any_seed(), |seed| seed.parse().unwrap());
    println!("power cuts as MASO_CRASH_SEED={seed} says");
    let mut lanes = JoinSet::new();
    for lane in 0..N_LANES {
        let seed: [u8; 32] = format!("{lane:0>16}{seed:0>16}").into_bytes().try_into().unwrap();
        lanes.spawn(cut_again_and_again(rounds.div_ceil(N_LANES), TestRng::from_seed(RngAlgorithm::ChaCha, &seed)));
    }
    let n_effects: usize = lanes.join_all().await.into_iter().sum();
    assert!(n_effects > rounds, "only {n_effects} writes happened: the test shows little");
}

#[tokio::test]
async fn a_program_that_is_told_to_stop_finishes_its_record() {
    let stage = scene(&Wanted::default()).await;
    for number in 1..=20 {
        assert!(is_done(&stage.client.call("read_note", json!({ "note": number.to_string() })).await));
    }
    stage.up.stop().await;
    // Reads need not be durable before they are answered, so they are what a stop could lose.
    let hops = stage.deployment.bodies("hop-decided").await;
    let is_read = |hop: &&Value| hop["object"] == "notes:read_note" && hop["decision"] == "allow";
    assert_eq!(hops.iter().filter(is_read).count(), 40);
    stage.deployment.verify().await;
}

/// One deployment, killed again and again. Gives how many writes happened.
async fn cut_again_and_again(rounds: usize, mut rng: TestRng) -> usize {
    // A payment is tried out, and waits for a person; a note is written at once.
    let deployment = Deployment::new(&Wanted {
        hold_open: "1ms",
        deselected: vec!["EC-2.5"],
        edits: vec![("maso.toml", "tier = 1", "tier = 2"), TRIED_OUT],
        ..Wanted::default()
    });
    let up = deployment.up().await;
    let token = up.operator().await.token("writer", None).await;
    up.stop().await;
    let mut below = |n: u32| usize::try_from(rng.next_u32() % n).unwrap();
    let mut unanswered = Vec::new();
    for round in 0..rounds {
        if below(8) == 0 {
            // Cut off while it still reads its past.
            deployment.start().kill(below(100_000)).await;
            continue;
        }
        let up = deployment.up().await;
        ask_again(&up, &token, std::mem::take(&mut unanswered)).await;
        let operator = up.operator().await;
        // So many answers come back before the cut; what is under way then is where it hits.
        let n_answers = 1 + below(40);
        let working = work_until(&up, &operator, &token, round, n_answers).await;
        for _ in 0..below(200) {
            tokio::task::yield_now().await;
        }
        up.kill().await;
        unanswered = working.join_all().await.into_iter().flatten().collect();
        check(&deployment);
    }
    deployment.up().await.stop().await;
    check(&deployment)
}

/// Clients pay and write, an operator approves everything, until so many answers came. They still speak when the cut
/// comes, and end with the connection; each gives the payment that it has no answer to.
async fn work_until(
    up: &Up,
    operator: &Operator,
    token: &str,
    round: usize,
    n_answers: usize,
) -> JoinSet<Option<Value>> {
    let (told, mut answers) = mpsc::channel(64);
    let mut clients = JoinSet::new();
    for index in 0..N_PAYERS + N_WRITERS {
        let (client, told) = (Client::new(up.address, Some(token)), told.clone());
        clients.spawn(async move {
            let name = format!("round {round}, client {index}");
            if index < N_PAYERS { pay(client, &name, &told).await } else { write(client, &name, &told).await }
        });
    }
    drop(told);
    let mut n_heard = 0;
    while let Some(answer) = answers.recv().await {
        n_heard += 1;
        if n_heard >= n_answers {
            break;
        }
        if let Some(ticket) = held(&answer) {
            approve(operator, ticket).await;
        }
    }
    clients
}

/// Pays again and again, repeating each payment until it is through; ends when the program is gone.
async fn pay(mut client: Client, name: &str, told: &Sender<Value>) -> Option<Value> {
    open(&mut client, name).await?;
    for number in 0.. {
        let order = json!({ "account": "A1", "amount": 100, "reference": format!("{name}, payment {number}") });
        loop {
            let Some(answer) = call(&client, "pay", &order).await else { return Some(order) };
            let done = is_done(&answer);
            if told.send(answer).await.is_err() {
                return (!done).then_some(order);
            }
            if done {
                break;
            }
        }
    }
    None
}

/// Writes one note after the other, each once: nobody stands between it and its effect.
async fn write(mut client: Client, name: &str, told: &Sender<Value>) -> Option<Value> {
    open(&mut client, name).await?;
    for number in 0.. {
        let answer = call(&client, "write_note", &json!({ "text": format!("{name}, note {number}") })).await?;
        told.send(answer).await.ok()?;
    }
    None
}

/// Repeats what nobody had an answer to when the power went. It may go on if a person had approved it and it never ran;
/// what ran waits for a person again, and gets none here.
async fn ask_again(up: &Up, token: &str, orders: Vec<Value>) {
    let mut client = Client::new(up.address, Some(token));
    open(&mut client, "the one who comes back").await.unwrap();
    for order in orders {
        let answer = call(&client, "pay", &order).await.unwrap();
        assert!(is_done(&answer) || held(&answer).is_some(), "{answer}");
    }
}

async fn open(client: &mut Client, name: &str) -> Option<()> {
    let params =
        json!({ "protocolVersion": REVISION, "capabilities": {}, "clientInfo": { "name": name, "version": "1" } });
    let opened = post(client, "initialize", &params).await?;
    client.session = opened.headers().get("mcp-session-id").map(|id| id.to_str().unwrap().to_owned());
    Some(())
}

async fn call(client: &Client, tool: &str, arguments: &Value) -> Option<Value> {
    let response = post(client, "tools/call", &json!({ "name": tool, "arguments": arguments })).await?;
    response.json().await.ok()
}

async fn post(client: &Client, method: &str, params: &Value) -> Option<Response> {
    client.try_post(client.frame(method, params).to_string().into_bytes(), &HeaderMap::new()).await.ok()
}

async fn approve(operator: &Operator, ticket: &str) {
    let shown = operator.get(&format!("/api/v1/tickets/{ticket}")).await;
    if shown["state"] == "open" {
        operator.answer(&json!({ "ticket": ticket }), "approve").await;
    }
}

/// The record verifies, chain and story. Each effect is what exactly one permit on it says, and none happened twice.
fn check(deployment: &Deployment) -> usize {
    let log = deployment.path().join(".maso/log.db");
    let key = deployment.payload_key();
    let report = maso_verify::verify_database(&log, Some(&maso_verify::PayloadKey::new(&key))).unwrap();
    assert!(report.holds(), "{:?}", report.problems);
    let permits = permits(&Reader::open_with_key(&log, Arc::new(LocalKey::new(&key))).unwrap());
    let effects = deployment.effects();
    let mut n_happened = BTreeMap::<String, usize>::new();
    for effect in &effects {
        *n_happened.entry(effect.to_string()).or_default() += 1;
    }
    for (effect, n) in n_happened {
        assert_eq!(n, 1, "it happened {n} times: {effect}");
        let n_permits = permits.get(&effect).copied().unwrap_or_default();
        assert_eq!(n_permits, 1, "{n_permits} permits on the record say: {effect}");
    }
    effects.len()
}

/// What was permitted and changes something, as the effect that it has, and how often: each permit's tool together with
/// the payload that is kept under its digest.
fn permits(log: &Reader) -> HashMap<String, usize> {
    let mut permits = HashMap::new();
    for record in log.records(1, u64::MAX, usize::MAX).unwrap() {
        let Body::HopDecided(decided) = record.body else { continue };
        let is_permit = decided.decision == "allow" && decided.enforced && decided.answers.is_none();
        if decided.hop_kind != "tool-call" || !is_permit {
            continue;
        }
        let digest = decided.payload.as_deref().and_then(maso_core::Digest::parse).unwrap();
        let arguments = log.payload(digest).unwrap().expect("what was permitted is kept");
        let effect = json!({ "tool": decided.object.trim_start_matches("notes:"), "arguments": arguments });
        *permits.entry(effect.to_string()).or_default() += 1;
    }
    permits
}
