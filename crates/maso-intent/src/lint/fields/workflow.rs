//! What workflows' mandates say of halts, conflicts, judges and reviews.

use maso_core::{AgentName, Risk};

use super::{Found, Lint, LintRule, recorded_only, repeated};
use crate::{
    Evaluation, Expiry, HaltCondition, JudgeAction, ReviewOutcome, Whose,
    form::{ConflictForm, File, OverrideRuleForm, WorkflowForm},
    parse::Declared,
};

impl Lint<'_> {
    pub(super) fn workflow_fields(self, found: &mut Found) {
        for file in self.folder.workflows.values() {
            self.history(file, Declared::from(&file.form), LintRule::WorkflowAuthorIsAgent, found);
            self.hard_stops(file, found);
            self.disagreements(file, found);
            self.amendments(file, found);
            reviews(file, found);
            strategic_evaluation(file, found);
            let in_sequence = file.form.sequence.is_some();
            let unfelt = file.form.hard_stops.keys().find(|condition| !condition.value.is_enforced(in_sequence));
            let form = &file.form;
            let price_of = |agent: &AgentName| self.deployment.agents.get(agent)?.price_per_million_tokens_minor;
            let has_price = form.agents.iter().any(|agent| price_of(&agent.value).is_some());
            let given = [
                (
                    "max_cost_minor",
                    form.limits.max_cost_minor.filter(|_| !has_price).map(|_| file.find("max_cost_minor")),
                ),
                ("judges", form.judges.first().map(|at| at.start)),
                ("judge_precedence", form.judge_precedence.order.first().map(|at| at.start)),
                ("conflict_resolution", form.conflict_resolution.keys().next().map(|at| at.start)),
                ("strategic_evaluation", form.strategic_evaluation.as_ref().map(|at| at.start)),
                (unfelt.map_or("", |condition| condition.as_str()), unfelt.map(|at| at.start)),
            ];
            recorded_only(file, &given, LintRule::WorkflowKeysRecorded, found);
        }
    }

    /// A mandate that lists hard stops lists all of them, each with a person and somebody who may resume.
    fn hard_stops(self, file: &File<'_, WorkflowForm>, found: &mut Found) {
        let stops = &file.form.hard_stops;
        let Some(first) = stops.keys().next() else { return };
        let listed = |condition: &HaltCondition| stops.keys().any(|at| at.value == *condition);
        let missing: Vec<String> =
            HaltCondition::ALL.iter().filter(|one| !listed(one)).map(|one| format!("`{one}`")).collect();
        if !missing.is_empty() {
            let message = format!("the hard stops lack {}", missing.join(", "));
            let remedy = "add a table for each: what happens then is to be known before it happens";
            found.add(LintRule::HardStopsIncomplete, file, first.start, message, remedy);
        }
        for halt in stops.values() {
            self.person(file, &halt.tell, LintRule::PersonUnknown, found);
            if halt.preserve.is_empty() {
                let message = "nothing says what state is kept when the workflow halts";
                found.add(LintRule::HaltStateLost, file, halt.decision.start, message, "add `preserve = [\"…\"]`");
            }
            let somebody =
                self.deployment.operators.values().any(|operator| operator.roles.contains(&halt.resume.value));
            if !somebody {
                let message = format!("nobody has the role `{}`, so nobody could resume", halt.resume.value);
                let remedy = "give it to an operator, or name another role";
                found.add(LintRule::HaltWithoutResumer, file, halt.resume.start, message, remedy);
            }
        }
    }

    fn disagreements(self, file: &File<'_, WorkflowForm>, found: &mut Found) {
        let precedence = &file.form.judge_precedence;
        for judge in file.form.judges.iter().chain(&precedence.order) {
            self.judge(file, judge.as_str(), judge.start, found);
        }
        for judge in repeated(&file.form.judges).chain(repeated(&precedence.order)) {
            let message = format!("judge `{}` is named twice", judge.value);
            found.add(LintRule::JudgeTwice, file, judge.start, message, "keep one");
        }
        for rule in &precedence.override_rules {
            for whose in rule.when.keys() {
                if let Whose::Judge(judge) = &whose.value {
                    self.judge(file, judge.as_str(), whose.start, found);
                }
            }
            no_loosening(file, rule, found);
        }
        for (risk, conflict) in &file.form.conflict_resolution {
            expiry(file, risk.value, conflict, found);
        }
    }

    fn amendments(self, file: &File<'_, WorkflowForm>, found: &mut Found) {
        for amendment in &file.form.amendments {
            self.person(file, &amendment.approved_by, LintRule::AmendmentApproverUnknown, found);
            if amendment.version > file.form.version {
                let message =
                    format!("an amendment in version {}, and this is version {}", amendment.version, file.form.version);
                let remedy = "raise `version`: work goes on under the new terms only once they are a version";
                found.add(LintRule::AmendmentAhead, file, amendment.amendment.start, message, remedy);
            }
        }
    }
}

/// The most restrictive verdict wins; a rule may only be stricter than that.
fn no_loosening(file: &File<'_, WorkflowForm>, rule: &OverrideRuleForm, found: &mut Found) {
    let Some(strictest) = rule.when.values().map(|verdict| verdict.value).max() else {
        let message = "the rule says of no verdict that it must be there, so it would always apply";
        found.add(LintRule::OverrideWithoutVerdict, file, rule.action.start, message, "add one to `when`");
        return;
    };
    if rule.action.value < strictest {
        let message = format!(
            "`{}` is less than `{strictest}`, which somebody said: no rule loosens a verdict",
            rule.action.value
        );
        let remedy = format!("write `action = \"{}\"`", strictest.max(JudgeAction::Escalate));
        found.add(LintRule::OverrideLoosens, file, rule.action.start, message, remedy);
    }
}

/// How a disagreement ends that nobody settles.
fn expiry(file: &File<'_, WorkflowForm>, risk: Risk, conflict: &ConflictForm, found: &mut Found) {
    let window_ms_max = match risk {
        Risk::Critical => 60_000,
        Risk::High => 15 * 60_000,
        Risk::Medium | Risk::Low => 60 * 60_000,
    };
    if conflict.window.0 > window_ms_max {
        let message = format!(
            "people have longer than {} s to settle a disagreement at the risk `{risk}`",
            window_ms_max / 1_000
        );
        found.add(LintRule::ConflictWindowTooLong, file, conflict.window.start, message, "shorten `window`");
    }
    if conflict.expiry.value == Expiry::AcceptRiskWithLogging {
        let (rule, message) = if risk == Risk::Critical {
            (LintRule::ConflictLossCritical, "no loss is accepted unasked at the risk `critical`".to_owned())
        } else {
            (
                LintRule::ConflictLossAccepted,
                "what nobody settles is denied: this version accepts no risk by itself".to_owned(),
            )
        };
        let remedy = "write `expiry = \"most-restrictive\"`";
        found.add(rule, file, conflict.expiry.start, message, remedy);
        if file.form.process_owner.is_none() {
            let message = "a loss is accepted in the name of the process owner, and there is none";
            found.add(LintRule::ConflictWithoutOwner, file, conflict.expiry.start, message, "add `process_owner = …`");
        }
    }
}

fn reviews(file: &File<'_, WorkflowForm>, found: &mut Found) {
    let form = &file.form;
    for review in &form.reviews {
        for (role, owner) in [("process", &form.process_owner), ("technical", &form.technical_owner)] {
            if let Some(owner) = owner.as_ref().filter(|owner| !review.reviewed_by.contains(owner)) {
                let message = format!("the {role} owner `{}` is not among those who reviewed the mandate", owner.value);
                found.add(LintRule::ReviewerMissing, file, review.date.start, message, "both owners approve it anew");
            }
        }
    }
    let latest = form.reviews.iter().max_by_key(|review| review.date.value);
    if let Some(review) = latest.filter(|review| review.outcome.value == ReviewOutcome::Withdrawn) {
        let message = format!("`{}` was withdrawn: it grants nothing", form.id.value);
        let remedy = "remove the workflow and its agents, or have the mandate approved anew";
        found.add(LintRule::MandateWithdrawn, file, review.outcome.start, message, remedy);
    }
}

fn strategic_evaluation(file: &File<'_, WorkflowForm>, found: &mut Found) {
    let Some(given) = &file.form.strategic_evaluation else { return };
    let risk = file.form.oispec.risk_classification.value;
    let due = Evaluation::strategic_due(risk);
    if given.value < due {
        let message = format!("evaluating the whole `{}` is too seldom at the risk `{risk}`", given.value);
        let remedy = format!("write `strategic_evaluation = \"{due}\"`");
        found.add(LintRule::StrategicEvaluationTooSeldom, file, given.start, message, remedy);
    }
}
