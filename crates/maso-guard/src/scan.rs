//! Stage 4: what deterministic scanners say of a hop. An error is a finding.

use std::{fmt, ops::Range};

use maso_core::{ControlId, Finding, Findings, Timestamp, Word};
use maso_intent::Resolved;
use maso_wire::envelope::Beside;
use serde_json::Value;

use crate::{
    Redaction, confusable, encoded,
    injection::{Injection, Place},
    invisible,
    leaf::{Leaf, walk},
    manipulation::{Manipulation, Pressure},
    notes::Notes,
    personal::{Personal, Tally},
    plain::{is_ignorable, plain, write_plain},
    schema::Schemas,
    secrets::{Certainty, Secret, Secrets, mark, redacted},
    size,
    subject::{Audience, Subject},
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

    fn scan_without(&self, deselected: &[Deselected], subject: &Subject<'_>, now: Timestamp) -> Scan {
        let mut notes = Notes::new(deselected, now);
        let (mut tally, mut pressure) = (Tally::default(), Pressure::default());
        let mut scratch = String::new();
        let shape = walk(subject.payload, &mut |leaf| {
            self.scan_leaf(leaf, subject, &mut scratch, (&mut tally, &mut pressure), &mut notes);
        });
        self.manipulation.note(pressure, &mut notes);
        self.personal.note(tally, &mut notes);
        size::measure(&shape, subject.surface, &subject.sizes, &mut notes);
        traversal::look(subject, &mut notes);
        self.schemas.check(subject, &mut notes);
        notes.finish()
    }

    fn scan_leaf(
        &self,
        leaf: Leaf<'_>,
        subject: &Subject<'_>,
        scratch: &mut String,
        (tally, pressure): (&mut Tally, &mut Pressure),
        notes: &mut Notes<'_>,
    ) {
        let text = leaf.text;
        let secrets = self.secrets.find(text, leaf.name);
        let mut hidden_secret = None;
        let pointer = || leaf.pointer();
        // What matched an injection rule is shown as evidence, unless a secret could stand in it.
        let place = |hidden, shown| Place {
            surface: subject.surface,
            author: subject.author,
            pointer: &pointer,
            hidden,
            shown,
        };

        invisible::look_at_controls(leaf, subject.surface, notes);
        if !text.is_ascii() {
            confusable::look(leaf, subject.surface, notes);
            for revealed in invisible::look(leaf, subject.surface, notes) {
                self.injection.look(&plain(&revealed.text), &place(Some(revealed.how), false), notes);
                hidden_secret = hidden_secret.or_else(|| self.first_rule(&revealed.text));
            }
            if text.contains(is_ignorable) {
                let visible: String = text.chars().filter(|c| !is_ignorable(*c)).collect();
                if self.secrets.find(&visible, leaf.name).len() > secrets.len() {
                    hidden_secret = hidden_secret.or_else(|| self.first_rule(&visible));
                }
            }
        }
        write_plain(text, scratch);
        let is_clean = secrets.is_empty() && hidden_secret.is_none();
        self.injection.look(scratch, &place(None, is_clean), notes);
        self.manipulation.look(scratch, subject.audience, leaf, is_clean, pressure);
        for decoded in encoded::decode(text) {
            // A known secret may be encoded text itself; what it decodes to is the same secret.
            let nearest = secrets.partition_point(|secret| secret.range.end <= decoded.start);
            if secrets.get(nearest).is_some_and(|secret| secret.range.start < decoded.end) {
                continue;
            }
            self.injection.look(&plain(&decoded.text), &place(Some("hidden in encoded text"), false), notes);
            hidden_secret = hidden_secret.or_else(|| self.first_format(&decoded.text));
        }
        self.personal.count(leaf, tally);
        self.settle_secrets(leaf, subject, &secrets, hidden_secret, notes);
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

    fn first_rule(&self, text: &str) -> Option<&str> {
        self.secrets.find(text, None).first().map(|secret| secret.rule)
    }

    fn first_format(&self, text: &str) -> Option<&str> {
        let found = self.secrets.find(text, None);
        found.iter().find(|secret| secret.certainty > Certainty::Likely).map(|secret| secret.rule)
    }
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
