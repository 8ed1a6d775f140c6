//! A piece of what a task has seen: its words in the form in which they are compared, and the keys that find them.

use std::sync::Arc;

use maso_core::{Label, Source};
use serde_json::Value;

use super::{
    leaves::{Leaf, Named},
    memory::COST_MAX,
    normal::{
        GROUP_BYTES, bare, closed, grouped_code, is_group, normal_text, number_in, number_of, opened, parts, words,
    },
};

/// The normalised words of the leaves of one piece of data that share a label. An empty word stands between leaves, so
/// that no value is pieced together from two.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) source: Arc<Source>,
    pub(super) label: Label,
    pub(super) named: Named,
    text: Box<str>,
    starts: Box<[u32]>,
}

impl Passage {
    pub(super) fn cost(&self) -> usize {
        cost_of(&self.text, self.starts.len())
    }

    /// Whether nothing stands in it.
    pub(super) fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    fn word(&self, index: usize) -> Option<&str> {
        let start = *self.starts.get(index)? as usize;
        let end = self.starts.get(index + 1).map_or(self.text.len(), |next| *next as usize);
        self.text.get(start..end)
    }

    /// Whether the words of `value` stand here one after the other.
    pub(super) fn reads<'v>(&self, at: u32, value: impl Iterator<Item = &'v str>) -> bool {
        let mut value = value.peekable();
        let mut place = at as usize;
        while let Some(expected) = value.next() {
            let Some(word) = self.word(place) else { return false };
            // Punctuation before the first word and after the last is the sentence's, not the value's.
            let is_first = place == at as usize;
            let is_last = value.peek().is_none();
            let fits =
                word == expected || (is_first && opened(word) == expected) || (is_last && closed(word) == expected);
            if !fits {
                return false;
            }
            place += 1;
        }
        true
    }

    /// Calls `each` with every key under which a word of this passage can be found, and the word's place.
    pub(super) fn each_key(&self, each: &mut impl FnMut(&str, u32)) {
        for index in 0..self.starts.len() {
            let Some(word) = self.word(index).filter(|word| !word.is_empty()) else { continue };
            let place = u32::try_from(index).unwrap_or(u32::MAX);
            each(word, place);
            let (opened_word, bare_word) = (opened(word), bare(word));
            if opened_word != word && !opened_word.is_empty() {
                each(opened_word, place);
            }
            if bare_word != opened_word && !bare_word.is_empty() {
                each(bare_word, place);
            }
            each_number(word, bare_word, &mut |key| each(key, place));
            for part in parts(bare_word) {
                each(part, place);
                each_number(part, part, &mut |key| each(key, place));
                each_code(part, &mut |key| each(key, place));
            }
            each_code(bare_word, &mut |key| each(key, place));
            self.each_spaced_code(index, &mut |key| each(key, place));
        }
    }

    /// The codes written in groups that begin at this word.
    fn each_spaced_code(&self, index: usize, each: &mut impl FnMut(&str)) {
        let group = |offset| self.word(index + offset).map(bare);
        if group(0).is_none_or(|first| first.len() != GROUP_BYTES || !is_group(first)) {
            return;
        }
        for n_groups in 2..=GROUPS_MAX {
            let Some(last) = group(n_groups - 1).filter(|last| is_group(last)) else { return };
            if let Some(code) = grouped_code((0..n_groups).filter_map(group)) {
                each(&code);
            }
            if last.len() < GROUP_BYTES {
                return;
            }
        }
    }
}

fn each_number(word: &str, bare_word: &str, each: &mut impl FnMut(&str)) {
    if let Some(number) = number_in(word).or_else(|| number_in(bare_word)) {
        each(&number_key(&number));
    }
}

fn each_code(word: &str, each: &mut impl FnMut(&str)) {
    if let Some(code) = word.contains('-').then(|| grouped_code(word.split('-'))).flatten() {
        each(&code);
    }
}

/// The key of a number. No word contains whitespace, so no word can be taken for a number.
pub(super) fn number_key(canonical: &str) -> String {
    format!("\n{canonical}")
}

#[derive(Debug, Default)]
pub(super) struct Draft {
    text: String,
    starts: Vec<u32>,
}

impl Draft {
    pub(super) fn add(&mut self, leaf: Leaf<'_>) {
        if self.is_full() {
            return;
        }
        match leaf {
            Leaf::Value(Value::Number(number)) => self.push(&number_of(number)),
            Leaf::Value(Value::String(text)) => self.add_text(text),
            Leaf::Key(text) => self.add_text(text),
            Leaf::Value(_) => return,
        }
        self.push("");
    }

    fn add_text(&mut self, text: &str) {
        let normal = normal_text(text);
        for word in words(&normal) {
            if self.is_full() {
                return;
            }
            // Too long to be a value that somebody means; a gap keeps its neighbours from being read as one.
            self.push(if word.len() > WORD_BYTES_MAX { "" } else { word });
        }
    }

    fn push(&mut self, word: &str) {
        self.starts.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        self.text.push_str(word);
    }

    /// What was gathered, as said by this source under this label.
    pub(super) fn passage(self, source: Arc<Source>, label: Label, named: Named) -> Passage {
        Passage { source, label, named, text: self.text.into(), starts: self.starts.into() }
    }

    fn is_full(&self) -> bool {
        cost_of(&self.text, self.starts.len()) >= PASSAGE_COST_MAX
    }
}

const fn cost_of(text: &str, n_words: usize) -> usize {
    text.len() + n_words * WORD_COST
}

/// Bytes that one piece of data may take of it under one label; what lies beyond is not learned.
const PASSAGE_COST_MAX: usize = COST_MAX / 4;

/// What a word costs beside its text: its place, and its postings.
const WORD_COST: usize = 64;

/// Bytes of the longest word that is learned.
const WORD_BYTES_MAX: usize = 2_048;

/// Groups of the longest code that is written in groups: an IBAN of 34 characters.
const GROUPS_MAX: usize = 9;
