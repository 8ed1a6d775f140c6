//! How firmly what a tool acts on is kept from values that anyone could have written.

use maso_core::{Class, Integrity};

use super::Lint;
use crate::{Below, Bound, ToolManifest, ToolTerms, argument::telling};

/// How firmly a tool is kept from acting at the word of untrusted text; the loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Guard {
    /// Nothing keeps it.
    Open,
    /// A person sees which value came from where, and decides.
    Person,
    /// It is denied, or its mandate fixes the values.
    Closed,
}

/// How firmly this tool is kept, in the hands of an agent that holds it on these terms: as firmly as the loosest of its
/// arguments that carry authority.
pub(super) fn guard(lint: Lint<'_>, tool: &ToolManifest, terms: Option<&ToolTerms>) -> Guard {
    let is_fixed =
        |pointer: &str| terms.is_some_and(|terms| matches!(terms.bounds.get(pointer), Some(Bound::OneOf(_))));
    let traced = lint.deployment.may_apply("PG-2.5");
    let declared = tool.authority.iter().map(|(pointer, argument)| {
        match (is_fixed(pointer), argument.integrity_min, argument.below) {
            (true, ..) => Guard::Closed,
            _ if !traced => Guard::Open,
            (_, Integrity::External, _) => Guard::Open,
            (_, _, Below::Escalate) => Guard::Person,
            (_, _, Below::Deny) => Guard::Closed,
        }
    });
    let undeclared = tool.definition.iter().flat_map(|definition| telling(&definition.value)).filter_map(|telling| {
        let is_declared = tool.authority.keys().any(|pointer| telling.is_declared_by(pointer));
        (!is_declared && !is_fixed(&telling.pointer)).then_some(Guard::Open)
    });
    declared.chain(undeclared).min().unwrap_or_else(|| without_arguments(tool, terms))
}

/// A tool without any argument that carries authority: one that sends goes where it always goes. One that does more is
/// open, unless it takes nothing or its mandate fixes something.
fn without_arguments(tool: &ToolManifest, terms: Option<&ToolTerms>) -> Guard {
    let Some(definition) = &tool.definition else { return Guard::Open };
    let properties = definition.value.pointer("/inputSchema/properties").and_then(|names| names.as_object());
    let takes_nothing = properties.is_some_and(|names| names.is_empty());
    let is_bound = terms.is_some_and(|terms| !terms.bounds.is_empty());
    if tool.class == Class::Send || takes_nothing || is_bound { Guard::Closed } else { Guard::Open }
}
