//! `maso diff`: what a new version of a deployment makes possible that was not, and what no longer is.

use std::{path::Path, process::ExitCode, sync::Arc};

use maso_intent::Deployment;
use maso_path::{Clock as _, SystemClock};
use maso_policy::{Action, Change, Direction, Side, Witness, compare};
use serde_json::{Value, json};

use crate::screen::say;
use crate::{
    assemble::declared,
    cli::{Diff, FailOn},
    fault::Fault,
    screen,
};

/// Exit code 0 without differences, 1 with some that the caller asked to fail on.
pub fn run(args: &Diff) -> Result<ExitCode, Fault> {
    let read = |folder: &Path| declared(folder).map(|(deployment, _)| Arc::new(deployment));
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    let changes = compare(&old, &new, SystemClock.now()).map_err(|(side, errors)| {
        let folder = if side == Side::Old { &args.old } else { &args.new };
        let first = errors.first().map_or_else(String::new, ToString::to_string);
        Fault::plain(format!("the policies of `{}` do not compile: {first}", folder.display()))
            .help(format!("`maso check {}` shows all that is wrong with them", folder.display()))
    })?;
    if args.output.json {
        screen::json(&as_json(&old, &new, &changes));
    } else {
        tell(&changes);
    }
    let fails = changes.iter().any(|change| args.fail_on == FailOn::Any || change.direction != Direction::Narrower);
    Ok(if fails { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn tell(changes: &[Change]) {
    if changes.is_empty() {
        say!("{}", screen::green("nothing that either version makes possible differs"));
        return;
    }
    for (direction, heading) in [
        (Direction::Wider, screen::red("possible or easier that was not")),
        (Direction::Mixed, screen::yellow("different, and to be taken for wider")),
        (Direction::Narrower, screen::green("no longer possible, or harder")),
    ] {
        let of_direction: Vec<_> = changes.iter().filter(|change| change.direction == direction).collect();
        if of_direction.is_empty() {
            continue;
        }
        say!("{heading}: {}", of_direction.len());
        for change in of_direction {
            say!("  {}", screen::folded(2, &change.text));
            say!("    {}", screen::faint(format!("for example {}", in_words(&change.witness))));
        }
    }
}

fn in_words(witness: &Witness) -> String {
    match witness {
        Witness::Words(words) => words.clone(),
        Witness::Action(action) => format!("agent {}: {} with {}", action.agent, action.act, action.payload),
    }
}

fn as_json(old: &Deployment, new: &Deployment, changes: &[Change]) -> Value {
    let count = |direction| changes.iter().filter(|change| change.direction == direction).count();
    json!({
        "old": { "name": old.name, "digest": old.digest.to_string() },
        "new": { "name": new.name, "digest": new.digest.to_string() },
        "wider": count(Direction::Wider),
        "mixed": count(Direction::Mixed),
        "narrower": count(Direction::Narrower),
        "changes": changes.iter().map(|change| json!({
            "direction": change.direction.as_str(),
            "topic": change.topic,
            "agent": change.agent.as_ref().map(ToString::to_string),
            "about": change.about,
            "text": change.text,
            "before": change.before,
            "after": change.after,
            "example": match &change.witness {
                Witness::Words(words) => json!({ "words": words }),
                Witness::Action(action) => self::action(action),
            },
        })).collect::<Vec<_>>(),
    })
}

/// An action with what is true around it, as JSON.
pub fn action(action: &Action) -> Value {
    json!({
        "agent": action.agent.as_str(),
        "verb": action.act.verb(),
        "object": action.act.object(),
        "arguments": action.payload,
        "origin": action.origin.as_str(),
        "seen": {
            "integrity": action.seen.integrity.as_str(),
            "confidentiality": action.seen.confidentiality.as_str(),
        },
        "task": if action.opened { "opened" } else { "standing" },
        "phase": action.phase.as_str(),
    })
}
