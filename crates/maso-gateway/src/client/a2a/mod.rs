//! The door for agents over A2A: `/a2a/{agent}` takes its JSON-RPC, `/a2a/{agent}/v1` its HTTP+JSON, and below it lies the
//! agent's card.
//!
//! A message asks for a request that a grant names; it travels as any request does, and lies in the same mailbox. To whoever
//! sent it, it is a task, whose id is that of its hop (decision 24).

mod binding;
mod cards;
mod following;
mod going_on;
mod push;
mod sending;
mod tasks;

pub(crate) use tasks::Tasks;

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use maso_core::{AgentName, Finding, HopId, Refusal, Refused, ServerName, Word};
use maso_path::NotTakenBack;
use maso_wire::{
    Arrival, Credential, Parsed, Received, UnverifiedToken,
    a2a::{self, Asked, Code, WhichTask, WhichTasks},
};
use serde_json::{Value, json};

use self::{
    binding::Binding,
    following::Opened,
    sending::Sent,
    tasks::{Cancel, Page},
};
use super::http;
use crate::{fleet, gateway::Gateway};

pub(super) fn routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/a2a/{agent}", post(binding::json_rpc))
        .route("/a2a/{agent}/v1/{*operation}", any(binding::http_json))
        .route("/a2a/{agent}/.well-known/agent-card.json", get(cards::card))
        .route("/.well-known/jwks.json", get(cards::keys))
}

/// One HTTP request to this door.
struct Visitor {
    gateway: Arc<Gateway>,
    /// Who is asked.
    to: AgentName,
    /// Who asks, by a token and a proof that do not count as used yet.
    from: AgentName,
    credential: Credential,
    task: Option<UnverifiedToken>,
    binding: Binding,
}

/// Why a request is answered with an error.
#[derive(Debug)]
enum Fault {
    /// The sender is nobody.
    Unauthentic,
    /// Anything else: a code, and what the client is told.
    Told(Code, String),
}

impl Fault {
    fn refused(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthentic => Self::Unauthentic,
            refusal => Self::Told(Code::Refused, format!("maso refused this: {refusal}")),
        }
    }

    fn unknown_task() -> Self {
        Self::Told(Code::TaskNotFound, "there is no such task".to_owned())
    }
}

impl From<(Code, String)> for Fault {
    fn from((code, told): (Code, String)) -> Self {
        Self::Told(code, told)
    }
}

impl Visitor {
    /// Answers what was asked, beside the params in which it stood.
    async fn answer(self, headers: &HeaderMap, asked: Result<(Asked, Parsed), Fault>) -> Response {
        let version = http::header(headers, a2a::VERSION_HEADER);
        if !a2a::speaks(version) {
            let told = format!("version {} is spoken", a2a::VERSION);
            return self.binding.answered(Err(Fault::Told(Code::VersionNotSupported, told)));
        }
        let (asked, params) = match asked {
            Ok(asked) => asked,
            Err(fault) => return self.binding.answered(Err(fault)),
        };
        let streams = matches!(asked, Asked::SendAndFollow(_) | Asked::Follow(_));
        if streams && !http::accepts(headers, "text/event-stream") {
            return StatusCode::NOT_ACCEPTABLE.into_response();
        }
        let told = match asked {
            Asked::SendAndFollow(send) => match self.send(&params, *send).await {
                Ok(Sent { id }) => return self.follow(id, Opened::ByMessage),
                Err(fault) => Err(fault),
            },
            Asked::Follow(which) => match self.own(&which) {
                Ok((task, _, standing)) if standing.state.is_final() => {
                    Err(Fault::Told(Code::UnsupportedOperation, format!("the task is over ({task})")))
                }
                Ok((task, ..)) => return self.follow(task, Opened::BySubscription),
                Err(fault) => Err(fault),
            },
            Asked::Send(send) => self.send_and_wait(&params, *send).await,
            Asked::Task(which) => self.task(&which),
            Asked::Tasks(wanted) => self.tasks(&wanted),
            Asked::Cancel(which) => self.cancel(&which).await,
            Asked::CallBack(which, target) => self.call_back(&which, target),
            Asked::Callback(which) => self.callback(which),
            Asked::Callbacks(which) => self.callbacks(&which),
            Asked::NoCallback(which) => self.no_callback(which),
            Asked::Card => self.identified().map(|()| cards::of(&self.gateway, &self.to, Some(&self.from))),
        };
        self.binding.answered(told)
    }

    fn task(&self, which: &WhichTask) -> Result<Value, Fault> {
        let (id, known, standing) = self.own(which)?;
        Ok(standing.told(&id.to_string(), &known).write())
    }

    async fn cancel(&self, which: &WhichTask) -> Result<Value, Fault> {
        let (id, ..) = self.own(which)?;
        let too_late = || Fault::Told(Code::TaskNotCancelable, "it is over, or about to be".to_owned());
        match self.gateway.a2a_tasks.cancel(id) {
            Cancel::Done => self.gateway.fleet.stir(),
            Cancel::Sent => {
                let taken_back = self.gateway.take_request_back(id, &self.from).await;
                taken_back.map_err(|why| match why {
                    NotTakenBack::Unknown | NotTakenBack::Over => too_late(),
                    NotTakenBack::Fault => Fault::refused(Refusal::Unavailable),
                })?;
            }
            Cancel::TooLate => return Err(too_late()),
        }
        let (known, standing) = self.gateway.a2a_standing(id, &self.from, &self.to).ok_or_else(Fault::unknown_task)?;
        Ok(standing.told(&id.to_string(), &known).write())
    }

    fn tasks(&self, wanted: &WhichTasks) -> Result<Value, Fault> {
        self.identified()?;
        let Page { tasks, n_all, has_more } =
            self.gateway
                .a2a_tasks
                .list((&self.from, &self.to), wanted, |id, known| self.gateway.standing_of(id, known));
        let next = tasks.last().filter(|_| has_more).map(|(id, ..)| id.to_string());
        let tasks: Vec<Value> = tasks
            .iter()
            .map(|(id, known, standing)| {
                let id = id.to_string();
                let told = standing.told(&id, known);
                a2a::Task { result: told.result.filter(|_| wanted.with_artifacts), ..told }.write()
            })
            .collect();
        Ok(json!({
            "tasks": tasks,
            "nextPageToken": next.unwrap_or_default(),
            "pageSize": wanted.n_max.get(),
            "totalSize": n_all,
        }))
    }

    /// One of the client's own tasks with this agent. Uses the proof up.
    fn own(&self, task: &WhichTask) -> Result<(HopId, tasks::Known, tasks::Standing), Fault> {
        self.identified()?;
        let id = task.0.parse::<HopId>().map_err(|_| Fault::unknown_task())?;
        let (known, standing) = self.gateway.a2a_standing(id, &self.from, &self.to).ok_or_else(Fault::unknown_task)?;
        Ok((id, known, standing))
    }

    /// Uses the proof up. Whoever is stopped is told nothing.
    fn identified(&self) -> Result<(), Fault> {
        let identified = self.gateway.identify(self.credential.clone(), None, &maso());
        match identified {
            Ok(agent) if agent != self.from => Err(Fault::Unauthentic),
            Ok(agent) if self.gateway.decider.is_stopped(&agent) => Err(Fault::refused(Refusal::Suspended)),
            Ok(agent) => {
                self.gateway.decider.seen(&agent);
                Ok(())
            }
            Err(_) => {
                let (gateway, credential) = (Arc::clone(&self.gateway), self.credential.clone());
                tokio::spawn(
                    self.gateway.drain.keep(async move { gateway.note_stranger(credential, None, &maso()).await }),
                );
                Err(Fault::Unauthentic)
            }
        }
    }

    fn arrival(&self) -> Arrival {
        Arrival {
            id: self.gateway.decider.hop_id(),
            at: self.gateway.decider.now(),
            credential: self.credential.clone(),
            task: self.task.clone(),
            to: maso_core::Principal::Agent(self.to.clone()),
        }
    }

    /// Puts on the record what goes no further than this door.
    async fn turn_away(&self, received: Received, refusal: Refusal, control: &'static str, reason: String) -> Fault {
        // The proof is used up: one proof does not fill the record with refusals.
        if let Err(fault) = self.identified() {
            return fault;
        }
        let decider = Arc::clone(&self.gateway.decider);
        let refused = Refused::new(received, refusal, Finding::new(control, Word::NoGo, reason));
        Fault::refused(decider.turned_away(refused).await)
    }
}

/// Whose hop it is that goes no further than to maso.
fn maso() -> ServerName {
    fleet::SERVER.parse().expect("it is the name of a server")
}
