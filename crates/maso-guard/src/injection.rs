//! Known forms of instructions that are addressed to a model (PG-1.1, PG-1.2, EC-2.12, SC-2.2).
//!
//! The rules are data. A text is brought to its plain form, one automaton finds the anchors of all rules, and only
//! the rules whose anchor occurs are tried.

use aho_corasick::AhoCorasick;
use maso_core::{Finding, Word};
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::{
    Surface,
    notes::Notes,
    plain::{plain, write_plain_literal},
    subject::Author,
};

/// The rules, compiled.
pub struct Injection {
    rules: Vec<Rule>,
    anchors: AhoCorasick,
    /// The rule of each anchor.
    rule_of_anchor: Vec<usize>,
}

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
        let file: File = toml::from_str(RULES).expect("the embedded rule file is tested");
        let expand = |pattern: &str| {
            let mut pattern = pattern.to_owned();
            for (word, alternatives) in &file.words {
                pattern = pattern.replace(&format!("%{word}%"), alternatives);
            }
            pattern
        };
        let mut rules = Vec::new();
        let mut anchors = Vec::new();
        let mut rule_of_anchor = Vec::new();
        for form in &file.rule {
            for anchor in &form.anchors {
                anchors.push(plain(anchor));
                rule_of_anchor.push(rules.len());
            }
            rules.push(Rule {
                id: form.id.clone(),
                severity: form.severity,
                control: CONTROLS.iter().find(|id| **id == form.control).expect("the embedded rule file is tested"),
                reason: form.reason.clone(),
                only: form.only,
                pattern: compile(&expand(&form.pattern)),
            });
        }
        let anchors = AhoCorasick::builder()
            .kind(Some(aho_corasick::AhoCorasickKind::DFA))
            .build(&anchors)
            .expect("a few hundred short anchors fit");
        Self { rules, anchors, rule_of_anchor }
    }

    /// Looks for known forms in a text in its plain form.
    pub fn look(&self, plain: &str, place: &Place<'_>, notes: &mut Notes<'_>) {
        let mut n_medium = 0;
        let mut word = Word::Go;
        let mut hits = Vec::new();
        for (index, rule) in self.candidates(plain) {
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
            let rule = &self.rules[index];
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

    fn candidates(&self, plain: &str) -> impl Iterator<Item = (usize, &Rule)> {
        let mut seen = [false; RULES_MAX];
        let mut any = false;
        for found in self.anchors.find_overlapping_iter(plain) {
            seen[self.rule_of_anchor[found.pattern().as_usize()]] = true;
            any = true;
        }
        let rules = if any { self.rules.as_slice() } else { &[] };
        rules.iter().enumerate().filter(move |(index, _)| seen[*index])
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

/// One known form.
struct Rule {
    id: String,
    severity: Severity,
    control: &'static str,
    reason: String,
    only: Option<Only>,
    pattern: Regex,
}

impl Rule {
    fn applies(&self, surface: Surface) -> bool {
        match self.only {
            None => true,
            Some(Only::Description) => surface == Surface::Description,
        }
    }
}

/// How sure a form is: what it leads to depends on where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Low,
    Medium,
    High,
}

impl Severity {
    const fn graver(self) -> Self {
        match self {
            Self::Low => Self::Medium,
            Self::Medium | Self::High => Self::High,
        }
    }
}

/// The one surface on which a form means anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Only {
    Description,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    words: std::collections::BTreeMap<String, String>,
    rule: Vec<Form>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    id: String,
    severity: Severity,
    #[serde(default = "pg_1_1")]
    control: String,
    reason: String,
    only: Option<Only>,
    anchors: Vec<String>,
    pattern: String,
}

fn pg_1_1() -> String {
    PG_1_1.to_owned()
}

fn compile(pattern: &str) -> Regex {
    let mut plain_pattern = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        write_plain_literal(c, &mut plain_pattern);
    }
    RegexBuilder::new(&plain_pattern)
        .unicode(false)
        .dfa_size_limit(DFA_BYTES_MAX)
        .build()
        .expect("the embedded rule file is tested")
}

/// The first characters of what matched.
fn excerpt(matched: &[u8]) -> String {
    String::from_utf8_lossy(matched).chars().take(EXCERPT_CHARACTERS_MAX).collect()
}

const RULES: &str = include_str!("../rules/injection.toml");
const CONTROLS: &[&str] = &[PG_1_1, "PG-1.2", "EC-2.12", "SC-2.2"];
const PG_1_1: &str = "PG-1.1";
const RULES_MAX: usize = 256;
const EXCERPT_CHARACTERS_MAX: usize = 80;
const DFA_BYTES_MAX: usize = 64 << 20;
