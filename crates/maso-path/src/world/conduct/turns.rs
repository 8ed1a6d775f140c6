//! How long two agents go back and forth (EC-1.5).
//!
//! A conversation is what two agents ask of each other about one item of one task, in either direction; without an item, all
//! that they ask of each other in it. About an item each request is a turn. Without one nobody can tell a batch from an
//! argument, so a turn begins when the other one asks, or when the very same is asked again.

use std::collections::HashMap;

use maso_core::{AgentName, Digest, Finding, Findings, HopId, Timestamp, Word};
use parking_lot::Mutex;

use super::requests::{Request, Run};

/// All conversations, folded from the record.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    runs: HashMap<Run, HashMap<Topic, Conversation>>,
    /// What was let pass and is not on the record yet. It counts, so that many at once are not more than one after the
    /// other.
    passing: HashMap<HopId, Request>,
}

/// Between whom, and about what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Topic {
    between: (AgentName, AgentName),
    about: About,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum About {
    Item(Digest),
    Nothing,
    /// All further items of the two, past the number that is told apart.
    Others,
}

#[derive(Debug)]
struct Conversation {
    n_turns: u32,
    since: Timestamp,
    /// Who asked last, and what exactly.
    by: AgentName,
    deed: Digest,
}

impl Turns {
    /// What the cap says of this request.
    pub(super) fn limits(&self, request: &Request, turns_max: u32, now: Timestamp) -> Findings {
        let mut findings = Findings::none();
        let mut inner = self.0.lock();
        inner.passing.remove(&request.hop);
        let turn = inner.turn(request, now);
        let word = word(turn, turns_max);
        if word < Word::NoGo {
            inner.passing.insert(request.hop, request.clone());
        }
        if word > Word::Go {
            let (one, other) = request.between();
            let why = format!("turn {turn} between `{one}` and `{other}`, who have {turns_max}");
            findings.add(Finding::new("EC-1.5", word, why));
        }
        findings
    }

    /// Whether what was let pass under `heard` still may.
    pub(super) fn bear(&self, request: &Request, turns_max: u32, heard: Word, now: Timestamp) -> bool {
        word(self.0.lock().turn(request, now), turns_max) <= heard
    }

    pub(super) fn leave(&self, hop: HopId) {
        self.0.lock().passing.remove(&hop);
    }

    /// Takes in a request that was released.
    pub(super) fn asked(&self, at: Timestamp, request: &Request) {
        let mut inner = self.0.lock();
        inner.passing.remove(&request.hop);
        let conversations = inner.runs.entry(request.run.clone()).or_default();
        if conversations.len() >= CONVERSATIONS_MAX {
            conversations.retain(|_, known| known.counts(&request.run, at));
        }
        let topic = topic(Some(conversations), request);
        let each = topic.about.counts_each();
        let known = conversations.entry(topic).or_insert_with(|| Conversation::new(request, at));
        if !known.counts(&request.run, at) {
            *known = Conversation::new(request, at);
        }
        known.n_turns = known.n_turns.saturating_add(u32::from(each || known.turns_with(request)));
        (known.by, known.deed) = (request.from.clone(), request.deed);
    }

    pub(super) fn closed(&self, run: &Run) {
        self.0.lock().runs.remove(run);
    }
}

impl Inner {
    /// Which turn this request would be, after all that is under way besides.
    fn turn(&self, request: &Request, now: Timestamp) -> u32 {
        let conversations = self.runs.get(&request.run);
        let topic = topic(conversations, request);
        let known = conversations.and_then(|known| known.get(&topic)).filter(|known| known.counts(&request.run, now));
        let same = |other: &&Request| {
            let about = topic.about == About::Others || other.item == request.item;
            other.hop != request.hop && other.run == request.run && about && other.between() == topic.between
        };
        let n_others = u32::try_from(self.passing.values().filter(same).count()).unwrap_or(u32::MAX);
        let n_turns = known.map_or(0, |known| known.n_turns);
        if topic.about.counts_each() {
            return n_turns.saturating_add(n_others).saturating_add(1);
        }
        let meets = |other: &Request| other.from != request.from || other.deed == request.deed;
        let turns = known.is_none_or(|known| known.turns_with(request));
        // Those in the other direction may come first or last: each may begin a turn, and so may this one after it.
        let n_met = match self.passing.values().filter(same).any(meets) {
            true => n_others.saturating_add(u32::from(!turns)),
            false => 0,
        };
        n_turns.saturating_add(u32::from(turns)).saturating_add(n_met)
    }
}

impl About {
    const fn counts_each(self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

impl Conversation {
    fn new(request: &Request, since: Timestamp) -> Self {
        Self { n_turns: 0, since, by: request.from.clone(), deed: request.deed }
    }

    /// A standing task never ends, so that its conversations do after a day.
    fn counts(&self, run: &Run, now: Timestamp) -> bool {
        matches!(run, Run::Task(_)) || now.since_ms(self.since) < DAY_MS
    }

    fn turns_with(&self, request: &Request) -> bool {
        self.n_turns == 0 || self.by != request.from || self.deed == request.deed
    }
}

fn topic(conversations: Option<&HashMap<Topic, Conversation>>, request: &Request) -> Topic {
    let between = request.between();
    let about = request.item.map_or(About::Nothing, About::Item);
    let topic = Topic { between, about };
    let is_full = conversations.is_some_and(|all| all.len() >= CONVERSATIONS_MAX && !all.contains_key(&topic));
    if is_full && about != About::Nothing { Topic { about: About::Others, ..topic } } else { topic }
}

/// Up to the cap it goes on by itself; then a person lets each turn pass; past twice the cap there is none.
fn word(turn: u32, turns_max: u32) -> Word {
    match turn {
        turn if turn <= turns_max => Word::Go,
        turn if turn <= turns_max.saturating_mul(2) => Word::Escalate,
        _ => Word::NoGo,
    }
}

const DAY_MS: u64 = 24 * 3_600_000;

/// Conversations of one task that are told apart.
const CONVERSATIONS_MAX: usize = 10_000;
