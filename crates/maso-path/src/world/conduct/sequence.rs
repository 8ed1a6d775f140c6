//! Whose turn it is in an opened task (AT-2.4), and whether work that is called done is done (EC-2.8).
//!
//! Nothing here is an agent's word: work is handed over by a request that was released, it has run what it must when the
//! record says that each of its required tools answered and did not say that it failed, and it is over when its answer
//! was released. Standing tasks have no sequence: each agent has its own.

mod course;
mod step;

use std::{collections::HashMap, sync::Arc};

use maso_core::{Act, Finding, Findings, HopId, Principal, TaskId, Timestamp, Word, WorkflowName};
use maso_intent::{Clarifying, Deployment, Item, Resolved};
use maso_log::v1;
use parking_lot::Mutex;

use self::course::{Call, Course, Work};
pub(crate) use self::step::Step;

/// The course of all opened tasks whose workflow holds its agents to a sequence, folded from the record.
#[derive(Debug)]
pub(super) struct Sequence {
    deployment: Arc<Deployment>,
    /// Whether no workflow has a sequence: then nothing is looked at.
    is_off: bool,
    courses: Mutex<Courses>,
}

#[derive(Debug, Default)]
struct Courses {
    tasks: HashMap<TaskId, Course>,
    /// The tasks of the requests that are not answered, and of the required calls that are under way.
    tasks_of: HashMap<HopId, TaskId>,
}

/// What a step runs into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Objection {
    /// It is not the agent's turn.
    OutOfTurn(String),
    /// Tools have not run that must have.
    Incomplete(String),
}

impl Sequence {
    pub(super) fn new(deployment: &Arc<Deployment>) -> Self {
        let is_off = deployment.workflows.values().all(|workflow| workflow.sequence.is_none());
        Self { deployment: Arc::clone(deployment), is_off, courses: Mutex::default() }
    }

    /// What the sequence says of this hop.
    pub(super) fn limits(&self, resolved: &Resolved, now: Timestamp) -> Findings {
        let mut findings = Findings::none();
        if self.is_off {
            return findings;
        }
        let Some(step) = Step::of(resolved) else { return findings };
        for objection in self.objections(resolved.task().id, &step, now) {
            let (control, why) = match objection {
                Objection::OutOfTurn(why) => ("AT-2.4", why),
                Objection::Incomplete(why) => ("EC-2.8", why),
            };
            findings.add(Finding::new(control, Word::NoGo, why));
        }
        findings
    }

    /// Whether a hop is still in its turn and its work still done, now that what came before it was counted.
    pub(super) fn bears(&self, task: TaskId, step: Option<&Step>, now: Timestamp) -> bool {
        step.is_none_or(|step| self.objections(task, step, now).is_empty())
    }

    fn objections(&self, task: TaskId, step: &Step, now: Timestamp) -> Vec<Objection> {
        let courses = self.courses.lock();
        // A task that is not known here is over, or was opened before its workflow had a sequence: nothing was done in it.
        let found = match courses.tasks.get(&task) {
            Some(course) => course.objections(step, &self.deployment),
            None => Course::default().objections(step, &self.deployment),
        };
        let counts = |objection: &Objection| match objection {
            Objection::OutOfTurn(_) => self.deployment.applies("AT-2.4", now),
            Objection::Incomplete(_) => self.deployment.applies("EC-2.8", now),
        };
        found.into_iter().filter(counts).collect()
    }

    pub(super) fn opened(&self, record: &v1::Task) {
        if self.is_off || record.standing.is_some() {
            return;
        }
        let (Ok(task), Ok(workflow)) = (record.task.parse::<TaskId>(), record.workflow.parse::<WorkflowName>()) else {
            return;
        };
        let in_sequence = self.deployment.workflows.get(&workflow).is_some_and(|workflow| workflow.sequence.is_some());
        if in_sequence {
            self.courses.lock().tasks.insert(task, Course::default());
        }
    }

    pub(super) fn closed(&self, record: &v1::TaskClosed) {
        if self.is_off {
            return;
        }
        let Ok(task) = record.task.parse::<TaskId>() else { return };
        let mut courses = self.courses.lock();
        if let Some(course) = courses.tasks.remove(&task) {
            for hop in course.hops() {
                courses.tasks_of.remove(&hop);
            }
        }
    }

    /// Takes in a recorded decision.
    pub(super) fn decided(&self, sequence: u64, decided: &v1::HopDecided) {
        // What only observes lets everything happen.
        if self.is_off || (decided.enforced && decided.decision != "allow") {
            return;
        }
        let Some(Ok(task)) = decided.task.as_deref().map(str::parse::<TaskId>) else { return };
        let mut courses = self.courses.lock();
        let Courses { tasks, tasks_of } = &mut *courses;
        let Some(course) = tasks.get_mut(&task) else { return };
        let Some(from) = decided.from.as_deref().and_then(Principal::parse) else { return };
        let Some(act) = Act::parse(&decided.verb, &decided.object) else { return };
        if Clarifying::concerns(&act) {
            return;
        }
        let Ok(hop) = decided.hop.parse::<HopId>() else { return };
        let answers = decided.answers.as_deref().map(str::parse::<HopId>);
        match (from, answers) {
            (Principal::Agent(agent), None) => {
                let item = decided.item.as_deref().and_then(Item::written);
                let about = self.deployment.about(&agent, &act, item);
                let forgotten = match act {
                    Act::Request { agent: asked, .. } => course.handed(asked, Work { hop, about, since: sequence }),
                    Act::CallTool(tool) => {
                        let Some(tool) = self.place_of(&agent, &tool) else { return };
                        course.called(hop, Call::new(agent, tool, about, sequence))
                    }
                    Act::Report { status } => return course.reported(agent, status),
                    _ => return,
                };
                tasks_of.insert(hop, task);
                if let Some(forgotten) = forgotten {
                    tasks_of.remove(&forgotten);
                }
            }
            (Principal::Agent(agent), Some(Ok(request))) => {
                let is_done = tasks_of.contains_key(&request) && course.answered(&agent, request);
                if is_done {
                    tasks_of.remove(&request);
                }
            }
            (Principal::Server(_), Some(Ok(call))) => {
                let is_done = tasks_of.contains_key(&call) && course.returned(call);
                if is_done {
                    tasks_of.remove(&call);
                }
            }
            _ => {}
        }
    }

    /// Takes in what came of a hop.
    pub(super) fn released(&self, record: &v1::HopReleased) {
        if self.is_off {
            return;
        }
        let Ok(hop) = record.hop.parse::<HopId>() else { return };
        let mut courses = self.courses.lock();
        let Courses { tasks, tasks_of } = &mut *courses;
        let Some(course) = tasks_of.get(&hop).and_then(|task| tasks.get_mut(task)) else { return };
        if course.came_of(hop, record) {
            tasks_of.remove(&hop);
        }
    }

    /// The place of a tool among those that the agent's work needs.
    fn place_of(&self, agent: &maso_core::AgentName, tool: &maso_core::ToolRef) -> Option<usize> {
        self.deployment.agents.get(agent)?.required_tools.iter().position(|required| required == tool)
    }
}
