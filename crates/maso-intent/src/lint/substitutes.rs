//! Tools that give an agent what was kept from it (AT-2.3).
//!
//! A prohibition names one tool. What matters is what it would have done, and a model that may not use it looks for
//! another way there.

use std::collections::BTreeSet;

use maso_core::{Class, ToolRef};

use super::{
    Found, Lint, LintRule,
    guard::{Guard, guard},
    terms::prohibited_actions,
};
use crate::{AgentMandate, ToolManifest, ToolTerms};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    for mandate in lint.deployment.agents.values() {
        anything(lint, mandate, found);
        let kept: BTreeSet<ToolRef> =
            mandate.prohibited.iter().cloned().chain(prohibited_actions(lint, mandate)).collect();
        if kept.is_empty() {
            continue;
        }
        substitutes(lint, mandate, &kept, found);
        through_grants(lint, mandate, &kept, found);
    }
}

/// The tools that an agent holds without a bound, with their place in its file.
fn unbounded<'a>(
    lint: Lint<'a>,
    mandate: &'a AgentMandate,
) -> impl Iterator<Item = (&'a ToolRef, &'a ToolTerms, &'a ToolManifest)> {
    let authority = lint.deployment.authorities.get(&mandate.agent);
    authority.into_iter().flat_map(|authority| authority.tools()).filter_map(move |tool| {
        let terms = mandate.tools.get(tool).filter(|terms| terms.bounds.is_empty())?;
        Some((tool, terms, lint.deployment.tool(tool)?.as_ref()))
    })
}

/// Code and commands without a bound: with them an agent has whatever the machine has.
fn anything(lint: Lint<'_>, mandate: &AgentMandate, found: &mut Found) {
    for (tool, ..) in unbounded(lint, mandate).filter(|(.., manifest)| manifest.class == Class::Execute) {
        let message = format!("with `{tool}` the agent may do what no mandate lists");
        let remedy = "bound what it runs with `one_of` or `matches`, or give it tools for what it needs";
        note(lint, LintRule::ToolDoesAnything, mandate, tool, message, remedy.to_owned(), found);
    }
}

fn substitutes(lint: Lint<'_>, mandate: &AgentMandate, kept: &BTreeSet<ToolRef>, found: &mut Found) {
    for (tool, terms, manifest) in unbounded(lint, mandate).filter(|(tool, ..)| !kept.contains(*tool)) {
        if guard(lint, manifest, Some(terms)) == Guard::Closed {
            continue;
        }
        let replaced = kept
            .iter()
            .filter_map(|kept| Some((kept, lint.deployment.tool(kept)?)))
            .find(|(_, kept)| does_what(manifest, kept));
        if let Some((replaced, _)) = replaced {
            let message = format!("`{tool}` does what `{replaced}` would, which is kept from the agent");
            let remedy = "bound its arguments, guard them with `below = \"deny\"`, or take it away";
            note(lint, LintRule::SubstituteHeld, mandate, tool, message, remedy.to_owned(), found);
        }
    }
}

/// Whether a tool can stand in for another: it acts in the same way on the same kinds of things, or answers whatever it
/// is asked about the same server.
fn does_what(tool: &ToolManifest, other: &ToolManifest) -> bool {
    let roles = |tool: &ToolManifest| -> BTreeSet<String> {
        tool.authority.values().map(|argument| argument.role.clone()).collect()
    };
    match (tool.class, other.class) {
        (Class::Read, Class::Read) => tool.tool.server == other.tool.server && roles(tool).contains("query"),
        (Class::Read, _) | (_, Class::Read) => false,
        (one, two) => one == two && !roles(other).is_empty() && roles(other).is_subset(&roles(tool)),
    }
}

fn through_grants(lint: Lint<'_>, mandate: &AgentMandate, kept: &BTreeSet<ToolRef>, found: &mut Found) {
    if LintRule::ProhibitedThroughGrant.severity(lint.deployment.tier).is_none() {
        return;
    }
    for (agent, tool) in lint.reach.effects(&mandate.agent) {
        if *agent != mandate.agent && kept.contains(tool) {
            let Some(file) = lint.folder.agents.get(&mandate.agent) else { continue };
            let start = file.form.prohibited.iter().find(|kept| kept.value == *tool).map_or(0, |kept| kept.start);
            let message =
                format!("`{tool}` is kept from the agent, and it may ask for work of `{agent}`, which holds it");
            let remedy = "make sure that no request of it can name what the tool acts on";
            found.add(LintRule::ProhibitedThroughGrant, file, start, message, remedy);
        }
    }
}

fn note(
    lint: Lint<'_>,
    rule: LintRule,
    mandate: &AgentMandate,
    tool: &ToolRef,
    message: String,
    remedy: String,
    found: &mut Found,
) {
    if let Some((file, start)) = lint.place_of(&mandate.agent, tool) {
        found.add(rule, file, start, message, remedy);
    }
}
