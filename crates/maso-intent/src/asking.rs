//! What the words of a task ask for: categories of actions that were approved in advance.

use std::fmt;

use maso_core::ToolRef;

use crate::{Specification, TaskKind};

/// Actions that people approved in advance, for tasks in which an operator asks for them (Tier 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreApproval {
    /// The tool.
    pub tool: ToolRef,
    /// The words by which an operator asks for what it does; one of them is enough.
    pub asked_by: Vec<Phrase>,
}

impl PreApproval {
    /// Whether the task's own words ask for it. A standing task has none.
    pub fn is_asked_for(&self, task: &Specification) -> bool {
        matches!(task.kind, TaskKind::Opened) && self.asked_by.iter().any(|phrase| phrase.is_said_in(&task.words))
    }
}

/// Words that stand together in one sentence, in any order: `cancel* appointment*`. A star stands for any ending.
#[derive(Clone, PartialEq, Eq)]
pub struct Phrase(Vec<Stem>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stem {
    text: String,
    open: bool,
}

impl Phrase {
    /// Reads a phrase.
    ///
    /// # Errors
    /// With the reason, where it has no word, or one in which a star stands elsewhere than at its end.
    pub fn parse(text: &str) -> Result<Self, String> {
        let stems = text.split_whitespace().map(|word| {
            let (stem, open) = word.strip_suffix('*').map_or((word, false), |stem| (stem, true));
            let stem = stem.to_lowercase();
            if stem.is_empty() || !stem.chars().all(is_in_word) {
                return Err(format!("`{word}` is no word, nor the beginning of one with `*` after it"));
            }
            Ok(Stem { text: stem, open })
        });
        let stems = stems.collect::<Result<Vec<_>, _>>()?;
        if stems.is_empty() {
            return Err("no word".to_owned());
        }
        Ok(Self(stems))
    }

    /// Whether somebody who says this asks for it: all words of the phrase stand in one sentence, and none of them after a
    /// word that takes it back.
    pub fn is_said_in(&self, words: &str) -> bool {
        let words = words.to_lowercase();
        sentences(&words).any(|sentence| {
            let words: Vec<&str> = sentence.split(|c: char| !is_in_word(c)).filter(|word| !word.is_empty()).collect();
            self.0.iter().all(|stem| {
                (0..words.len()).any(|at| {
                    stem.is(words[at]) && !words[at.saturating_sub(REACH)..at].iter().any(|word| negates(word))
                })
            })
        })
    }
}

impl Stem {
    fn is(&self, word: &str) -> bool {
        if self.open { word.starts_with(&self.text) } else { word == self.text }
    }
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, stem) in self.0.iter().enumerate() {
            let (space, star) = (if nth > 0 { " " } else { "" }, if stem.open { "*" } else { "" });
            write!(f, "{space}{}{star}", stem.text)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

/// The sentences of a text. A dot inside a word (`notes.txt`, `1.5`) ends none.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split(['!', '?', ';', '\n']).flat_map(|part| part.split(". "))
}

fn is_in_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '_' | '\'' | '’')
}

/// Words that turn what follows into what is not wanted.
fn negates(word: &str) -> bool {
    matches!(
        word,
        "not" | "never" | "without" | "no" | "nobody" | "cannot" | "nicht" | "nie" | "kein" | "keine" | "ohne"
    ) || word.ends_with("n't")
        || word.ends_with("n’t")
}

/// How many words after it a negation still reaches.
const REACH: usize = 3;

#[cfg(test)]
mod tests {
    use super::Phrase;

    fn says(phrase: &str, words: &str) -> bool {
        Phrase::parse(phrase).unwrap().is_said_in(words)
    }

    #[test]
    fn whoever_names_it_in_one_sentence_asks_for_it() {
        assert!(says("pay*", "Please pay the bill 'december.txt'."));
        assert!(says("payment*", "Adjust my rent payment accordingly"));
        assert!(says("cancel* appointment*", "The appointment with the dentist: please CANCEL it."));
        assert!(!says("cancel* appointment*", "Cancel the order. I have an appointment."));
        assert!(!says("pay", "What did I have for payday?"));
        assert!(says("file*", "Summarise notes.txt and the file"));
    }

    #[test]
    fn whoever_says_that_it_is_not_wanted_does_not_ask_for_it() {
        assert!(!says("pay*", "Tell me what is due but do not pay it."));
        assert!(!says("delete*", "Don't ever delete anything"));
        assert!(!says("send*", "Summarise it without sending it to anybody"));
        assert!(says("send*", "Do not pay it. Send it to Anna"));
    }

    #[test]
    fn what_is_no_phrase_is_refused() {
        for text in ["", "  ", "*", "pa*y", "pay*,"] {
            assert!(Phrase::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Phrase::parse(" Pay*  the bill ").unwrap().to_string(), "pay* the bill");
    }
}
