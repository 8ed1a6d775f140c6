//! `maso map`: who may deal with whom, and what went between them: the console's map as lines.

use std::process::ExitCode;

use maso_api::{DecidedView, EdgeView, InstanceView, MapView, NodeView};
use maso_core::Mode;
use maso_path::{Clock as _, SystemClock};

use crate::screen::say;
use crate::{assemble::assemble, cli::MapOf, fault::Fault, screen};

pub async fn run(args: MapOf) -> Result<ExitCode, Fault> {
    let assembled = assemble(&args.folder.dir, "map", Mode::Enforce).await?;
    let mut map = maso_control::view::map(&assembled.path, SystemClock.now());
    if args.traffic {
        map.edges.retain(|edge| edge.decided != DecidedView::default());
    }
    if args.output.json {
        screen::json(&map);
    } else {
        show(&map);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whoever asks, with all whom it asks.
fn show(map: &MapView) {
    for node in &map.nodes {
        let mut edges = map.edges.iter().filter(|edge| edge.from == node.party).peekable();
        let instances = node.agent.as_ref().map_or(&[][..], |agent| &agent.instances.latest);
        if edges.peek().is_none() && instances.is_empty() {
            continue;
        }
        say!("{}{}", screen::strong(&node.party), screen::faint(standing(node)));
        for edge in edges {
            say!("  {:<28} {}  {}", edge.to, tally(edge.decided), screen::faint(given(edge)));
        }
        for instance in instances {
            show_instance(instance);
        }
    }
    if map.n_left_out > 0 {
        say!("{} decisions on further edges are not told apart", map.n_left_out);
    }
}

fn standing(node: &NodeView) -> String {
    let Some(agent) = &node.agent else { return String::new() };
    let state = match (agent.revoked, agent.stopped) {
        (true, _) => ", revoked",
        (false, true) => ", stopped",
        (false, false) => "",
    };
    let instances = match agent.instances.n_live {
        0 => String::new(),
        n_live => format!(", {n_live} instances"),
    };
    format!("  {}, {}{state}, {} credentials{instances}", agent.workflow, agent.around_phase, agent.n_credentials)
}

/// An instance: who started it, and whether it is there; what has ended steps back.
fn show_instance(instance: &InstanceView) {
    let InstanceView { instance: id, by, joined, ended, .. } = instance;
    match (ended, joined) {
        (Some(ended), _) => say!("  {}", screen::faint(format!("{id}  by {by}, ended: {}", ended.why))),
        (None, Some(_)) => say!("  {id}  by {by}, {}", screen::green("there")),
        (None, None) => say!("  {id}  by {by}, {}", screen::yellow("not joined yet")),
    }
}

fn tally(decided: DecidedView) -> String {
    let DecidedView { allowed, held, refused } = decided;
    format!("{allowed:>6} allowed {held:>4} held {refused:>4} refused")
}

/// What a mandate or a grant names.
fn given(edge: &EdgeView) -> String {
    let counted = [
        (edge.grants.len(), "grants"),
        (edge.tells.len(), "messages"),
        (edge.tools.len(), "tools"),
        (edge.resources.len(), "kinds of resource"),
        (edge.prompts.len(), "prompts"),
    ];
    let given: Vec<_> =
        counted.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if given.is_empty() { "nothing names it".to_owned() } else { given.join(", ") }
}
