//! On what terms an agent holds each of its tools.

use std::collections::BTreeSet;

use maso_core::{Class, ToolRef};

use super::{Found, Lint, LintRule, arguments::argument_suggestion};
use crate::{
    AgentMandate, Bound, ToolManifest,
    argument::{Place, place},
    form::{AgentForm, At, File, TermsForm},
    reach::worst,
};

type Agent<'a> = File<'a, AgentForm>;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for (name, file) in &lint.folder.agents {
        let Some(mandate) = lint.deployment.agents.get(name) else { continue };
        let actions = prohibited_actions(lint, mandate);
        for (tool, terms) in &file.form.tools {
            contradictions(file, tool, &actions, found);
            if !lint.known_tool(file, tool, found) {
                continue;
            }
            let Some(manifest) = lint.deployment.tool(&tool.value) else { continue };
            justification(file, tool, terms, manifest, found);
            definition(file, tool, terms, manifest, found);
            amount(file, tool, mandate, manifest, found);
            clearance(lint, file, tool, mandate, manifest, found);
        }
    }
}

/// What the intent specifications of the agent and of its workflow, and the workflow's mandate, prohibit by name.
pub(super) fn prohibited_actions(lint: Lint<'_>, mandate: &AgentMandate) -> BTreeSet<ToolRef> {
    let parent = lint.deployment.workflows.get(&mandate.workflow);
    let of_parent = parent.into_iter().flat_map(|parent| parent.prohibited_actions.iter());
    let of_parent = of_parent.chain(parent.into_iter().flat_map(|parent| parent.oispec.prohibited_actions.iter()));
    mandate.oispec.prohibited_actions.iter().chain(of_parent).filter_map(|action| action.parse().ok()).collect()
}

fn contradictions(file: &Agent<'_>, tool: &At<ToolRef>, actions: &BTreeSet<ToolRef>, found: &mut Found) {
    if file.form.prohibited.contains(tool) {
        let message = format!("tool `{}` is both granted and prohibited; the prohibition holds", tool.value);
        found.add(LintRule::ToolGrantedAndProhibited, file, tool.start, message, "keep one of the two");
    }
    if actions.contains(&tool.value) {
        let message = format!("tool `{}` is granted, and `prohibited_actions` names it", tool.value);
        let remedy = "remove the tool, or the prohibition in the agent or its workflow";
        found.add(LintRule::ActionProhibitedAndHeld, file, tool.start, message, remedy);
    }
}

fn justification(file: &Agent<'_>, tool: &At<ToolRef>, terms: &TermsForm, manifest: &ToolManifest, found: &mut Found) {
    if manifest.class != Class::Read && terms.justification.is_none() {
        let message = format!("nothing says why the agent needs `{}`, which is no read", tool.value);
        found.add(LintRule::JustificationMissing, file, tool.start, message, "add `justification = \"…\"`");
    }
}

fn definition(file: &Agent<'_>, tool: &At<ToolRef>, terms: &TermsForm, manifest: &ToolManifest, found: &mut Found) {
    let Some(definition) = &manifest.definition else {
        let message = format!("nobody approved the definition of `{}`: it is blocked until somebody does", tool.value);
        let remedy = format!("approve it, or add it to tools/{}.lock.json", tool.value.server);
        found.add(LintRule::DefinitionUnpinned, file, tool.start, message, remedy);
        return;
    };
    for pointer in terms.bounds.keys() {
        if place(&definition.value, &pointer.value.0) == Place::Absent {
            let message =
                format!("tool `{}` has no argument `{}`, so its bound binds nothing", tool.value, pointer.value.0);
            let remedy = argument_suggestion(&definition.value, &pointer.value.0);
            found.add(LintRule::BoundWithoutArgument, file, pointer.start, message, remedy);
        }
    }
}

fn amount(file: &Agent<'_>, tool: &At<ToolRef>, mandate: &AgentMandate, manifest: &ToolManifest, found: &mut Found) {
    let Some(pointer) = manifest.value_pointer.as_ref().filter(|_| manifest.class != Class::Read) else { return };
    let bound = mandate.tools.get(&tool.value).and_then(|terms| terms.bounds.get(pointer));
    if !matches!(bound, Some(Bound::AtMost(_) | Bound::OneOf(_))) {
        let message = format!("`{}` may move whatever its workflow may, in one call", tool.value);
        let remedy = format!("bound it: `\"{pointer}\" = {{ at_most = … }}`");
        found.add(LintRule::AmountUnbounded, file, tool.start, message, remedy);
    }
}

fn clearance(
    lint: Lint<'_>,
    file: &Agent<'_>,
    tool: &At<ToolRef>,
    mandate: &AgentMandate,
    manifest: &ToolManifest,
    found: &mut Found,
) {
    let answers = worst(manifest).confidentiality;
    if manifest.class == Class::Read && answers > mandate.clearance && lint.deployment.may_apply("DP-1.1") {
        let message =
            format!("`{}` answers what is {answers}, and the agent is cleared for {}", tool.value, mandate.clearance);
        let remedy = format!("write `clearance = \"{answers}\"`, or remove the tool");
        found.add(LintRule::ClearanceTooLow, file, tool.start, message, remedy);
    }
}
