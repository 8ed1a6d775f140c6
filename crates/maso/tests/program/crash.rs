//! Power cuts under load: what was done is on the record, and nothing is done twice.

use std::{collections::BTreeMap, net::SocketAddr};

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
    client::{Client, REVISION},
    deployment::{Deployment, Operator, Up, Wanted},
};

/// How often the program is killed; `MASO_CRASH_ROUNDS` for more.
const ROUNDS: usize = 20;
const N_CLIENTS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_loses_nothing_and_repeats_nothing() {
    let rounds = std::env::var("MASO_CRASH_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let deployment = Deployment::new(&Wanted { hold_open: "1ms", ..Wanted::default() });
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"power cuts come when they like..");
    for round in 0..rounds {
        let up = deployment.up().await;
        let operator = up.operator().await;
        let token = operator.token("writer", None).await;
        // So many answers come back before the cut; what is under way then is where it hits.
        let n_answers = 1 + usize::try_from(rng.next_u32()).unwrap() % 40;
        let mut clients = work_until(&up, &operator, &token, round, n_answers).await;
        up.kill().await;
        clients.shutdown().await;
        deployment.verify().await;
        every_effect_is_permitted(&deployment).await;
    }
    let up = deployment.up().await;
    up.stop().await;
    deployment.verify().await;
    every_effect_is_permitted(&deployment).await;
    assert!(!deployment.effects().is_empty(), "nothing was ever done: the test shows nothing");
}

/// Clients pay and repeat each payment until it is through, an operator approves everything, until so many answers came.
async fn work_until(up: &Up, operator: &Operator, token: &str, round: usize, n_answers: usize) -> JoinSet<Option<()>> {
    let (told, mut answers) = mpsc::channel(64);
    let mut clients = JoinSet::new();
    for index in 0..N_CLIENTS {
        let (address, token, told) = (up.address, token.to_owned(), told.clone());
        clients.spawn(async move { pay(address, &token, &format!("round {round}, client {index}"), &told).await });
    }
    drop(told);
    let mut n_heard = 0;
    while let Some(answer) = answers.recv().await {
        n_heard += 1;
        if n_heard >= n_answers {
            break;
        }
        if let Some(ticket) = crate::client::held(&answer) {
            approve(operator, ticket).await;
        }
    }
    // They still speak when the cut comes, and end with the connection.
    clients
}

/// Pays again and again, repeating each payment until it is through; ends when the program is gone.
async fn pay(address: SocketAddr, token: &str, name: &str, told: &Sender<Value>) -> Option<()> {
    let mut client = Client::new(address, Some(token));
    let params =
        json!({ "protocolVersion": REVISION, "capabilities": {}, "clientInfo": { "name": name, "version": "1" } });
    let opened = post(&client, "initialize", &params).await?;
    client.session = opened.headers().get("mcp-session-id").map(|id| id.to_str().unwrap().to_owned());
    for number in 0.. {
        let reference = format!("{name}, payment {number}");
        let params = json!({ "name": "pay", "arguments": { "account": "A1", "amount": 100, "reference": reference } });
        loop {
            let answer: Value = post(&client, "tools/call", &params).await?.json().await.ok()?;
            let done = answer["result"]["isError"] != true && answer.get("error").is_none();
            told.send(answer).await.ok()?;
            if done {
                break;
            }
        }
    }
    None
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

/// Each effect stands on a permit that is on the record, and no reference was paid twice.
async fn every_effect_is_permitted(deployment: &Deployment) {
    let effects = deployment.effects();
    let mut n_paid = BTreeMap::<String, usize>::new();
    for effect in &effects {
        *n_paid.entry(effect["arguments"]["reference"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let twice: Vec<_> = n_paid.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.is_empty(), "paid twice: {twice:?}");
    let allowed =
        |hop: &&Value| hop["object"] == "notes:pay" && hop["hop_kind"] == "tool-call" && hop["decision"] == "allow";
    let n_allowed = deployment.bodies("hop-decided").await.iter().filter(allowed).count();
    let n_spent = deployment.bodies("ticket-spent").await.len();
    assert!(effects.len() <= n_allowed, "{} effects, {n_allowed} permits on the record", effects.len());
    assert!(effects.len() <= n_spent, "{} effects, {n_spent} approvals spent", effects.len());
}
