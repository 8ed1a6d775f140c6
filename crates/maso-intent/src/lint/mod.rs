//! What is unsound in a deployment that parses: each finding with its control, its line and what to do.

mod dates;
mod deployment;
mod evidence;
mod fields;
mod judges;
mod mandates;
mod oispec;
mod rules;
mod tools;

use maso_core::Timestamp;

use crate::{Deployment, Problem, Source, form::Folder, parse, problem::sort};

/// What is unsound in a deployment. `source` is what it was parsed from, and tells the lines.
///
/// A deployment with an error must not be started. It reads no clock: what dates mean today is for [`check_at`].
pub fn lint(deployment: &Deployment, source: &Source) -> Vec<Problem> {
    let (folder, mut problems) = Folder::read(source);
    let lint = Lint { deployment, folder: &folder };
    lint.deployment(&mut problems);
    lint.workflows(&mut problems);
    lint.agents(&mut problems);
    lint.oispecs(&mut problems);
    lint.servers(&mut problems);
    lint.judges(&mut problems);
    lint.fields(&mut problems);
    lint.rules(&mut problems);
    lint.evidence(&mut problems);
    sort(&mut problems);
    problems
}

/// Everything that is wrong with a folder: what cannot be read or, where all can be, what is unsound.
pub fn check(source: &Source) -> Vec<Problem> {
    match parse(source) {
        Ok(deployment) => lint(&deployment, source),
        Err(problems) => problems.into_vec(),
    }
}

/// The same, and what its dates mean at this moment: mandates that do not hold yet, reviews and attestations
/// that are overdue.
pub fn check_at(source: &Source, now: Timestamp) -> Vec<Problem> {
    let mut problems = check(source);
    if let Ok(deployment) = parse(source) {
        let (folder, _) = Folder::read(source);
        let lint = Lint { deployment: &deployment, folder: &folder };
        lint.dates(now, &mut problems);
        lint.evidence_dates(now, &mut problems);
        sort(&mut problems);
    }
    problems
}

/// A deployment beside its written form.
#[derive(Clone, Copy)]
struct Lint<'a> {
    deployment: &'a Deployment,
    folder: &'a Folder<'a>,
}
