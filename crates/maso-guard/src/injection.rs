//! Known forms of instructions that are addressed to a model (PG-1.1, PG-1.2, EC-2.12, SC-2.2).
//!
//! The rules are data, and a text is brought to its plain form before they are tried.

use maso_core::{Finding, Word};

use crate::{
    Surface,
    forms::{Forms, Severity, excerpt},
    leaf::Leaf,
    normal::Reading,
    notes::Notes,
    subject::Author,
};

/// The rules, compiled.
pub struct Injection(Forms);

/// Where a text was found.
pub struct Place<'a> {
    pub surface: Surface,
    pub author: Author,
    pub leaf: Leaf<'a>,
    pub shown: Shown,
}

/// Whether what matched may be shown as evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Its first words are.
    Yes,
    /// A secret could stand in it, or nobody can read it where it stands.
    No,
}

impl Injection {
    pub fn compile() -> Self {
        Self(Forms::compile(RULES, CONTROLS))
    }

    /// Looks for known forms in a text. Hiding makes each sign graver.
    pub fn look(&self, reading: &Reading<'_>, place: &Place<'_>, notes: &mut Notes<'_>) {
        let mut n_medium = 0;
        let mut word = Word::Go;
        let mut hits = Vec::new();
        for (index, rule) in self.0.candidates(reading.plain) {
            if !notes.active(rule.control) || !rule.applies(place.surface) {
                continue;
            }
            let Some((part, found)) = rule.first_news(reading) else { continue };
            let severity = if found.is_hidden { rule.severity.graver() } else { rule.severity };
            n_medium += usize::from(severity == Severity::Medium);
            word = word.max(place.word(severity));
            hits.push((index, severity, part, found));
        }
        for (index, severity, part, found) in hits {
            let rule = self.0.rule(index);
            let reason = format!("{} ({}){}", rule.reason, rule.id, reading.how(&found));
            let excerpt = place.excerpt(&reading.plain.as_bytes()[part]);
            let finding = Finding::new(rule.control, place.word(severity), reason);
            notes.add(finding.at(place.leaf.pointer(), excerpt).within(found.span));
        }
        // Two different signs in one text are no accident.
        let together = place.word(Severity::High);
        if n_medium >= 2 && word < together {
            let reason = "several signs of an instruction in one text";
            notes.add(Finding::new(PG_1_1, together, reason).at(place.leaf.pointer(), format!("{n_medium} signs")));
        }
    }
}

impl Place<'_> {
    /// What is shown of what matched.
    pub fn excerpt(&self, matched: &[u8]) -> String {
        match self.shown {
            Shown::Yes => excerpt(matched),
            Shown::No => String::new(),
        }
    }

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
