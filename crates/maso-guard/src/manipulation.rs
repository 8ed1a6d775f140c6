//! Pressure on people in what people will read (PG-1.5): invented urgency, guilt and fear, threats, false authority, and
//! words that would have somebody approve without looking.
//!
//! Nothing is refused for it: a person decides, and is told what it does to its reader. Persuasion mounts, so what is no
//! sign by itself is one beside another, wherever in the payload the two stand.

use std::ops::Range;

use maso_core::{Finding, Word};

use crate::{
    forms::{Forms, Severity},
    injection::Place,
    normal::Reading,
    notes::Notes,
    subject::Audience,
};

/// The rules, compiled.
pub struct Manipulation(Forms);

/// What was found in one payload: each rule once, where it was met first.
#[derive(Default)]
pub struct Pressure(Vec<Hit>);

struct Hit {
    rule: usize,
    pointer: String,
    excerpt: String,
    span: Range<usize>,
    how: String,
}

impl Manipulation {
    pub fn compile() -> Self {
        Self(Forms::compile(RULES, &[PG_1_5]))
    }

    /// Looks for pressure in a text.
    pub fn look(&self, reading: &Reading<'_>, audience: Audience, place: &Place<'_>, pressure: &mut Pressure) {
        if audience == Audience::Nobody {
            return;
        }
        for (index, rule) in self.0.candidates(reading.plain) {
            if audience == Audience::Approver && !rule.approver || pressure.0.iter().any(|hit| hit.rule == index) {
                continue;
            }
            let Some((part, found)) = rule.first_news(reading) else { continue };
            pressure.0.push(Hit {
                rule: index,
                pointer: place.leaf.pointer(),
                excerpt: place.excerpt(&reading.plain.as_bytes()[part]),
                how: reading.how(&found),
                span: found.span,
            });
        }
    }

    /// Notes what was found.
    pub fn note(&self, pressure: Pressure, notes: &mut Notes<'_>) {
        let is_medium = |hit: &&Hit| self.0.rule(hit.rule).severity == Severity::Medium;
        let mounts = pressure.0.iter().filter(is_medium).count() >= MEDIUM_MAX;
        for Hit { rule, pointer, excerpt, span, how } in pressure.0 {
            let rule = self.0.rule(rule);
            let word = match rule.severity {
                Severity::High => Word::Escalate,
                Severity::Medium if mounts => Word::Escalate,
                Severity::Medium | Severity::Low => Word::Go,
            };
            let whom = if rule.approver { "" } else { ", in what people will read" };
            let reason = format!("{}{whom} ({}){how}", rule.reason, rule.id);
            notes.add(Finding::new(PG_1_5, word, reason).at(pointer, excerpt).within(span));
        }
    }
}

const RULES: &str = include_str!("../rules/manipulation.toml");
const PG_1_5: &str = "PG-1.5";
/// So many different signs of the middle kind are pressure.
const MEDIUM_MAX: usize = 2;
