//! What is unsound about judges, one by one and as a panel.

use std::collections::BTreeSet;

use super::{Found, Lint, LintRule, vague::vague};
use crate::{
    JudgeKind,
    form::{File, JudgeForm},
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for (name, file) in &lint.folder.judges {
        criteria(file, found);
        exclusions(file, found);
        if lint.deployment.judges.get(name).is_some_and(|judge| judge.max_evaluation_latency_ms == 0) {
            let message = "a judge without time is silent, and silence counts against each action";
            let start = file.find("max_evaluation_latency");
            found.add(LintRule::JudgeWithoutTime, file, start, message, "allow it `5s`");
        }
    }
    panel(lint, found);
}

fn criteria(file: &File<'_, JudgeForm>, found: &mut Found) {
    if file.form.criteria.is_empty() {
        let message = "the judge has no criteria, so it could only wave everything through";
        let start = file.find("criteria");
        found.add(LintRule::JudgeWithoutCriteria, file, start, message, "add yes/no questions to `criteria`");
    }
    for criterion in &file.form.criteria {
        if let Some(word) = vague(criterion) {
            let message = format!("`{word}` cannot be measured");
            let remedy = "say what can be counted, compared or looked up";
            found.add(LintRule::JudgeVague, file, criterion.start, message, remedy);
        }
    }
}

fn exclusions(file: &File<'_, JudgeForm>, found: &mut Found) {
    if file.form.exclusions.is_empty() {
        let message = "nothing says what the judge does not evaluate";
        found.add(LintRule::JudgeWithoutExclusions, file, 0, message, "add `exclusions`");
    }
}

/// Whether there are as many judges as the tier asks for, each on its own.
fn panel(lint: Lint<'_>, found: &mut Found) {
    let Some(maso) = &lint.folder.maso else { return };
    let start = maso.find("tier");
    let tier = lint.deployment.tier;
    if lint.deployment.judges.is_empty() && lint.deployment.may_apply("EC-2.5") {
        let message = format!("tier {} needs a judge, and there is none", tier.number());
        found.add(LintRule::JudgeMissing, maso, start, message, "add `judges/NAME.toml`, or write `tier = 1`");
    }
    let models = lint.deployment.judges.values().filter_map(|judge| match &judge.kind {
        // With its port: what is behind two ports of this machine may be two providers.
        JudgeKind::Model { model, endpoint, .. } => Some((model.as_str(), (endpoint.host_str(), endpoint.port()))),
        JudgeKind::Rules => None,
    });
    let (models, hosts): (BTreeSet<_>, BTreeSet<_>) = models.unzip();
    if models.len() < 2 {
        let message = format!("tier {} needs two judges on independent models", tier.number());
        let remedy = "add a second judge of kind `model` on another model";
        found.add(LintRule::PanelTooSmall, maso, start, message, remedy);
    } else if let (Some((Some(host), _)), 1) = (hosts.first(), hosts.len()) {
        let message = format!("all judges with a model are at `{host}`: who fails there fails alike");
        found.add(LintRule::PanelAtOneHost, maso, start, message, "give one of them a model of another provider");
    }
}
