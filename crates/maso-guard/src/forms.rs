//! Known forms of text, as data: one automaton finds the anchors of all rules, and only the rules whose anchor occurs are
//! tried.

use std::ops::Range;

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::{
    Surface,
    normal::{
        Found, Reading,
        plain::{plain, write_plain_literal},
    },
};

/// The rules of one file, compiled.
pub struct Forms {
    rules: Vec<Rule>,
    anchors: AhoCorasick,
    /// The rule of each anchor.
    rule_of_anchor: Vec<usize>,
}

/// One known form.
pub struct Rule {
    pub id: String,
    pub severity: Severity,
    pub control: &'static str,
    pub reason: String,
    pub pattern: Regex,
    /// Whether it means something to whoever approves an action, also where nobody else reads it.
    pub approver: bool,
    only: Option<Only>,
}

/// How sure a form is: what it leads to depends on where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Low,
    Medium,
    High,
}

impl Forms {
    /// Compiles a file of rules that speak for one of these controls, the first unless a rule says otherwise.
    pub fn compile(rules: &str, controls: &[&'static str]) -> Self {
        let file: File = toml::from_str(rules).expect("the embedded rule file is tested");
        let expand = |pattern: &str| {
            let mut pattern = pattern.to_owned();
            // Twice, because a word may be made of others.
            for _ in 0..2 {
                for (word, alternatives) in &file.words {
                    pattern = pattern.replace(&format!("%{word}%"), alternatives);
                }
            }
            pattern
        };
        let control_of = |form: &Form| match &form.control {
            None => controls[0],
            Some(control) => controls.iter().find(|id| *id == control).expect("the embedded rule file is tested"),
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
                control: control_of(form),
                reason: form.reason.clone(),
                pattern: compile(&expand(&form.pattern)),
                approver: form.approver,
                only: form.only,
            });
        }
        let anchors = AhoCorasick::builder()
            .kind(Some(aho_corasick::AhoCorasickKind::DFA))
            .build(&anchors)
            .expect("a few hundred short anchors fit");
        Self { rules, anchors, rule_of_anchor }
    }

    /// The rules whose anchor occurs in a text in its plain form, in the file's order.
    pub fn candidates(&self, plain: &str) -> impl Iterator<Item = (usize, &Rule)> {
        let mut seen = [false; RULES_MAX];
        let mut any = false;
        for found in self.anchors.find_overlapping_iter(plain) {
            seen[self.rule_of_anchor[found.pattern().as_usize()]] = true;
            any = true;
        }
        let rules = if any { self.rules.as_slice() } else { &[] };
        rules.iter().enumerate().filter(move |(index, _)| seen[*index])
    }

    /// The rule at this place in the file.
    pub fn rule(&self, index: usize) -> &Rule {
        &self.rules[index]
    }
}

impl Rule {
    /// Whether it means anything there.
    pub fn applies(&self, surface: Surface) -> bool {
        match self.only {
            None => true,
            Some(Only::Description) => surface == Surface::Description,
        }
    }

    /// Where it matches for the first time what is read here first, and where that stands in the original.
    pub fn first_news(&self, reading: &Reading<'_>) -> Option<(Range<usize>, Found)> {
        // Where so many stand in the clear, one more that is hidden changes little, and looking for it would cost more
        // than the text is long.
        let matches = self.pattern.find_iter(reading.plain.as_bytes()).take(MATCHES_MAX);
        matches.map(|found| (found.range(), reading.find(found.range()))).find(|(_, found)| found.is_news)
    }
}

/// The first characters of what matched.
pub fn excerpt(matched: &[u8]) -> String {
    String::from_utf8_lossy(matched).chars().take(EXCERPT_CHARACTERS_MAX).collect()
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
    control: Option<String>,
    reason: String,
    only: Option<Only>,
    #[serde(default)]
    approver: bool,
    anchors: Vec<String>,
    pattern: String,
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

const RULES_MAX: usize = 256;
const MATCHES_MAX: usize = 16;
const EXCERPT_CHARACTERS_MAX: usize = 80;
const DFA_BYTES_MAX: usize = 64 << 20;
