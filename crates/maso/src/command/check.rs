//! `maso check`: looks a deployment over.

use std::process::ExitCode;

use maso_intent::{Deployment, Problem, Severity};
use maso_path::{Clock as _, SystemClock};
use serde_json::json;

use crate::screen::say;
use crate::{cli::Check, command::sign, fault::Fault, folder, problems, screen};

/// Exit code 0 without errors, 1 with them.
pub fn run(args: &Check) -> Result<ExitCode, Fault> {
    let source = folder::read(&args.folder.dir)
        .map_err(|fault| Fault::new(format!("cannot read `{}`", args.folder.dir.display()), fault))?;
    let mut problems = maso_intent::check_at(&source, SystemClock.now());
    let declared = maso_intent::parse(&source).ok();
    if let Some(deployment) = &declared {
        problems.extend(maso_intent::signature_problems(deployment, &source));
    }
    // Policies are compiled against the mandates: only a deployment that parses can be checked that far.
    if let Some(deployment) = &declared
        && let Err(faults) = maso_policy::Policies::compile(deployment)
    {
        problems.extend(faults.into_iter().map(|fault| Problem {
            file: fault.path,
            line: fault.line,
            column: 1,
            severity: Severity::Error,
            control: None,
            message: fault.cause,
            remedy: "mend the policy; `docs/policies.md` names the types and attributes".to_owned(),
        }));
    }
    let controls = declared.as_ref().map(Controls::of);
    let count = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    let (n_errors, n_warnings, n_notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    if args.json {
        screen::json(&json!({
            "errors": n_errors,
            "warnings": n_warnings,
            "notes": n_notes,
            "controls": controls.as_ref().map(|controls| json!({
                "active": controls.active,
                "switched_off": controls.switched_off,
            })),
            "signatures": declared.as_ref().map(|deployment| sign::told(deployment, &source)),
            "problems": problems.iter().map(problems::json).collect::<Vec<_>>(),
        }));
    } else {
        problems.iter().for_each(problems::show);
        if let Some(Controls { active, switched_off }) = &controls {
            let off = if switched_off.is_empty() { "nothing".to_owned() } else { switched_off.join(", ") };
            say!("{} controls in force; switched off: {off}", active.len());
        }
        if let Some(deployment) = &declared {
            sign::tell(deployment, &source);
        }
        let sum = [(n_errors, "error"), (n_warnings, "warning"), (n_notes, "note")]
            .map(|(n, word)| format!("{n} {word}{}", if n == 1 { "" } else { "s" }))
            .join(", ");
        say!("{}", if n_errors == 0 { screen::green(&sum) } else { screen::red(&sum) });
    }
    Ok(if n_errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Which controls are in force now.
struct Controls {
    active: Vec<String>,
    switched_off: Vec<String>,
}

impl Controls {
    fn of(deployment: &Deployment) -> Self {
        let now = SystemClock.now();
        Self {
            active: deployment.active_controls(now).iter().map(ToString::to_string).collect(),
            switched_off: deployment.switched_off(now).map(|one| one.control.to_string()).collect(),
        }
    }
}
