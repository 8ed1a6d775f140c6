//! Ways through agents and tools on which untrusted text comes to where it does harm, drawn.

use maso_core::Class;

use super::{
    Found, Lint, LintRule,
    guard::{Guard, guard},
};
use crate::{AgentMandate, Spread, Step, ToolManifest, argument::telling, form::AuthorityRole};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    let (untrusted, private) = (lint.reach.untrusted(), lint.reach.private());
    for mandate in lint.deployment.agents.values().filter(|mandate| untrusted.gets_to(&mandate.agent)) {
        let Some(authority) = lint.deployment.authorities.get(&mandate.agent) else { continue };
        for tool in authority.tools() {
            let Some(manifest) = lint.deployment.tool(tool) else { continue };
            let Some((file, start)) = lint.place_of(&mandate.agent, tool) else { continue };
            let guard = guard(lint, manifest, mandate.tools.get(tool));
            if is_way_out(manifest) && private.gets_to(&mandate.agent) && guard < Guard::Closed {
                let (rule, remedy) = match guard {
                    Guard::Open => (
                        LintRule::Trifecta,
                        "declare where it sends to under `authority` with `below = \"deny\"`, or part the three",
                    ),
                    _ => (LintRule::TrifectaHeld, "write `below = \"deny\"`, so that it does not rest on a person"),
                };
                let message = format!(
                    "private data can leave by `{tool}` at the word of untrusted text: {}; {}",
                    drawn(&untrusted, mandate),
                    drawn(&private, mandate)
                );
                found.add(rule, file, start, message, remedy);
            } else if manifest.is_privileged() && guard == Guard::Open {
                let message = format!(
                    "untrusted text reaches `{tool}`, and nothing asks where its arguments come from: {}",
                    drawn(&untrusted, mandate)
                );
                let remedy = format!("declare what it acts on under `authority` in tools/{}.toml", tool.server);
                found.add(LintRule::InjectionPath, file, start, message, remedy);
            }
        }
    }
}

/// Whether what such a tool is told can leave the house: it sends, runs anything, or fetches what it is told to.
fn is_way_out(tool: &ToolManifest) -> bool {
    let url = AuthorityRole::Url;
    matches!(tool.class, Class::Send | Class::Execute)
        || tool.authority.values().any(|argument| argument.role == url.as_str())
        || tool.definition.iter().any(|it| telling(&it.value).iter().any(|telling| telling.role == url))
}

fn drawn(spread: &Spread<'_, '_>, mandate: &AgentMandate) -> String {
    spread.way_to(&mandate.agent).map_or_else(String::new, |way| Step::draw(&way))
}
