//! Classes of text: which combinations of patterns some text matches, each with one of its shortest examples.
//!
//! Patterns are regular, so nothing is sampled: the automata of all patterns are walked side by side, and each
//! combination of answers that they can give together is met at its shortest text.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    sync::LazyLock,
};

use regex_automata::{
    Anchored, MatchKind,
    dfa::{Automaton, StartKind, dense},
    util::{primitives::StateID, start, syntax},
};

/// Every text whose answers to the patterns are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Atom {
    /// The answer of each pattern, in order.
    pub(super) answers: Vec<bool>,
    /// One of the shortest texts of the class.
    pub(super) example: String,
}

/// The classes that the patterns make.
#[derive(Clone, Debug)]
pub(super) struct Atoms {
    pub(super) found: Vec<Atom>,
    /// Whether there is certainly no other: no pattern was too large, and the walk came to its end.
    pub(super) complete: bool,
}

/// The classes that these regular expressions make; each must match a whole text or not at all.
pub(super) fn atoms(patterns: &[&str]) -> Atoms {
    if patterns.is_empty() {
        return Atoms { found: vec![Atom { answers: Vec::new(), example: "example".to_owned() }], complete: true };
    }
    let mut complete = true;
    let mut automata = vec![ANY_TEXT.clone()];
    let mut places = Vec::new();
    for pattern in patterns {
        match automaton(pattern) {
            Some(dfa) => {
                places.push(Some(automata.len()));
                automata.push(dfa);
            }
            None => {
                places.push(None);
                complete = false;
            }
        }
    }
    let (reached, ended) = walk(&automata);
    let found = reached.into_iter().map(|(answers, example)| Atom {
        // A pattern that is too large to be walked is answered for the example alone.
        answers: (places.iter().zip(patterns))
            .map(|(place, pattern)| place.map_or_else(|| matches(pattern, &example), |place| answers[place]))
            .collect(),
        example,
    });
    Atoms { found: found.collect(), complete: complete && ended }
}

/// One of the shortest texts in which the regular expression finds something; `None` if there is none, or the
/// expression is too large to say.
pub fn text_matching(pattern: &str) -> Option<String> {
    let anywhere = format!(r"\A(?s:.*)(?:{pattern})(?s:.*)\z");
    atoms(&[&anywhere]).found.into_iter().find(|atom| atom.answers == [true]).map(|atom| atom.example)
}

/// Whether the pattern matches the whole text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    regex::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text))
}

type Dfa = dense::DFA<Vec<u32>>;

fn automaton(pattern: &str) -> Option<Dfa> {
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .match_kind(MatchKind::All)
        .dfa_size_limit(Some(AUTOMATON_BYTES_MAX))
        .determinize_size_limit(Some(AUTOMATON_BYTES_MAX));
    dense::Builder::new().configure(config).syntax(syntax::Config::new()).build(pattern).ok()
}

/// Every combination of answers that a text has, with the first text that has it; and whether the walk ended.
fn walk(automata: &[Dfa]) -> (BTreeMap<Vec<bool>, String>, bool) {
    let anchored = start::Config::new().anchored(Anchored::Yes);
    let start: Option<Vec<StateID>> = automata.iter().map(|dfa| dfa.start_state(&anchored).ok()).collect();
    let Some(start) = start else { return (BTreeMap::new(), false) };
    let letters = letters(automata);
    let mut reached = BTreeMap::new();
    let mut known = HashSet::from([start.clone()]);
    let mut ahead = VecDeque::from([(start, Vec::new())]);
    while let Some((states, text)) = ahead.pop_front() {
        let answers: Vec<bool> =
            automata.iter().zip(&states).map(|(dfa, state)| dfa.is_match_state(dfa.next_eoi_state(*state))).collect();
        // The first automaton knows what is text at all: half a character is none.
        if answers[0]
            && let Ok(text) = std::str::from_utf8(&text)
        {
            // No text at all says little where another one does as well.
            let example: &mut String = reached.entry(answers).or_default();
            if example.is_empty() {
                text.clone_into(example);
            }
        }
        for letter in &letters {
            let next: Vec<_> =
                automata.iter().zip(&states).map(|(dfa, state)| dfa.next_state(*state, *letter)).collect();
            if automata[0].is_dead_state(next[0]) || !known.insert(next.clone()) {
                continue;
            }
            if known.len() > STATES_MAX {
                return (reached, false);
            }
            let mut longer = text.clone();
            longer.push(*letter);
            ahead.push_back((next, longer));
        }
    }
    (reached, true)
}

/// One byte for each class of bytes that no automaton tells apart, the ones that read best first.
fn letters(automata: &[Dfa]) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=u8::MAX).collect();
    bytes.sort_by_key(|byte| match byte {
        b'a'..=b'z' => 0,
        b'0'..=b'9' => 1,
        b'A'..=b'Z' => 2,
        b' '..=b'~' => 3,
        128.. => 4,
        _ => 5,
    });
    let mut seen = HashSet::new();
    let classes = |byte: u8| automata.iter().map(|dfa| dfa.byte_classes().get(byte)).collect::<Vec<_>>();
    bytes.retain(|byte| seen.insert(classes(*byte)));
    bytes
}

static ANY_TEXT: LazyLock<Dfa> = LazyLock::new(|| automaton(r"\A(?s:.*)\z").expect("any text is a small pattern"));

/// Bytes of one automaton.
const AUTOMATON_BYTES_MAX: usize = 1 << 20;

/// Combinations of states that are looked at.
const STATES_MAX: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &[&str], expected: &[(&str, &[bool])]) {
        let atoms = atoms(patterns);
        assert!(atoms.complete);
        for atom in &atoms.found {
            let answers: Vec<_> = patterns.iter().map(|pattern| matches(pattern, &atom.example)).collect();
            assert_eq!(answers, atom.answers, "{atom:?}");
        }
        let found: Vec<_> = atoms.found.iter().map(|atom| (atom.example.as_str(), atom.answers.as_slice())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn each_combination_has_its_shortest_text() {
        check(&[], &[("example", &[])]);
        check(&[r"\Aab\z"], &[("a", &[false]), ("ab", &[true])]);
        check(
            &[r"\A(?:[a-z]{1,3})\z", r"\A(?:[a-z0-9]{2,4})\z"],
            &[("0", &[false, false]), ("a0", &[false, true]), ("a", &[true, false]), ("aa", &[true, true])],
        );
    }

    #[test]
    fn patterns_that_exclude_each_other_are_never_met_together() {
        check(
            &[r"\Ax(?s:.*)\z", r"\Ay(?s:.*)\z"],
            &[("a", &[false, false]), ("y", &[false, true]), ("x", &[true, false])],
        );
    }

    #[test]
    fn a_difference_behind_many_letters_is_found() {
        check(
            &[r"\A(?:[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30})\z", r"\A(?:DE[0-9]{2}[0-9]{18})\z"],
            &[("a", &[false, false]), ("AA0000000000000", &[true, false]), ("DE00000000000000000000", &[true, true])],
        );
    }

    #[test]
    fn letters_beyond_ascii_are_whole() {
        let atoms = atoms(&[r"\A(?:[äöü]+)\z"]);
        assert!(
            atoms.found.iter().any(|atom| atom.answers == [true] && atom.example.chars().count() == 1),
            "{atoms:?}"
        );
    }

    #[test]
    fn a_pattern_that_is_too_large_is_said_to_be() {
        assert!(!atoms(&[r"\A(?:\w{1,500}x\w{500})\z"]).complete);
    }
}
