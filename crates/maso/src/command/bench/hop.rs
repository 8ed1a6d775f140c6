//! (b) A full hop: parsed, its sender's signature checked, scanned, decided, durably recorded, released.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use maso_core::{Mode, Timestamp};
use maso_path::{Carried, Outcome, Path};
use serde::Serialize;

use super::{
    ground::{self, Caller, Ground},
    primitives::{self, Primitives},
    times::{Quantiles, Times},
};
use crate::{assemble, fault::Fault, state::StateFolder};

/// What a full hop takes.
#[derive(Clone, Debug, Serialize)]
pub struct FullHop {
    /// One after the other.
    pub hop: Quantiles,
    /// The bare append of 256 bytes, measured again right after the hops.
    pub fsync: Quantiles,
    /// One signature checked and one bare append: the medians added.
    pub primitives_us: f64,
    /// How many times as long as its primitives.
    pub ratio: f64,
    /// Callers at a time, for the rate.
    pub n_callers: usize,
    /// Hops a second with so many callers.
    pub hops_per_second: f64,
    /// What each of them waited.
    pub at_once: Quantiles,
}

/// Measures it on a record in `ground`.
pub async fn measure(ground: &Ground, primitives: &Primitives, rounds: usize) -> Result<FullHop, Fault> {
    let folder = ground.declare("hop", &ground::source("http://127.0.0.1:9/mcp"))?;
    let state = StateFolder::open(&folder).map_err(|fault| Fault::new("cannot open the state", fault))?;
    let authority = state.authority().map_err(|fault| Fault::new("cannot make an authority", fault))?;
    let (deployment, _) = assemble::declared(&folder)?;
    let assembled = assemble::open(deployment, state, assemble::Opening::new("bench", Mode::Enforce), &[]).await?;
    let path = Arc::clone(&assembled.path);
    publish(&path).await;
    let caller = Arc::new(Caller::new(&assembled.deployment, &authority, URL.to_owned(), path.clock().now())?);
    let arguments: Arc<[u8]> = serde_json::to_vec(&ground::arguments()).expect("an object is JSON").into();

    let mut taken = Vec::with_capacity(rounds);
    for round in 0..rounds + WARM_UP {
        let took = one(&path, &caller, &arguments).await?;
        if round >= WARM_UP {
            taken.push(took);
        }
    }
    let hop = Times::of(taken).ok_or_else(|| Fault::plain("no round was measured"))?.quantiles();
    path.recorder().flush().await.map_err(|fault| Fault::new("the record broke", fault))?;
    let fsync = primitives::fsync(ground.path(), rounds)?;

    let start = Instant::now();
    let each = (rounds / 8).max(1);
    let callers: Vec<_> = (0..N_CALLERS)
        .map(|_| {
            let (path, caller, arguments) = (Arc::clone(&path), Arc::clone(&caller), Arc::clone(&arguments));
            tokio::spawn(async move {
                let mut taken = Vec::with_capacity(each);
                for _ in 0..each {
                    taken.push(one(&path, &caller, &arguments).await?);
                }
                Ok::<_, Fault>(taken)
            })
        })
        .collect();
    let mut waits = Vec::new();
    for caller in callers {
        waits.extend(caller.await.map_err(|error| Fault::new("a caller ended", error))??);
    }
    let hops_per_second = waits.len() as f64 / start.elapsed().as_secs_f64();
    let at_once = Times::of(waits).ok_or_else(|| Fault::plain("no round was measured"))?.quantiles();
    let primitives_us = primitives.ed25519_verify.p50_us + fsync.p50_us;
    Ok(FullHop {
        hop,
        fsync,
        primitives_us,
        ratio: hop.p50_us / primitives_us,
        n_callers: N_CALLERS,
        hops_per_second,
        at_once,
    })
}

/// One hop; the proof is made outside the clock, since it is the caller's work.
async fn one(path: &Path, caller: &Caller, arguments: &[u8]) -> Result<Duration, Fault> {
    let now: Timestamp = path.clock().now();
    let (id, credential) = (path.ids().hop(), caller.credential(now));
    let start = Instant::now();
    let received = ground::call(id, now, credential, arguments)?;
    let outcome = path.travel(received, |release| async move { Carried::Delivered(release.permit().is_some()) }).await;
    let took = start.elapsed();
    match outcome {
        Outcome::Released { reply: true, .. } => Ok(took),
        Outcome::Released { reply: false, .. } | Outcome::TryOut(_) | Outcome::Held(_) => {
            Err(Fault::plain("the hop that is measured was expected to be allowed"))
        }
        Outcome::Refused { refusal, .. } => {
            Err(Fault::plain(format!("the hop that is measured was refused: {refusal}")))
        }
    }
}

/// The tool server publishes what was approved.
async fn publish(path: &Path) {
    let servers = path.world().deployment().servers.values();
    let tools = servers.flat_map(|server| server.tools.values());
    let definitions = tools.filter_map(|tool| Some((tool.tool.clone(), tool.definition.as_deref()?.clone())));
    path.published(definitions.collect()).await;
}

const URL: &str = "http://127.0.0.1:9/mcp/notes";
const WARM_UP: usize = 50;
const N_CALLERS: usize = 64;
