//! A message to an agent: which request it makes, the way of its hop, and what becomes of it.

use std::sync::Arc;

use maso_core::{AgentName, HopId, Refusal, RequestName};
use maso_intent::Deployment;
use maso_wire::{
    Arrival, Parsed,
    a2a::{Code, Content, Returns, SendMessage, TaskState},
    parse,
};
use serde_json::{Value, json};

use super::{
    Fault, Visitor, cards, push,
    tasks::{Known, Stage, Standing, TooMany},
};
use crate::{
    decider::{Again, Carry, Decided},
    fleet::{Request, came_of},
    gateway::Gateway,
    unbroken::Unbroken,
};

/// A message that is a task now.
pub(super) struct Sent {
    pub(super) id: HopId,
}

/// A hop that is decided again each time somebody may have answered.
#[derive(Clone)]
struct Asking {
    from: AgentName,
    arrival: Arrival,
    request: Arc<Request>,
    content: Value,
}

impl Visitor {
    /// Sends a message, and waits for what comes of it as long as the client wants and a request may stay open.
    pub(super) async fn send_and_wait(&self, params: &Parsed, send: SendMessage) -> Result<Value, Fault> {
        let returns = send.returns;
        let Sent { id } = self.send(params, send).await?;
        let gateway = &self.gateway;
        let stands = || gateway.a2a_standing(id, &self.from, &self.to);
        if returns == Returns::WhenDone {
            let is_held = stands().is_some_and(|(known, _)| known.is_held());
            let wait_ms = if is_held { gateway.decider.deployment().settings.hold_open_ms } else { WAIT_MS_MAX };
            let over = gateway.drain.begun();
            let is_done = |state: TaskState| state.is_final() || state.is_interrupted();
            let is_over = || stands().is_none_or(|(_, standing)| is_done(standing.state)).then_some(());
            gateway.fleet.look(wait_ms, over, is_over).await;
        }
        // It may have been stopped while it waited.
        if gateway.decider.is_stopped(&self.from) {
            return Err(Fault::refused(Refusal::Suspended));
        }
        let (known, standing): (Known, Standing) = stands().ok_or_else(Fault::unknown_task)?;
        Ok(json!({ "task": standing.told(&id.to_string(), &known).write() }))
    }

    /// Sends a message. It is decided when this ends, or waits for a person.
    pub(super) async fn send(&self, params: &Parsed, mut send: SendMessage) -> Result<Sent, Fault> {
        if let Some(task) = send.task.take() {
            return self.go_on(params, task, send).await;
        }
        let arrival = self.arrival();
        let id = arrival.id;
        let payload = self.payload(params, &send.content)?;
        let asking = Request {
            to: self.to.clone(),
            request: self.request_name(&arrival, send.skill.as_deref(), &payload).await?,
        };
        let content = payload.value().clone();
        let received = self.gateway.request_hop(arrival.clone(), &asking, payload);
        if let Content::Text(_) = send.content
            && !takes_text(&self.gateway.decider.deployment(), (&self.from, &self.to), &asking.request)
        {
            let reason = format!("words, where `{}` takes data", asking.request);
            return Err(self.turn_away(received, Refusal::Denied, "PG-1.4", reason).await);
        }
        if let Some(target) = &send.push
            && let Err(reason) = push::is_declared(&self.gateway.decider.deployment(), &self.from, target)
        {
            return Err(self.turn_away(received, Refusal::OutOfMandate, "SC-3.4", reason).await);
        }
        let context = send.context.unwrap_or_else(|| id.to_string());
        let (ways, now) = ((self.from.clone(), self.to.clone()), self.gateway.decider.now());
        if let Err(TooMany) = self.gateway.a2a_tasks.begin(id, ways, context, (&self.gateway.fleet, now)) {
            let reason = "it has more tasks that are not over than it may have".to_owned();
            return Err(self.turn_away(received, Refusal::LimitReached, "EC-1.3", reason).await);
        }
        let asking = Asking { from: self.from.clone(), arrival, request: Arc::new(asking), content };
        let gateway = Arc::clone(&self.gateway);
        // Finished also when the client is gone: it may be in the mailbox already.
        let work = self.gateway.drain.keep(async move {
            let carry = gateway.carry_of(&asking);
            let decided = gateway.decider.clone().travel(received, carry).await;
            gateway.note_decided(&asking, decided)
        });
        match Unbroken::new(work).await {
            Ok(()) => {
                if let Some(target) = send.push {
                    self.gateway.call_back_about(id, target);
                }
                Ok(Sent { id })
            }
            Err(refusal) => Err(Fault::refused(refusal)),
        }
    }

    /// What a message is about, as the payload of a hop.
    pub(super) fn payload(&self, params: &Parsed, content: &Content) -> Result<Parsed, Fault> {
        match content {
            Content::Data { pointer } => Ok(params.clone().pointer(pointer)),
            Content::Text(text) => {
                let bytes = json!({ "text": text }).to_string();
                let limits = self.gateway.decider.deployment().settings.limits;
                let too_long = |_| Fault::Told(Code::InvalidParams, "the text is too long".to_owned());
                parse(bytes.as_bytes(), &limits).map_err(too_long)
            }
        }
    }

    /// The request that a message makes: the one that it names, else the only one that its sender may make of this agent.
    async fn request_name(
        &self,
        arrival: &Arrival,
        skill: Option<&str>,
        payload: &Parsed,
    ) -> Result<RequestName, Fault> {
        if let Some(skill) = skill {
            let wrong = |_| Fault::Told(Code::InvalidParams, "`skill` is no name of a request".to_owned());
            return skill.parse().map_err(wrong);
        }
        let deployment = self.gateway.decider.deployment();
        let mut grants = cards::grants(&deployment, &self.from, &self.to);
        match (grants.next(), grants.next()) {
            (Some(grant), None) => Ok(grant.request.clone()),
            (Some(_), Some(_)) => {
                let told = "name the `skill` in the message's metadata: there are several".to_owned();
                Err(Fault::Told(Code::InvalidParams, told))
            }
            (None, _) => {
                let nothing = Request { to: self.to.clone(), request: unnamed() };
                let received = self.gateway.request_hop(arrival.clone(), &nothing, payload.clone());
                let reason = format!("no grant lets `{}` ask `{}` for anything", self.from, self.to);
                Err(self.turn_away(received, Refusal::OutOfMandate, "PG-1.4", reason).await)
            }
        }
    }
}

/// Whether the grant's schema has a place for words. Words to an agent that acts are instructions that nobody wrote.
pub(super) fn takes_text(deployment: &Deployment, (from, to): (&AgentName, &AgentName), request: &RequestName) -> bool {
    let grant = cards::grants(deployment, from, to).find(|grant| grant.request == *request);
    // Without a grant the path says no, and why.
    grant.is_none_or(|grant| grant.schema["properties"]["text"]["type"] == "string")
}

impl Gateway {
    fn carry_of(&self, asking: &Asking) -> Carry {
        self.request_carry(asking.arrival.id, &asking.arrival, &asking.request, asking.content.clone())
    }

    /// Notes what became of a task's hop. What waits for a person is decided again by itself. The error is for whoever is
    /// nobody.
    fn note_decided(&self, asking: &Asking, decided: Decided) -> Result<(), Refusal> {
        let id = asking.arrival.id;
        let stage = match decided {
            Decided::Released { got, .. } => came_of(got).map_or(Stage::Sent, Stage::Refused),
            Decided::Held { ticket, again } => {
                self.a2a_tasks.decided(id, Stage::Held(ticket));
                let (gateway, asking) = (self.shared(), asking.clone());
                tokio::spawn(self.drain.keep(async move { gateway.await_people_for(asking, again).await }));
                return Ok(());
            }
            Decided::Refused { refusal: Refusal::Unauthentic, .. } => {
                self.a2a_tasks.forget(id);
                return Err(Refusal::Unauthentic);
            }
            Decided::Refused { refusal, .. } => Stage::Refused(refusal),
            // No tool is called, so there is nothing to try out.
            Decided::TryOut { .. } => Stage::Refused(Refusal::Unavailable),
        };
        let is_sent = stage == Stage::Sent;
        if !self.a2a_tasks.decided(id, stage) && is_sent {
            let (gateway, from) = (self.shared(), asking.from.clone());
            // Its client took it back while it was on its way.
            let work = async move {
                if let Err(why) = gateway.take_request_back(id, &from).await {
                    tracing::warn!(%why, "a request whose client took it back is worked on");
                }
            };
            tokio::spawn(self.drain.keep(work));
        }
        self.fleet.stir();
        Ok(())
    }

    /// Decides a task's hop again when somebody has answered, until it is decided, its client takes it back, or maso ends.
    async fn await_people_for(&self, asking: Asking, mut again: Again) {
        let id = asking.arrival.id;
        while self.a2a_tasks.is_undecided(id) && !self.drain.has_begun() {
            match again(SLICE_MS, self.carry_of(&asking)).await {
                Decided::Held { ticket, again: next } => {
                    self.a2a_tasks.decided(id, Stage::Held(ticket));
                    again = next;
                }
                decided => {
                    // Whoever is nobody by now is told nothing: the task is gone.
                    self.note_decided(&asking, decided).ok();
                    return;
                }
            }
        }
    }
}

/// What is asked where nothing may be asked.
fn unnamed() -> RequestName {
    "unnamed".parse().expect("it is a name")
}

const WAIT_MS_MAX: u64 = 30_000;
const SLICE_MS: u64 = 5_000;
