//! `maso tier`: which tier a deployment's record carries, and what is missing for the next.

use std::{collections::HashMap, path::Path, process::ExitCode};

use maso_core::{Day, Phase, Tier};
use maso_intent::{Attested, Deployment};
use maso_log::{LogFault, Reader, Record, v1};
use maso_path::{Clock as _, SystemClock};
use maso_posture::{Answer, Assessment, Criterion, Event, Fulfilment, History, Judged, Stated};
use serde_json::{Value, json};

use crate::screen::say;
use crate::{assemble::declared, cli::TierOf, fault::Fault, screen};

/// Exit code 0 if the record carries the declared tier, 1 if not.
pub fn run(args: &TierOf) -> Result<ExitCode, Fault> {
    let (deployment, _) = declared(&args.folder.dir)?;
    let history = history(&args.folder.dir).map_err(|fault| Fault::new("cannot read the flight record", fault))?;
    let assessment = Assessment::of(&history, &stated(&deployment), Day::of(SystemClock.now()));
    if args.output.json {
        screen::json(&as_json(deployment.tier, &assessment));
    } else {
        show(deployment.tier, &assessment);
    }
    Ok(if assessment.carries >= deployment.tier { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What the record of the deployment in `folder` says of its days; nothing if there is no record yet.
fn history(folder: &Path) -> Result<History, LogFault> {
    let path = folder.join(".maso/log.db");
    let mut history = History::default();
    if !path.is_file() {
        return Ok(history);
    }
    let reader = Reader::open(&path)?;
    let mut judged = HashMap::new();
    let mut next = 1;
    loop {
        let records = reader.records(next, u64::MAX, PAGE_MAX)?;
        let Some(last) = records.last() else { return Ok(history) };
        next = last.sequence + 1;
        for record in &records {
            history.note(record.at, event(record, &mut judged));
        }
    }
}

/// What a record says to tiers. Of actions that wait, it is noted what judges had said of them.
fn event<'a>(record: &'a Record, judged: &mut HashMap<String, Judged>) -> Event<'a> {
    match &record.body {
        v1::Body::HopDecided(hop) => {
            if let (Some(ticket), "hold") = (&hop.ticket, hop.decision.as_str()) {
                judged.insert(ticket.clone(), said(&hop.verdicts));
            }
            Event::Other
        }
        v1::Body::TicketAnswered(answered) => match (judged.remove(&answered.ticket), answered.answer.as_str()) {
            (Some(judged), "approve") => Event::Answered { answer: Answer::Approved, judged },
            (Some(judged), "reject") => Event::Answered { answer: Answer::Rejected, judged },
            // A second person's answer to the same proposal.
            _ => Event::Other,
        },
        v1::Body::TicketExpired(expired) => {
            judged.remove(&expired.ticket);
            Event::Other
        }
        v1::Body::PhaseChanged(changed) => match (Phase::parse(&changed.from), Phase::parse(&changed.to)) {
            (Some(from), Some(to)) => Event::PhaseChanged { from, to, trigger: &changed.trigger },
            _ => Event::Other,
        },
        v1::Body::Killed(_) => Event::Killed,
        _ => Event::Other,
    }
}

fn said(verdicts: &[v1::Verdict]) -> Judged {
    let opinions = verdicts.iter().map(|verdict| verdict.opinion.as_str()).filter(|opinion| *opinion != "silent");
    let said = opinions.map(|opinion| if opinion == "approve" { Judged::Approved } else { Judged::Objected });
    // One objection is one, whatever others say.
    said.reduce(|one, other| if one == Judged::Objected { one } else { other }).unwrap_or(Judged::Not)
}

fn stated(deployment: &Deployment) -> Vec<Stated> {
    let stated = deployment.evidence.iter().filter_map(|attestation| match attestation.of {
        Attested::Tier(fact) => {
            Some(Stated { fact, by: attestation.by.clone(), on: attestation.on, until: attestation.due })
        }
        Attested::Control(_) => None,
    });
    stated.collect()
}

fn show(declared: Tier, assessment: &Assessment) {
    for (tier, criteria) in [(Tier::Managed, &assessment.managed), (Tier::Autonomous, &assessment.autonomous)] {
        say!("{}", screen::strong(&format!("tier {}, {tier}", tier.number())));
        criteria.iter().for_each(show_criterion);
        say!();
    }
    say!("{}", screen::strong("what makes it fall back"));
    assessment.falling_back.iter().for_each(|(_, criterion)| show_criterion(criterion));
    say!();
    let carries = assessment.carries;
    let sum = format!(
        "declared is tier {}, {declared}; the record carries tier {}, {carries}",
        declared.number(),
        carries.number()
    );
    say!("{}", if carries >= declared { screen::green(&sum) } else { screen::red(&sum) });
}

fn show_criterion(criterion: &Criterion) {
    let word = format!("{:<9}", criterion.fulfilment.as_str());
    let word = match criterion.fulfilment {
        Fulfilment::Met => screen::green(&word),
        Fulfilment::Unknown => screen::yellow(&word),
        Fulfilment::Missing => screen::red(&word),
    };
    say!("  {word}{}", criterion.asks);
    say!("{:INDENT$}{}", "", screen::faint(screen::folded(INDENT, &criterion.figure)));
    if !criterion.missing.is_empty() {
        say!("{:INDENT$}{} {}", "", screen::blue("missing"), screen::folded(INDENT, &criterion.missing));
    }
}

fn as_json(declared: Tier, assessment: &Assessment) -> Value {
    let tier = |tier: Tier, criteria: &[Criterion]| {
        json!({
            "tier": tier.as_str(),
            "criteria": criteria.iter().map(criterion_json).collect::<Vec<_>>(),
        })
    };
    json!({
        "declared": declared.as_str(),
        "carries": assessment.carries.as_str(),
        "moving_up": [
            tier(Tier::Managed, &assessment.managed),
            tier(Tier::Autonomous, &assessment.autonomous),
        ],
        "falling_back": assessment.falling_back.iter().map(|(left, criterion)| {
            let mut value = criterion_json(criterion);
            value["to"] = json!(left.as_str());
            value
        }).collect::<Vec<_>>(),
    })
}

fn criterion_json(criterion: &Criterion) -> Value {
    json!({
        "criterion": criterion.name,
        "asks": criterion.asks,
        "state": criterion.fulfilment.as_str(),
        "figure": criterion.figure,
        "missing": criterion.missing,
    })
}

/// Where the texts begin.
const INDENT: usize = 11;
/// Records that are read at a time.
const PAGE_MAX: usize = 1_000;
