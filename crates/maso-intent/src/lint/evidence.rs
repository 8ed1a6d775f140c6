//! What is unsound in what people attest.

use maso_core::{Day, Timestamp};

use super::{Found, Lint, LintRule, controls::no_such_control};
use crate::{
    Control, ControlKind, Effect,
    form::{EvidenceForm, File},
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    lint.evidence(found);
}

/// What was attested for days to come, and what somebody should have attested anew.
pub(super) fn dates(lint: Lint<'_>, now: Timestamp, found: &mut Found) {
    lint.evidence_dates(now, found);
}

impl Lint<'_> {
    fn evidence(self, found: &mut Found) {
        for file in &self.folder.evidence {
            let EvidenceForm { control, by, on, due, .. } = &file.form;
            if !self.deployment.operators.contains_key(&by.value) {
                let message = format!("`{}` attests this and is not an operator", by.value);
                let remedy = self.operator_suggestion(by.as_str());
                found.add(LintRule::AttesterUnknown, file, by.start, message, remedy);
            }
            if due.value < on.value {
                let message = format!("it is due again on {}, before the day of which it speaks", due.value);
                let remedy = "`due` is the day by which somebody has to look again";
                found.add(LintRule::EvidenceDueEarly, file, due.start, message, remedy);
            }
            let Some(id) = control else { continue };
            let Some(control) = Control::of(&id.value) else {
                let (message, remedy) = no_such_control(&id.value);
                found.add(LintRule::ControlUnknown, file, id.start, message, remedy);
                continue;
            };
            if let ControlKind::Evidence(rhythm) = control.kind
                && rhythm.after(on.value) < due.value
            {
                let last = rhythm.after(on.value);
                let message = format!("`{}` is attested {}: it counts until {last}", control.id, rhythm.as_str());
                let remedy = format!("write `due = \"{last}\"`, or an earlier day");
                found.add_about(LintRule::EvidenceDueLate, &control.id, file, due.start, message, remedy);
            }
            if matches!(control.effect(), Some(Effect::Always | Effect::Switched)) {
                let message = format!("maso does what `{}` demands, whoever attests it", control.id);
                let remedy = "keep it if an auditor wants to read it";
                found.add_about(LintRule::EvidenceUnneeded, &control.id, file, id.start, message, remedy);
            }
        }
    }

    fn evidence_dates(self, now: Timestamp, found: &mut Found) {
        let today = Day::of(now);
        for file in &self.folder.evidence {
            let on = &file.form.on;
            if on.value > today {
                let message =
                    format!("it speaks of {}, which is still to come: until then it does not count", on.value);
                found.add(LintRule::EvidenceAhead, file, on.start, message, "write the day on which it was so");
            }
            self.overdue(file, today, found);
        }
    }

    /// An attestation that is the latest of its control and counts no more.
    fn overdue(self, file: &File<'_, EvidenceForm>, today: Day, found: &mut Found) {
        let Some(control) = &file.form.control else { return };
        let latest = self.deployment.attested(&control.value, today).filter(|latest| latest.file == file.path);
        let Some(last) = latest.map(|latest| latest.counts_until()).filter(|last| *last < today) else { return };
        let message = format!("what attests `{}` is overdue since {last}, so the control is missing", control.value);
        let remedy = "look again, and add a file that says what came of it";
        found.add_about(LintRule::EvidenceOverdue, &control.value, file, file.form.due.start, message, remedy);
    }
}
