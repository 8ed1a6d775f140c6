//! What is unsound about judges and the models behind agents.

use std::collections::BTreeSet;

use maso_core::Tier;

use super::Lint;
use crate::{JudgeKind, Problem, Severity, lint::oispec::vague};

impl Lint<'_> {
    pub(super) fn judges(self, problems: &mut Vec<Problem>) {
        for (name, file) in &self.folder.judges {
            if file.form.criteria.is_empty() {
                let message = "the judge has no criteria, so it could only wave everything through";
                let start = file.find("criteria");
                problems.push(file.problem(
                    start,
                    Severity::Error,
                    "OI-2.3",
                    message,
                    "add yes/no questions to `criteria`",
                ));
            }
            for criterion in &file.form.criteria {
                if let Some(word) = vague(criterion) {
                    let message = format!("`{word}` cannot be measured");
                    let remedy = "say what can be counted, compared or looked up";
                    problems.push(file.problem(criterion.start, Severity::Warning, "OI-2.3", message, remedy));
                }
            }
            if file.form.exclusions.is_empty() {
                let message = "nothing says what the judge does not evaluate";
                problems.push(file.problem(0, Severity::Warning, "OI-2.3", message, "add `exclusions`"));
            }
            let latency = self.deployment.judges.get(name).map_or(1, |judge| judge.max_evaluation_latency_ms);
            if latency == 0 {
                let message = "a judge without time is silent, and silence counts against each action";
                let start = file.find("max_evaluation_latency");
                problems.push(file.problem(start, Severity::Error, "EC-2.9", message, "allow it `5s`"));
            }
            let Some(model) = &file.form.model else { continue };
            for agent in self.deployment.agents.values() {
                if agent.model.as_ref().is_some_and(|(_, name)| *name == model.value) {
                    let message = format!("the judge runs on `{}`, the model of agent `{}`", model.value, agent.agent);
                    let remedy = "judge with a model that no judged agent runs on, best of another provider";
                    let severity =
                        if self.deployment.tier >= Tier::Managed { Severity::Error } else { Severity::Warning };
                    problems.push(file.problem(model.start, severity, "EC-2.5", message, remedy));
                }
            }
        }
        self.panel(problems);
        self.providers(problems);
    }

    /// Whether there are as many judges as the tier asks for.
    fn panel(self, problems: &mut Vec<Problem>) {
        let Some(maso) = &self.folder.maso else { return };
        let tier = self.deployment.tier;
        let n_judges = self.deployment.judges.len();
        if tier >= Tier::Managed && n_judges == 0 && self.deployment.may_apply("EC-2.5") {
            let message = format!("tier {} needs a judge, and there is none", tier.number());
            let remedy = "add `judges/NAME.toml`, or write `tier = 1`";
            problems.push(maso.problem(maso.find("tier"), Severity::Error, "EC-2.5", message, remedy));
        }
        let models: BTreeSet<&str> = self
            .deployment
            .judges
            .values()
            .filter_map(|judge| match &judge.kind {
                JudgeKind::Model { model, .. } => Some(model.as_str()),
                JudgeKind::Rules => None,
            })
            .collect();
        if tier >= Tier::Autonomous && models.len() < 2 {
            let message = "tier 3 needs two judges on independent models";
            let remedy = "add a second judge of kind `model` on another model";
            problems.push(maso.problem(maso.find("tier"), Severity::Error, "EC-3.3", message, remedy));
        }
    }

    fn providers(self, problems: &mut Vec<Problem>) {
        for (name, file) in &self.folder.workflows {
            let of_workflow = self.deployment.agents.values().filter(|agent| agent.workflow == *name);
            let models: Vec<&(String, String)> = of_workflow.filter_map(|agent| agent.model.as_ref()).collect();
            let providers: BTreeSet<&str> = models.iter().map(|(provider, _)| provider.as_str()).collect();
            if let (Some(provider), true) = (providers.first(), models.len() > 1 && providers.len() == 1) {
                let message = format!("all {} agents with a model depend on provider `{provider}`", models.len());
                let remedy =
                    "let agents that contribute to one decision use different models, best of different providers";
                problems.push(file.problem(file.find("agents"), Severity::Warning, "PG-2.9", message, remedy));
            }
        }
    }
}
