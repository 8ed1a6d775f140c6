//! The written form of each file, as TOML has it, with the places of what problems may have to point at.

mod agent;
mod context;
mod decider;
mod evidence;
mod help;
mod judge;
mod maso;
mod oispec;
mod rule;
pub(crate) mod schema;
mod server;
mod step;
pub(crate) mod text;
mod workflow;

use std::collections::BTreeMap;

use maso_core::{AgentName, ControlId, JudgeName, ServerName, ToolName, WorkflowName};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use self::{
    agent::{AfterFailureForm, AgentForm, BoundForm, ProcessForm, PromptForm, SpawnForm, TermsForm},
    context::ContextForm,
    evidence::EvidenceForm,
    judge::{JudgeForm, KindForm},
    maso::{DeselectionForm, MasoForm},
    oispec::OiSpecForm,
    rule::{EventForm, RuleForm, RulesForm, ValueForm},
    server::{AuthorityRole, DryRunForm, KeyForm, LabelForm, ServerForm, ToolForm, TransportForm, TransportKind},
    text::{At, FromText, Moment, Pointer, Span},
    workflow::{
        AmendmentForm, ConflictForm, DataSourceForm, GrantForm, HaltForm, MessageForm, OverrideRuleForm, ReviewForm,
        WorkflowForm,
    },
};
use self::{help::explain, schema::schema};
use crate::{LintRule, Problem, Severity, Source, problem::line_and_column, source::Kind};

/// All files of a folder that could be read.
#[derive(Debug, Default)]
pub(crate) struct Folder<'a> {
    pub(crate) maso: Option<File<'a, MasoForm>>,
    pub(crate) workflows: BTreeMap<WorkflowName, File<'a, WorkflowForm>>,
    pub(crate) agents: BTreeMap<AgentName, File<'a, AgentForm>>,
    pub(crate) judges: BTreeMap<JudgeName, File<'a, JudgeForm>>,
    pub(crate) servers: BTreeMap<ServerName, File<'a, ServerForm>>,
    pub(crate) locks: BTreeMap<ServerName, File<'a, Lock>>,
    pub(crate) evidence: Vec<File<'a, EvidenceForm>>,
    pub(crate) policies: Vec<(&'a str, &'a str)>,
    pub(crate) rules: Vec<File<'a, RulesForm>>,
}

/// The definitions of a server's tools, as a person approved them.
pub(crate) type Lock = BTreeMap<ToolName, Value>;

/// One file that was read.
#[derive(Debug)]
pub(crate) struct File<'a, T> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    pub(crate) form: T,
}

impl<T> File<'_, T> {
    /// A problem of reading, at this byte offset of the file.
    pub(crate) fn problem(
        &self,
        start: usize,
        severity: Severity,
        control: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        let control = if control.is_empty() { None } else { Some(ControlId::known(control)) };
        problem(self.path, self.text, start, severity, control, message.into(), remedy.into())
    }

    /// The byte offset of the first line that holds `needle`; the beginning of the file if none does.
    pub(crate) fn find(&self, needle: &str) -> usize {
        self.text.find(needle).unwrap_or(0)
    }
}

impl<'a> Folder<'a> {
    /// Reads every file of the folder, and says what is wrong with those that cannot be read.
    pub(crate) fn read(source: &'a Source) -> (Self, Vec<Problem>) {
        let mut folder = Self::default();
        let mut problems = source.excesses();
        if !problems.is_empty() {
            return (folder, problems);
        }
        for (path, text) in &source.files {
            let Some(kind) = Kind::of(path) else { continue };
            let reading = Reading { path, text };
            let read = match kind {
                Kind::Maso => reading.toml().map(|file| folder.maso = Some(file)),
                Kind::Workflow(name) => {
                    reading.named(name).map(|(name, file)| drop(folder.workflows.insert(name, file)))
                }
                Kind::Agent(name) => reading.named(name).map(|(name, file)| drop(folder.agents.insert(name, file))),
                Kind::Judge(name) => reading.named(name).map(|(name, file)| drop(folder.judges.insert(name, file))),
                Kind::Server(name) => reading.named(name).map(|(name, file)| drop(folder.servers.insert(name, file))),
                Kind::Lock(name) => reading.lock(name).map(|(name, file)| drop(folder.locks.insert(name, file))),
                Kind::Evidence => reading.toml().map(|file| folder.evidence.push(file)),
                Kind::Policy => {
                    folder.policies.push((path, text));
                    Ok(())
                }
                Kind::Rules => reading.toml().map(|file| folder.rules.push(file)),
                // Declares nothing: what is signed is what the others say.
                Kind::Signatures(_) => Ok(()),
            };
            if let Err(problem) = read {
                problems.push(*problem);
            }
        }
        if folder.maso.is_none() && !source.files.contains_key("maso.toml") {
            let message = "there is no `maso.toml`".to_owned();
            let remedy = "add one, or name the folder that holds it".to_owned();
            problems.push(problem("maso.toml", "", 0, Severity::Error, None, message, remedy));
        }
        (folder, problems)
    }
}

/// A file that is being read.
#[derive(Clone, Copy)]
struct Reading<'a> {
    path: &'a str,
    text: &'a str,
}

impl<'a> Reading<'a> {
    fn toml<T: DeserializeOwned + JsonSchema>(self) -> Result<File<'a, T>, Box<Problem>> {
        match toml::from_str(self.text) {
            Ok(form) => Ok(File { path: self.path, text: self.text, form }),
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                let (message, remedy) = explain(error.message(), &schema::<T>(""));
                Err(self.error(start, message, remedy))
            }
        }
    }

    fn name<N: std::str::FromStr<Err = maso_core::IdError>>(self, name: &str) -> Result<N, Box<Problem>> {
        name.parse().map_err(|error: maso_core::IdError| {
            self.error(0, format!("the file's name: {error}"), "rename the file; its name is the name".to_owned())
        })
    }

    fn named<N, T>(self, name: &str) -> Result<(N, File<'a, T>), Box<Problem>>
    where
        N: std::str::FromStr<Err = maso_core::IdError>,
        T: DeserializeOwned + JsonSchema,
    {
        Ok((self.name(name)?, self.toml()?))
    }

    fn lock(self, name: &str) -> Result<(ServerName, File<'a, Lock>), Box<Problem>> {
        let name = self.name(name)?;
        let remedy = || "remove the file and approve the tools anew".to_owned();
        let limits = maso_wire::Limits { frame_bytes_max: Source::FILE_BYTES_MAX, ..maso_wire::Limits::DEFAULT };
        let value = maso_wire::parse_json(self.text.as_bytes(), &limits)
            .map_err(|error| self.error(0, error.to_string(), remedy()))?;
        let Value::Array(definitions) = value else {
            return Err(self.error(0, "not an array of tool definitions".to_owned(), remedy()));
        };
        let mut lock = Lock::new();
        for definition in definitions {
            let tool: ToolName = definition
                .get("name")
                .and_then(Value::as_str)
                .ok_or_else(|| self.error(0, "a tool definition without a `name`".to_owned(), remedy()))
                .and_then(|name| {
                    name.parse().map_err(|error: maso_core::IdError| self.error(0, error.to_string(), remedy()))
                })?;
            if let Some(twice) = lock.insert(tool, definition) {
                return Err(self.error(0, format!("tool {} is defined twice", twice["name"]), remedy()));
            }
        }
        Ok((name, File { path: self.path, text: self.text, form: lock }))
    }

    fn error(self, start: usize, message: String, remedy: String) -> Box<Problem> {
        Box::new(problem(self.path, self.text, start, Severity::Error, None, message, remedy))
    }
}

fn problem(
    path: &str,
    text: &str,
    start: usize,
    severity: Severity,
    control: Option<ControlId>,
    message: String,
    remedy: String,
) -> Problem {
    let (line, column) = line_and_column(text, start);
    Problem { file: path.to_owned(), line, column, severity, control, rule: LintRule::Malformed, message, remedy }
}

/// The version of what nobody counted yet.
const fn one() -> u32 {
    1
}
