//! `maso check`: looks a deployment over.

mod sarif;

use std::process::ExitCode;

use maso_core::Tier;
use maso_intent::{Checked, Deployment, LintRule, Problem, Severity, Source};
use maso_path::{Clock as _, SystemClock};
use serde_json::json;

use crate::screen::say;
use crate::{cli::Check, command::sign, fault::Fault, folder, problems, screen};

/// Exit code 0 without errors, 1 with them.
pub fn run(args: &Check) -> Result<ExitCode, Fault> {
    let source = folder::read(&args.folder.dir)
        .map_err(|fault| Fault::new(format!("cannot read `{}`", args.folder.dir.display()), fault))?;
    let Checked { deployment, problems: mut found } = maso_intent::look_over(&source, SystemClock.now());
    found.extend(deployment.iter().flat_map(|deployment| maso_intent::signature_problems(deployment, &source)));
    // Policies are compiled against the mandates: only a deployment that parses can be checked that far.
    found.extend(deployment.iter().flat_map(policies));
    found.sort();
    let declared = deployment.as_ref().map(|deployment| Declared::of(deployment, &source));
    if args.sarif {
        // What a folder that cannot be read has to obey is told at the tier between the others.
        let tier = deployment.as_ref().map_or(Tier::Managed, |deployment| deployment.tier);
        screen::json(&sarif::log(&found, tier, &args.folder.dir));
    } else if args.json {
        screen::json(&values(&found, declared.as_ref()));
    } else {
        told(&found, declared.as_ref());
    }
    Ok(if count(&found, Severity::Error) == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// What is wrong with hand-written policies.
fn policies(deployment: &Deployment) -> Vec<Problem> {
    let faults = maso_policy::Policies::compile(deployment).err().into_iter().flatten();
    let problem = |fault: maso_policy::CompileError| Problem {
        file: fault.path,
        line: fault.line,
        column: 1,
        severity: Severity::Error,
        control: LintRule::PolicyInvalid.control(),
        rule: LintRule::PolicyInvalid,
        message: fault.cause,
        remedy: LintRule::PolicyInvalid.help().to_owned(),
    };
    faults.map(problem).collect()
}

fn count(found: &[Problem], severity: Severity) -> usize {
    found.iter().filter(|problem| problem.severity == severity).count()
}

fn values(found: &[Problem], declared: Option<&Declared<'_>>) -> serde_json::Value {
    json!({
        "errors": count(found, Severity::Error),
        "warnings": count(found, Severity::Warning),
        "notes": count(found, Severity::Note),
        "controls": declared.map(|declared| json!({
            "active": declared.active,
            "switched_off": declared.switched_off,
        })),
        "signatures": declared.map(|declared| sign::told(declared.deployment, declared.source)),
        "problems": found.iter().map(problems::json).collect::<Vec<_>>(),
    })
}

/// Tells it to a person.
fn told(found: &[Problem], declared: Option<&Declared<'_>>) {
    found.iter().for_each(problems::show);
    if let Some(Declared { deployment, source, active, switched_off }) = declared {
        let off = if switched_off.is_empty() { "nothing".to_owned() } else { switched_off.join(", ") };
        say!("{} controls in force; switched off: {off}", active.len());
        sign::tell(deployment, source);
    }
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let sum = counts.map(|(severity, word)| match count(found, severity) {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    });
    let sum = sum.join(", ");
    let is_sound = count(found, Severity::Error) == 0;
    say!("{}", if is_sound { screen::green(&sum) } else { screen::red(&sum) });
}

/// A folder that can be read: what it declares, and which controls are in force now.
struct Declared<'a> {
    deployment: &'a Deployment,
    source: &'a Source,
    active: Vec<String>,
    switched_off: Vec<String>,
}

impl<'a> Declared<'a> {
    fn of(deployment: &'a Deployment, source: &'a Source) -> Self {
        let now = SystemClock.now();
        Self {
            deployment,
            source,
            active: deployment.active_controls(now).iter().map(ToString::to_string).collect(),
            switched_off: deployment.switched_off(now).map(|one| one.control.to_string()).collect(),
        }
    }
}
