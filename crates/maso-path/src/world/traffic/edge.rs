//! What went over one edge.

use std::collections::VecDeque;

use maso_core::Timestamp;

/// How many were decided how. What was held and then let through was decided twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Allowed.
    pub n_allowed: u64,
    /// Held.
    pub n_held: u64,
    /// Refused.
    pub n_refused: u64,
}

impl Counts {
    fn add(&mut self, decision: &str) {
        let n = match decision {
            "allow" => &mut self.n_allowed,
            "hold" => &mut self.n_held,
            // What cannot be read was not let through.
            _ => &mut self.n_refused,
        };
        *n = n.saturating_add(1);
    }
}

/// What went over one edge: in all, and lately.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    /// In all.
    pub counts: Counts,
    /// When the last was decided.
    pub last_at: Option<Timestamp>,
    /// Number of the span that is begun, since the epoch.
    span: i64,
    /// In the last spans, the begun one first.
    spans: [Counts; SPANS],
    latest: VecDeque<u64>,
}

impl Edge {
    /// Takes in a decision.
    pub(super) fn decided(&mut self, sequence: u64, at: Timestamp, decision: &str) {
        self.counts.add(decision);
        self.last_at = Some(at);
        // A clock that was set back counts into the last span, so that they stay in order.
        let span = span_of(at).max(self.span);
        self.spans = self.spans_at(span);
        self.span = span;
        self.spans[0].add(decision);
        self.latest.push_front(sequence);
        self.latest.truncate(LATEST_MAX);
    }

    /// What was decided in the last spans, seen from this moment: the begun one first.
    pub fn lately(&self, now: Timestamp) -> [Counts; SPANS] {
        self.spans_at(span_of(now).max(self.span))
    }

    /// Where the latest decisions stand in the record, the last first.
    pub fn latest(&self) -> impl Iterator<Item = u64> {
        self.latest.iter().copied()
    }

    fn spans_at(&self, span: i64) -> [Counts; SPANS] {
        let moved = usize::try_from(span - self.span).unwrap_or(SPANS).min(SPANS);
        let mut spans = [Counts::default(); SPANS];
        spans[moved..].copy_from_slice(&self.spans[..SPANS - moved]);
        spans
    }
}

fn span_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(SPAN_MS)
}

/// How long a span is in which decisions are counted.
pub const SPAN_MS: i64 = 10_000;
/// How many spans are kept: a minute, of which the last span is begun.
pub const SPANS: usize = 6;
/// Of how many decisions an edge knows where they stand in the record.
pub const LATEST_MAX: usize = 10;
