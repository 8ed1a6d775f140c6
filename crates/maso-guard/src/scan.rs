//! Stage 4: what deterministic scanners say of a hop. An error is a finding.

use std::{fmt, ops::Range};

use maso_core::{ControlId, Finding, Findings, Timestamp, Word};
use maso_intent::Resolved;
use maso_wire::envelope::Beside;
use serde_json::Value;

use crate::{
    Redaction, confusable,
    injection::{Injection, Place, Shown},
    invisible,
    leaf::{Leaf, walk},
    manipulation::{Manipulation, Pressure},
    normal::{Bound, Budget, Layer, Normal, Reading, View, plain::write_plain},
    notes::Notes,
    personal::{Personal, Tally},
    schema::Schemas,
    secrets::{Certainty, Secret, Secrets, mark, redacted},
    size,
    subject::{Audience, Author, Subject},
    traversal,
};

/// All scanners, compiled once and shared.
pub struct Scanner {
    deselected: Vec<Deselected>,
    injection: Injection,
    manipulation: Manipulation,
    secrets: Secrets,
    personal: Personal,
    schemas: Schemas,
}

/// What a deployment changes about the scanners.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Controls whose findings are not made.
    pub deselected: Vec<Deselected>,
}

/// A control whose findings are not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deselected {
    /// The control.
    pub control: ControlId,
    /// From this moment on they are made again; if none, never.
    pub until: Option<Timestamp>,
}

/// What kind of text is scanned: the same words mean different things in different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Arguments that an agent sends.
    Arguments,
    /// What a server, resource or prompt returned.
    Result,
    /// A tool's name, description or schema.
    Description,
    /// What one agent says to another.
    Message,
}

/// What the scanners said.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Their findings.
    pub findings: Findings,
    /// What must be replaced before the payload is forwarded.
    pub redactions: Vec<Redaction>,
}

impl Scanner {
    /// Compiles the scanners, all controls selected.
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    /// Compiles the scanners as the deployment wants them.
    pub fn with(config: Config) -> Self {
        Self {
            deselected: config.deselected,
            injection: Injection::compile(),
            manipulation: Manipulation::compile(),
            secrets: Secrets::compile(),
            personal: Personal::compile(),
            schemas: Schemas::default(),
        }
    }

    /// Stage 4.
    pub fn scan(&self, resolved: &Resolved, now: Timestamp) -> Scan {
        let mut scan = self.scan_subject(&Subject::of(resolved), now);
        if let Some((_, beside)) = resolved.identified().said() {
            scan.findings.join(self.scan_beside(beside, now));
        }
        scan
    }

    /// Scans what a message says beside its content. It is delivered as it was signed or not at all, so what would have to
    /// be replaced in it is against it.
    fn scan_beside(&self, beside: &Beside, now: Timestamp) -> Findings {
        let source = beside.kind.evidence().map(|evidence| &evidence.provenance.source_id);
        let assumed = beside.assumptions.iter().map(|assumption| &assumption.text);
        let binding = beside.constraints.iter().map(|constraint| &constraint.text);
        let texts = assumed.chain(&beside.unknowns).chain(binding).chain(source);
        let said: Value = texts.map(|text| text.as_str()).collect();
        let Scan { mut findings, redactions } = self.scan_value(Surface::Message, &said, now);
        if !redactions.is_empty() {
            findings.add(Finding::new(IA_2_6, Word::NoGo, "a credential stands beside the content"));
        }
        findings
    }

    /// Scans one value outside a hop, such as a tool's definition.
    pub fn scan_value(&self, surface: Surface, value: &Value, now: Timestamp) -> Scan {
        self.scan_subject(&Subject::of_value(surface, value), now)
    }

    /// Whether there is a credential in a value, as far as the rules know one (IA-2.6): also where the control is
    /// deselected, which changes what is let pass and not what may come to rest.
    pub fn holds_credentials(&self, value: &Value, now: Timestamp) -> bool {
        let subject = Subject { audience: Audience::Nobody, ..Subject::of_value(Surface::Arguments, value) };
        let scan = self.scan_without(&[], &subject, now);
        scan.findings.iter().any(|finding| finding.control.as_str() == IA_2_6)
    }

    /// Where credentials stand in a text that the payload calls `name` (IA-2.6), also where the control is deselected.
    /// Where one is hidden or encoded it is not known where it ends: then it is all of the text.
    pub fn credentials_in(&self, text: &str, name: Option<&str>, now: Timestamp) -> Vec<Range<usize>> {
        let found = self.secrets.find(text, name);
        let rest = Value::String(redacted(text, &found));
        if self.holds_credentials(&rest, now) {
            return std::iter::once(0..text.len()).collect();
        }
        found.into_iter().map(|secret| secret.range).collect()
    }

    pub(crate) fn scan_subject(&self, subject: &Subject<'_>, now: Timestamp) -> Scan {
        self.scan_without(&self.deselected, subject, now)
    }

    pub(crate) fn scan_without(&self, deselected: &[Deselected], subject: &Subject<'_>, now: Timestamp) -> Scan {
        let mut notes = Notes::new(deselected, now);
        let mut desk = Desk::default();
        let shape = walk(subject.payload, &mut |leaf| self.scan_leaf(leaf, subject, &mut desk, &mut notes));
        let Desk { tally, pressure, .. } = desk;
        self.manipulation.note(pressure, &mut notes);
        self.personal.note(tally, &mut notes);
        size::measure(&shape, subject.surface, &subject.sizes, &mut notes);
        traversal::look(subject, &mut notes);
        self.schemas.check(subject, &mut notes);
        notes.finish()
    }

    fn scan_leaf(&self, leaf: Leaf<'_>, subject: &Subject<'_>, desk: &mut Desk, notes: &mut Notes<'_>) {
        let secrets = self.secrets.find(leaf.text, leaf.name);
        invisible::look_at_controls(leaf, subject.surface, notes);
        let normal = Normal::of(leaf.text, &mut desk.budget);
        if let Some(census) = &normal.census {
            confusable::look(leaf, subject.surface, notes);
            invisible::look(leaf, census, subject.surface, notes);
        }
        if let Some(bound) = normal.over {
            note_bound(bound, leaf, subject, notes);
        }
        let mut hidden_secret = None;
        for view in &normal.below {
            hidden_secret = hidden_secret.or_else(|| self.hidden_secret(view, leaf, &secrets));
            self.read(view, leaf, subject, Shown::No, desk, notes);
        }
        // What matched a rule is shown as evidence, unless a secret could stand in it.
        let shown = if secrets.is_empty() && hidden_secret.is_none() { Shown::Yes } else { Shown::No };
        self.read(&normal.whole, leaf, subject, shown, desk, notes);
        self.settle_secrets(leaf, subject, &secrets, hidden_secret, notes);
    }

    fn read(
        &self,
        view: &View<'_>,
        leaf: Leaf<'_>,
        subject: &Subject<'_>,
        shown: Shown,
        desk: &mut Desk,
        notes: &mut Notes<'_>,
    ) {
        write_plain(&view.text, &mut desk.plain);
        let reading = Reading::new(view, &desk.plain);
        let place = Place { surface: subject.surface, author: subject.author, leaf, shown };
        self.injection.look(&reading, &place, notes);
        self.manipulation.look(&reading, subject.audience, &place, &mut desk.pressure);
        self.personal.count(view, leaf, &mut desk.tally);
    }

    /// The rule of a credential that can be read in this view and nowhere above it.
    fn hidden_secret(&self, view: &View<'_>, leaf: Leaf<'_>, known: &[Secret<'_>]) -> Option<&str> {
        let layers = view.way.layers();
        let name = leaf.name.filter(|_| layers == [Layer::Invisible]);
        // What seems to be a credential often stands in data, and seldom where somebody took pains to split it.
        let certainty_min =
            if layers.iter().all(|layer| layer.is_invisible()) { Certainty::Likely } else { Certainty::Format };
        let is_new = |secret: &&Secret<'_>| {
            let found = view.find(secret.range.clone());
            // A known secret may be encoded text itself; what it decodes to is the same secret.
            let is_known =
                known.iter().any(|known| known.range.start <= found.span.start && found.span.end <= known.range.end);
            secret.certainty >= certainty_min && found.is_news && !is_known
        };
        self.secrets.find(&view.text, name).iter().find(is_new).map(|secret| secret.rule)
    }

    fn settle_secrets(
        &self,
        leaf: Leaf<'_>,
        subject: &Subject<'_>,
        secrets: &[Secret<'_>],
        hidden: Option<&str>,
        notes: &mut Notes<'_>,
    ) {
        if (secrets.is_empty() && hidden.is_none()) || !notes.active(IA_2_6) || subject.takes_credential(&leaf) {
            return;
        }
        let replaceable = matches!(subject.surface, Surface::Result | Surface::Description) && !leaf.is_key;
        for secret in secrets {
            let word = match secret.certainty {
                _ if replaceable => Word::Go,
                Certainty::Likely => Word::Escalate,
                Certainty::Format | Certainty::Checked => Word::NoGo,
            };
            let what = match secret.certainty {
                Certainty::Likely => "what seems to be a credential",
                Certainty::Format => "a credential",
                Certainty::Checked => "a credential, whose checksum holds",
            };
            let done = if replaceable { ", redacted" } else { "" };
            let finding = Finding::new(IA_2_6, word, format!("{what}{done}"));
            notes.add(finding.at(leaf.pointer(), format!("{}, {} characters", secret.rule, secret.range.len())));
        }
        if let Some(rule) = hidden {
            let word = if replaceable { Word::Go } else { Word::NoGo };
            let finding = Finding::new(IA_2_6, word, "a credential that was encoded or hidden");
            notes.add(finding.at(leaf.pointer(), rule));
        }
        if replaceable {
            // Where a hidden secret begins and ends in the text that carries it is not known: all of it goes.
            let replacement = hidden.map_or_else(|| redacted(leaf.text, secrets), mark);
            notes.redact(leaf.pointer(), replacement);
        }
    }
}

/// What lies on the desk while one payload is scanned.
#[derive(Default)]
struct Desk {
    tally: Tally,
    pressure: Pressure,
    /// The plain form of what is read.
    plain: String,
    budget: Budget,
}

/// What cannot be looked into may be anything, and nobody who sends it is owed that it is.
fn note_bound(bound: Bound, leaf: Leaf<'_>, subject: &Subject<'_>, notes: &mut Notes<'_>) {
    let word = match (subject.author, subject.surface) {
        (Author::Operator, _) => Word::Go,
        (_, Surface::Description) => Word::NoGo,
        _ => Word::Escalate,
    };
    let reason = match bound {
        Bound::Depth(layer) => format!("more layers than are taken off, the last {layer}"),
        Bound::Bytes => "more comes out of it than is read".to_owned(),
    };
    notes.add(Finding::new(PG_1_1, word, reason).at(leaf.pointer(), "").within(0..leaf.text.len()));
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scanner").field("deselected", &self.deselected).finish_non_exhaustive()
    }
}

const IA_2_6: &str = "IA-2.6";
const PG_1_1: &str = "PG-1.1";
