//! What an agent asks back about a task is asked of its client: the task needs input, and the client's next message on it is
//! the answer (PG-2.10). Question and answer are hops, as between any two agents.

use std::sync::Arc;

use maso_core::{Act, HopId, Principal, Refusal, Turn};
use maso_intent::Clarifying;
use maso_path::{Carried, Clarification};
use maso_wire::{
    Arrival, Parsed, Received,
    a2a::{Code, Content, SendMessage, TaskState, WhichTask},
    mcp::Reply,
};

use super::{
    Fault, Visitor,
    sending::{Sent, takes_text},
    tasks::{Known, Standing},
};
use crate::{
    decider::{Again, Carry, Decided, Got},
    gateway::Gateway,
    unbroken::Unbroken,
};

impl Gateway {
    /// How a task stands, and what its client is asked.
    pub(super) fn standing_of(&self, id: HopId, known: &Known) -> Option<Standing> {
        let standing = known.standing(id, &self.fleet)?;
        if standing.state != TaskState::Working {
            return Some(standing);
        }
        if let Some(ticket) = &known.answer_waits {
            let note = format!("what was answered waits until a person has approved it ({})", ticket.id);
            return Some(Standing { note: Some(note), ..standing });
        }
        Some(match self.question_about(id, known) {
            None => standing,
            Some(question) => Standing { state: TaskState::InputRequired, note: Some(words(&question)), result: None },
        })
    }

    /// What was asked about a task and waits for its client. Words go only where the request's schema has a place for them,
    /// also as an answer: of other clients nobody asks anything, and a person answers.
    fn question_about(&self, id: HopId, known: &Known) -> Option<Clarification> {
        let (request, _) = self.fleet.request_of(id)?;
        let question = self.decider.question(id, &known.from)?;
        takes_text(&self.decider.deployment(), (&known.from, &known.to), &request).then_some(question)
    }

    /// Notes what became of an answer. What waits for a person is decided again by itself.
    fn note_answer(&self, id: HopId, decided: Decided) -> Result<(), Refusal> {
        let came = match decided {
            Decided::Released { .. } => Ok(()),
            Decided::Held { ticket, again } => {
                self.a2a_tasks.answer_waits(id, Some(ticket));
                let gateway = self.shared();
                tokio::spawn(self.drain.keep(async move { gateway.await_people_for_answer(id, again).await }));
                Ok(())
            }
            Decided::Refused { refusal, .. } => Err(refusal),
            // No tool is called, so there is nothing to try out.
            Decided::TryOut { .. } => Err(Refusal::Unavailable),
        };
        self.fleet.stir();
        came
    }

    /// Decides an answer again when somebody has answered that. If it is refused, the question is open as before.
    async fn await_people_for_answer(&self, id: HopId, mut again: Again) {
        while !self.drain.has_begun() {
            match again(SLICE_MS, taken()).await {
                Decided::Held { again: next, .. } => again = next,
                decided => {
                    self.decider.hear().await;
                    self.a2a_tasks.answer_waits(id, None);
                    if let Err(refusal) = self.note_answer(id, decided) {
                        tracing::debug!(%refusal, "a client's answer was refused after it had waited");
                    }
                    return;
                }
            }
        }
    }
}

impl Visitor {
    /// Answers what an agent asks back about this task.
    pub(super) async fn go_on(&self, params: &Parsed, task: String, send: SendMessage) -> Result<Sent, Fault> {
        // It may have been asked through another process a moment ago.
        self.gateway.decider.hear().await;
        let asked = task.parse::<HopId>().ok().and_then(|id| {
            let known = self.gateway.a2a_tasks.find(id, &self.from, &self.to)?;
            // What is over, or waits for a person, asks for nothing.
            let standing = self.gateway.standing_of(id, &known)?;
            let question = self.gateway.question_about(id, &known)?.question;
            (standing.state == TaskState::InputRequired).then_some(())?;
            let (request, of_request) = self.gateway.fleet.request_of(id)?;
            Some((id, known, question, request, of_request))
        });
        let wrong = |code, told: &str| Err(Fault::Told(code, told.to_owned()));
        let Some((id, known, question, request, of_request)) = asked else {
            self.own(&WhichTask(task))?;
            return wrong(Code::UnsupportedOperation, "a task takes more messages only while it asks for something");
        };
        let is_its_own = send.context.is_none_or(|context| context == known.context)
            && send.skill.is_none_or(|skill| skill == request.as_str());
        let wrong_about_it = if !is_its_own {
            Some("an answer belongs to the conversation and the skill of its task")
        } else if send.push.is_some() {
            Some("where to call back is said by itself")
        } else if !matches!(send.content, Content::Text(_)) {
            Some("what is asked back is answered in words")
        } else {
            None
        };
        if let Some(told) = wrong_about_it {
            self.identified()?;
            return wrong(Code::InvalidParams, told);
        }
        let task = self.task.clone().or(of_request);
        let arrival = Arrival { to: Principal::Agent(question.by), task, ..self.arrival() };
        let act = Act::Request { agent: self.from.clone(), request: Clarifying::request() };
        let payload = self.payload(params, &send.content)?.pointer("/text");
        let received = Received::from_parsed(arrival, act, Turn::Answer { to: question.hop }, payload);
        let gateway = Arc::clone(&self.gateway);
        let work = self.gateway.drain.keep(async move {
            let decided = gateway.decider.clone().travel(received, taken()).await;
            // The task goes on when the answer is on the record.
            gateway.decider.hear().await;
            gateway.note_answer(id, decided)
        });
        Unbroken::new(work).await.map(|()| Sent { id }).map_err(Fault::refused)
    }
}

/// An answer is told by being on the record, from where whoever asked reads it.
fn taken() -> Carry {
    Box::new(|_| {
        Box::pin(async {
            let nothing = serde_json::value::to_raw_value(&()).expect("nothing is serializable");
            Carried::Delivered(Got::Ours(Reply::Result(nothing)))
        })
    })
}

/// A question in words, with what there is to choose from.
fn words(clarification: &Clarification) -> String {
    let asked = clarification.asked.as_ref();
    let question = asked.and_then(|asked| asked.get("question")?.as_str()).unwrap_or("what was asked cannot be read");
    let options = asked.and_then(|asked| asked.get("options")?.as_array());
    let options: Vec<&str> = options.into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    match options.as_slice() {
        [] => question.to_owned(),
        options => format!("{question} ({})", options.join(" | ")),
    }
}

const SLICE_MS: u64 = 5_000;
