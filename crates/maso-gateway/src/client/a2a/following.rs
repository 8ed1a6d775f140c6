//! Following a task: a stream of events until it is over, for as long as what opened it counts.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use maso_core::{AgentName, HopId};
use maso_wire::a2a;
use serde_json::{Value, json};

use super::{
    Fault, Visitor,
    binding::Binding,
    tasks::{Known, Standing},
};
use crate::{admission::Admission, client::http::KEEP_ALIVE, gateway::Gateway};

/// By what a stream was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// A message: the stream tells how far that has brought the task.
    ByMessage,
    /// A subscription: it may begin while the task asks its client for something, and waits for what comes after.
    BySubscription,
}

/// Somebody who follows a task.
struct Follower {
    gateway: Arc<Gateway>,
    task: HopId,
    ways: (AgentName, AgentName),
    /// How the request came that is answered by each event.
    binding: Binding,
    admission: Admission,
    opened: Opened,
    told: Option<Standing>,
    ready: VecDeque<Value>,
    /// Whether nothing comes after what is ready.
    is_over: bool,
}

impl Visitor {
    /// The stream of a task. Its client was identified.
    pub(super) fn follow(&self, task: HopId, opened: Opened) -> Response {
        let admission = match self.gateway.admit(&self.credential, self.task.as_ref()) {
            Ok(admission) => admission,
            Err(refusal) => return self.binding.answered(Err(Fault::refused(refusal))),
        };
        let follower = Follower {
            gateway: Arc::clone(&self.gateway),
            task,
            ways: (self.from.clone(), self.to.clone()),
            binding: self.binding.clone(),
            admission,
            opened,
            told: None,
            ready: VecDeque::new(),
            is_over: false,
        };
        let events = futures::stream::unfold(follower, |mut follower| async move {
            let event = follower.next().await?;
            Some((Ok::<_, Infallible>(event), follower))
        });
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
            (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
        ];
        (headers, Body::from_stream(events)).into_response()
    }
}

impl Follower {
    /// What comes next on the stream; `None` when the task is over or asks its client for something, or nothing more may be
    /// told.
    async fn next(&mut self) -> Option<Bytes> {
        if self.ready.is_empty() {
            if self.is_over {
                return None;
            }
            let found = {
                let (gateway, told) = (&self.gateway, &self.told);
                let look = || match gateway.a2a_standing(self.task, &self.ways.0, &self.ways.1) {
                    None => Some(None),
                    Some((_, standing)) if told.as_ref() == Some(&standing) => None,
                    found => Some(found),
                };
                let wait_ms = u64::try_from(KEEP_ALIVE.as_millis()).unwrap_or(u64::MAX);
                gateway.fleet.look(wait_ms, self.admission.ended(), look).await
            };
            // Looked at once more: what came may have come before the next tick.
            if !self.admission.counts() || self.gateway.drain.has_begun() {
                return None;
            }
            let Some(found) = found else { return Some(Bytes::from_static(b":\n\n")) };
            // What its mailbox forgot has no news.
            let (known, standing) = found?;
            self.note(&known, standing);
        }
        let event = self.ready.pop_front()?;
        Some(Bytes::from(format!("data: {}\n\n", self.binding.event(event))))
    }

    fn note(&mut self, known: &Known, standing: Standing) {
        let id = self.task.to_string();
        let task = standing.told(&id, known);
        match self.told {
            None => self.ready.push_back(json!({ "task": task.write() })),
            Some(_) => {
                self.ready.extend(a2a::artifact_update(&task));
                self.ready.push_back(a2a::status_update(&task));
            }
        }
        // A client that is asked something answers, and follows its task again. What it was asked before it subscribed may be
        // answered by somebody else.
        let was_asked_before = self.told.is_none() && self.opened == Opened::BySubscription;
        self.is_over = standing.state.is_final() || standing.state.is_interrupted() && !was_asked_before;
        self.told = Some(standing);
    }
}
