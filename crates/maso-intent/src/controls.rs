//! Which controls a deployment may switch off, and which not.

use maso_core::Timestamp;

use crate::{Deployment, Deselection};

impl Deployment {
    /// Whether the control counts at this moment: it is not switched off, with a reason and somebody who answers for that.
    pub fn applies(&self, control: &str, now: Timestamp) -> bool {
        !self.deselections_of(control).any(|deselection| deselection.counts(now))
    }

    /// Whether the control counts now or will some day: it is not switched off for good.
    pub fn may_apply(&self, control: &str) -> bool {
        !self.deselections_of(control).any(|deselection| deselection.until.is_none())
    }

    fn deselections_of<'a>(&'a self, control: &'a str) -> impl Iterator<Item = &'a Deselection> {
        self.deselected.iter().filter(move |deselection| deselection.control.as_str() == control)
    }
}

impl Deselection {
    /// Whether it counts at this moment.
    pub fn counts(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Why this control cannot be switched off, and what to do instead; `None` for one that can, or that maso does not
/// enforce.
///
/// What a control adds to a hop's scrutiny can be taken away. What says who sends it, what it may do, that a person
/// decides and that it is on the record cannot: everything else rests on that.
pub(crate) fn why_it_stays(control: &str) -> Option<(&'static str, &'static str)> {
    Some(match control {
        "IA-1.1" | "IA-1.2" | "IA-2.1" | "IA-2.2" | "IA-2.3" | "IA-3.1" => (
            "every decision rests on who sends a hop",
            "remove it; `[identity]` in maso.toml says which tokens count, and for how long",
        ),
        "PG-1.3" | "PG-2.2" => (
            "without its task nobody could say what a hop is for",
            "remove it; an agent without a task token works in its standing task",
        ),
        "AT-1.1" | "AT-1.2" | "AT-1.4" | "AT-1.6" | "AT-1.7" | "AT-2.1" | "EC-1.2" | "EC-2.1" | "EC-2.3" | "EC-3.4"
        | "ENV-3" | "IA-1.4" | "IA-2.4" | "IA-2.5" | "IA-3.3" => {
            ("what an agent may do is what its mandate says", "remove it, and change the mandate or the policy instead")
        }
        "AT-1.3" | "AT-2.10" | "OI-1.3" => (
            "what runs is what people agreed to",
            "remove it; `signing.required` in maso.toml says whether a version has to be signed",
        ),
        "EC-1.1" | "EC-2.9" => (
            "what waits for a person would happen without one",
            "remove it; class, reversibility and risk of a tool say whether it waits",
        ),
        "EC-2.10" | "ENV-21" => ("a stop that people rely on must stop", "remove it"),
        "OB-1.1" | "OB-2.1" | "OB-2.7" => ("what is not on the record does not happen", "remove it"),
        _ => return None,
    })
}
