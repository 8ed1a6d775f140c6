//! Letters in other places than they belong: rotated by thirteen, backwards, apart, or with digits in their stead.
//!
//! Any text can be read in these ways, so it is read so only where the words of an instruction come out.

use std::{borrow::Cow, sync::LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::{
    budget::{Bound, Budget},
    layer::Layer,
    view::{Draft, Hiding, Inherit, View},
};

/// The text read in each of these ways in which it says something.
pub fn take_off(view: &View<'_>, budget: &mut Budget, views: &mut Vec<View<'static>>) -> Result<(), Bound> {
    let text = view.text.as_ref();
    if text.len() < TEXT_BYTES_MIN {
        return Ok(());
    }
    budget.look(text.len());
    let (n_rotated, n_reversed) = count_disguised(view);
    if n_rotated >= WORDS_MIN {
        let rotated: String = text.chars().map(rotate).collect();
        views.extend(whole(view, &rotated, Layer::Rotated, budget)?);
    }
    if n_reversed >= WORDS_MIN {
        let reversed: String = text.chars().rev().collect();
        views.extend(whole(view, &reversed, Layer::Reversed, budget)?);
    }
    if has_leet(text.as_bytes()) {
        views.extend(leet(view, budget)?);
    }
    views.extend(together(view, budget)?);
    Ok(())
}

fn whole(view: &View<'_>, text: &str, layer: Layer, budget: &mut Budget) -> Result<Option<View<'static>>, Bound> {
    budget.take(text.len())?;
    let mut draft = Draft::of(view, Inherit::Nothing);
    draft.read(text, 0..view.text.len(), Hiding::Hidden);
    Ok(draft.finish(layer))
}

/// How many words of an instruction there are in a view that can be read nowhere above it, rotated and backwards.
fn count_disguised(view: &View<'_>) -> (usize, usize) {
    let (mut n_rotated, mut n_reversed) = (0, 0);
    for found in DISGUISED.find_iter(view.text.as_ref()).filter(|found| view.find(found.range()).is_news) {
        if found.pattern().as_usize() < WORDS.len() { n_rotated += 1 } else { n_reversed += 1 }
    }
    (n_rotated, n_reversed)
}

/// The text with letters for the digits and signs that stand for them, word by word: the others stay as they are.
fn leet(view: &View<'_>, budget: &mut Budget) -> Result<Option<View<'static>>, Bound> {
    let text = view.text.as_ref();
    let mut draft = Draft::of(view, Inherit::Nothing);
    let (mut start, mut n_words) = (0, 0);
    for word in text.split_inclusive(char::is_whitespace) {
        let part = start..start + word.len();
        start = part.end;
        let letters: String = word.chars().map(letter_for).collect();
        let is_number = !word.bytes().any(|b| b.is_ascii_alphabetic());
        if letters == word || is_number || !view.find(part.clone()).is_news {
            draft.copy(part);
        } else {
            n_words += usize::from(PLAIN.is_match(&letters));
            draft.read(&letters, part, Hiding::Hidden);
        }
    }
    if n_words < WORDS_MIN {
        return Ok(None);
    }
    budget.take(draft.len())?;
    Ok(draft.finish(Layer::Leet))
}

/// Runs of single letters with one separator between them, put together.
fn together(view: &View<'_>, budget: &mut Budget) -> Result<Option<View<'static>>, Bound> {
    let text = view.text.as_ref();
    let bytes = text.as_bytes();
    let mut draft = Draft::of(view, Inherit::Nothing);
    let is_separator = |b: u8| matches!(b, b' ' | b'.' | b'-' | b'_' | b'*' | b'|' | b'/');
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let mut word = String::new();
        let mut n_letters = 0;
        while let Some(b) = bytes.get(at).filter(|b| b.is_ascii_alphanumeric()) {
            if bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) {
                break;
            }
            word.push(char::from(*b));
            n_letters += 1;
            at += 1;
            let n_separators = bytes[at..].iter().take(SEPARATORS_MAX).take_while(|b| is_separator(**b)).count();
            if n_separators > 1 {
                word.push(' ');
            }
            at += n_separators;
            if n_separators == 0 {
                break;
            }
        }
        if n_letters >= LETTERS_APART_MIN && view.find(start..at).is_news {
            budget.take(word.len())?;
            draft.read(&in_words(&word), start..at, Hiding::Hidden);
            draft.end_line();
        }
        if at == start {
            // To the end of what is no single letter.
            at += bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric()).count().max(1);
        }
    }
    Ok(draft.finish(Layer::SpacedOut))
}

/// Where the gaps between words are not wider than those between letters, the words that instructions are made of.
fn in_words(letters: &str) -> Cow<'_, str> {
    if letters.trim_end().contains(' ') {
        return Cow::Borrowed(letters);
    }
    let mut out = String::with_capacity(letters.len() * 2);
    let mut at = 0;
    for found in VOCABULARY.find_iter(letters) {
        out.push_str(&letters[at..found.start()]);
        out.push(' ');
        out.push_str(&letters[found.range()]);
        out.push(' ');
        at = found.end();
    }
    out.push_str(&letters[at..]);
    Cow::Owned(out)
}

const fn rotate(c: char) -> char {
    match c {
        'a'..='m' | 'A'..='M' => (c as u8 + 13) as char,
        'n'..='z' | 'N'..='Z' => (c as u8 - 13) as char,
        _ => c,
    }
}

const fn letter_for(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        '9' => 'g',
        _ => c,
    }
}

/// Whether digits stand beside letters more often than in an ordinary text.
fn has_leet(bytes: &[u8]) -> bool {
    let is_leet = |b: u8| matches!(b, b'0' | b'1' | b'3' | b'4' | b'5' | b'7' | b'@' | b'$' | b'!');
    let is_beside = |pair: &&[u8]| {
        (is_leet(pair[0]) && pair[1].is_ascii_alphabetic()) || (pair[0].is_ascii_alphabetic() && is_leet(pair[1]))
    };
    bytes.windows(2).filter(is_beside).take(LEET_MIN).count() == LEET_MIN
}

static DISGUISED: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let rotated = WORDS.iter().map(|word| word.chars().map(rotate).collect::<String>());
    automaton(rotated.chain(WORDS.iter().map(|word| word.chars().rev().collect())))
});
static PLAIN: LazyLock<AhoCorasick> = LazyLock::new(|| automaton(WORDS.iter().map(|word| (*word).to_owned())));
static VOCABULARY: LazyLock<AhoCorasick> =
    LazyLock::new(|| automaton(WORDS.iter().chain(FILLERS).map(|word| (*word).to_owned())));

fn automaton(words: impl Iterator<Item = String>) -> AhoCorasick {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::DFA))
        .build(words)
        .expect("a few dozen short words fit")
}

/// Words that instructions to models have.
const WORDS: &[&str] = &[
    "ignore",
    "disregard",
    "forget",
    "override",
    "bypass",
    "previous",
    "instructions",
    "instruction",
    "system",
    "prompt",
    "secret",
    "password",
    "jailbreak",
    "restrictions",
    "guidelines",
    "reveal",
    "transfer",
    "approve",
];
/// Words that stand between those.
const FILLERS: &[&str] = &[
    "all",
    "and",
    "any",
    "above",
    "are",
    "assistant",
    "before",
    "do",
    "earlier",
    "everything",
    "from",
    "must",
    "now",
    "of",
    "prior",
    "rules",
    "the",
    "these",
    "to",
    "you",
    "your",
];
const WORDS_MIN: usize = 2;
const LEET_MIN: usize = 3;
/// So many single letters in a row are no list of initials.
const LETTERS_APART_MIN: usize = 12;
const SEPARATORS_MAX: usize = 4;
const TEXT_BYTES_MIN: usize = 16;
