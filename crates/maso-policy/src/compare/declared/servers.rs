//! What tool servers declare: how they are reached, what they are, and how far they are believed.

use std::{collections::BTreeMap, sync::Arc};

use maso_core::{Label, ToolName};
use maso_intent::{Deployment, ServerManifest, ToolManifest};

use super::{Direction, Ledger, Line, both};

pub(super) fn compare(old: &Deployment, new: &Deployment, ledger: &mut Ledger) {
    let example = |server: &maso_core::ServerName| format!("a connection to `{server}`");
    ledger.members(("server", "server"), Direction::Wider, &old.servers, &new.servers, example);
    for (name, before, after) in both(&old.servers, &new.servers) {
        let about = name.as_str();
        let what = format!("how `{name}` is reached");
        let reached = |server: &ServerManifest| format!("{:?}", server.transport);
        ledger.either(
            Line { topic: "server", about, what },
            &reached(before),
            &reached(after),
            "any call of its tools",
        );
        label(about, &format!("what `{name}` says"), before.label, after.label, ledger);
        tools(before, after, ledger);
    }
}

fn tools(old: &ServerManifest, new: &ServerManifest, ledger: &mut Ledger) {
    // A tool that nobody describes is the worst there is, so that describing one may loosen and never tightens.
    let definitions = |server: &ServerManifest| -> BTreeMap<String, String> {
        let pinned = |(name, tool): (&ToolName, &Arc<ToolManifest>)| {
            Some((format!("{}:{name}", server.name), tool.definition.as_ref()?.digest.to_string()))
        };
        server.tools.iter().filter_map(pinned).collect()
    };
    let (before, after) = (definitions(old), definitions(new));
    let example = |tool: &String| format!("a call of `{tool}` as it is defined there");
    ledger.members(("definition", "the approved definition of"), Direction::Wider, &before, &after, example);
    for (tool, before, after) in both(&before, &after) {
        let what = format!("the approved definition of `{tool}`");
        ledger.either(Line { topic: "definition", about: tool, what }, before, after, &example(tool));
    }
    for (_, before, after) in both(&old.tools, &new.tools) {
        manifest(before, after, ledger);
    }
}

fn manifest(old: &ToolManifest, new: &ToolManifest, ledger: &mut Ledger) {
    let about = old.tool.to_string();
    let line = |what| Line { topic: "manifest", about: &about, what };
    let example = format!("a call of `{about}`");
    ledger.demand(line(format!("the class of `{about}`")), &old.class, &new.class, &example);
    ledger.demand(line(format!("whether `{about}` can be undone")), &old.reversibility, &new.reversibility, &example);
    ledger.demand(line(format!("the risk of `{about}`")), &old.risk, &new.risk, &example);
    let window = |tool: &ToolManifest| {
        tool.reversible_window_ms.map_or_else(|| "no time".to_owned(), |window_ms| format!("{window_ms} ms"))
    };
    // Nobody is asked about what can be undone, for as long as it can.
    let direction = match new.reversible_window_ms > old.reversible_window_ms {
        true => Direction::Wider,
        false => Direction::Narrower,
    };
    let what = format!("for how long `{about}` can be undone");
    ledger.value(line(what), direction, &window(old), &window(new), "a write after the end of the shorter time");
    let counted = |tool: &ToolManifest| tool.value_pointer.clone().unwrap_or_else(|| "nothing".to_owned());
    let direction = match (&old.value_pointer, &new.value_pointer) {
        (None, Some(_)) => Direction::Narrower,
        (Some(_), None) => Direction::Wider,
        _ => Direction::Mixed,
    };
    let what = format!("what counts as money in calls of `{about}`");
    ledger.value(line(what), direction, &counted(old), &counted(new), "a call that moves more than its workflow may");
    let told = |tool: &ToolManifest| tool.idempotency_pointer.clone().unwrap_or_else(|| "nothing".to_owned());
    let direction = match (&old.idempotency_pointer, &new.idempotency_pointer) {
        (None, Some(_)) => Direction::Narrower,
        (Some(_), None) => Direction::Wider,
        _ => Direction::Mixed,
    };
    let what = format!("what tells instructions to `{about}` apart");
    ledger.value(line(what), direction, &told(old), &told(new), "an instruction that was carried out before");
    let item = |tool: &ToolManifest| tool.item_pointer.clone().unwrap_or_else(|| "nothing".to_owned());
    let what = format!("what says what calls of `{about}` are about");
    ledger.either(line(what), &item(old), &item(new), "a call about one item after a call about another");
    let what = format!("how `{about}` writes what it answers");
    ledger.either(line(what), &old.result.text, &new.result.text, "an answer that is a text alone");
    label(&about, &format!("what `{about}` answers"), old.result.default, new.result.default, ledger);
    let fields = |tool: &ToolManifest| -> BTreeMap<String, Label> { tool.result.fields.iter().cloned().collect() };
    let (before, after) = (fields(old), fields(new));
    for field in before.keys().chain(after.keys().filter(|field| !before.contains_key(*field))) {
        let of = |fields: &BTreeMap<String, Label>, tool: &ToolManifest| {
            fields.get(field).copied().unwrap_or(tool.result.default)
        };
        // A field without a label of its own has that of the answer, which was compared above.
        if before.contains_key(field) || after.contains_key(field) {
            label(&about, &format!("`{field}` of what `{about}` answers"), of(&before, old), of(&after, new), ledger);
        }
    }
}

/// Who is believed more, or fenced less, opens a way.
fn label(about: &str, what: &str, old: Label, new: Label, ledger: &mut Ledger) {
    let integrity = format!("how far {what} is believed");
    let example = "an action whose values come from there";
    ledger.limit(Line { topic: "label", about, what: integrity }, &old.integrity, &new.integrity, example);
    let confidentiality = format!("how confidential {what} is");
    let example = "an answer that goes to an agent without the higher clearance";
    ledger.demand(
        Line { topic: "label", about, what: confidentiality },
        &old.confidentiality,
        &new.confidentiality,
        example,
    );
}
