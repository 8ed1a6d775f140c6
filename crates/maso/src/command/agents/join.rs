//! `maso agents join`: becomes an agent by a token that works once, as a program does over HTTP.

use std::path::Path;

use maso_api::{IssuedToken, Join, Problem};
use maso_identity::AgentKey;
use maso_path::{Clock as _, SystemClock};
use uuid::Uuid;

use crate::{fault::Fault, state};

/// Joins at the deployment that is served at `url`, with the key in `file`, which is made where it is not there.
pub async fn join(url: &str, token: &str, file: &Path) -> Result<IssuedToken, Fault> {
    let key = key(file)?;
    let address = format!("{}/v1/join", url.trim_end_matches('/'));
    let proof = key.prove("POST", &address, token, Uuid::new_v4(), SystemClock.now());
    let order = Join { token: token.to_owned(), key: key.public().to_jwk() };
    let unreached = |error| Fault::new(format!("cannot ask `{address}`"), error).help("`maso up` serves it");
    let answer = reqwest::Client::new().post(&address).header("dpop", proof).json(&order).send().await;
    let answer = answer.map_err(unreached)?;
    if answer.status().is_success() {
        return answer.json().await.map_err(|error| Fault::new("the answer cannot be read", error));
    }
    let status = answer.status();
    let why = answer.json::<Problem>().await.map_or_else(|_| status.to_string(), |problem| problem.title);
    Err(Fault::plain(format!("nobody joined: {why}"))
        .help("a join token works once, until it ends; `maso agents join-token` issues another"))
}

/// The key in this file, made where it is not there.
pub fn key(file: &Path) -> Result<AgentKey, Fault> {
    if file.exists() {
        let text = state::read_private(file).map_err(|fault| Fault::new("cannot read the agent's key", fault))?;
        return AgentKey::from_pem(&text).map_err(|error| Fault::new("cannot read the agent's key", error));
    }
    make(file)
}

/// A new key, in a file that only its owner may read.
pub fn make(file: &Path) -> Result<AgentKey, Fault> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Fault::plain(format!("cannot draw randomness: {error}")))?;
    let key = AgentKey::from_seed(seed);
    state::create_private(file, key.expose_pem().as_bytes())
        .map_err(|fault| Fault::new("cannot write the agent's key", fault))?;
    Ok(key)
}
