//! Tool definitions: what a person approved, and what servers publish now (SC-2.2, SC-2.4).

use std::collections::{BTreeMap, HashMap};

use maso_core::{Digest, ToolRef};
use maso_intent::{Deployment, PinState};
use maso_log::v1;
use parking_lot::RwLock;
use serde_json::Value;

/// One tool's definitions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pin {
    /// The approved definition and its digest.
    pub approved: Option<(Digest, Value)>,
    /// The latest definition that differed from it, with its digest.
    pub waiting: Option<(Digest, Value)>,
    /// What the scanners said of the latter.
    pub findings: Vec<v1::Finding>,
    /// What the server of this process published last.
    published: Option<Digest>,
}

/// All pins of a deployment.
#[derive(Debug)]
pub struct Pins(RwLock<HashMap<ToolRef, Pin>>);

impl Pins {
    /// The pins that the deployment's lock files bring.
    pub(super) fn new(deployment: &Deployment) -> Self {
        let pins = deployment
            .servers
            .values()
            .flat_map(|server| server.tools.values())
            .filter_map(|tool| {
                let definition = tool.definition.as_ref()?;
                let approved = Some((definition.digest, definition.value.clone()));
                Some((tool.tool.clone(), Pin { approved, ..Pin::default() }))
            })
            .collect();
        Self(RwLock::new(pins))
    }

    /// How the tool's published definition stands to its pin. A tool that nobody has seen published is not pinned.
    pub fn state(&self, tool: &ToolRef) -> PinState {
        let pins = self.0.read();
        let pin = pins.get(tool);
        match pin.map(|pin| (pin.approved.as_ref().map(|(digest, _)| *digest), pin.published)) {
            Some((Some(approved), Some(published))) if approved == published => PinState::Pinned,
            Some((Some(approved), Some(published))) => PinState::Drifted { approved, published },
            Some((None, Some(published))) => PinState::Unapproved { published },
            // Nothing was published: whatever would be called is not what was approved.
            Some((_, None)) | None => PinState::Unapproved { published: Digest::of(b"") },
        }
    }

    /// Whether the tool is published as it was approved, and that definition is as `is_so` says: also where pins are switched
    /// off (SC-2.2), for what rests on a definition rests on the approved one.
    pub fn is_published(&self, tool: &ToolRef, is_so: impl Fn(&Value) -> bool) -> bool {
        let pins = self.0.read();
        let Some(pin) = pins.get(tool) else { return false };
        pin.approved.as_ref().is_some_and(|(digest, value)| pin.published == Some(*digest) && is_so(value))
    }

    /// Notes what the server of this process publishes. True when nobody recorded this definition before.
    pub fn publish(&self, tool: &ToolRef, digest: Digest) -> bool {
        let mut pins = self.0.write();
        let pin = pins.entry(tool.clone()).or_default();
        pin.published = Some(digest);
        let known = |side: &Option<(Digest, Value)>| side.as_ref().is_some_and(|(known, _)| *known == digest);
        !known(&pin.approved) && !known(&pin.waiting)
    }

    /// The tools whose published definition waits for a person.
    pub fn waiting(&self) -> BTreeMap<ToolRef, Pin> {
        let pins = self.0.read();
        pins.iter().filter(|(_, pin)| pin.waiting.is_some()).map(|(tool, pin)| (tool.clone(), pin.clone())).collect()
    }

    pub(super) fn seen(&self, record: &v1::ToolSeen) {
        if let (Ok(tool), Some(digest)) = (record.tool.parse(), Digest::parse(&record.digest)) {
            let mut pins = self.0.write();
            let pin = pins.entry(tool).or_default();
            pin.waiting = Some((digest, record.definition.clone()));
            pin.findings = record.findings.clone();
        }
    }

    pub(super) fn approved(&self, record: &v1::ToolApproved) {
        if let (Ok(tool), Some(digest)) = (record.tool.parse(), Digest::parse(&record.digest)) {
            let mut pins = self.0.write();
            let pin = pins.entry(tool).or_default();
            pin.approved = Some((digest, record.definition.clone()));
            pin.waiting = None;
            pin.findings.clear();
        }
    }
}
