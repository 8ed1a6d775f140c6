//! What a task has sent to servers, so that none of it comes back believed more, or fenced less, than it went out.
//!
//! Kept as hashes of words: enough to recognise an echo, however it is written, and small enough to keep long. What
//! cannot be kept any more counts against everything that its server says from then on.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
};

use maso_core::{Confidentiality, Integrity, Label, ServerName};

use super::normal::{bare, normal_text, number_in, words};

/// What was sent, and when, as moments of the memory that it belongs to.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    servers: BTreeMap<ServerName, OfServer>,
    words: HashMap<u64, Sending>,
    runs: HashMap<u64, Confidentiality>,
}

/// What one server was sent.
#[derive(Clone, Debug)]
struct OfServer {
    /// All of it, combined.
    whole: Label,
    /// What of it was not kept, and since when.
    lost: Option<(Sending, Confidentiality)>,
}

impl OfServer {
    fn lose(&mut self, sending: Sending, confidentiality: Confidentiality) {
        self.lost = Some(match self.lost {
            None => (sending, confidentiality),
            Some((before, fenced)) => (before.or(sending), fenced.max(confidentiality)),
        });
    }
}

/// Something that was sent: since when, and how far it was believed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sending {
    since: u64,
    integrity: Integrity,
}

impl Sending {
    /// How far what was learned at this moment may be believed because of it.
    pub(super) fn cap(self, learned: u64) -> Integrity {
        if self.since <= learned { self.integrity } else { Integrity::Operator }
    }

    /// Both: as early as the earlier one, and believed as little as the lesser one.
    fn or(self, other: Self) -> Self {
        Self { since: self.since.min(other.since), integrity: self.integrity.min(other.integrity) }
    }

    /// Put together from both: when both were there, and believed as little as the lesser one.
    fn and(self, other: Self) -> Self {
        Self { since: self.since.max(other.since), integrity: self.integrity.min(other.integrity) }
    }
}

impl Sent {
    /// Notes that a server is sent something that it cannot raise, whatever it gives back.
    pub(super) fn mark(&mut self, server: &ServerName, label: Label) {
        let of_server = self.servers.entry(server.clone()).or_insert(OfServer { whole: label, lost: None });
        of_server.whole = of_server.whole.combine(label);
    }

    /// Notes one leaf of what a server is sent.
    pub(super) fn note(&mut self, server: &ServerName, since: u64, text: &str, label: Label) {
        let Self { servers, words: kept, runs, .. } = self;
        let of_server = servers.entry(server.clone()).or_insert(OfServer { whole: label, lost: None });
        of_server.whole = of_server.whole.combine(label);
        let sending = Sending { since, integrity: label.integrity };
        let mut keep = |key: u64| {
            let has_room = kept.len() < WORDS_MAX;
            match kept.get_mut(&key) {
                Some(known) => *known = known.or(sending),
                None if has_room => drop(kept.insert(key, sending)),
                None => of_server.lose(sending, label.confidentiality),
            }
        };
        let normal = normal_text(text);
        for word in words(&normal) {
            if let Some(number) = number_in(word).or_else(|| number_in(bare(word))) {
                keep(key(server, &[&number]));
            }
        }
        let atoms: Vec<&str> = atoms(&normal).collect();
        for atom in &atoms {
            keep(key(server, &[atom]));
        }
        if label.confidentiality == Confidentiality::Public {
            return;
        }
        let whole = (atoms.len() < RUN && is_telling(&atoms)).then_some(atoms.as_slice());
        for run in atoms.windows(RUN).chain(whole) {
            let (key, has_room) = (key(server, run), runs.len() < WORDS_MAX);
            match runs.get_mut(&key) {
                Some(fenced) => *fenced = label.confidentiality.max(*fenced),
                None if has_room => drop(runs.insert(key, label.confidentiality)),
                None => of_server.lose(sending, label.confidentiality),
            }
        }
    }

    /// What this server says from this moment on may hold anything that was sent under this label.
    pub(super) fn lose(&mut self, server: &ServerName, since: u64, label: Label) {
        let of_server = self.servers.entry(server.clone()).or_insert(OfServer { whole: label, lost: None });
        of_server.whole = of_server.whole.combine(label);
        of_server.lose(Sending { since, integrity: label.integrity }, label.confidentiality);
    }

    /// All that each server was sent, combined.
    pub(super) fn wholes(&self) -> impl Iterator<Item = (&ServerName, Label)> {
        self.servers.iter().map(|(server, sent)| (server, sent.whole))
    }

    /// Since when, and how far at most, this value is believed of this server: no more than it was when it was sent.
    pub(super) fn echoed(&self, server: &ServerName, value: &str) -> Option<Sending> {
        let lost = self.servers.get(server)?.lost.map(|(lost, _)| lost);
        [lost, self.found(server, value)].into_iter().flatten().reduce(Sending::or)
    }

    fn found(&self, server: &ServerName, value: &str) -> Option<Sending> {
        let normal = normal_text(value);
        let number =
            number_in(bare(normal.trim())).and_then(|number| self.words.get(&key(server, &[&number])).copied());
        let mut n_atoms = 0_usize;
        let mut compact = String::new();
        let mut together: Option<Option<Sending>> = None;
        for atom in atoms(&normal) {
            n_atoms += 1;
            let sending = self.pieced(server, atom);
            together = Some(match together {
                None => sending,
                Some(so_far) => so_far.zip(sending).map(|(so_far, sending)| so_far.and(sending)),
            });
            if compact.len() <= PIECED_BYTES_MAX {
                compact.push_str(atom);
            }
        }
        let in_one = if n_atoms > 1 { self.pieced(server, &compact) } else { None };
        [number, together.flatten(), in_one].into_iter().flatten().reduce(Sending::or)
    }

    /// A word as it was sent, or put together from words that were: two arguments may come back as one value.
    fn pieced(&self, server: &ServerName, word: &str) -> Option<Sending> {
        if let Some(sending) = self.words.get(&key(server, &[word])) {
            return Some(*sending);
        }
        if !word.is_ascii() || !(PIECED_BYTES_MIN..=PIECED_BYTES_MAX).contains(&word.len()) {
            return None;
        }
        let mut reached: Vec<Option<Sending>> = vec![None; word.len() + 1];
        for start in 0..word.len() {
            let so_far = reached[start];
            if start > 0 && so_far.is_none() {
                continue;
            }
            for end in start + 1..=word.len() {
                if end - start < PIECE_BYTES_MIN && end < word.len() {
                    continue;
                }
                if let Some(piece) = self.words.get(&key(server, &[&word[start..end]])) {
                    let sending = so_far.map_or(*piece, |so_far| so_far.and(*piece));
                    reached[end] = Some(reached[end].map_or(sending, |other| other.or(sending)));
                }
            }
        }
        reached[word.len()]
    }

    /// How high this server's words are fenced because of what it was sent.
    pub(super) fn fence(&self, server: &ServerName) -> Fence<'_> {
        let of_server = self.servers.get(server);
        let lost = of_server.and_then(|sent| sent.lost).map(|(_, confidentiality)| confidentiality);
        Fence {
            sent: self,
            so_far: lost.unwrap_or(Confidentiality::Public),
            at_most: of_server.map_or(Confidentiality::Public, |sent| sent.whole.confidentiality),
        }
    }
}

/// Reads through what a server says, for what it was sent.
pub(super) struct Fence<'s> {
    sent: &'s Sent,
    so_far: Confidentiality,
    at_most: Confidentiality,
}

impl Fence<'_> {
    /// Whether reading on can raise what has at least this confidentiality.
    pub(super) fn may_rise_above(&self, declared: Confidentiality) -> bool {
        self.at_most > declared.max(self.so_far)
    }

    /// Reads one leaf.
    pub(super) fn read(&mut self, server: &ServerName, text: &str) {
        let normal = normal_text(text);
        let atoms: Vec<&str> = atoms(&normal).collect();
        for start in 0..atoms.len() {
            for length in 1..=RUN.min(atoms.len() - start) {
                if let Some(fenced) = self.sent.runs.get(&key(server, &atoms[start..start + length])) {
                    self.so_far = self.so_far.max(*fenced);
                }
            }
        }
    }

    pub(super) fn height(&self) -> Confidentiality {
        self.so_far
    }
}

/// The letters and digits that stand together: what is left of a value however it is quoted, joined or taken apart.
fn atoms(normal: &str) -> impl Iterator<Item = &str> {
    normal.split(|character: char| !character.is_alphanumeric()).filter(|atom| !atom.is_empty())
}

/// Whether so few words say something by themselves: a name or a number does, `paid` does not.
fn is_telling(atoms: &[&str]) -> bool {
    let n_bytes: usize = atoms.iter().map(|atom| atom.len()).sum();
    let has_digit = atoms.iter().any(|atom| atom.bytes().any(|byte| byte.is_ascii_digit()));
    n_bytes >= if has_digit { 6 } else { 9 }
}

// Two words with one hash make one value more count as an echo, which only lowers it.
fn key(server: &ServerName, run: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (server.as_str(), run).hash(&mut hasher);
    hasher.finish()
}

/// Words that are kept of what one task sends.
const WORDS_MAX: usize = 32_768;

/// Words in a row that make an echo of a text.
const RUN: usize = 4;

/// Bytes of a word that may have been put together from others.
const PIECED_BYTES_MIN: usize = 6;
const PIECED_BYTES_MAX: usize = 64;

/// Bytes of each such piece but the last: shorter ones are found in everything.
const PIECE_BYTES_MIN: usize = 3;
