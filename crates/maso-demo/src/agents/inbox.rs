//! What other agents ask of this one.

use std::{
    io::Read as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Reply, tools::Tools};
use crate::DemoError;

/// A typed request by another agent.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Request {
    id: String,
    /// The agent that asks.
    pub from: String,
    /// What it asks for.
    pub request: String,
    /// With what content.
    #[serde(default)]
    pub content: Value,
    /// The task in which it asks, if the request brings its own.
    #[serde(default)]
    pub task_token: Option<String>,
}

impl Request {
    /// The claim that the request is about.
    pub(super) fn claim_id(&self) -> Option<&str> {
        self.content["claim_id"].as_str()
    }
}

/// The requests that wait for an agent, one at a time.
pub(super) struct Inbox {
    waiting: std::collections::VecDeque<Request>,
    closed: Arc<AtomicBool>,
    wait_ms: u64,
    n_failures: u32,
}

impl Inbox {
    /// An inbox that stays open until standard input ends.
    pub(super) fn new() -> Self {
        let closed = Arc::new(AtomicBool::new(false));
        let closes = Arc::clone(&closed);
        std::thread::spawn(move || {
            // Whatever still comes is read and dropped; an error ends the input as its end does.
            let mut sink = [0; 256];
            let mut stdin = std::io::stdin().lock();
            while matches!(stdin.read(&mut sink), Ok(n) if n > 0) {}
            closes.store(true, Ordering::SeqCst);
        });
        Self { waiting: std::collections::VecDeque::new(), closed, wait_ms: WAIT_MS_MIN, n_failures: 0 }
    }

    /// The next request, or `None` when nobody will ask any more.
    pub(super) async fn next(&mut self, tools: &mut Tools) -> Result<Option<Request>, DemoError> {
        while self.waiting.is_empty() {
            // Looked at before asking: what was sent before the end is still received.
            let last_round = self.closed.load(Ordering::SeqCst);
            tools.work_on(None, None);
            let reply = tools.call_quietly("maso", "receive_requests", json!({ "wait_ms": self.wait_ms })).await?;
            let received = requests_in(&reply);
            match received {
                Some(requests) => {
                    self.n_failures = 0;
                    self.wait_ms = if requests.is_empty() { (self.wait_ms * 2).min(WAIT_MS_MAX) } else { WAIT_MS_MIN };
                    self.waiting.extend(requests);
                }
                None => {
                    self.n_failures += 1;
                    tokio::time::sleep(FAILURE_PAUSE).await;
                }
            }
            if self.waiting.is_empty() && (last_round || self.n_failures >= FAILURES_MAX) {
                return Ok(None);
            }
        }
        Ok(self.waiting.pop_front())
    }

    /// Tells the gateway what became of a request.
    pub(super) async fn complete(&self, tools: &mut Tools, request: &Request, result: Value) -> Result<(), DemoError> {
        tools.call_quietly("maso", "complete_request", json!({ "id": request.id, "result": result })).await?;
        Ok(())
    }
}

fn requests_in(reply: &Reply) -> Option<Vec<Request>> {
    let result = reply.result()?;
    let list = if result.is_array() { result } else { &result["requests"] };
    serde_json::from_value(list.clone()).ok()
}

// Short while there is work, longer while there is none: an idle agent asks seven times a minute.
const WAIT_MS_MIN: u64 = 250;
const WAIT_MS_MAX: u64 = 8_000;
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
const FAILURES_MAX: u32 = 600;
