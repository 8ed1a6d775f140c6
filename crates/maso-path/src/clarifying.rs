//! Questions about what is meant, and their answers (PG-2.10): what is recorded of them beside their hops, and what was
//! said in them.

use maso_core::{AgentName, Digest, Finding, HopId, OperatorName, Principal, TaskId, Word};
use maso_intent::{Clarifying, Matter, Resolved, TaskPart};
use maso_log::{LogFault, v1};
use serde_json::Value;

use crate::{Path, Question, travel::NotRecorded};

/// A question with what was asked and said.
#[derive(Clone, Debug)]
pub struct Clarification {
    /// The question.
    pub question: Question,
    /// What was asked, as it was sent: `about`, `question` and perhaps `options`. `None` if it cannot be read any more.
    pub asked: Option<Value>,
    /// What was answered; `None` while it is open, or if it cannot be read any more.
    pub answer: Option<String>,
}

/// Why a person's word was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotSaid {
    /// No such question was asked about an open task.
    #[error("there is no question `{0}`")]
    NoQuestion(HopId),
    /// It was answered before.
    #[error("it was answered already")]
    Answered,
    /// Too much was said of the task.
    #[error("so much was said of the task already that it should be opened anew")]
    Full,
    /// It could not be recorded.
    #[error(transparent)]
    NotRecorded(#[from] LogFault),
}

/// What a person says more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaidOf {
    /// It answers a question.
    Question(HopId),
    /// Nobody asked.
    Part {
        /// Of which part.
        part: TaskPart,
        /// Hash of the task's specification.
        specification: Digest,
    },
}

impl Path {
    /// What must be recorded with the permit of a hop that asks what is meant or says it, or why there may be none.
    pub(crate) fn clarification_of(
        &self,
        resolved: &Resolved,
    ) -> Result<Result<Option<v1::Body>, Finding>, NotRecorded> {
        let hop = resolved.hop();
        match resolved.clarifying() {
            None | Some(Clarifying::Assume) => Ok(Ok(None)),
            Some(Clarifying::Answer { question }) => Ok(self.answer_of(question, resolved).map(Some)),
            Some(Clarifying::AskPerson | Clarifying::AskBack { .. }) => {
                let about = hop.payload.get("about").and_then(Value::as_str).and_then(Matter::parse);
                let about = match (about, &hop.to) {
                    (Some(Matter::Task(part)), Principal::Operator(_)) => Ok((part.to_string(), None)),
                    (Some(Matter::Request(request)), asked_of) => {
                        let delegator = match asked_of {
                            Principal::Agent(delegator) => Some(delegator),
                            Principal::Operator(_) | Principal::Server(_) => None,
                        };
                        let request = self.request(request, delegator, &resolved.mandate().agent)?;
                        request.map(|request| (request.hop.clone(), Some(request)))
                    }
                    _ => Err("a part of the task is asked of a person".to_owned()),
                };
                Ok(match about {
                    Ok((about, request)) => Ok(Some(asked(about, request.as_deref(), resolved))),
                    Err(why) => Err(Finding::new(CLARIFY, Word::NoGo, why).at("/about", "")),
                })
            }
        }
    }

    /// What is recorded of an answer, or why it answers nothing.
    fn answer_of(&self, question: HopId, resolved: &Resolved) -> Result<v1::Body, Finding> {
        let no = |why: &str| Err(Finding::new(CLARIFY, Word::NoGo, why.to_owned()).at("", ""));
        let hop = resolved.hop();
        let Some(question) = self.world.clarity().find(question) else { return no("it answers no question") };
        if question.of != hop.from || Principal::Agent(question.by.clone()) != hop.to {
            return no("it answers a question of other agents");
        }
        if question.answer.is_some() {
            return no("the question was answered already");
        }
        if !hop.payload.as_str().is_some_and(is_an_answer) {
            return no("it says nothing, or too much");
        }
        Ok(v1::Body::ClarificationAnswered(v1::ClarificationAnswered {
            question: Some(question.hop.to_string()),
            task: question.task.to_string(),
            specification: question.specification,
            about: written(question.about),
            by: hop.from.to_string(),
            answer: None,
            hop: Some(hop.id.to_string()),
        }))
    }

    /// The request that was made of an agent, by this one if it is named, by the record.
    fn request(
        &self,
        request: HopId,
        from: Option<&AgentName>,
        to: &AgentName,
    ) -> Result<Result<Box<v1::HopDecided>, String>, NotRecorded> {
        let decided = self.decided(request).map_err(|fault| {
            tracing::error!(error = &fault as &dyn std::error::Error, "a request cannot be read");
            NotRecorded::Fault
        })?;
        let (from, to) = (from.map(|from| format!("agent:{from}")), format!("agent:{to}"));
        let is_it = |decided: &v1::HopDecided| {
            let is_theirs = from.is_none() || decided.from == from;
            let was_released = decided.decision == "allow" || !decided.enforced;
            let is_request = decided.verb == "request" && decided.answers.is_none();
            was_released && is_request && is_theirs && decided.to == to
        };
        Ok(decided
            .filter(|decided| is_it(decided))
            .ok_or_else(|| "it asks about no request that was made of it".to_owned()))
    }

    /// What a hop carried, if that can still be read.
    pub(crate) fn payload_of(&self, hop: HopId) -> Option<Value> {
        let payload = self.decided(hop).ok()??.payload.as_deref().and_then(Digest::parse)?;
        self.recorder.reader().payload(payload).ok()?
    }

    /// The last decision about a hop.
    fn decided(&self, hop: HopId) -> Result<Option<Box<v1::HopDecided>>, LogFault> {
        let name = hop.to_string();
        let records = self.recorder.reader().about(&name, RECORDS_OF_HOP_MAX)?;
        Ok(records.into_iter().rev().find_map(|record| match record.body {
            v1::Body::HopDecided(decided) if decided.hop == name => Some(decided),
            _ => None,
        }))
    }

    /// The questions that `wanted` picks, with what was asked and said.
    pub fn clarifications(&self, wanted: impl Fn(&Question) -> bool) -> Vec<Clarification> {
        let questions = self.world.clarity().questions();
        let with_words = |question: Question| {
            let answer = question.answer.as_ref().and_then(|answer| match (&answer.words, answer.hop) {
                (Some(words), _) => Some(words.clone()),
                (None, Some(hop)) => self.payload_of(hop)?.as_str().map(str::to_owned),
                (None, None) => None,
            });
            Clarification { asked: self.payload_of(question.hop), answer, question }
        };
        questions.into_iter().filter(|question| wanted(question)).take(SHOWN_MAX).map(with_words).collect()
    }

    /// Records what a person says more of a task, once for each question. The task's specification stays as it is.
    ///
    /// # Errors
    /// When there is no such question or it was answered already, or it could not be recorded.
    pub async fn clarify(&self, task: TaskId, of: SaidOf, words: &str, by: &OperatorName) -> Result<(), NotSaid> {
        let clarity = self.world.clarity();
        if self.world.tasks().open(task).is_some() && !clarity.has_room(task) {
            return Err(NotSaid::Full);
        }
        let (question, specification, about) = match of {
            SaidOf::Part { part, specification } => (None, specification.to_string(), part.to_string()),
            SaidOf::Question(hop) => {
                let question = clarity.find(hop).filter(|question| question.task == task);
                let question = question.ok_or(NotSaid::NoQuestion(hop))?;
                if question.answer.is_some() {
                    return Err(NotSaid::Answered);
                }
                (Some(hop.to_string()), question.specification, written(question.about))
            }
        };
        let said = v1::ClarificationAnswered {
            question,
            task: task.to_string(),
            specification,
            about,
            by: Principal::Operator(by.clone()).to_string(),
            answer: Some(words.to_owned()),
            hop: None,
        };
        match self.recorder.record(v1::Body::ClarificationAnswered(said)).await {
            Ok(_) => Ok(()),
            Err(LogFault::Spent { .. }) => Err(NotSaid::Answered),
            Err(fault) => Err(NotSaid::NotRecorded(fault)),
        }
    }
}

/// Whether a text may be an answer: it says something, and not more than a person would.
pub fn is_an_answer(words: &str) -> bool {
    !words.trim().is_empty() && words.chars().count() <= ANSWER_CHARS_MAX
}

fn asked(about: String, request: Option<&v1::HopDecided>, resolved: &Resolved) -> v1::Body {
    let (hop, task) = (resolved.hop(), resolved.task());
    let own = task.id.to_string();
    v1::Body::ClarificationAsked(v1::ClarificationAsked {
        question: hop.id.to_string(),
        specification: task.digest().to_string(),
        by: hop.from.to_string(),
        of: hop.to.to_string(),
        about,
        request_task: request.and_then(|request| request.task.clone()).filter(|task| *task != own),
        item: request.and_then(|request| request.item.clone()),
        task: own,
    })
}

fn written(about: Matter) -> String {
    match about {
        Matter::Task(part) => part.to_string(),
        Matter::Request(request) => request.to_string(),
    }
}

const CLARIFY: &str = "PG-2.10";

/// Characters of an answer.
const ANSWER_CHARS_MAX: usize = 4_000;
/// Questions that are shown at once.
const SHOWN_MAX: usize = 256;
/// Records that name one hop: its decision, its answers, questions about it, its release.
const RECORDS_OF_HOP_MAX: usize = 64;
