//! What is unsound in what people attest.

use maso_core::{Day, Timestamp};

use super::Lint;
use crate::{
    Control, ControlKind, Deployment, Effect, Problem, Severity,
    form::{EvidenceForm, File},
    lint::deployment::no_such_control,
};

impl Lint<'_> {
    pub(super) fn evidence(self, problems: &mut Vec<Problem>) {
        for file in &self.folder.evidence {
            let EvidenceForm { control, by, on, due, .. } = &file.form;
            if !self.deployment.operators.contains_key(&by.value) {
                let message = format!("`{}` attests this and is not an operator", by.value);
                let remedy = self.operator_suggestion(by.as_str());
                problems.push(file.problem(by.start, Severity::Error, "OB-2.7", message, remedy));
            }
            if due.value < on.value {
                let message = format!("it is due again on {}, before the day of which it speaks", due.value);
                let remedy = "`due` is the day by which somebody has to look again";
                problems.push(file.problem(due.start, Severity::Error, "", message, remedy));
            }
            let Some(id) = control else { continue };
            let Some(control) = Control::of(&id.value) else {
                let (message, remedy) = no_such_control(&id.value);
                problems.push(file.problem(id.start, Severity::Error, "", message, remedy));
                continue;
            };
            let about = |problem: Problem| Problem { control: Some(control.id.clone()), ..problem };
            if let ControlKind::Evidence(rhythm) = control.kind
                && rhythm.after(on.value) < due.value
            {
                let last = rhythm.after(on.value);
                let message = format!("`{}` is attested {}: it counts until {last}", control.id, rhythm.as_str());
                let remedy = format!("write `due = \"{last}\"`, or an earlier day");
                problems.push(about(file.problem(due.start, Severity::Warning, "", message, remedy)));
            }
            if matches!(control.effect(), Some(Effect::Always | Effect::Switched)) {
                let message = format!("maso does what `{}` demands, whoever attests it", control.id);
                let remedy = "keep it if an auditor wants to read it";
                problems.push(about(file.problem(id.start, Severity::Note, "", message, remedy)));
            }
        }
    }

    /// What was attested for days to come, and what somebody should have attested anew.
    pub(super) fn evidence_dates(self, now: Timestamp, problems: &mut Vec<Problem>) {
        let today = Day::of(now);
        for file in &self.folder.evidence {
            let on = &file.form.on;
            if on.value > today {
                let message =
                    format!("it speaks of {}, which is still to come: until then it does not count", on.value);
                problems.push(file.problem(on.start, Severity::Error, "", message, "write the day on which it was so"));
            }
            if let Some(problem) = overdue(self.deployment, file, today) {
                problems.push(problem);
            }
        }
    }
}

/// The problem of an attestation that is the latest of its control and counts no more.
fn overdue(deployment: &Deployment, file: &File<'_, EvidenceForm>, today: Day) -> Option<Problem> {
    let control = &file.form.control.as_ref()?.value;
    let latest = deployment.attested(control, today).filter(|latest| latest.file == file.path)?;
    let last = latest.counts_until();
    (last < today).then(|| {
        let message = format!("what attests `{control}` is overdue since {last}, so the control is missing");
        let remedy = "look again, and add a file that says what came of it";
        let problem = file.problem(file.form.due.start, Severity::Warning, "", message, remedy);
        Problem { control: Some(control.clone()), ..problem }
    })
}
