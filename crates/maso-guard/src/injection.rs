//! Known forms of instructions that are addressed to a model (PG-1.1, PG-1.2, EC-2.12, SC-2.2).
//!
//! The rules are data, and a text is brought to its plain form before they are tried.

use maso_core::{Finding, Word};

use crate::{
    Surface,
    forms::{Forms, Severity, excerpt},
    notes::Notes,
    subject::Author,
};

/// The rules, compiled.
pub struct Injection(Forms);

/// Where a text was found.
pub struct Place<'a> {
    pub surface: Surface,
    pub author: Author,
    /// JSON pointer, made only if there is something to say.
    pub pointer: &'a dyn Fn() -> String,
    /// How the text was hidden, if it was. Hiding makes each sign graver.
    pub hidden: Option<&'a str>,
    /// Whether the text may be shown as evidence.
    pub shown: bool,
}

impl Injection {
    pub fn compile() -> Self {
        Self(Forms::compile(RULES, CONTROLS))
    }

    /// Looks for known forms in a text in its plain form.
    pub fn look(&self, plain: &str, place: &Place<'_>, notes: &mut Notes<'_>) {
        let mut n_medium = 0;
        let mut word = Word::Go;
        let mut hits = Vec::new();
        for (index, rule) in self.0.candidates(plain) {
            if !notes.active(rule.control) || !rule.applies(place.surface) {
                continue;
            }
            let Some(found) = rule.pattern.find(plain.as_bytes()) else { continue };
            let severity = if place.hidden.is_some() { rule.severity.graver() } else { rule.severity };
            n_medium += usize::from(severity == Severity::Medium);
            word = word.max(place.word(severity));
            hits.push((index, severity, found.range()));
        }
        for (index, severity, range) in hits {
            let rule = self.0.rule(index);
            let reason = match place.hidden {
                Some(how) => format!("{} ({}), {how}", rule.reason, rule.id),
                None => format!("{} ({})", rule.reason, rule.id),
            };
            let excerpt = if place.shown { excerpt(&plain.as_bytes()[range]) } else { String::new() };
            notes.add(Finding::new(rule.control, place.word(severity), reason).at((place.pointer)(), excerpt));
        }
        // Two different signs in one text are no accident.
        let together = place.word(Severity::High);
        if n_medium >= 2 && word < together {
            let reason = "several signs of an instruction in one text";
            notes.add(Finding::new(PG_1_1, together, reason).at((place.pointer)(), format!("{n_medium} signs")));
        }
    }
}

impl Place<'_> {
    fn word(&self, severity: Severity) -> Word {
        match (self.author, self.surface, severity) {
            (Author::Operator, ..) | (_, _, Severity::Low) => Word::Go,
            (_, Surface::Arguments, Severity::High) => Word::Escalate,
            (_, Surface::Arguments, Severity::Medium) => Word::Go,
            (_, _, Severity::High) => Word::NoGo,
            (_, _, Severity::Medium) => Word::Escalate,
        }
    }
}

impl Severity {
    const fn graver(self) -> Self {
        match self {
            Self::Low => Self::Medium,
            Self::Medium | Self::High => Self::High,
        }
    }
}

const RULES: &str = include_str!("../rules/injection.toml");
const CONTROLS: &[&str] = &[PG_1_1, "PG-1.2", "EC-2.12", "SC-2.2"];
const PG_1_1: &str = "PG-1.1";
