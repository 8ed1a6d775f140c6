//! What a task has seen, indexed so that the origin of a value is found at a cost that does not grow with history.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use maso_core::{Confidentiality, Integrity, Label, Origin, ServerName, Source, TaskId};
use maso_intent::{AgentMandate, ResultLabels, SolutionMandate, Specification};
use serde_json::Value;

use super::{
    days::{RELATIVE, day_of},
    hosts::{host_key, host_of},
    leaves::{Leaf, Named, Segment, each_labelled, each_leaf, each_leaf_and_key, json_in, pointer_to},
    normal::{
        grouped_code, has_invisible, is_ambiguous, is_group, normal_text, number_in, number_of, percent_decoded, words,
    },
    passage::{Draft, Passage, Quote, number_key, parted},
    sent::{Fence, Sending, Sent},
};

/// What a task has seen so far, and where each value in it came from. Bounded.
///
/// What the task itself has sent to a server is no source: when the server gives it back, it is believed as little as it
/// was when it was sent, unless the manifest names the field in which it stands.
///
/// Past the bound the oldest data of the lowest integrity is forgotten first; nothing pushes out what is believed
/// more than itself. A value whose origin was forgotten has none, which is the worst origin. The label of all that was
/// seen never forgets.
#[derive(Clone, Debug)]
pub struct Memory {
    seen: Label,
    passages: BTreeMap<PassageId, Arc<Passage>>,
    ages: [VecDeque<PassageId>; 4],
    next: PassageId,
    pub(super) index: HashMap<Box<str>, Vec<Posting>>,
    sent: Sent,
    pub(super) cost: usize,
    pub(super) cost_max: usize,
}

impl Default for Memory {
    fn default() -> Self {
        Self::bounded(COST_MAX)
    }
}

impl Memory {
    /// A memory of a task that has seen nothing but its operator's words and the constants of its mandate.
    pub fn for_task(task: &Specification, solution: &SolutionMandate, mandate: &AgentMandate) -> Self {
        let mut memory = Self::default();
        let operators = ResultLabels::plain(Label { integrity: Integrity::Operator, ..OWN });
        // What is out of scope is named there so that nobody touches it: it lends no authority.
        for text in std::iter::once(&task.words).chain(&task.success_criteria).chain(&task.scope) {
            memory.learn(Source::Task(task.id), &Value::String(text.clone()), &operators);
        }
        for (name, value) in &solution.constants {
            memory.learn(Source::Mandate(name.clone()), value, &operators);
        }
        // The agent's own declared purpose is the only word of an operator that a standing task has.
        for text in [&mandate.intent, &mandate.outcome] {
            memory.learn(Source::Mandate(mandate.id.clone()), &Value::String(text.clone()), &operators);
        }
        memory
    }

    /// Remembers what a person said of the task after it was opened: words of an operator, as those that opened it.
    pub fn clarified(&mut self, task: TaskId, words: &str) {
        let operators = ResultLabels::plain(Label { integrity: Integrity::Operator, ..OWN });
        self.learn(Source::Task(task), &Value::String(words.to_owned()), &operators);
    }

    /// Remembers a piece of data with the label that its source gives it.
    pub fn learn(&mut self, source: Source, value: &Value, labels: &ResultLabels) {
        let mut drafts: Vec<((Label, Named), Draft)> = Vec::new();
        let mut seen = self.seen;
        let fence = self.fence(&source, value, lowest(labels));
        each_labelled(value, labels, &mut |place, leaf, label, named| {
            let label = Label { confidentiality: label.confidentiality.max(fence), ..label };
            if matches!(leaf, Leaf::Value(Value::Null | Value::Bool(_))) {
                return;
            }
            seen = seen.combine(label);
            let draft = match drafts.iter_mut().position(|(known, _)| *known == (label, named)) {
                Some(known) => &mut drafts[known].1,
                None => {
                    drafts.push(((label, named), Draft::default()));
                    &mut drafts.last_mut().expect("one was pushed above").1
                }
            };
            let name = match (place.last(), leaf) {
                (Some(Segment::Key(name)), Leaf::Value(_)) => Some(*name),
                _ => None,
            };
            draft.add(leaf, name);
        });
        self.seen = seen;
        let source = Arc::new(source);
        for ((label, named), draft) in drafts {
            self.keep(draft.passage(Arc::clone(&source), label, named));
        }
    }

    /// Notes what the task is about to send to a server, each value with the label that it was traced to; `whole` is
    /// that of all of it.
    ///
    /// What is noted [`Order::Late`] counts as sent before everything that was learned.
    ///
    /// `answers` is how far this server is believed at most, and fenced at least: what it could not raise needs no note.
    pub fn sent(
        &mut self,
        order: Order,
        server: &ServerName,
        payload: &Value,
        origins: &[Origin],
        whole: Label,
        answers: Label,
    ) {
        let since = self.moment(order);
        let mut labels: HashMap<&str, Label> = HashMap::with_capacity(origins.len());
        for origin in origins {
            let label = Label { integrity: origin.integrity, confidentiality: origin.confidentiality };
            labels.entry(&origin.pointer).and_modify(|known| *known = known.combine(label)).or_insert(label);
        }
        let untraced = Label { integrity: Integrity::External, confidentiality: whole.confidentiality };
        let sent = &mut self.sent;
        // A key may come back as a value, so each counts, as what the agent chose.
        each_leaf_and_key(payload, &|_, _| false, &mut |place, leaf| {
            let traced = match leaf {
                Leaf::Key(_) => None,
                Leaf::Value(_) => labels.get(pointer_to(place).as_str()).copied(),
            };
            let label = traced.unwrap_or(untraced);
            if label.integrity >= answers.integrity && label.confidentiality <= answers.confidentiality {
                sent.mark(server, label);
            } else {
                each_form(leaf, &mut |text| sent.note(server, since, text, label));
            }
        });
    }

    /// Notes that a server was sent something that cannot be read any more.
    pub fn sent_unread(&mut self, order: Order, server: &ServerName, whole: Label) {
        let since = self.moment(order);
        self.sent.lose(server, since, whole);
    }

    /// All that each server was sent, combined.
    pub fn sent_to(&self) -> impl Iterator<Item = (&ServerName, Label)> {
        self.sent.wholes()
    }

    /// How high what this source says is fenced at least, because a server gives back what it was sent.
    pub(super) fn fence(&self, source: &Source, said: &Value, declared: Confidentiality) -> Confidentiality {
        let Source::Server { server, .. } = source else { return declared };
        let mut fence = self.sent.fence(server);
        if fence.may_rise_above(declared) {
            each_leaf(said, &mut |_, leaf| each_form(leaf, &mut |text| Fence::read(&mut fence, server, text)));
        }
        fence.height()
    }

    fn moment(&mut self, order: Order) -> PassageId {
        match order {
            Order::Late => 0,
            Order::InTime => {
                self.next += 1;
                self.next - 1
            }
        }
    }

    /// Notes that whoever works on the task has seen data of this label elsewhere. Where its values came from is not
    /// known here.
    pub fn reckon_with(&mut self, label: Label) {
        self.seen = self.seen.combine(label);
    }

    /// The label of everything that was seen, combined.
    pub fn label(&self) -> Label {
        self.seen
    }

    /// The best source in which this string or number was found, and the label that it gives it.
    pub(super) fn origin_of(&self, value: &Value) -> Option<(&Source, Label)> {
        match value {
            Value::String(text) => self.origin_of_text(text),
            Value::Number(number) => {
                let number = number_of(number);
                let mut best = Best::of(self, &number);
                self.postings(&number_key(&number)).for_each(|posting| best.consider(posting));
                best.found
            }
            _ => None,
        }
    }

    pub(super) fn origin_of_text(&self, text: &str) -> Option<(&Source, Label)> {
        let mut best = Best::of(self, text);
        self.each_posting(text, &mut |posting| best.consider(posting));
        best.found
    }

    /// The best source in which the host of this web address was named.
    pub(super) fn origin_of_host(&self, address: &str) -> Option<(&Source, Label)> {
        if address.len() > VALUE_BYTES_MAX || has_invisible(address) {
            return None;
        }
        let host = host_of(&normal_text(address))?;
        let mut best = Best::of(self, &host);
        self.postings(&host_key(&host)).for_each(|posting| best.consider(posting));
        best.found
    }

    /// The best source in which the day of this moment was named; where no year was, it is the day of any. Where an operator
    /// says `tomorrow`, it is the day after one that was named, and comes from whoever named that.
    pub(super) fn origin_of_day(&self, moment: &str) -> Option<(&Source, Label)> {
        let day = day_of(moment)?;
        let said =
            |word: &str| self.origin_of_text(word).is_some_and(|(_, label)| label.integrity == Integrity::Operator);
        let relative = RELATIVE.iter().filter(|(word, _)| said(word)).filter_map(|(_, n_days)| {
            let day = day.before(*n_days)?;
            self.day_named(moment, [day.key(), day.key()])
        });
        let named = self.day_named(moment, [day.key(), day.of_any_year().key()]);
        relative.chain(named).max_by_key(|(_, label)| label.integrity)
    }

    fn day_named(&self, moment: &str, keys: [String; 2]) -> Option<(&Source, Label)> {
        let mut best = Best::of(self, moment);
        for key in keys {
            self.postings(&key).for_each(|posting| best.consider(posting));
        }
        best.found
    }

    /// A value as it stands in what this source said, in its most believed place.
    pub(super) fn quote(&self, leaf: Leaf<'_>, source: &Source) -> Option<Quote<'_>> {
        let mut found: Option<(&Passage, u32)> = None;
        let mut consider = |posting: Posting| {
            let Some(passage) = self.passages.get(&posting.passage).filter(|passage| *passage.source == *source) else {
                return;
            };
            if found.is_none_or(|(known, _)| known.label.integrity < passage.label.integrity) {
                found = Some((passage, posting.word));
            }
        };
        let text = match leaf {
            Leaf::Value(Value::String(text)) => text.as_str(),
            Leaf::Key(text) => text,
            Leaf::Value(Value::Number(number)) => {
                let number = number_of(number);
                self.postings(&number_key(&number)).for_each(&mut consider);
                let (passage, word) = found?;
                return passage.quote(word, &number);
            }
            Leaf::Value(_) => return None,
        };
        self.each_posting(text, &mut consider);
        let (passage, word) = found?;
        passage.quote(word, text)
    }

    /// Calls `each` with every place in which this text stands as a whole.
    fn each_posting(&self, text: &str, each: &mut impl FnMut(Posting)) {
        // What a person cannot see cannot have been meant: such a value is not the one that somebody said.
        if text.len() > VALUE_BYTES_MAX || has_invisible(text) {
            return;
        }
        let text = parted(text);
        let normal = normal_text(&text);
        let mut found = words(&normal);
        let Some(first) = found.next() else { return };
        if found.next().is_none() {
            let code = grouped_code(first.split('-'));
            let number = number_in(first).filter(|_| !is_ambiguous(first)).map(|number| number_key(&number));
            let keys = [Some(first), code.as_deref(), number.as_deref()];
            keys.into_iter().flatten().flat_map(|key| self.postings(key)).for_each(each);
            return;
        }
        // A text of more words than a code has groups is none, and `grouped_code` stops at the first that does not fit.
        let code = is_group(first).then(|| grouped_code(words(&normal))).flatten();
        let as_code = code.iter().flat_map(|code| self.postings(code));
        let as_written = self.postings(first).filter(|posting| {
            self.passages.get(&posting.passage).is_some_and(|passage| passage.reads(posting.word, words(&normal)))
        });
        as_code.chain(as_written).for_each(each);
    }

    fn postings(&self, key: &str) -> impl Iterator<Item = Posting> + '_ {
        self.index.get(key).into_iter().flatten().copied()
    }

    pub(super) fn bounded(cost_max: usize) -> Self {
        Self {
            seen: Label::NEUTRAL,
            passages: BTreeMap::new(),
            ages: Default::default(),
            next: 0,
            index: HashMap::new(),
            sent: Sent::default(),
            cost: 0,
            cost_max,
        }
    }

    fn keep(&mut self, passage: Passage) {
        let cost = passage.cost();
        if passage.is_empty() || cost > self.cost_max {
            return;
        }
        while self.cost + cost > self.cost_max {
            let oldest = self.ages[..=passage.label.integrity as usize].iter_mut().find_map(VecDeque::pop_front);
            let Some(oldest) = oldest else { return };
            self.forget(oldest);
        }
        let id = self.next;
        self.next += 1;
        self.cost += cost;
        self.ages[passage.label.integrity as usize].push_back(id);
        let passage = Arc::new(passage);
        self.passages.insert(id, Arc::clone(&passage));
        let integrity = passage.label.integrity;
        passage.each_key(&mut |key, word| self.post(key, Posting { passage: id, word, integrity }));
    }

    /// Adds a posting. A word that stands everywhere keeps its best places: enough to prove where a value came from,
    /// and few enough that looking stays cheap.
    fn post(&mut self, key: &str, posting: Posting) {
        let Some(postings) = self.index.get_mut(key) else {
            self.index.insert(key.into(), vec![posting]);
            return;
        };
        if postings.len() < POSTINGS_MAX {
            postings.push(posting);
            return;
        }
        if let Some(worst) = postings.iter_mut().min_by_key(|posting| posting.integrity)
            && worst.integrity < posting.integrity
        {
            *worst = posting;
        }
    }

    fn forget(&mut self, id: PassageId) {
        let Some(passage) = self.passages.remove(&id) else { return };
        self.cost -= passage.cost();
        let index = &mut self.index;
        passage.each_key(&mut |key, _| {
            if let Some(postings) = index.get_mut(key) {
                postings.retain(|posting| posting.passage != id);
                if postings.is_empty() {
                    index.remove(key);
                }
            }
        });
    }
}

/// When a memory is told of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// After everything that happened before it.
    InTime,
    /// After things that may have happened later.
    Late,
}

fn lowest(labels: &ResultLabels) -> Confidentiality {
    let fields = labels.fields.iter().map(|(_, label)| label.confidentiality);
    fields.fold(labels.default.confidentiality, Confidentiality::min)
}

/// The source that is believed most, and how it labels the value. A value that was also seen where it is fenced higher
/// stays fenced that high.
struct Best<'m, 'v> {
    memory: &'m Memory,
    echoes: Echoes<'m, 'v>,
    found: Option<(&'m Source, Label)>,
}

impl<'m, 'v> Best<'m, 'v> {
    fn of(memory: &'m Memory, value: &'v str) -> Self {
        Self { memory, echoes: Echoes { sent: &memory.sent, value, heard: Vec::new() }, found: None }
    }

    fn consider(&mut self, posting: Posting) {
        let Some(passage) = self.memory.passages.get(&posting.passage) else { return };
        let found = Label { integrity: self.echoes.believed(posting.passage, passage), ..passage.label };
        self.found = Some(match self.found {
            None => (&passage.source, found),
            Some((source, label)) => {
                let confidentiality = label.confidentiality.max(found.confidentiality);
                if found.integrity > label.integrity {
                    (&passage.source, Label { confidentiality, ..found })
                } else {
                    (source, Label { confidentiality, ..label })
                }
            }
        });
    }
}

/// How far each passage is believed of one value: what a server gives back of what it was sent proves nothing.
struct Echoes<'m, 'v> {
    sent: &'m Sent,
    value: &'v str,
    /// What was found out so far. A value stands in the words of few servers.
    heard: Vec<(&'m ServerName, Option<Sending>)>,
}

impl<'m> Echoes<'m, '_> {
    fn believed(&mut self, learned: PassageId, passage: &'m Passage) -> Integrity {
        let declared = passage.label.integrity;
        let (Named::Nowhere, Source::Server { server, .. }) = (passage.named, &*passage.source) else {
            return declared;
        };
        if declared == Integrity::External {
            return declared;
        }
        let sending = match self.heard.iter().find(|(known, _)| *known == server) {
            Some((_, sending)) => *sending,
            None => {
                let sending = self.sent.echoed(server, self.value);
                self.heard.push((server, sending));
                sending
            }
        };
        sending.map_or(declared, |sending| declared.min(sending.cap(learned)))
    }
}

/// Calls `each` with the text of a leaf, in each form in which a server could read it.
fn each_form(leaf: Leaf<'_>, each: &mut impl FnMut(&str)) {
    let text = match leaf {
        Leaf::Value(Value::String(text)) => text.as_str(),
        Leaf::Key(text) => text,
        Leaf::Value(Value::Number(number)) => return each(&number_of(number)),
        Leaf::Value(_) => return,
    };
    each(text);
    if let Some(decoded) = percent_decoded(text) {
        each(&decoded);
    }
    // Escapes inside a document inside a string are read by whoever parses it.
    if text.contains('\\')
        && let Some(parsed) = json_in(text)
    {
        each_leaf(&parsed, &mut |_, leaf| match leaf {
            Leaf::Value(Value::String(text)) => each(text),
            Leaf::Key(text) => each(text),
            Leaf::Value(_) => {}
        });
    }
}

type PassageId = u64;

/// Where a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Posting {
    passage: PassageId,
    word: u32,
    /// That of the passage. Kept here because words that stand everywhere are posted again and again, and finding their
    /// least believed place must not look into 64 passages each time.
    integrity: Integrity,
}

/// The label of what the deployment itself says.
const OWN: Label = Label { integrity: Integrity::Internal, confidentiality: Confidentiality::Internal };

/// Bytes that one memory may take, roughly. Past it the oldest and least believed is forgotten.
pub(super) const COST_MAX: usize = 2 << 20;

/// Places that are remembered of one word.
const POSTINGS_MAX: usize = 64;

/// Bytes of the longest value whose origin is looked for; what is longer was composed.
const VALUE_BYTES_MAX: usize = 64 << 10;
