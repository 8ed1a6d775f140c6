//! Speaking to a peer: a message, its task until that is over or asks for something, and taking the task back.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use maso_wire::{
    Limits,
    a2a::{self, Method, Said, TaskState, Update},
    sse::Reader,
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Peer,
    binding::{Answered, Asking, Binding},
    card::Known,
};
use crate::upstream::connection::{Answering, Connections};

/// What one connection says to a peer.
pub(super) struct Conversation {
    connections: Connections,
    headers: HeaderMap,
    limits: Limits,
    wait: Duration,
    streams: bool,
    binding: Binding,
    /// Tasks that asked for something on this connection, with their conversations. Nobody goes on with another's.
    open: Mutex<HashMap<String, Option<String>>>,
}

/// What a call came to.
pub(super) enum Called {
    /// What the peer said.
    Said(Box<Said>),
    /// Nothing was sent, or the peer did not take it.
    NotSent(String),
    /// Nobody knows what became of it.
    Broken(String),
}

/// Takes a task back that nobody waits for any more.
struct TakesBack {
    conversation: Arc<Conversation>,
    task: Option<String>,
}

impl Conversation {
    pub(super) fn new(peer: &Peer, known: &Known) -> Result<Self, String> {
        let address = known.url.as_str().parse::<Uri>().map_err(|_| "no address".to_owned())?;
        let mut headers = peer.headers.clone();
        headers.insert(VERSION, HeaderValue::from_static(a2a::VERSION));
        Ok(Self {
            connections: Connections::new(Arc::clone(&peer.dialer), address)?,
            headers,
            limits: peer.settings.limits.for_answers(),
            wait: Duration::from_millis(peer.settings.server_wait_ms),
            streams: known.streams,
            binding: Binding::at(known.binding, &known.url)?,
            open: Mutex::default(),
        })
    }

    /// Sends a message about something that the peer can do, and hears it out. Dropped before its end, it takes the task back.
    pub(super) async fn call(self: &Arc<Self>, skill: &str, arguments: &Value) -> Called {
        let params = match self.message(skill, arguments) {
            Ok(params) => params,
            Err(why) => return Called::NotSent(why.to_owned()),
        };
        let mut watch = TakesBack { conversation: Arc::clone(self), task: None };
        let heard = tokio::time::timeout(self.wait, self.hear_out(&params, &mut watch)).await;
        match heard {
            Ok(called) => {
                if let Called::Said(said) = &called
                    && said.state.is_none_or(|state| state.is_final() || state.is_interrupted())
                {
                    watch.task = None;
                    self.note(said);
                }
                called
            }
            Err(_) => Called::Broken(format!("nothing came within {} ms", self.wait.as_millis())),
        }
    }

    fn message(&self, skill: &str, arguments: &Value) -> Result<Value, &'static str> {
        let mut parts = Vec::new();
        if let Some(data) = arguments.get("data") {
            parts.push(json!({ "data": data }));
        }
        if let Some(text) = arguments.get("text") {
            parts.push(json!({ "text": text }));
        }
        if parts.is_empty() {
            return Err("neither `data` nor `text` was given");
        }
        let message_id = Uuid::new_v4().to_string();
        let Some(task) = arguments.get("taskId").and_then(Value::as_str) else {
            return Ok(a2a::message_to(skill, &message_id, None, &parts));
        };
        let context =
            self.open.lock().remove(task).ok_or("no task of this conversation asked for more under that id")?;
        Ok(a2a::message_to(skill, &message_id, Some((task, context.as_deref().unwrap_or_default())), &parts))
    }

    async fn hear_out(&self, params: &Value, watch: &mut TakesBack) -> Called {
        let going_on = params.pointer("/message/taskId").and_then(Value::as_str);
        let mut said = going_on.map_or_else(Said::default, Said::about);
        let update = if self.streams {
            self.stream(params, &mut said, watch).await
        } else {
            self.ask_once(Method::SendMessage, params, &mut said, watch, Said::hear).await
        };
        let mut update = match update {
            Ok(update) => update,
            Err(called) => return called,
        };
        let mut pause = POLL_FIRST;
        while update == Update::GoesOn {
            let Some(task) = said.task.clone() else { return Called::Broken("it tells of no task".to_owned()) };
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(POLL_MAX);
            update = match self
                .ask_once(Method::GetTask, &json!({ "id": task }), &mut said, watch, Said::hear_of_task)
                .await
            {
                Ok(update) => update,
                Err(Called::NotSent(why)) => return Called::Broken(why),
                Err(called) => return called,
            };
        }
        Called::Said(Box::new(said))
    }

    /// Asks, and hears the answer.
    async fn ask_once(
        &self,
        method: Method,
        params: &Value,
        said: &mut Said,
        watch: &mut TakesBack,
        hear: fn(&mut Said, &Value) -> Result<Update, a2a::SaidFault>,
    ) -> Result<Update, Called> {
        match self.ask(method, params).await {
            Answered::Result(result) => {
                let update = hear(said, &result).map_err(|fault| Called::Broken(fault.to_string()))?;
                watch.task.clone_from(&said.task);
                Ok(update)
            }
            Answered::Refused(why) => Err(Called::NotSent(why)),
            Answered::Broken(why) => Err(Called::Broken(why)),
        }
    }

    async fn ask(&self, method: Method, params: &Value) -> Answered {
        let asking = match self.binding.asking(method, params) {
            Ok(asking) => asking,
            Err(why) => return Answered::Refused(why),
        };
        let answer = match self.send(&asking, "application/a2a+json, application/json").await {
            Ok(answer) => answer,
            Err(fault) => return fault,
        };
        match self.whole(answer).await {
            Ok(bytes) => self.binding.read(&asking, &bytes, &self.limits),
            Err(why) => Answered::Broken(why),
        }
    }

    /// Sends a message and reads the stream of what comes of it, as far as the stream goes.
    async fn stream(&self, params: &Value, said: &mut Said, watch: &mut TakesBack) -> Result<Update, Called> {
        let asking = self.binding.asking(Method::SendStreamingMessage, params).map_err(Called::NotSent)?;
        let mut answer = match self.send(&asking, "text/event-stream").await {
            Ok(answer) => answer,
            Err(Answered::Broken(why)) => return Err(Called::Broken(why)),
            Err(Answered::Refused(why)) => return Err(Called::NotSent(why)),
            Err(Answered::Result(_)) => return Err(Called::Broken("no stream".to_owned())),
        };
        let is_stream = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !is_stream.is_some_and(|kind| kind.trim_start().starts_with("text/event-stream")) {
            // It said no before there was anything to stream.
            let bytes = self.whole(answer).await.map_err(Called::Broken)?;
            return match self.binding.read(&asking, &bytes, &self.limits) {
                Answered::Refused(why) => Err(Called::NotSent(why)),
                Answered::Result(_) => Err(Called::Broken("an answer that is no stream".to_owned())),
                Answered::Broken(why) => Err(Called::Broken(why)),
            };
        }
        let mut reader = Reader::new(self.limits.frame_bytes_max);
        let (mut n_bytes, mut n_events) = (0_usize, 0_usize);
        while let Some(chunk) = answer.chunk().await {
            // Broken off, it may go on: the task is asked for.
            let Ok(chunk) = chunk else { break };
            n_bytes = n_bytes.saturating_add(chunk.len());
            let too_long = || Called::Broken("it says more than is heard".to_owned());
            if n_bytes > self.limits.frame_bytes_max.saturating_mul(STREAM_FRAMES_MAX) {
                return Err(too_long());
            }
            for event in reader.take(&chunk).ok_or_else(too_long)? {
                if event.data.is_empty() {
                    continue;
                }
                n_events += 1;
                if n_events > EVENTS_MAX {
                    return Err(too_long());
                }
                match self.binding.read(&asking, &event.data, &self.limits) {
                    Answered::Result(result) => {
                        let update = said.hear(&result).map_err(|fault| Called::Broken(fault.to_string()))?;
                        watch.task.clone_from(&said.task);
                        if update == Update::Done {
                            return Ok(Update::Done);
                        }
                    }
                    Answered::Refused(why) if said.task.is_none() => return Err(Called::NotSent(why)),
                    Answered::Refused(why) | Answered::Broken(why) => return Err(Called::Broken(why)),
                }
            }
        }
        match said.task {
            Some(_) => Ok(Update::GoesOn),
            None => Err(Called::Broken("the stream ended before it said anything".to_owned())),
        }
    }

    async fn send(&self, asking: &Asking, accept: &'static str) -> Result<Answering, Answered> {
        let mut headers = self.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        asking.content_type.clone().and_then(|kind| headers.insert(CONTENT_TYPE, kind));
        let (verb, body) = (asking.verb.clone(), asking.body.clone());
        let answer = match &asking.path {
            Some(path) => self.connections.ask_path(path, verb, headers, body).await,
            None => self.connections.ask(verb, headers, body).await,
        };
        let answer = answer.map_err(|fault| match fault {
            crate::upstream::LegFault::NotSent(why) => Answered::Refused(why),
            crate::upstream::LegFault::Broken(why) => Answered::Broken(why),
        })?;
        match answer.status() {
            status if status.is_success() => Ok(answer),
            status if self.binding.refuses(status) => Err(Answered::Refused(format!("the agent answered {status}"))),
            // Also a redirect: what is sent to the agent goes nowhere else.
            status => Err(Answered::Broken(format!("the agent answered {status}"))),
        }
    }

    async fn whole(&self, mut answer: Answering) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await {
            body.extend_from_slice(&chunk?);
            if body.len() > self.limits.frame_bytes_max {
                return Err("the answer is larger than a frame may be".to_owned());
            }
        }
        Ok(body)
    }

    /// Remembers a task that asks for something.
    fn note(&self, said: &Said) {
        if let (Some(task), Some(TaskState::InputRequired | TaskState::AuthRequired)) = (&said.task, said.state) {
            let mut open = self.open.lock();
            if open.len() < OPEN_MAX {
                open.insert(task.clone(), said.context.clone());
            }
        }
    }
}

impl Drop for TakesBack {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let conversation = Arc::clone(&self.conversation);
        runtime.spawn(async move {
            let params = json!({ "id": task });
            let cancelled = conversation.ask(Method::CancelTask, &params);
            if !matches!(tokio::time::timeout(CANCEL_WAIT, cancelled).await, Ok(Answered::Result(_))) {
                tracing::debug!("a task of an agent outside could not be taken back");
            }
        });
    }
}

const VERSION: HeaderName = HeaderName::from_static(a2a::VERSION_HEADER);
const POLL_FIRST: Duration = Duration::from_millis(200);
const POLL_MAX: Duration = Duration::from_secs(5);
const CANCEL_WAIT: Duration = Duration::from_secs(10);
const OPEN_MAX: usize = 256;
const EVENTS_MAX: usize = 10_000;
const STREAM_FRAMES_MAX: usize = 4;
