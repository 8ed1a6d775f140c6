//! What `agents/*.toml` means: agents' mandates.

use maso_core::{AgentName, Confidentiality, Digest};

use super::{external, history::Declared, oispec::oispec, value::json};
use crate::{
    AfterFailure, AgentMandate, Bound, Plan, PlannedStep, Powers, Problem, ProcessTerms, ResourceTerm, Settings,
    Severity, SolutionMandate, SpawnTerms, ToolTerms,
    form::{AfterFailureForm, AgentForm, BoundForm, ContextForm, File, ProcessForm, PromptForm},
};

pub(super) fn agent(
    name: &AgentName,
    file: &File<'_, AgentForm>,
    parent: Option<&SolutionMandate>,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> AgentMandate {
    let form = &file.form;
    let after = |after: &Option<AfterFailureForm>| {
        after.as_ref().map(|after| AfterFailure {
            retry_max: after.retry_max,
            tell: after.tell.as_ref().unwrap_or(&form.escalation).value.clone(),
        })
    };
    let declared_position = || {
        let index = parent?.agents.iter().position(|agent| agent == name)?;
        u32::try_from(index + 1).ok()
    };
    AgentMandate {
        id: form.id.value.clone(),
        digest: Digest::of(file.text.as_bytes()),
        version: form.version,
        agent: name.clone(),
        history: Declared::from(form).history(),
        workflow: form.workflow.value.clone(),
        parent: form.parent.as_ref().map(|parent| (parent.id.value.clone(), parent.version)),
        role: form.role.as_ref().map_or_else(Default::default, |role| role.value),
        sequence_position: form.sequence_position.or_else(declared_position).unwrap_or(0),
        intent: form.intent.value.clone(),
        outcome: form.outcome.value.clone(),
        logic: form.logic.clone(),
        plan: plan(form),
        required_tools: form.required_tools.iter().map(|tool| tool.value.clone()).collect(),
        tools: form
            .tools
            .iter()
            .map(|(tool, terms)| {
                let bounds = terms.bounds.iter().filter_map(|(pointer, form)| {
                    let bound = bound(file, pointer.start, form, problems)?;
                    Some((pointer.value.0.clone(), bound))
                });
                let bounds = bounds.collect();
                let justification = terms.justification.as_ref().map(|text| text.value.clone());
                let substitutes = terms.substitutes.iter();
                let substitutes =
                    substitutes.map(|(tool, decided)| (tool.value.clone(), decided.value.clone())).collect();
                (tool.value.clone(), ToolTerms { bounds, justification, substitutes })
            })
            .collect(),
        prohibited: form.prohibited.iter().map(|tool| tool.value.clone()).collect(),
        data_scope: form
            .data_scope
            .as_ref()
            .map(|scope| scope.iter().map(|(source, access)| (source.value.clone(), access.value)).collect()),
        resources: form
            .resources
            .iter()
            .map(|term| ResourceTerm { server: term.server.value.clone(), uri_prefix: term.uri_prefix.clone() })
            .collect(),
        prompts: form.prompts.iter().map(PromptForm::term).collect(),
        may_be_asked_by: form.may_be_asked_by.iter().map(|server| server.value.clone()).collect(),
        clearance: form.clearance.as_ref().map_or(Confidentiality::Internal, |at| at.value),
        calls_per_hour_max: form.calls_per_hour_max.unwrap_or(settings.calls_per_hour_max),
        time_boundary_ms: form.time_boundary.as_ref().map(|span| span.0),
        process: form.process.as_ref().and_then(|process| self::process(file, process, problems)),
        workload: form.identity.as_ref().map(|identity| identity.spiffe_id.value.clone()),
        external: external::terms(file, problems),
        spawns: form
            .spawns
            .iter()
            .map(|(agent, form)| {
                let (at_most, per_hour, ttl_ms) = (form.at_most, form.per_hour, form.ttl.0);
                (agent.value.clone(), SpawnTerms { at_most, per_hour, ttl_ms })
            })
            .collect(),
        powers: powers(file, problems),
        on_fail: after(&form.on_fail),
        on_timeout: after(&form.on_timeout),
        escalation: form.escalation.value.to_string(),
        model: form.model.as_ref().map(|model| (model.provider.value.clone(), model.name.value.clone())),
        price_per_million_tokens_minor: form.model.as_ref().and_then(|model| model.price_per_million_tokens_minor),
        context: form.context.as_ref().map(ContextForm::terms).or(settings.context),
        oispec: oispec(&form.oispec),
    }
}

fn plan(form: &AgentForm) -> Plan {
    let steps: Vec<PlannedStep> = form
        .tool_order
        .iter()
        .map(|step| PlannedStep {
            tool: step.tool.value.clone(),
            after: step.after.as_ref().map(|after| after.iter().map(|tool| tool.value.clone()).collect()),
            optional: step.optional,
            repeats: step.repeats,
        })
        .collect();
    Plan::of(&steps, form.on_deviation.as_ref().map(|at| at.value))
}

/// What an agent may do with its authority. What none may ever do is refused here, so that no mandate promises it.
fn powers(file: &File<'_, AgentForm>, problems: &mut Vec<Problem>) -> Powers {
    let form = &file.form.authority;
    for (key, given, why) in [
        ("can_create_agents", &form.can_create_agents, "no agent makes another one"),
        ("can_modify_workflow", &form.can_modify_workflow, "no agent changes a workflow"),
    ] {
        if let Some(given) = given.as_ref().filter(|given| *given.get_ref()) {
            let message = format!("`{key}` cannot be true: {why}");
            problems.push(file.problem(given.span().start, Severity::Error, "OI-1.1", message, "write `false`"));
        }
    }
    Powers {
        can_delegate: form.can_delegate.as_ref().map(|can| *can.get_ref()),
        max_delegation_depth: form.max_delegation_depth.as_ref().map(|depth| *depth.get_ref()),
    }
}

/// By what its process is known. One that nothing but a group would tell from others is refused here, so that no mandate
/// names it.
fn process(file: &File<'_, AgentForm>, form: &ProcessForm, problems: &mut Vec<Problem>) -> Option<ProcessTerms> {
    let ProcessForm { uid, executable, cgroup } = form;
    let mut error = |message: &str, remedy: &str| {
        problems.push(file.problem(file.find("[process]"), Severity::Error, "IA-2.3", message.to_owned(), remedy));
        None
    };
    if uid.is_none() && executable.is_none() {
        return error("`[process]` says neither by which user nor by which program", "add `uid` or `executable`");
    }
    if cgroup.as_ref().is_some_and(|cgroup| !cgroup.starts_with('/')) {
        return error(
            "`cgroup` is not the path of a control group",
            "write it from `/` on, as /proc/PID/cgroup shows it",
        );
    }
    let executable = executable.as_ref().map(|digest| digest.value);
    Some(ProcessTerms { uid: *uid, executable, cgroup: cgroup.clone() })
}

fn bound(file: &File<'_, AgentForm>, start: usize, form: &BoundForm, problems: &mut Vec<Problem>) -> Option<Bound> {
    let mut error = |message: String, remedy: &str| {
        problems.push(file.problem(start, Severity::Error, "", message, remedy));
        None
    };
    match form {
        BoundForm { one_of: Some(values), at_most: None, at_least: None, prefix: None, matches: None } => {
            let values = values.iter().map(|value| json(file, start, value, problems)).collect();
            Some(Bound::OneOf(values))
        }
        BoundForm { one_of: None, at_most: Some(most), at_least: None, prefix: None, matches: None } => {
            if most.is_finite() {
                Some(Bound::AtMost(*most))
            } else {
                error(format!("`{most}` is no bound"), "write a number")
            }
        }
        BoundForm { one_of: None, at_most: None, at_least: Some(least), prefix: None, matches: None } => {
            if least.is_finite() {
                Some(Bound::AtLeast(*least))
            } else {
                error(format!("`{least}` is no bound"), "write a number")
            }
        }
        BoundForm { one_of: None, at_most: None, at_least: None, prefix: Some(prefix), matches: None } => {
            Some(Bound::Prefix(prefix.clone()))
        }
        BoundForm { one_of: None, at_most: None, at_least: None, prefix: None, matches: Some(pattern) } => {
            // Checked alone first, so that a pattern cannot close the group that makes it match the whole string.
            let whole = regex::Regex::new(pattern).and_then(|_| {
                regex::RegexBuilder::new(&format!(r"\A(?:{pattern})\z")).size_limit(PATTERN_BYTES_MAX).build()
            });
            match whole {
                Ok(regex) => Some(Bound::Matches(regex)),
                Err(cause) => error(
                    format!("`{pattern}` is not a regular expression: {cause}"),
                    "see the syntax of the Rust crate `regex`",
                ),
            }
        }
        _ => error(
            "a bound must be exactly one of `one_of`, `at_most`, `at_least`, `prefix`, `matches`".to_owned(),
            "keep one",
        ),
    }
}

/// Bytes of one compiled pattern.
const PATTERN_BYTES_MAX: usize = 1 << 20;
