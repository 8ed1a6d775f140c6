//! What is not clear yet, and whose work waits for it (PG-1.6, PG-2.10): tasks that leave something open, and questions
//! that nobody has answered.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use maso_core::{AgentName, Digest, Finding, Findings, HopId, Principal, TaskId, Tier, Timestamp, Word};
use maso_intent::{Clarifying, Deployment, Item, Matter, Resolved, TaskKind, TaskPart, TaskSpec};
use maso_log::v1;
use parking_lot::RwLock;

use crate::footing::Footing;

/// A question about what is meant.
#[derive(Clone, Debug)]
pub struct Question {
    /// The hop by which it was asked.
    pub hop: HopId,
    /// The task in which it was asked.
    pub task: TaskId,
    /// Hash of that task's specification.
    pub specification: String,
    /// When it was recorded.
    pub at: Timestamp,
    /// Who asked.
    pub by: AgentName,
    /// Who was asked.
    pub of: Principal,
    /// What it is about.
    pub about: Matter,
    /// What came of it; `None` while it is open.
    pub answer: Option<Said>,
    /// The task of the request that it is about, if that is another.
    request_task: Option<TaskId>,
    /// What the request is about that it is about.
    item: Option<Digest>,
}

/// What was said of something unclear.
#[derive(Clone, Debug)]
pub struct Said {
    /// Who said it.
    pub by: Principal,
    /// What a person said.
    pub words: Option<String>,
    /// The hop by which an agent said it, whose payload it is.
    pub hop: Option<HopId>,
}

/// All that is or was unclear, folded from the record.
#[derive(Debug)]
pub struct Clarity {
    deployment: Arc<Deployment>,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Tasks that leave something open, were asked about, or were said more of.
    tasks: HashMap<TaskId, OfTask>,
    /// The open questions of each agent: while there is one, its work waits.
    waiting: HashMap<AgentName, BTreeSet<(TaskId, HopId)>>,
}

#[derive(Debug, Default)]
struct OfTask {
    missing: BTreeSet<TaskPart>,
    vague: Option<&'static str>,
    questions: BTreeMap<HopId, Question>,
    /// What people said, in order.
    words: VecDeque<String>,
}

impl Clarity {
    pub(super) fn new(deployment: &Arc<Deployment>) -> Self {
        Self { deployment: Arc::clone(deployment), inner: RwLock::default() }
    }

    /// What a task still leaves open that its workflow asks every task to say.
    pub fn missing(&self, task: TaskId) -> BTreeSet<TaskPart> {
        self.inner.read().tasks.get(&task).map(|of| of.missing.clone()).unwrap_or_default()
    }

    /// What people said of a task after it was opened, in order.
    pub(crate) fn words_of(&self, task: TaskId) -> Vec<String> {
        self.inner.read().tasks.get(&task).map(|of| Vec::from(of.words.clone())).unwrap_or_default()
    }

    /// Whether a person may say one more thing of a task.
    pub fn has_room(&self, task: TaskId) -> bool {
        self.inner.read().tasks.get(&task).is_none_or(|of| of.words.len() < WORDS_MAX)
    }

    /// The question with this name.
    pub fn find(&self, question: HopId) -> Option<Question> {
        let inner = self.inner.read();
        inner.tasks.values().find_map(|of| of.questions.get(&question)).cloned()
    }

    /// The questions of all tasks that are not closed, oldest first.
    pub fn questions(&self) -> Vec<Question> {
        let inner = self.inner.read();
        let mut all: Vec<_> = inner.tasks.values().flat_map(|of| of.questions.values()).cloned().collect();
        all.sort_by_key(|question| (question.at, question.hop));
        all
    }

    /// Whether a task may be asked about once more.
    fn may_be_asked(&self, task: &TaskSpec) -> bool {
        let inner = self.inner.read();
        let Some(of) = inner.tasks.get(&task.id) else { return true };
        let n_asked = match task.kind {
            TaskKind::Opened => of.questions.len(),
            // It lasts for ever, so what was answered there counts no more.
            TaskKind::Standing(_) => of.questions.values().filter(|question| question.answer.is_none()).count(),
        };
        n_asked < QUESTIONS_MAX
    }

    /// What is unclear says this of the hop.
    pub(super) fn limits(&self, resolved: &Resolved, now: Timestamp) -> Findings {
        let mut findings = Findings::none();
        if matches!(resolved.clarifying(), Some(Clarifying::AskPerson | Clarifying::AskBack { .. })) {
            if !self.may_be_asked(resolved.task()) {
                let why = format!("{QUESTIONS_MAX} questions were asked about the task already");
                findings.add(Finding::new("EC-1.3", Word::NoGo, why));
            }
            return findings;
        }
        if !resolved.starts_work() {
            return findings;
        }
        let (task, agent) = (resolved.task(), &resolved.mandate().agent);
        let inner = self.inner.read();
        if let Some(of) = inner.tasks.get(&task.id)
            && self.deployment.applies(UNCLEAR, now)
        {
            if let Some(part) = of.missing.first() {
                let word = if self.deployment.tier == Tier::Supervised { Word::Escalate } else { Word::NoGo };
                findings.add(Finding::new(UNCLEAR, word, format!("the task does not say its {part}")));
            }
            if let Some(vague) = of.vague {
                let why = format!("the objective says `{vague}`, which nobody can measure");
                findings.add(Finding::new(UNCLEAR, Word::Go, why));
            }
        }
        let open = inner.open_for(agent, task, resolved.item().as_ref());
        if let Some(question) = open.filter(|_| self.deployment.applies(WAITS, now)) {
            let why = format!("agent `{agent}` asked what is meant, and nobody has answered: {}", question.hop);
            findings.add(Finding::new(WAITS, Word::NoGo, why));
        }
        findings
    }

    /// Whether nothing was asked meanwhile that the work waits for.
    pub(super) fn bear(&self, footing: &Footing, now: Timestamp) -> bool {
        if footing.is_question && !self.may_be_asked(&footing.task) {
            return false;
        }
        let Some(work) = &footing.work else { return true };
        !self.deployment.applies(WAITS, now)
            || self.inner.read().open_for(&footing.mandate.agent, &footing.task, work.item.as_ref()).is_none()
    }

    pub(super) fn opened(&self, record: &v1::Task) {
        let Some(task) = crate::world::tasks::read(record) else { return };
        let Some(solution) = self.deployment.workflows.get(&task.workflow) else { return };
        let (missing, vague) = (task.missing(solution), task.vague_word());
        if !missing.is_empty() || vague.is_some() {
            self.inner.write().tasks.insert(task.id, OfTask { missing, vague, ..OfTask::default() });
        }
    }

    pub(super) fn closed(&self, record: &v1::TaskClosed) {
        let Ok(task) = record.task.parse::<TaskId>() else { return };
        let mut inner = self.inner.write();
        let Some(of) = inner.tasks.remove(&task) else { return };
        for question in of.questions.values() {
            inner.let_go(question);
        }
    }

    pub(super) fn asked(&self, at: Timestamp, record: &v1::ClarificationAsked) {
        let Some(question) = read(at, record) else { return };
        let mut inner = self.inner.write();
        let Inner { tasks, waiting } = &mut *inner;
        waiting.entry(question.by.clone()).or_default().insert((question.task, question.hop));
        let of = tasks.entry(question.task).or_default();
        of.questions.insert(question.hop, question);
        of.forget();
    }

    pub(super) fn answered(&self, record: &v1::ClarificationAnswered) {
        let (Ok(task), Some(by)) = (record.task.parse::<TaskId>(), Principal::parse(&record.by)) else { return };
        let mut inner = self.inner.write();
        let of = inner.tasks.entry(task).or_default();
        // Whoever answers for the task says what belongs to it. What an agent says of its own request does not.
        if let (Principal::Operator(_), Some(words)) = (&by, &record.answer) {
            of.words.push_back(words.clone());
            if of.words.len() > WORDS_MAX {
                of.words.pop_front();
            }
            if let Some(Matter::Task(part)) = Matter::parse(&record.about) {
                of.missing.remove(&part);
            }
        }
        let Some(Ok(question)) = record.question.as_deref().map(str::parse::<HopId>) else { return };
        let Some(question) = of.questions.get_mut(&question).filter(|question| question.answer.is_none()) else {
            return;
        };
        let hop = record.hop.as_deref().and_then(|hop| hop.parse().ok());
        question.answer = Some(Said { by, words: record.answer.clone(), hop });
        let answered = question.clone();
        of.forget();
        inner.let_go(&answered);
    }
}

impl Inner {
    /// A question of this agent that nobody has answered and that this work waits for: one that was asked in the task, or
    /// about a request that belongs to it. What is known to be about something else goes on. Whoever leaves its task token
    /// out takes its questions along.
    fn open_for(&self, agent: &AgentName, task: &TaskSpec, item: Option<&Item>) -> Option<&Question> {
        let open = self.waiting.get(agent)?;
        let mut questions = open.iter().filter_map(|(task, hop)| self.tasks.get(task)?.questions.get(hop));
        let is_standing = matches!(task.kind, TaskKind::Standing(_));
        questions.find(|question| {
            let is_here = is_standing || question.task == task.id || question.request_task == Some(task.id);
            let is_another = question.item.zip(item).is_some_and(|(asked, item)| asked != item.digest());
            is_here && !is_another
        })
    }

    fn let_go(&mut self, question: &Question) {
        if let Some(open) = self.waiting.get_mut(&question.by) {
            open.remove(&(question.task, question.hop));
            if open.is_empty() {
                self.waiting.remove(&question.by);
            }
        }
    }
}

impl OfTask {
    /// Forgets the oldest answered questions past the bound, which only a standing task comes to.
    fn forget(&mut self) {
        while self.questions.len() > QUESTIONS_MAX {
            let answered = self.questions.values().filter(|question| question.answer.is_some());
            let Some(oldest) = answered.min_by_key(|question| (question.at, question.hop)).map(|one| one.hop) else {
                return;
            };
            self.questions.remove(&oldest);
        }
    }
}

fn read(at: Timestamp, record: &v1::ClarificationAsked) -> Option<Question> {
    let Principal::Agent(by) = Principal::parse(&record.by)? else { return None };
    Some(Question {
        hop: record.question.parse().ok()?,
        task: record.task.parse().ok()?,
        specification: record.specification.clone(),
        at,
        by,
        of: Principal::parse(&record.of)?,
        about: Matter::parse(&record.about)?,
        answer: None,
        request_task: record.request_task.as_deref().and_then(|task| task.parse().ok()),
        item: record.item.as_deref().and_then(Digest::parse),
    })
}

const UNCLEAR: &str = "PG-1.6";
const WAITS: &str = "PG-2.10";

/// Questions that may be asked about one task.
const QUESTIONS_MAX: usize = 32;

/// What people may say of one task, asked and unasked. Of a standing task the latest counts.
const WORDS_MAX: usize = 64;
