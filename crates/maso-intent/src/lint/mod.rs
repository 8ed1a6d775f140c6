//! What is unsound in a deployment that parses: each finding with its control, its line and what to do.

mod deployment;
mod judges;
mod mandates;
mod oispec;
mod tools;

use crate::{Deployment, Problem, Source, form::Folder, parse, problem::sort};

/// What is unsound in a deployment. `source` is what it was parsed from, and tells the lines.
///
/// A deployment with an error must not be started. It reads no clock: whether a review is overdue is not said here.
pub fn lint(deployment: &Deployment, source: &Source) -> Vec<Problem> {
    let (folder, mut problems) = Folder::read(source);
    let lint = Lint { deployment, folder: &folder };
    lint.deployment(&mut problems);
    lint.workflows(&mut problems);
    lint.agents(&mut problems);
    lint.oispecs(&mut problems);
    lint.servers(&mut problems);
    lint.judges(&mut problems);
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

/// A deployment beside its written form.
#[derive(Clone, Copy)]
struct Lint<'a> {
    deployment: &'a Deployment,
    folder: &'a Folder<'a>,
}
