//! What judges' own specifications say: scope, actions, calibration (OI-2.3, OI-2.4).

use maso_core::Risk;

use super::{Found, Lint, LintRule, recorded_only, repeated};
use crate::{
    JudgeAction,
    form::{File, JudgeForm},
    nearest::suggestion,
    parse::Declared,
};

impl Lint<'_> {
    pub(super) fn judge_fields(self, found: &mut Found) {
        for (name, file) in &self.folder.judges {
            let form = &file.form;
            self.history(file, Declared::from(form), LintRule::JudgeAuthorIsAgent, found);
            for agent in &form.scope {
                if !self.deployment.agents.contains_key(&agent.value) {
                    self.unknown_agent(LintRule::JudgeScopeUnknown, file, agent, found);
                }
            }
            for agent in repeated(&form.scope) {
                let message = format!("agent `{}` is named twice", agent.value);
                found.add(LintRule::JudgeScopeTwice, file, agent.start, message, "keep one");
            }
            if let Some(permitted) = &form.permitted_actions
                && !permitted.iter().any(|action| action.value >= JudgeAction::Escalate)
            {
                let message = "the judge may neither escalate nor block, so it could only watch";
                let start = permitted.first().map_or_else(|| file.find("permitted_actions"), |action| action.start);
                found.add(LintRule::JudgePowerless, file, start, message, "add `block` or `escalate`");
            }
            self.calibration(name.as_str(), file, found);
            let no_trigger = form.authority.can_trigger_pace_escalation.as_ref().filter(|can| !can.get_ref());
            let no_trigger = no_trigger.map(|can| can.span().start);
            let given = [
                ("scope", form.scope.first().map(|at| at.start)),
                ("permitted_actions", form.permitted_actions.as_ref().map(|_| file.find("permitted_actions"))),
                ("can_trigger_pace_escalation", no_trigger),
                ("calibration", form.calibration.as_ref().map(|at| at.every.start)),
                ("false_positive_target", form.false_positive_target.map(|_| file.find("false_positive_target"))),
                ("false_negative_target", form.false_negative_target.map(|_| file.find("false_negative_target"))),
            ];
            recorded_only(file, &given, LintRule::JudgeKeysRecorded, found);
        }
    }

    /// Who judges is judged: often enough for what it judges, and by somebody else.
    fn calibration(self, name: &str, file: &File<'_, JudgeForm>, found: &mut Found) {
        let Some(calibration) = &file.form.calibration else { return };
        let judged = self.deployment.agents.values().filter(|agent| {
            let scope = &file.form.scope;
            scope.is_empty() || scope.iter().any(|at| at.value == agent.agent)
        });
        let risk = judged.map(|agent| agent.oispec.risk_classification).max().unwrap_or(Risk::Low);
        let (every_ms_max, words) = match risk {
            Risk::Critical => (DAY_MS, "daily"),
            Risk::High => (7 * DAY_MS, "weekly"),
            Risk::Low | Risk::Medium => (31 * DAY_MS, "monthly"),
        };
        if calibration.every.0 > every_ms_max {
            let message = format!("calibrated too seldom: agents of risk `{risk}` need it {words}");
            let remedy = format!("write `every = \"{}d\"`", every_ms_max / DAY_MS);
            found.add(LintRule::CalibrationTooSeldom, file, calibration.every.start, message, remedy);
        }
        let Some(monitor) = &calibration.monitored_by else { return };
        let is_agent = self.deployment.agents.keys().any(|agent| agent.as_str() == monitor.value);
        let is_known = self.deployment.judges.keys().any(|judge| judge.as_str() == monitor.value)
            || self.deployment.operators.keys().any(|operator| operator.as_str() == monitor.value);
        let (message, remedy) = if monitor.value == name {
            ("a judge cannot watch itself".to_owned(), "name another judge, or an operator".to_owned())
        } else if is_agent && !is_known {
            let message = format!("`{}` is an agent: who is judged does not watch the judge", monitor.value);
            (message, "name another judge, or an operator".to_owned())
        } else if !is_known {
            let judges = self.deployment.judges.keys().map(|judge| judge.as_str());
            let operators = self.deployment.operators.keys().map(|operator| operator.as_str());
            let remedy =
                suggestion(&monitor.value, judges.chain(operators), || "name a judge or an operator".to_owned());
            (format!("`{}` is neither a judge nor an operator", monitor.value), remedy)
        } else {
            return;
        };
        found.add(LintRule::JudgeMonitorInvalid, file, monitor.start, message, remedy);
    }
}

const DAY_MS: u64 = 24 * 3_600_000;
