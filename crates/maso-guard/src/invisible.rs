//! Characters that a person does not see and a model reads (PG-1.1).
//!
//! Every kind has honest uses: joiners inside emoji and in Persian or Indic words, direction marks beside Arabic or
//! Hebrew, tags in flags, a byte order mark at the start. Those pass; what has no such neighbours is counted.

use maso_core::{Finding, Word};

use crate::{
    Surface,
    leaf::Leaf,
    normal::{Census, is_steganography},
    notes::Notes,
};

/// Judges the hidden characters in a string that is not plain ASCII.
pub fn look(leaf: Leaf<'_>, census: &Census, surface: Surface, notes: &mut Notes<'_>) {
    for (word, reason, count) in judge(census, surface, leaf.text) {
        notes.add(Finding::new(PG_1_1, word, reason).at(leaf.pointer(), format!("{count} characters")));
    }
}

/// Looks for terminal escape sequences, which hide or overwrite what a person sees in a terminal.
pub fn look_at_controls(leaf: Leaf<'_>, surface: Surface, notes: &mut Notes<'_>) {
    let bytes = leaf.text.as_bytes();
    if !bytes.iter().any(|&b| matches!(b, 0x1b | 0x08 | 0x00)) {
        return;
    }
    let mut word = Word::Go;
    for (index, _) in bytes.iter().enumerate().filter(|(_, b)| **b == 0x1b) {
        let rest = &bytes[index + 1..];
        let is_colour = rest.first() == Some(&b'[') && {
            let end = rest.iter().skip(1).position(|b| !(b.is_ascii_digit() || *b == b';')).map(|at| at + 1);
            // 8 conceals what follows.
            end.is_some_and(|end| rest[end] == b'm' && !rest[1..end].split(|b| *b == b';').any(|code| code == b"8"))
        };
        if !is_colour {
            word = Word::Escalate;
        }
    }
    if bytes.contains(&0) || bytes.contains(&0x08) {
        word = Word::Escalate;
    }
    if surface == Surface::Description {
        word = Word::NoGo;
    }
    notes
        .add(Finding::new(PG_1_1, word, "control characters that change what a terminal shows").at(leaf.pointer(), ""));
}

fn judge(census: &Census, surface: Surface, text: &str) -> Vec<(Word, &'static str, usize)> {
    let strict = if surface == Surface::Description { Word::NoGo } else { Word::Escalate };
    let mut judged = Vec::new();
    if !census.tags.text.is_empty() {
        judged.push((Word::NoGo, "text hidden in tag characters", census.tags.text.len()));
    }
    if !census.selectors.text.is_empty() {
        judged.push((Word::NoGo, "data hidden in variation selectors", census.selectors.text.len()));
    } else if census.n_lone_selectors > 2 {
        judged.push((strict, "variation selectors where nothing varies", census.n_lone_selectors));
    }
    if is_steganography(census.longest_run, census.n_unexplained) {
        judged.push((Word::NoGo, "data hidden in zero-width characters", census.zero_width.text.len()));
    } else if census.n_inside_words >= 3 || (census.n_inside_words > 0 && !text.contains(char::is_whitespace)) {
        judged.push((strict, "zero-width characters inside words", census.n_inside_words));
    } else if census.n_unexplained > 0 {
        judged.push((Word::Go, "zero-width characters", census.n_unexplained));
    }
    if census.n_overrides > 0 {
        let word = if census.has_right_to_left { strict } else { Word::NoGo };
        judged.push((word, "text whose direction is overridden", census.n_overrides));
    } else if census.n_unbalanced > 0 {
        judged.push((strict, "direction controls that are not closed", census.n_unbalanced));
    } else if census.n_embeddings > 0 && !census.has_right_to_left {
        judged.push((Word::Go, "direction controls in left-to-right text", census.n_embeddings));
    }
    judged
}

const PG_1_1: &str = "PG-1.1";
