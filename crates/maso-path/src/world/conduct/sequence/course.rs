//! How far one task has come.

use std::collections::{BTreeMap, HashMap, VecDeque};

use maso_core::{AgentName, HopId, WorkStatus};
use maso_intent::{About, AgentMandate, Deployment, Item, SequenceBy, SolutionMandate};
use maso_log::v1;

use super::{
    Objection,
    step::{Step, StepKind},
};

/// How far one task has come.
#[derive(Debug, Default)]
pub(super) struct Course {
    agents: BTreeMap<AgentName, Progress>,
    /// Calls of required tools of which nobody knows yet what came of them, oldest first.
    calls: VecDeque<(HopId, Call)>,
}

/// How far one agent has come.
#[derive(Debug, Default)]
struct Progress {
    has_completed: bool,
    /// What was handed to it and is not done, oldest first.
    works: VecDeque<Work>,
    deeds: Deeds,
}

/// A request that was released to an agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// The request.
    pub(super) hop: HopId,
    /// What it is about.
    pub(super) about: About,
    /// The record that handed it over.
    pub(super) since: u64,
}

/// A call of a tool that its agent's work needs.
#[derive(Clone, Debug)]
pub(super) struct Call {
    agent: AgentName,
    /// The tool's place among those that its work needs.
    tool: usize,
    about: About,
    /// The record that permitted it.
    since: u64,
    was_delivered: bool,
    has_returned: bool,
}

impl Call {
    pub(super) fn new(agent: AgentName, tool: usize, about: About, since: u64) -> Self {
        Self { agent, tool, about, since, was_delivered: false, has_returned: false }
    }
}

impl Course {
    /// Work is handed to an agent. Gives a request that is not remembered any more.
    pub(super) fn handed(&mut self, to: AgentName, work: Work) -> Option<HopId> {
        let works = &mut self.agents.entry(to).or_default().works;
        works.push_back(work);
        // Forgotten work is no work: whoever has so much may not act on the oldest of it.
        if works.len() > WORKS_MAX { works.pop_front().map(|work| work.hop) } else { None }
    }

    /// An agent calls a tool that its work needs. Gives a call that is not remembered any more.
    pub(super) fn called(&mut self, hop: HopId, call: Call) -> Option<HopId> {
        self.calls.push_back((hop, call));
        if self.calls.len() > CALLS_MAX { self.calls.pop_front().map(|(hop, _)| hop) } else { None }
    }

    /// An agent answers a request; whether it was work of it.
    pub(super) fn answered(&mut self, agent: &AgentName, request: HopId) -> bool {
        let Some(progress) = self.agents.get_mut(agent) else { return false };
        let n_works = progress.works.len();
        progress.works.retain(|work| work.hop != request);
        progress.works.len() < n_works
    }

    /// A tool answers a call; whether nothing more can come of that.
    pub(super) fn returned(&mut self, hop: HopId) -> bool {
        let Some(call) = self.call(hop) else { return false };
        call.has_returned = true;
        self.conclude(hop)
    }

    /// A hop was carried; whether nothing more can come of that.
    pub(super) fn came_of(&mut self, hop: HopId, released: &v1::HopReleased) -> bool {
        if let Some(call) = self.call(hop) {
            if !released.succeeded() {
                return self.forget(hop);
            }
            call.was_delivered = true;
            return self.conclude(hop);
        }
        // What never reached its mailbox was handed to nobody.
        let mut holders = self.agents.values_mut();
        released.outcome == "failed"
            && holders.any(|progress| {
                let n_works = progress.works.len();
                progress.works.retain(|work| work.hop != hop);
                progress.works.len() < n_works
            })
    }

    pub(super) fn reported(&mut self, agent: AgentName, status: WorkStatus) {
        // Whoever takes it back is not done: those after it wait again.
        self.agents.entry(agent).or_default().has_completed = status == WorkStatus::Completed;
    }

    /// All hops that it waits for.
    pub(super) fn hops(&self) -> impl Iterator<Item = HopId> {
        let works = self.agents.values().flat_map(|progress| &progress.works).map(|work| work.hop);
        works.chain(self.calls.iter().map(|(hop, _)| *hop))
    }

    fn call(&mut self, hop: HopId) -> Option<&mut Call> {
        self.calls.iter_mut().find(|(known, _)| *known == hop).map(|(_, call)| call)
    }

    fn forget(&mut self, hop: HopId) -> bool {
        let n_calls = self.calls.len();
        self.calls.retain(|(known, _)| *known != hop);
        self.calls.len() < n_calls
    }

    /// Counts a call that was delivered and has returned.
    fn conclude(&mut self, hop: HopId) -> bool {
        let Some(place) = self.calls.iter().position(|(known, _)| *known == hop) else { return false };
        if !(self.calls[place].1.was_delivered && self.calls[place].1.has_returned) {
            return false;
        }
        if let Some((_, Call { agent, tool, about, since, .. })) = self.calls.remove(place) {
            self.agents.entry(agent).or_default().deeds.done(tool, about, since);
        }
        true
    }
}

impl Course {
    /// What a step runs into.
    pub(super) fn objections(&self, step: &Step, deployment: &Deployment) -> Vec<Objection> {
        let Some(mandate) = deployment.agents.get(&step.agent) else { return Vec::new() };
        let Some(solution) = deployment.workflows.get(&mandate.workflow) else { return Vec::new() };
        let nothing = Progress::default();
        let progress = self.agents.get(&step.agent).unwrap_or(&nothing);
        let look = Look { course: self, mandate, solution, progress };
        match (step.by, step.kind) {
            (_, StepKind::CompletesNothing) => {
                vec![Objection::Incomplete("a standing task never ends, so no work in it is completed".to_owned())]
            }
            (SequenceBy::Completion, StepKind::Acts(_) | StepKind::HandsOn(_)) => {
                look.before(deployment).or_else(|| look.over()).into_iter().collect()
            }
            (SequenceBy::Completion, StepKind::Answers(_)) => Vec::new(),
            (SequenceBy::Completion, StepKind::Completes) => {
                look.before(deployment).into_iter().chain(look.lacks(About::Anything, 0)).collect()
            }
            (SequenceBy::HandOver, StepKind::Acts(about)) => look.idle(about).into_iter().collect(),
            (SequenceBy::HandOver, StepKind::HandsOn(about)) => {
                look.idle(about).into_iter().chain(look.hands_on(about)).collect()
            }
            (SequenceBy::HandOver, StepKind::Answers(request)) => look.answers(request).into_iter().collect(),
            (SequenceBy::HandOver, StepKind::Completes) => look.hands_on(About::Anything).into_iter().collect(),
        }
    }
}

/// One agent's place in the course.
#[derive(Clone, Copy)]
struct Look<'a> {
    course: &'a Course,
    mandate: &'a AgentMandate,
    solution: &'a SolutionMandate,
    progress: &'a Progress,
}

impl Look<'_> {
    /// An agent of a lower place has not completed its work.
    fn before(self, deployment: &Deployment) -> Option<Objection> {
        let has_completed = |agent: &AgentName| self.course.agents.get(agent).is_some_and(|it| it.has_completed);
        let waits_for = self.solution.agents.iter().find(|agent| {
            let place = deployment.agents.get(*agent).map(|before| before.sequence_position);
            place.is_some_and(|place| place < self.mandate.sequence_position) && !has_completed(agent)
        })?;
        Some(Objection::OutOfTurn(format!("`{waits_for}`, which comes before it, has not completed its work")))
    }

    /// The agent has completed its own.
    fn over(self) -> Option<Objection> {
        let why = || Objection::OutOfTurn("it has reported its work as completed".to_owned());
        self.progress.has_completed.then(why)
    }

    /// Nobody handed it work that this can be part of.
    fn idle(self, about: About) -> Option<Objection> {
        if self.solution.begins_by_itself(&self.mandate.agent) || self.works(about).next().is_some() {
            return None;
        }
        let why = if self.progress.works.is_empty() {
            "nobody has handed work to it, or it has answered all that was"
        } else {
            "the work that was handed to it is about something else"
        };
        Some(Objection::OutOfTurn(why.to_owned()))
    }

    /// Work is handed on of which tools have not run. Where this and the work name the same thing, work about it must be
    /// done; where nothing tells works apart, all of it must be.
    fn hands_on(self, about: About) -> Option<Objection> {
        if self.works(about).next().is_none() {
            return self.lacks(about, 0);
        }
        let named = |work: &&Work| matches!(work.about, About::Item(_)) && work.about == about;
        let is_done = |work: &Work| self.lacks(work.about, work.since).is_none();
        if self.works(about).filter(named).any(is_done) {
            return None;
        }
        self.works(about).find_map(|work| self.lacks(work.about, work.since))
    }

    /// Work is answered of which tools have not run, or that is not this agent's.
    fn answers(self, request: HopId) -> Option<Objection> {
        if self.mandate.required_tools.is_empty() {
            return None;
        }
        match self.progress.works.iter().find(|work| work.hop == request) {
            Some(work) => self.lacks(work.about, work.since),
            None => Some(Objection::Incomplete("it answers no work that was handed to it in this task".to_owned())),
        }
    }

    fn works(&self, about: About) -> impl Iterator<Item = &Work> {
        self.progress.works.iter().filter(move |work| work.about.fits(about))
    }

    /// A required tool that has not run for work about this since that record.
    fn lacks(self, about: About, since: u64) -> Option<Objection> {
        let required = self.mandate.required_tools.iter().enumerate();
        let lacking = required.filter(|(tool, _)| self.progress.deeds.last(*tool, about) <= since);
        let (_, tool) = lacking.take(1).next()?;
        Some(Objection::Incomplete(format!("`{tool}` has not answered a call of this work")))
    }
}

/// When each required tool last answered a call, by what the call was about.
#[derive(Debug, Default)]
struct Deeds {
    last: HashMap<Deed, u64>,
    /// All of them, oldest first.
    order: VecDeque<(Deed, u64)>,
}

/// A required tool, by its place among them, and what it was called about.
type Deed = (usize, Subject);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Subject {
    /// Whatever it was about.
    Whatever,
    /// Nothing says what such calls are about.
    Untold,
    /// This.
    Item(Item),
}

impl Deeds {
    fn done(&mut self, tool: usize, about: About, at: u64) {
        self.note((tool, Subject::Whatever), at);
        match about {
            About::Anything => self.note((tool, Subject::Untold), at),
            About::Item(item) => self.note((tool, Subject::Item(item)), at),
            About::Nothing => {}
        }
    }

    fn note(&mut self, deed: Deed, at: u64) {
        // Calls may return in another order than they were made.
        let last = self.last.entry(deed).or_default();
        *last = (*last).max(at);
        self.order.push_back((deed, at));
        if self.order.len() > DEEDS_MAX
            && let Some((oldest, at)) = self.order.pop_front()
            && self.last.get(&oldest).is_some_and(|last| *last <= at)
        {
            self.last.remove(&oldest);
        }
    }

    /// The record of the last call for work about this; 0 if there is none.
    fn last(&self, tool: usize, about: About) -> u64 {
        let of = |subject| self.last.get(&(tool, subject)).copied().unwrap_or(0);
        match about {
            About::Anything => of(Subject::Whatever),
            About::Nothing => of(Subject::Untold),
            About::Item(item) => of(Subject::Item(item)).max(of(Subject::Untold)),
        }
    }
}

/// Requests to one agent of one task that are not answered.
const WORKS_MAX: usize = 4_096;
/// Calls of required tools of one task of which nobody knows yet what came of them.
const CALLS_MAX: usize = 1_024;
/// Calls of required tools of one agent in one task that are remembered, each under two heads.
const DEEDS_MAX: usize = 32_768;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn came(outcome: &str) -> v1::HopReleased {
        v1::HopReleased {
            hop: String::new(),
            outcome: outcome.to_owned(),
            took_ms: 1,
            fault: None,
            unsuccessful: false,
        }
    }

    fn hop(number: usize) -> HopId {
        HopId::from_uuid(Uuid::from_u128(number as u128))
    }

    fn item(number: usize) -> About {
        About::Item(Item::of(&json!(number)).unwrap())
    }

    #[test]
    fn what_is_remembered_of_a_task_is_bounded_and_what_is_forgotten_was_not_done() {
        let mut course = Course::default();
        let reader: AgentName = "reader".parse().unwrap();
        for number in 0..=WORKS_MAX {
            let work = Work { hop: hop(number), about: About::Anything, since: 1 };
            assert_eq!(course.handed(reader.clone(), work), (number == WORKS_MAX).then(|| hop(0)));
        }
        for number in 0..=CALLS_MAX {
            let call = Call::new(reader.clone(), 0, item(number), 1);
            assert_eq!(course.called(hop(number), call), (number == CALLS_MAX).then(|| hop(0)));
        }
        assert!(!course.returned(hop(0)) && !course.came_of(hop(WORKS_MAX + 1), &came("failed")));
        assert_eq!(course.hops().count(), WORKS_MAX + CALLS_MAX);

        let mut deeds = Deeds::default();
        let n_deeds = DEEDS_MAX;
        for number in 1..=n_deeds {
            deeds.done(0, item(number), number as u64);
        }
        assert!(deeds.order.len() <= DEEDS_MAX && deeds.last.len() <= DEEDS_MAX);
        assert_eq!((deeds.last(0, item(1)), deeds.last(0, item(n_deeds))), (0, n_deeds as u64));
        assert_eq!(deeds.last(0, About::Anything), n_deeds as u64);
    }

    #[test]
    fn a_call_counts_when_it_was_delivered_and_answered_in_either_order() {
        for answered_first in [false, true] {
            let mut course = Course::default();
            let reader: AgentName = "reader".parse().unwrap();
            course.called(hop(1), Call::new(reader.clone(), 0, item(1), 7));
            let parts: [fn(&mut Course) -> bool; 2] =
                [|course| course.came_of(hop(1), &came("delivered")), |course| course.returned(hop(1))];
            let (first, second) = if answered_first { (parts[1], parts[0]) } else { (parts[0], parts[1]) };
            assert!(!first(&mut course) && !course.agents.contains_key(&reader));
            assert!(second(&mut course));
            assert_eq!(course.agents[&reader].deeds.last(0, item(1)), 7);
        }
    }
}
