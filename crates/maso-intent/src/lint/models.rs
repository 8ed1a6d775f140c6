//! What stands behind agents and judges: independence of the two, and of agents from one provider.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Lint, LintRule};
use crate::{
    AgentMandate,
    form::{At, File, JudgeForm},
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    let models = Models::of(lint);
    for file in lint.folder.judges.values() {
        let Some(model) = &file.form.model else { continue };
        same_model(&models, file, model, found);
        same_provider(&models, file, found);
    }
    unknown_models(lint, found);
    one_provider(lint, found);
}

/// The models and providers behind agents, each with the first agent that runs on it.
struct Models<'a> {
    models: BTreeMap<&'a str, &'a AgentMandate>,
    providers: BTreeMap<&'a str, &'a AgentMandate>,
}

impl<'a> Models<'a> {
    fn of(lint: Lint<'a>) -> Self {
        let mut models = Self { models: BTreeMap::new(), providers: BTreeMap::new() };
        for agent in lint.deployment.agents.values() {
            if let Some((provider, model)) = &agent.model {
                models.models.entry(model).or_insert(agent);
                models.providers.entry(provider).or_insert(agent);
            }
        }
        models
    }
}

fn same_model(models: &Models<'_>, file: &File<'_, JudgeForm>, model: &At<String>, found: &mut Found) {
    if let Some(agent) = models.models.get(model.value.as_str()) {
        let message = format!("the judge runs on `{}`, the model of agent `{}`", model.value, agent.agent);
        let remedy = "judge with a model that no judged agent runs on, best of another provider";
        found.add(LintRule::JudgeOnAgentModel, file, model.start, message, remedy);
    }
}

/// A provider is known by its name in the host of the judge's endpoint, as `acme` in `api.acme.example`.
fn same_provider(models: &Models<'_>, file: &File<'_, JudgeForm>, found: &mut Found) {
    let Some(endpoint) = &file.form.endpoint else { return };
    let host = endpoint.host_str().unwrap_or_default();
    let is_there = |provider: &str| host.split('.').any(|label| label.eq_ignore_ascii_case(provider));
    if let Some((provider, agent)) = models.providers.iter().find(|(provider, _)| is_there(provider)) {
        let message = format!("the judge runs at `{provider}`, the provider of agent `{}`", agent.agent);
        let remedy = "judge at another provider: what one gets wrong about itself it gets wrong twice";
        found.add(LintRule::JudgeOnAgentProvider, file, endpoint.start, message, remedy);
    }
}

/// Agents of which nobody can tell whether a judge runs on their model.
fn unknown_models(lint: Lint<'_>, found: &mut Found) {
    if !lint.folder.judges.values().any(|judge| judge.form.model.is_some()) {
        return;
    }
    for file in lint.folder.agents.values().filter(|file| file.form.model.is_none()) {
        let message = "nothing says which model the agent runs on, so a judge might run on the same";
        let remedy = "add `model = { provider = \"…\", name = \"…\" }`";
        found.add(LintRule::AgentModelUnknown, file, 0, message, remedy);
    }
}

fn one_provider(lint: Lint<'_>, found: &mut Found) {
    for (name, file) in &lint.folder.workflows {
        let models = lint.index.members(name).iter().filter_map(|agent| agent.model.as_ref());
        let providers: Vec<&str> = models.map(|(provider, _)| provider.as_str()).collect();
        let distinct: BTreeSet<&str> = providers.iter().copied().collect();
        if let (Some(provider), true) = (distinct.first(), providers.len() > 1 && distinct.len() == 1) {
            let message = format!("all {} agents with a model depend on provider `{provider}`", providers.len());
            let remedy = "let agents that contribute to one decision use different models, best of different providers";
            found.add(LintRule::ProviderSingle, file, file.find("agents"), message, remedy);
        }
    }
}
