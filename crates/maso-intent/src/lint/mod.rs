//! What is unsound in a deployment that parses: each finding with its rule, its control, its line and what to do.
//!
//! One lint is one small function, in a file by its subject. What a rule is called and how grave it is at each tier
//! stands in one table, [`LintRule`].

mod agents;
mod arguments;
mod bounds;
mod bus;
mod contexts;
mod controls;
mod criteria;
mod dates;
mod deciders;
mod dry_runs;
mod duties;
mod evidence;
mod fields;
mod found;
mod grants;
mod guard;
mod index;
mod inheritance;
mod judges;
mod messages;
mod models;
mod numbers;
mod owners;
mod paths;
mod people;
mod references;
mod rule;
mod rules;
mod sequence;
mod servers;
mod spawns;
mod substitutes;
mod terms;
mod tools;
pub(crate) mod vague;
mod workflows;

use std::collections::BTreeSet;

use maso_core::{Timestamp, ToolRef};

pub use self::rule::LintRule;
use self::{found::Found, index::Index};
use crate::{
    Deployment, Problem, ServerManifest, Source, ToolManifest, Ways,
    form::{File, Folder, ServerForm, ToolForm},
    parse,
    problem::sort,
};

/// What is unsound in a deployment. `source` is what it was parsed from, and tells the lines.
///
/// A deployment with an error must not be started. It reads no clock: what dates mean today is for [`check_at`].
pub fn lint(deployment: &Deployment, source: &Source) -> Vec<Problem> {
    let (folder, unreadable) = Folder::read(source);
    let mut problems = run(deployment, &folder, None);
    problems.extend(unreadable);
    sort(&mut problems);
    problems
}

/// Everything that is wrong with a folder: what cannot be read or, where all can be, what is unsound.
pub fn check(source: &Source) -> Vec<Problem> {
    examine(source, None).problems
}

/// The same, and what its dates mean at this moment: mandates that do not hold yet, reviews and attestations
/// that are overdue.
pub fn check_at(source: &Source, now: Timestamp) -> Vec<Problem> {
    examine(source, Some(now)).problems
}

/// The same, with the deployment, so that nobody who wants both has to read it twice.
pub fn look_over(source: &Source, now: Timestamp) -> Checked {
    examine(source, Some(now))
}

/// A folder that was looked over.
pub struct Checked {
    /// What it declares; `None` where it cannot be read.
    pub deployment: Option<Deployment>,
    /// Everything that is wrong with it.
    pub problems: Vec<Problem>,
}

fn examine(source: &Source, now: Option<Timestamp>) -> Checked {
    let (folder, mut problems) = Folder::read(source);
    let deployment = parse::deployment(source, &folder, &mut problems).filter(|_| problems.is_empty());
    if let Some(deployment) = &deployment {
        problems = run(deployment, &folder, now);
    }
    sort(&mut problems);
    Checked { deployment, problems }
}

fn run(deployment: &Deployment, folder: &Folder<'_>, now: Option<Timestamp>) -> Vec<Problem> {
    let (index, reach) = (Index::of(deployment), Ways::of(deployment));
    let lint = Lint { deployment, folder, index: &index, reach: &reach };
    let mut found = Found::new(deployment.tier);
    for subject in SUBJECTS {
        subject(lint, &mut found);
    }
    if let Some(now) = now {
        dates::check(lint, now, &mut found);
        evidence::dates(lint, now, &mut found);
    }
    found.into_problems()
}

/// A deployment beside its written form.
#[derive(Clone, Copy)]
struct Lint<'a> {
    deployment: &'a Deployment,
    folder: &'a Folder<'a>,
    index: &'a Index<'a>,
    reach: &'a Ways<'a>,
}

/// A tool that is described, beside its written form.
#[derive(Clone, Copy)]
struct Described<'a> {
    file: &'a File<'a, ServerForm>,
    /// Where its description begins.
    start: usize,
    form: &'a ToolForm,
    server: &'a ServerManifest,
    manifest: &'a ToolManifest,
}

impl<'a> Lint<'a> {
    /// All tools that are described.
    fn tools(self) -> impl Iterator<Item = Described<'a>> {
        let Lint { deployment, folder, .. } = self;
        let servers = folder.servers.iter().filter_map(|(name, file)| Some((file, deployment.servers.get(name)?)));
        servers.flat_map(|(file, server)| {
            file.form.tools.iter().filter_map(move |(tool, form)| {
                let manifest = server.tools.get(&tool.value)?;
                Some(Described { file, start: tool.start, form, server, manifest })
            })
        })
    }

    /// The tools that some agent may use.
    fn held(self) -> BTreeSet<&'a ToolRef> {
        self.deployment.authorities.values().flat_map(|authority| authority.tools()).collect()
    }
}

/// All lints, by subject.
const SUBJECTS: &[fn(Lint<'_>, &mut Found)] = &[
    people::check,
    controls::check,
    numbers::check,
    bus::check,
    owners::check,
    workflows::check,
    grants::check,
    messages::check,
    inheritance::check,
    sequence::check,
    agents::check,
    terms::check,
    substitutes::check,
    criteria::check,
    deciders::check,
    judges::check,
    models::check,
    contexts::check,
    servers::check,
    spawns::check,
    tools::check,
    dry_runs::check,
    arguments::check,
    bounds::check,
    duties::check,
    paths::check,
    fields::check,
    rules::check,
    evidence::check,
];
