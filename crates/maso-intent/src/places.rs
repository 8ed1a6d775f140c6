//! Where in the folder's files something is said.

use std::fmt;

use maso_core::{AgentName, ContractName, RequestName, ServerName, ToolRef, WorkflowName};

use crate::{
    Source,
    form::{File, Folder, ToolForm},
    problem::line_and_column,
};

/// A place in a file of the folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, by its path inside the folder.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Where a folder says what a decision rests on. What the folder does not say has no place.
#[derive(Debug)]
pub struct Places<'a> {
    folder: Folder<'a>,
}

impl<'a> Places<'a> {
    /// The places of a folder, as far as its files can be read.
    pub fn of(source: &'a Source) -> Self {
        Self { folder: Folder::read(source).0 }
    }

    /// Where an agent's mandate begins.
    pub fn agent(&self, agent: &AgentName) -> Option<Place> {
        Some(at(self.folder.agents.get(agent)?, 0))
    }

    /// Where an agent's mandate names the tool.
    pub fn tool(&self, agent: &AgentName, tool: &ToolRef) -> Option<Place> {
        let file = self.folder.agents.get(agent)?;
        Some(at(file, file.form.tools.keys().find(|named| named.value == *tool)?.start))
    }

    /// Where an agent's mandate bounds an argument of the tool.
    pub fn bound(&self, agent: &AgentName, tool: &ToolRef, pointer: &str) -> Option<Place> {
        let file = self.folder.agents.get(agent)?;
        let (_, terms) = file.form.tools.iter().find(|(named, _)| named.value == *tool)?;
        Some(at(file, terms.bounds.keys().find(|bounded| bounded.value.0 == pointer)?.start))
    }

    /// Where an agent's mandate prohibits the tool.
    pub fn prohibition(&self, agent: &AgentName, tool: &ToolRef) -> Option<Place> {
        let file = self.folder.agents.get(agent)?;
        Some(at(file, file.form.prohibited.iter().find(|named| named.value == *tool)?.start))
    }

    /// Where a workflow's mandate lists its tools: the tool or, where it is not among them, the list.
    pub fn parent(&self, workflow: &WorkflowName, tool: &ToolRef) -> Option<Place> {
        let file = self.folder.workflows.get(workflow)?;
        let named = file.form.tools.iter().find(|named| named.value == *tool);
        Some(at(file, named.map_or_else(|| file.find("tools"), |named| named.start)))
    }

    /// Where a workflow's mandate grants the request or, where it does not, begins.
    pub fn grant(
        &self,
        workflow: &WorkflowName,
        from: &AgentName,
        to: &AgentName,
        request: &RequestName,
    ) -> Option<Place> {
        let file = self.folder.workflows.get(workflow)?;
        let wanted = file
            .form
            .grants
            .iter()
            .find(|grant| grant.from.value == *from && grant.to.value == *to && grant.request.value == *request);
        Some(at(file, wanted.map_or(0, |grant| grant.from.start)))
    }

    /// Where a workflow's mandate lets one agent tell another such things or, where it does not, begins.
    pub fn channel(
        &self,
        workflow: &WorkflowName,
        from: &AgentName,
        to: &AgentName,
        contract: &ContractName,
    ) -> Option<Place> {
        let file = self.folder.workflows.get(workflow)?;
        let mut told = file.form.messages.iter();
        let wanted = told.find(|it| it.from.value == *from && it.to.value == *to && it.contract.value == *contract);
        Some(at(file, wanted.map_or(0, |told| told.from.start)))
    }

    /// Where a workflow's mandate says from which day it holds or, where it does not, begins.
    pub fn effective_date(&self, workflow: &WorkflowName) -> Option<Place> {
        let file = self.folder.workflows.get(workflow)?;
        Some(at(file, file.form.effective_date.as_ref().map_or(0, |date| date.start)))
    }

    /// Where a workflow's mandate sets its hard limits.
    pub fn limits(&self, workflow: &WorkflowName) -> Option<Place> {
        let file = self.folder.workflows.get(workflow)?;
        Some(at(file, file.form.limits.max_execution.start))
    }

    /// Where a tool is described or, where it is not, its server is.
    pub fn manifest(&self, tool: &ToolRef) -> Option<Place> {
        self.described(tool, |_| None)
    }

    /// Where a tool's class is declared or, where it is not, the tool.
    pub fn class(&self, tool: &ToolRef) -> Option<Place> {
        self.described(tool, |form| form.class.as_ref().map(|at| at.start))
    }

    /// Where a tool's reversibility is declared or, where it is not, the tool.
    pub fn reversibility(&self, tool: &ToolRef) -> Option<Place> {
        self.described(tool, |form| form.reversibility.as_ref().map(|at| at.start))
    }

    /// Where a tool's risk is declared or, where it is not, the tool.
    pub fn risk(&self, tool: &ToolRef) -> Option<Place> {
        self.described(tool, |form| form.risk.as_ref().map(|at| at.start))
    }

    /// Where it is declared how a tool is tried out or, where it is not, the tool.
    pub fn dry_run(&self, tool: &ToolRef) -> Option<Place> {
        self.described(tool, |form| form.dry_run.as_ref()?.start())
    }

    /// Where a tool's argument is said to carry authority or, where it is not, the tool is described.
    pub fn authority(&self, tool: &ToolRef, pointer: &str) -> Option<Place> {
        // The finding names an index or a key where the manifest may say `*`.
        let covers =
            |declared: &str| declared.split('/').zip(pointer.split('/')).all(|(one, other)| one == "*" || one == other);
        self.described(tool, |form| form.authority.keys().find(|declared| covers(&declared.value.0)).map(|at| at.start))
    }

    /// Where the approved definition of a tool stands.
    pub fn definition(&self, tool: &ToolRef) -> Option<Place> {
        let file = self.folder.locks.get(&tool.server)?;
        Some(at(file, file.find(&format!("\"{}\"", tool.tool))))
    }

    /// Where a server is declared.
    pub fn server(&self, server: &ServerName) -> Option<Place> {
        Some(at(self.folder.servers.get(server)?, 0))
    }

    /// Where the tier is declared.
    pub fn tier(&self) -> Option<Place> {
        let file = self.folder.maso.as_ref()?;
        let lines = || {
            file.text.split_inclusive('\n').scan(0, |start, line| {
                let at = *start;
                *start += line.len();
                Some((at, line))
            })
        };
        Some(at(file, lines().find(|(_, line)| line.trim_start().starts_with("tier")).map_or(0, |(start, _)| start)))
    }

    /// Where the policy of this id stands: the file, and the line of its name or the one that it is named for.
    pub fn policy(&self, id: &str) -> Option<Place> {
        let (path, name) = id.split_once('#')?;
        let (path, text) = self.folder.policies.iter().find(|(known, _)| *known == path)?;
        let named = text.find(&format!("@id(\"{name}\")")).map(|start| line_and_column(text, start).0);
        let line = named.or_else(|| name.trim_end_matches('\'').parse().ok()).unwrap_or(1);
        Some(Place { file: (*path).to_owned(), line })
    }

    fn described(&self, tool: &ToolRef, part: impl Fn(&ToolForm) -> Option<usize>) -> Option<Place> {
        let file = self.folder.servers.get(&tool.server)?;
        let described = file.form.tools.iter().find(|(named, _)| named.value == tool.tool);
        Some(at(file, described.map_or(0, |(named, form)| part(form).unwrap_or(named.start))))
    }
}

fn at<T>(file: &File<'_, T>, start: usize) -> Place {
    Place { file: file.path.to_owned(), line: line_and_column(file.text, start).0 }
}
