//! A piece of what a task has seen: its words in the form in which they are compared, and the keys that find them.

use std::{borrow::Cow, ops::Range, sync::Arc};

use maso_core::{Label, Source};
use serde_json::Value;

use super::{
    days::{Day, day_at},
    hosts::{host_key, host_of},
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
    /// The same words as they were written, a space between them, each leaf after its name.
    said: Box<str>,
    leaves: Box<[Place]>,
}

/// Where a leaf begins.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// Its first word among all words.
    word: u32,
    /// Its name in what was said.
    name: u32,
    /// Its text, which follows its name.
    text: u32,
}

/// A value as it stands in what was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quote<'m> {
    /// What the leaf is called in which it stands.
    pub(super) name: Option<&'m str>,
    /// The whole leaf, as it was written but for the space between its words.
    pub(super) text: &'m str,
    /// The value in it.
    pub(super) range: Range<usize>,
}

impl Passage {
    pub(super) fn cost(&self) -> usize {
        cost_of(&self.text, &self.said, self.starts.len())
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

    /// The value that was found at a word, as it was written; `None` if that cannot be told any more.
    pub(super) fn quote(&self, at: u32, value: &str) -> Option<Quote<'_>> {
        let nth = self.leaves.partition_point(|leaf| leaf.word <= at).checked_sub(1)?;
        let leaf = self.leaves[nth];
        let end = self.leaves.get(nth + 1).map_or(self.said.len(), |next| next.name as usize);
        let name = self.said.get(leaf.name as usize..leaf.text as usize)?;
        let text = self.said.get(leaf.text as usize..end)?;
        let last = at as usize + self.n_words(at, value) - 1;
        // A word as it was written may hold several as they are compared, or none.
        let mut index = leaf.word as usize;
        let mut range: Option<Range<usize>> = None;
        for word in words(text) {
            let normal = normal_text(word);
            let n_words = words(&normal).count();
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            if (index..index + n_words).contains(&(at as usize)) {
                let found = words(&normal).nth(at as usize - index);
                range = (found == self.word(at as usize)).then_some(start..start + word.len());
            }
            if (index..index + n_words).contains(&last)
                && let Some(range) = &mut range
            {
                range.end = start + word.len();
                break;
            }
            index += n_words;
        }
        let range = range?;
        let quoted = &text[range.clone()];
        let start = range.start + (quoted.len() - opened(quoted).len());
        let range = start..(start + bare(quoted).len()).max(start);
        Some(Quote { name: (!name.is_empty()).then_some(name), text, range })
    }

    /// How many words from this one on make the value.
    fn n_words(&self, at: u32, value: &str) -> usize {
        let value = parted(value);
        let normal = normal_text(&value);
        let n_of_value = words(&normal).count().max(1);
        if n_of_value > 1 && self.reads(at, words(&normal)) {
            return n_of_value;
        }
        let code = grouped_code(words(&normal).flat_map(|word| word.split('-'))).unwrap_or_else(|| normal.into_owned());
        let groups = |n| grouped_code((0..n).filter_map(|offset| self.word(at as usize + offset).map(bare)));
        (2..=GROUPS_MAX).find(|n| groups(*n).as_ref() == Some(&code)).unwrap_or(1)
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
            if let Some(host) = host_of(bare_word) {
                each(&host_key(&host), place);
            }
            if let Some(day) = self.day(index) {
                each(&day.key(), place);
            }
            self.each_spaced_code(index, &mut |key| each(key, place));
        }
    }

    /// The day that is named from this word on.
    fn day(&self, index: usize) -> Option<Day> {
        day_at((index..self.starts.len()).map_while(|at| self.word(at).filter(|word| !word.is_empty())))
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

/// The text with a space between an address and a sentence that begins right after it: `www.our-site.com.They`.
pub(super) fn parted(text: &str) -> Cow<'_, str> {
    if !words(text).any(|word| glue(word).is_some()) {
        return Cow::Borrowed(text);
    }
    let parted = words(text).flat_map(|word| {
        let (address, next) = word.split_at(glue(word).unwrap_or(word.len()));
        [address, next].into_iter().filter(|part| !part.is_empty())
    });
    Cow::Owned(parted.collect::<Vec<_>>().join(" "))
}

/// Where a sentence begins in the same word in which an address ended.
fn glue(said: &str) -> Option<usize> {
    let (address, next) = said.rsplit_once('.')?;
    let mut next = next.chars();
    // Asked of each word that is learned: what is cheap and mostly false comes first.
    let begins = next.next().is_some_and(char::is_uppercase) && next.next().is_some_and(char::is_lowercase);
    let is_address = || address.contains('@') || address.contains('.') && host_of(&normal_text(address)).is_some();
    (begins && is_address()).then_some(address.len() + 1)
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
    said: String,
    leaves: Vec<Place>,
}

impl Draft {
    /// Adds a leaf; `name` is the key under which it stands.
    pub(super) fn add(&mut self, leaf: Leaf<'_>, name: Option<&str>) {
        if self.is_full() || matches!(leaf, Leaf::Value(Value::Null | Value::Bool(_))) {
            return;
        }
        let (word, start) = (offset(self.starts.len()), offset(self.said.len()));
        self.said.push_str(name.filter(|name| name.len() <= WORD_BYTES_MAX).unwrap_or_default());
        self.leaves.push(Place { word, name: start, text: offset(self.said.len()) });
        match leaf {
            Leaf::Value(Value::Number(number)) => {
                self.push(&number_of(number));
                self.said.push_str(&number.to_string());
            }
            Leaf::Value(Value::String(text)) => self.add_text(text),
            Leaf::Key(text) => self.add_text(text),
            Leaf::Value(_) => {}
        }
        self.push("");
    }

    fn add_text(&mut self, text: &str) {
        let text = &*parted(text);
        if text.is_ascii() {
            // Word for word the same, but for its case.
            let normal = normal_text(text);
            for (word, said) in words(&normal).zip(words(text)) {
                if self.is_full() {
                    return;
                }
                self.push_or_gap(word);
                self.say(said);
            }
            return;
        }
        for said in words(text) {
            if self.is_full() {
                return;
            }
            words(&normal_text(said)).for_each(|word| self.push_or_gap(word));
            self.say(said);
        }
    }

    /// A word that is too long to be a value that somebody means leaves a gap: it keeps its neighbours from being read
    /// as one.
    fn push_or_gap(&mut self, word: &str) {
        self.push(if word.len() > WORD_BYTES_MAX { "" } else { word });
    }

    fn push(&mut self, word: &str) {
        self.starts.push(offset(self.text.len()));
        self.text.push_str(word);
    }

    fn say(&mut self, word: &str) {
        if self.leaves.last().is_some_and(|leaf| (leaf.text as usize) < self.said.len()) {
            self.said.push(' ');
        }
        self.said.push_str(if word.len() > WORD_BYTES_MAX { "…" } else { word });
    }

    /// What was gathered, as said by this source under this label.
    pub(super) fn passage(self, source: Arc<Source>, label: Label, named: Named) -> Passage {
        Passage {
            source,
            label,
            named,
            text: self.text.into(),
            starts: self.starts.into(),
            said: self.said.into(),
            leaves: self.leaves.into(),
        }
    }

    fn is_full(&self) -> bool {
        cost_of(&self.text, &self.said, self.starts.len()) >= PASSAGE_COST_MAX
    }
}

const fn cost_of(text: &str, said: &str, n_words: usize) -> usize {
    text.len() + said.len() + n_words * WORD_COST
}

fn offset(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Bytes that one piece of data may take of it under one label; what lies beyond is not learned.
const PASSAGE_COST_MAX: usize = COST_MAX / 4;

/// What a word costs beside its text: its place, and its postings. The end of a leaf counts as one, which is where the
/// leaf's own place is paid for.
const WORD_COST: usize = 64;

/// Bytes of the longest word that is learned.
const WORD_BYTES_MAX: usize = 2_048;

/// Groups of the longest code that is written in groups: an IBAN of 34 characters.
const GROUPS_MAX: usize = 9;
