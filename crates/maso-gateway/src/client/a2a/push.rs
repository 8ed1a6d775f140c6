//! Calling clients back when a task goes on: only where the deployment says so, and with nothing but where the task is.

use std::{sync::Arc, time::Duration};

use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use maso_core::{AgentName, Finding, HopId, Refusal, Refused, Word};
use maso_intent::Deployment;
use maso_wire::a2a::{self, Code, PushTarget, WhichConfig, WhichTask};
use serde_json::{Value, json};
use url::Url;

use super::{Fault, Visitor, tasks::Standing};
use crate::gateway::Gateway;

/// Whether this client may be called back there.
///
/// # Errors
/// When nobody declared it: the reason, for operators.
pub(super) fn is_declared(deployment: &Deployment, client: &AgentName, target: &PushTarget) -> Result<Url, String> {
    let undeclared = || format!("nobody declared that `{client}` may be called back there");
    let url = target.url.parse::<Url>().map_err(|_| undeclared())?;
    let external = deployment.agents.get(client).and_then(|mandate| mandate.external.as_ref());
    external.filter(|external| external.may_be_called_at(&url)).map(|_| url).ok_or_else(undeclared)
}

impl Visitor {
    pub(super) fn call_back(&self, which: &WhichTask, target: PushTarget) -> Result<Value, Fault> {
        let (id, known, _) = self.own(which)?;
        if let Err(reason) = is_declared(&self.gateway.decider.deployment(), &self.from, &target) {
            self.note_undeclared(reason);
            return Err(Fault::Told(Code::PushNotSupported, "nobody declared that place".to_owned()));
        }
        if known.push.len() >= PLACES_MAX {
            return Err(Fault::refused(Refusal::LimitReached));
        }
        let name = self.gateway.call_back_about(id, target.clone());
        Ok(told(id, &name, &target))
    }

    pub(super) fn callback(&self, which: WhichConfig) -> Result<Value, Fault> {
        let (id, known, _) = self.own(&WhichTask(which.task))?;
        let unknown = || Fault::Told(Code::TaskNotFound, "there is no such place".to_owned());
        known.push.get(&which.id).map(|target| told(id, &which.id, target)).ok_or_else(unknown)
    }

    pub(super) fn callbacks(&self, which: &WhichTask) -> Result<Value, Fault> {
        let (id, known, _) = self.own(which)?;
        let configs: Vec<Value> = known.push.iter().map(|(name, target)| told(id, name, target)).collect();
        Ok(json!({ "configs": configs }))
    }

    pub(super) fn no_callback(&self, which: WhichConfig) -> Result<Value, Fault> {
        let (id, ..) = self.own(&WhichTask(which.task))?;
        self.gateway.a2a_tasks.change_push(id, |push| push.remove(&which.id));
        Ok(json!({}))
    }

    /// Puts on the record that a client wanted to have something sent elsewhere.
    fn note_undeclared(&self, reason: String) {
        let (gateway, arrival) = (Arc::clone(&self.gateway), self.arrival());
        let Ok(received) = gateway.bare_hop(arrival.credential, arrival.task, &super::maso()) else { return };
        let refused = Refused::new(received, Refusal::OutOfMandate, Finding::new("SC-3.4", Word::NoGo, reason));
        let noting = async move { gateway.decider.clone().turned_away(refused).await };
        tokio::spawn(self.gateway.drain.keep(noting));
    }
}

impl Gateway {
    /// Calls a client back from now on, when its task goes on. Gives the name of the place.
    pub(super) fn call_back_about(&self, id: HopId, target: PushTarget) -> String {
        let name = target.id.clone().unwrap_or_else(|| format!("{id}-{}", self.decider.hop_id()));
        let is_first = self.a2a_tasks.change_push(id, |push| {
            let is_first = push.is_empty();
            push.insert(name.clone(), target);
            is_first
        });
        if is_first == Some(true) {
            let gateway = self.shared();
            tokio::spawn(async move { gateway.keep_calling_back(id).await });
        }
        name
    }

    /// Tells of a task each time that it goes on, until it is over or nobody wants to be told.
    async fn keep_calling_back(&self, id: HopId) {
        let mut told: Option<Standing> = None;
        loop {
            let over = self.drain.begun();
            let stands = || {
                let known = self.a2a_tasks.called_back(id)?;
                let standing = self.standing_of(id, &known)?;
                Some((known, standing))
            };
            let look = || match stands() {
                Some((_, standing)) if told.as_ref() == Some(&standing) => None,
                found => Some(found),
            };
            let found = self.fleet.look(LOOK_MS, over, look).await;
            if self.drain.has_begun() {
                return;
            }
            let Some(found) = found else { continue };
            let Some((known, standing)) = found else { return };
            // Whoever is stopped is told nothing.
            if !self.decider.is_stopped(&known.from) {
                let id = id.to_string();
                let task = standing.told(&id, &known);
                // What it is asked, it fetches.
                let note = task.note.filter(|_| !task.state.is_interrupted());
                let event = a2a::status_update(&a2a::Task { note, ..task }).to_string();
                for target in known.push.values() {
                    // Asked anew each time: the deployment in force may be another.
                    if let Ok(url) = is_declared(&self.decider.deployment(), &known.from, target) {
                        self.call_back(&url, target, &event).await;
                    }
                }
            }
            if standing.state.is_final() {
                return;
            }
            told = Some(standing);
        }
    }

    async fn call_back(&self, url: &Url, target: &PushTarget, event: &str) {
        // Once for all tries: whoever gets two of them takes one.
        let headers = headers(target, &self.decider.sign_callback(url.as_str(), event.as_bytes()));
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            match self.upstreams.call_back(url, headers.clone(), event.to_owned()).await {
                Ok(()) => return,
                Err(fault) => tracing::debug!(%url, fault, "a client could not be called back"),
            }
        }
        tracing::warn!(%url, "a client was not called back: it did not answer");
    }
}

fn headers(target: &PushTarget, signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    };
    if let Some(token) = &target.token {
        set(NOTIFICATION_TOKEN, token);
    }
    set(SIGNATURE, signature);
    match &target.authentication {
        Some((scheme, credentials)) => set(AUTHORIZATION, &format!("{scheme} {credentials}")),
        // Where receivers of A2A look for it.
        None => set(AUTHORIZATION, &format!("Bearer {signature}")),
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}

/// What a client is told of a place; its credentials it knows.
fn told(task: HopId, name: &str, target: &PushTarget) -> Value {
    json!({ "taskId": task.to_string(), "id": name, "url": target.url })
}

/// Places of one task.
const PLACES_MAX: usize = 4;
const LOOK_MS: u64 = 30_000;
/// What comes before each try.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(5)];
const SIGNATURE: HeaderName = HeaderName::from_static("maso-callback");
const NOTIFICATION_TOKEN: HeaderName = HeaderName::from_static("x-a2a-notification-token");
