//! Letters of one script that stand for those of another (PG-1.1, UTS 39).

use maso_core::{Finding, Word};

use crate::{
    Surface,
    leaf::Leaf,
    normal::plain::{look_alike, plain},
    notes::Notes,
};

/// Looks for look-alikes in a string that is not plain ASCII.
pub fn look(leaf: Leaf<'_>, surface: Surface, notes: &mut Notes<'_>) {
    let mut n_mixed = 0;
    let mut n_addresses = 0;
    let mut n_words = 0;
    for word in leaf.text.split_whitespace() {
        n_words += 1;
        if word.is_ascii() {
            continue;
        }
        let mixed = word.split(|c: char| !c.is_alphanumeric()).any(is_mixed);
        n_mixed += usize::from(mixed);
        n_addresses += usize::from(is_spoofed_address(word) || is_spoofed_account(word));
    }
    let strict = match surface {
        Surface::Arguments | Surface::Description => Word::NoGo,
        Surface::Result | Surface::Message => Word::Escalate,
    };
    let (word, reason, count) = if n_addresses > 0 {
        (strict, "an address or account number in look-alike letters", n_addresses)
    } else if n_mixed > 0 && n_words == 1 {
        (strict, "a name that mixes look-alike letters of two scripts", n_mixed)
    } else if n_mixed > 1 {
        (Word::Escalate, "words that mix look-alike letters of two scripts", n_mixed)
    } else if n_mixed == 1 {
        (Word::Go, "a word that mixes look-alike letters of two scripts", n_mixed)
    } else {
        return;
    };
    notes.add(Finding::new(PG_1_1, word, reason).at(leaf.pointer(), format!("{count} of {n_words} words")));
}

/// Whether each foreign letter in a word with Latin letters looks like a Latin one. Honest mixtures, such as a Russian
/// ending on an English word, have letters that look like none.
fn is_mixed(word: &str) -> bool {
    let n_letters = word.chars().filter(|c| c.is_alphabetic()).count();
    n_letters >= 3 && word.chars().any(|c| c.is_ascii_alphabetic()) && spoofs(word)
}

/// Whether some letters are foreign and all of those look like Latin ones.
fn spoofs(word: &str) -> bool {
    let mut foreign = word.chars().filter(|c| c.is_alphabetic() && is_foreign(*c)).peekable();
    foreign.peek().is_some() && foreign.all(|c| c.to_lowercase().all(|c| look_alike(c).is_some()))
}

/// Whether a mail address or URL has a label that only looks as if it were Latin.
fn is_spoofed_address(word: &str) -> bool {
    let after_scheme = word.split_once("://").map_or(word, |(_, rest)| rest);
    let is_address = word.contains('@') || word.contains("://") || after_scheme.starts_with("www.");
    if !is_address && !looks_like_host(after_scheme) {
        return false;
    }
    let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
    authority.split(['.', '@', ':']).any(|label| !label.is_ascii() && (spoofs(label) || is_compatible(label)))
}

fn looks_like_host(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_punctuation());
    word.rsplit_once('.').is_some_and(|(name, top)| {
        !name.is_empty() && (2..=10).contains(&top.len()) && top.bytes().all(|b| b.is_ascii_lowercase())
    })
}

/// Whether something that reads as an account number is not written in ASCII.
fn is_spoofed_account(word: &str) -> bool {
    let folded = plain(word);
    let bytes = folded.as_bytes();
    (15..=34).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_alphanumeric)
        && bytes[..2].iter().all(u8::is_ascii_alphabetic)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes.iter().filter(|b| b.is_ascii_digit()).count() >= 8
}

/// Whether letters or digits are compatibility forms of ASCII, such as full-width or mathematical ones.
fn is_compatible(label: &str) -> bool {
    label.chars().any(|c| matches!(c, '\u{ff10}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d7ff}' | '\u{2460}'..='\u{24ff}'))
}

const fn is_foreign(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{1dff}' | '\u{1f00}'..='\u{1fff}' | '\u{2c80}'..='\u{2fff}' | '\u{a4d0}'..='\u{a6ff}'
        | '\u{ab70}'..='\u{abbf}' | '\u{10280}'..='\u{10fff}')
}

const PG_1_1: &str = "PG-1.1";
