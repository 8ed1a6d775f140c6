//! From the text of a folder to a deployment: what the forms of [`crate::form`] mean.

mod agent;
mod bus;
mod day;
mod external;
mod history;
mod judge;
mod listening;
mod maso;
mod oispec;
mod server;
mod value;
mod workflow;

use std::{collections::BTreeMap, sync::Arc};

use maso_core::{AgentName, Class, Digest, Tier, ToolRef};

use self::{
    agent::agent,
    judge::judge,
    maso::{deselections, operators, settings},
    server::servers,
    workflow::solution,
};
pub(crate) use self::{
    day::{day_begins, day_is_over},
    history::Declared,
    value::json,
};
use crate::{
    AgentMandate, Approval, Authority, Deployment, Duties, PolicyFile, Problem, Problems, SolutionMandate, Source,
    evidence::attestations, form::Folder, rule,
};

/// Reads a deployment. What it gives is well formed; whether it is also sound is for [`crate::lint`] to say.
///
/// # Errors
/// When a file is not well formed: every file that is not, each with the first thing that is wrong in it.
pub fn parse(source: &Source) -> Result<Deployment, Problems> {
    let (folder, mut problems) = Folder::read(source);
    let deployment = deployment(source, &folder, &mut problems);
    match deployment {
        Some(deployment) if problems.is_empty() => Ok(deployment),
        _ => Err(Problems::new(problems)),
    }
}

/// The deployment that the forms describe; `None` without a readable `maso.toml`.
pub(crate) fn deployment(source: &Source, folder: &Folder<'_>, problems: &mut Vec<Problem>) -> Option<Deployment> {
    let maso = folder.maso.as_ref()?;
    let settings = settings(maso, problems);
    listening::workloads(folder, settings.federation.as_ref(), problems);
    let mut workflows: BTreeMap<_, _> =
        folder.workflows.iter().map(|(name, file)| (name.clone(), solution(name, file, problems))).collect();
    let agents: BTreeMap<_, _> = folder
        .agents
        .iter()
        .map(|(name, file)| {
            let parent = workflows.get(&file.form.workflow.value);
            (name.clone(), Arc::new(agent(name, file, parent, &settings, problems)))
        })
        .collect();
    let judges =
        folder.judges.iter().filter_map(|(name, file)| Some((name.clone(), Arc::new(judge(name, file, problems)?))));
    let judges = judges.collect();
    external::mailboxes(folder, problems);
    let servers = servers(folder, problems);
    let class = |tool: &ToolRef| {
        let manifest = servers.get(&tool.server).and_then(|server| server.tools.get(&tool.tool));
        manifest.map_or(Class::Execute, |manifest| manifest.class)
    };
    workflows.values_mut().for_each(|solution| solution.keep_to_data_scopes(class));
    let workflows: BTreeMap<_, _> = workflows.into_iter().map(|(name, solution)| (name, Arc::new(solution))).collect();
    let authorities = agents
        .iter()
        .map(|(name, mandate)| {
            let parent = workflows.get(&mandate.workflow);
            (name.clone(), Arc::new(parent.map_or_else(Authority::none, |parent| Authority::of(mandate, parent))))
        })
        .collect();
    let mandates = workflows.values().map(|solution| (solution.workflow.clone(), mandates_of(solution, &agents)));
    let mandates = mandates.collect();
    let form = &maso.form;
    let operators = operators(maso, problems);
    let is_signing_required = form.signing.required.unwrap_or(form.tier.0 > Tier::Supervised);
    let duties = Duties::of(workflows.values(), &operators);
    Some(Deployment {
        name: form.name.value.clone(),
        digest: source.digest(),
        approval: Approval::of(source, is_signing_required, duties, &operators),
        trust_domain: form.trust_domain.value.clone(),
        tier: form.tier.0,
        accountable_human: form.accountable_human.value.clone(),
        settings,
        workflows,
        agents,
        servers,
        judges,
        operators,
        policies: folder
            .policies
            .iter()
            .map(|(path, text)| PolicyFile { path: (*path).to_owned(), text: (*text).to_owned() })
            .collect(),
        rules: rule::reading::rules(&folder.rules, problems),
        selected: form.controls.selected.iter().map(|control| control.value.clone()).collect(),
        deselected: deselections(maso, problems),
        evidence: attestations(folder, problems),
        authorities,
        mandates,
    })
}

/// Content address of a workflow's mandate and those of its agents together.
fn mandates_of(solution: &SolutionMandate, agents: &BTreeMap<AgentName, Arc<AgentMandate>>) -> Digest {
    let agents = agents.values().filter(|mandate| mandate.workflow == solution.workflow);
    let agents: BTreeMap<_, _> = agents.map(|mandate| (mandate.agent.as_str(), mandate.digest.to_string())).collect();
    Digest::of_value(&serde_json::json!({ "workflow": solution.digest.to_string(), "agents": agents }))
}
