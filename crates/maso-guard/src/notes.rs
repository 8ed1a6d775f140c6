//! What scanners write down while they look: bounded, most restrictive first to stay.

use maso_core::{Finding, Findings, Timestamp, Word};

use crate::{Deselected, Redaction, Scan};

/// Findings and redactions of one scan.
pub struct Notes<'a> {
    deselected: &'a [Deselected],
    now: Timestamp,
    findings: Vec<Finding>,
    redactions: Vec<Redaction>,
}

impl<'a> Notes<'a> {
    pub const fn new(deselected: &'a [Deselected], now: Timestamp) -> Self {
        Self { deselected, now, findings: Vec::new(), redactions: Vec::new() }
    }

    /// Whether the control is not deselected at this moment.
    pub fn active(&self, control: &str) -> bool {
        let counts = |one: &Deselected| one.until.is_none_or(|until| self.now < until);
        !self.deselected.iter().any(|one| one.control.as_str() == control && counts(one))
    }

    /// Notes a finding. Past the bound only a more restrictive word than any before is kept: the outcome is the same.
    pub fn add(&mut self, finding: Finding) {
        if !self.active(finding.control.as_str()) {
            return;
        }
        let restrictive = self.findings.iter().map(|noted| noted.word).max().unwrap_or(Word::Go);
        if self.findings.len() < FINDINGS_MAX || finding.word > restrictive {
            self.findings.push(finding);
        }
    }

    /// Notes that a string must be replaced.
    pub fn redact(&mut self, pointer: String, replacement: String) {
        self.redactions.push(Redaction { pointer, replacement });
    }

    pub fn finish(self) -> Scan {
        Scan { findings: Findings::from(self.findings), redactions: self.redactions }
    }
}

const FINDINGS_MAX: usize = 64;
