//! `maso controls`: which controls a deployment has, one by one, and what speaks for each.

use std::process::ExitCode;

use maso_core::{Day, Timestamp};
use maso_intent::{Applicability, ControlState, Deployment, Domain, Gap, Spared};
use maso_path::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::screen::say;
use crate::{assemble::declared, cli::Controls, fault::Fault, screen};

pub fn run(args: &Controls) -> Result<ExitCode, Fault> {
    let (deployment, _) = declared(&args.folder.dir)?;
    let all: Vec<_> = deployment.applicability(SystemClock.now()).collect();
    let wanted = |one: &&Applicability<'_>| args.state.as_deref().is_none_or(|state| one.state.as_str() == state);
    let mut shown = Vec::new();
    let mut rest = all.as_slice();
    for domain in Domain::all() {
        let (of_domain, others) = rest.split_at(domain.controls.len());
        rest = others;
        if args.domain.as_deref().is_none_or(|code| code.eq_ignore_ascii_case(&domain.code)) {
            shown.push((domain, of_domain));
        }
    }
    if args.output.json {
        let controls = shown
            .iter()
            .flat_map(|(domain, of_domain)| of_domain.iter().filter(wanted).map(|one| as_json(domain, one)));
        screen::json(&controls.collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    for (domain, of_domain) in shown {
        let listed: Vec<_> = of_domain.iter().filter(wanted).collect();
        if !listed.is_empty() {
            say!("{}", screen::strong(&format!("{:<4} {}", domain.code, domain.name)));
            say!("  {}", screen::faint(counts(of_domain)));
            listed.iter().for_each(|one| show(one, args.domain.is_some()));
            say!();
        }
    }
    sum(&deployment, &all);
    Ok(ExitCode::SUCCESS)
}

/// How many controls are in each state, those that occur.
fn counts<'a, 'b: 'a>(controls: impl IntoIterator<Item = &'a Applicability<'b>> + Clone) -> String {
    let count = |word: &str| controls.clone().into_iter().filter(|one| one.state.as_str() == word).count();
    let counts = ControlState::WORDS.into_iter().map(|word| (count(word), in_words(word))).filter(|(n, _)| *n > 0);
    counts.map(|(n, word)| format!("{n} {word}")).collect::<Vec<_>>().join(", ")
}

fn show(one: &Applicability<'_>, with_demand: bool) {
    let word = format!("{:<15}", in_words(one.state.as_str()));
    let control = one.control;
    let line = |word: &dyn std::fmt::Display| say!("  {:<9}{word}{}", control.id.as_str(), control.title);
    match one.state {
        ControlState::Enforced => line(&screen::green(&word)),
        ControlState::Detected | ControlState::Evidence(..) => line(&screen::blue(&word)),
        ControlState::Deselected(_) => line(&screen::yellow(&word)),
        ControlState::NotApplicable(_) => line(&screen::faint(&word)),
        ControlState::Missing(_) => line(&screen::red(&word)),
    }
    let below = |text: &str| say!("{:INDENT$}{}", "", screen::faint(screen::folded(INDENT, text)));
    if with_demand {
        below(&control.says);
    }
    if let Some(note) = note(one) {
        below(&note);
    }
}

/// What is worth saying of a control beside its state.
fn note(one: &Applicability<'_>) -> Option<String> {
    let reason = one.reason();
    match one.state {
        ControlState::Deselected(deselection) => {
            let until = deselection.until.map_or_else(String::new, |until| format!(", until {}", last_day(until)));
            Some(format!("{reason} ({}{until})", deselection.owner))
        }
        ControlState::Evidence(attestation, until) => {
            Some(format!("{reason} ({} on {}, due {until})", attestation.by, attestation.on))
        }
        // What all of these have in common is said once, at the end.
        ControlState::Missing(Gap::NotInThisVersion) => None,
        ControlState::NotApplicable(Spared::Tier | Spared::Judge) => None,
        ControlState::NotApplicable(Spared::Concern(_)) => Some(reason.into_owned()),
        ControlState::Missing(_) => Some(reason.into_owned()),
        ControlState::Enforced | ControlState::Detected => {
            let is_weaker = one.state == ControlState::Detected && one.control.is_enforced();
            let is_special = one.through.is_some() || is_weaker || !one.control.lacks().is_empty();
            is_special.then(|| reason.into_owned())
        }
    }
}

/// What the tier requires, and how much of it is there.
fn sum(deployment: &Deployment, all: &[Applicability<'_>]) {
    let required: Vec<_> = all.iter().filter(|one| one.control.tier <= deployment.tier).collect();
    say!("tier {} requires {} of {} controls", deployment.tier.number(), required.len(), all.len());
    say!("  {}", counts(required.iter().copied()));
    let is_absent =
        |one: &&&Applicability<'_>| matches!(one.state, ControlState::Missing(Gap::NotInThisVersion | Gap::Awaits(_)));
    let n_absent = required.iter().filter(is_absent).count();
    if n_absent > 0 {
        let text = format!("this version does nothing about {n_absent} of them; evidence/ can attest what others do");
        say!("  {}", screen::faint(screen::folded(2, &text)));
    }
}

fn as_json(domain: &Domain, one: &Applicability<'_>) -> Value {
    let control = one.control;
    let mut value = json!({
        "id": control.id.as_str(),
        "title": control.title,
        "domain": domain.code,
        "tier": control.tier.number(),
        "kind": control.kind.as_str(),
        "says": control.says,
        "state": one.state.as_str(),
        "reason": one.reason(),
        "proof": control.proofs().collect::<Vec<_>>(),
    });
    if let Some(through) = one.through {
        value["through"] = json!(through.as_str());
    }
    match one.state {
        ControlState::Deselected(deselection) => {
            value["owner"] = json!(deselection.owner.as_str());
            value["until"] = json!(deselection.until.map(|until| last_day(until).to_string()));
        }
        ControlState::Evidence(attestation, until) | ControlState::Missing(Gap::Overdue(attestation, until)) => {
            value["by"] = json!(attestation.by.as_str());
            value["on"] = json!(attestation.on.to_string());
            value["due"] = json!(until.to_string());
        }
        _ => {}
    }
    value
}

/// The last day before a moment at which a deselection ends.
fn last_day(until: Timestamp) -> Day {
    Day::of(Timestamp::from_millis(until.as_millis() - 1))
}

fn in_words(state: &str) -> String {
    state.replace('-', " ")
}

/// Where the titles begin.
const INDENT: usize = 26;
