//! What scanners write down while they look: bounded, most restrictive first to stay.

use maso_core::{ControlId, Finding, Findings, Word};
use std::collections::BTreeSet;

use crate::{Redaction, Scan};

/// Findings and redactions of one scan.
pub struct Notes<'a> {
    deselected: &'a BTreeSet<ControlId>,
    findings: Vec<Finding>,
    redactions: Vec<Redaction>,
}

impl<'a> Notes<'a> {
    pub const fn new(deselected: &'a BTreeSet<ControlId>) -> Self {
        Self { deselected, findings: Vec::new(), redactions: Vec::new() }
    }

    /// Whether the control was not deselected.
    pub fn active(&self, control: &str) -> bool {
        self.deselected.is_empty() || !self.deselected.iter().any(|id| id.as_str() == control)
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
