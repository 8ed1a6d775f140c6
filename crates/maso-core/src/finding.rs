//! What one control says of a hop.

use std::{num::NonZeroU32, ops::Range};

use crate::{ControlId, words};

/// The word of one control, in order of restriction: the most restrictive wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// Nothing against it.
    Go,
    /// A judge or a person must look first.
    Escalate,
    /// It must not happen.
    NoGo,
}

words!(Word { Go = "GO", Escalate = "ESCALATE", NoGo = "NO-GO" });

/// What a finding rests on. Never a secret, never the whole payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// JSON pointer into the payload (RFC 6901), empty for the whole.
    pub pointer: String,
    /// A short, already redacted excerpt or figure.
    pub excerpt: String,
    /// The bytes of the string there that carry it, where it is about a part of one. They may be encoded or hidden, and
    /// then the excerpt is not what they are.
    pub span: Option<Span>,
}

/// Some bytes of a string, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    // INVARIANT: after `start`.
    end: NonZeroU32,
}

impl Span {
    /// These bytes; `None` if they are none, or in a string that is longer than any that is let in.
    pub fn of(range: Range<usize>) -> Option<Self> {
        let (start, end) = (u32::try_from(range.start).ok()?, u32::try_from(range.end).ok()?);
        NonZeroU32::new(end).filter(|_| start < end).map(|end| Self { start, end })
    }

    /// The first byte, and the one after the last.
    pub const fn range(self) -> Range<usize> {
        self.start as usize..self.end.get() as usize
    }
}

/// What one control says of a hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The control that speaks.
    pub control: ControlId,
    /// Its word.
    pub word: Word,
    /// Why, for operators: a lowercase fragment.
    pub reason: String,
    /// What it rests on.
    pub evidence: Option<Evidence>,
}

impl Finding {
    /// A finding without evidence.
    pub fn new(control: &'static str, word: Word, reason: impl Into<String>) -> Self {
        Self { control: ControlId::known(control), word, reason: reason.into(), evidence: None }
    }

    /// The same finding, resting on this place in the payload.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, excerpt: impl Into<String>) -> Self {
        self.evidence = Some(Evidence { pointer: pointer.into(), excerpt: excerpt.into(), span: None });
        self
    }

    /// The same finding, resting on these bytes of the string at its place.
    #[must_use]
    pub fn within(mut self, span: Range<usize>) -> Self {
        if let Some(evidence) = &mut self.evidence {
            evidence.span = Span::of(span);
        }
        self
    }
}

/// All findings on one hop. Findings are only ever added: no control can loosen another's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// No control has spoken yet.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds one finding.
    pub fn add(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds all findings of another stage.
    pub fn join(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The most restrictive word; [`Word::Go`] when nobody spoke.
    pub fn word(&self) -> Word {
        self.0.iter().map(|finding| finding.word).max().unwrap_or(Word::Go)
    }

    /// The findings, in the order in which they were made.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.0.iter()
    }

    /// The findings whose word is the most restrictive one, in order.
    pub fn leading(&self) -> impl Iterator<Item = &Finding> {
        let word = self.word();
        self.0.iter().filter(move |finding| finding.word == word)
    }

    /// Whether nobody spoke.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<Finding>> for Findings {
    fn from(findings: Vec<Finding>) -> Self {
        Self(findings)
    }
}

impl FromIterator<Finding> for Findings {
    fn from_iter<I: IntoIterator<Item = Finding>>(findings: I) -> Self {
        Self(findings.into_iter().collect())
    }
}
