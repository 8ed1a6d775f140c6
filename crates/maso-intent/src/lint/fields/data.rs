//! Data sources: what leads to them, who may use them, and how (AT-1.1, AT-2.1, DP-1.1).

use maso_core::{DataSourceName, WorkflowName};

use super::{Found, Lint, LintRule};
use crate::{
    Access,
    form::{AgentForm, At, DataSourceForm, File, GrantForm, WorkflowForm},
    nearest::suggestion,
};

impl Lint<'_> {
    pub(super) fn data(self, found: &mut Found) {
        for file in self.folder.workflows.values() {
            for (name, source) in &file.form.data_sources {
                self.source(file, name, source, found);
            }
            for grant in &file.form.grants {
                self.handed_on(file, grant, found);
            }
        }
        for file in self.folder.agents.values() {
            if let Some(parent) = self.folder.workflows.get(&file.form.workflow.value) {
                self.scope(file, &file.form.workflow.value, &parent.form, found);
            }
        }
    }

    fn source(
        self,
        file: &File<'_, WorkflowForm>,
        name: &At<DataSourceName>,
        source: &DataSourceForm,
        found: &mut Found,
    ) {
        let access = source.access.value;
        if source.through.is_empty() {
            let message = format!("no tool leads to data source `{}`", name.value);
            found.add(LintRule::DataSourceWithoutTool, file, name.start, message, "name the tools in `through`");
        }
        for tool in &source.through {
            if !file.form.tools.contains(tool) {
                let message = format!(
                    "tool `{}` leads to data source `{}` and is no tool of the workflow",
                    tool.value, name.value
                );
                let tools: Vec<String> = file.form.tools.iter().map(|tool| tool.value.to_string()).collect();
                let remedy = suggestion(&tool.value.to_string(), tools.iter().map(String::as_str), || {
                    "add it to `tools`, or leave it out here".to_owned()
                });
                found.add(LintRule::DataSourceToolUnlisted, file, tool.start, message, remedy);
            }
            let Some(manifest) = self.deployment.tool(&tool.value) else { continue };
            let needed = Access::needed(manifest.class);
            if !needed.within(access) {
                let message = format!(
                    "data source `{}` is for `{access}`, and `{}`, which leads to it, is of class `{}`",
                    name.value, tool.value, manifest.class
                );
                let remedy = "write `access = \"read-write\"`, or leave the tool out";
                found.add(LintRule::DataSourceTooNarrow, file, tool.start, message, remedy);
            }
        }
    }

    /// A request's data ⊆ its workflow's data, and its tools lead to nothing else.
    fn handed_on(self, file: &File<'_, WorkflowForm>, grant: &GrantForm, found: &mut Found) {
        let Some(scope) = &grant.data_scope else { return };
        for (source, access) in scope {
            match file.form.data_sources.get(source) {
                None => {
                    let message = format!("the workflow has no data source `{}`", source.value);
                    let sources = file.form.data_sources.keys().map(|source| source.as_str());
                    let remedy = suggestion(source.as_str(), sources, || {
                        format!("add `[data_sources.{}]` to the workflow", source.value)
                    });
                    found.add(LintRule::GrantDataUnknown, file, source.start, message, remedy);
                }
                Some(declared) if !access.within(declared.access.value) => {
                    let message = format!(
                        "`{}` of data source `{}` goes beyond the workflow, which has `{}`",
                        access.value, source.value, declared.access.value
                    );
                    let remedy = format!("write `{}`", declared.access.value);
                    found.add(LintRule::GrantDataBeyondWorkflow, file, access.start, message, remedy);
                }
                Some(_) => {}
            }
        }
        for tool in grant.tools.iter().flatten() {
            let needed = Access::needed(self.deployment.class(&tool.value));
            let mut sources = file.form.data_sources.iter().filter(|(_, source)| source.through.contains(tool));
            let beyond = sources.find(|(name, _)| !scope.get(*name).is_some_and(|access| needed.within(access.value)));
            if let Some((source, _)) = beyond {
                let message = format!(
                    "`{}` does more with data source `{}` than `data_scope` of the grant: it cannot be called for the request",
                    tool.value, source.value
                );
                let remedy = "remove it from `tools` of the grant, or widen `data_scope`";
                found.add(LintRule::GrantToolBeyondData, file, tool.start, message, remedy);
            }
        }
    }

    /// An agent's data ⊆ its workflow's data.
    fn scope(self, file: &File<'_, AgentForm>, workflow: &WorkflowName, parent: &WorkflowForm, found: &mut Found) {
        let scope = file.form.data_scope.as_ref();
        for (source, access) in scope.into_iter().flatten() {
            let Some(declared) = parent.data_sources.get(source) else {
                let message = format!("workflow `{workflow}` has no data source `{}`", source.value);
                let sources = parent.data_sources.keys().map(|source| source.as_str());
                let remedy = suggestion(source.as_str(), sources, || {
                    format!("add `[data_sources.{}]` to workflows/{workflow}.toml", source.value)
                });
                found.add(LintRule::DataScopeUnknown, file, source.start, message, remedy);
                continue;
            };
            if !access.within(declared.access.value) {
                let message = format!(
                    "`{}` of data source `{}` goes beyond the parent mandate, which has `{}`",
                    access.value, source.value, declared.access.value
                );
                let remedy = format!("write `{}`", declared.access.value);
                found.add(LintRule::DataAccessBeyondParent, file, access.start, message, remedy);
            }
        }
        for (source, declared) in &parent.data_sources {
            let held = file.form.tools.keys().filter(|tool| declared.through.contains(tool));
            for tool in held {
                let class = self.deployment.tool(&tool.value).map(|manifest| manifest.class);
                let granted = scope.map(|scope| scope.get(source));
                let problem = match (granted, class) {
                    (Some(None), _) => Some(format!(
                        "tool `{}` leads to data source `{}`, which is not in `data_scope`: it does not exist for the agent",
                        tool.value, source.value
                    )),
                    (Some(Some(access)), Some(class)) if !Access::needed(class).within(access.value) => Some(format!(
                        "tool `{}` of class `{class}` does more with data source `{}` than `{}`",
                        tool.value, source.value, access.value
                    )),
                    _ => None,
                };
                if let Some(message) = problem {
                    let remedy = "remove the tool, or widen `data_scope`";
                    found.add(LintRule::ToolBeyondDataScope, file, tool.start, message, remedy);
                }
                let clearance =
                    file.form.clearance.as_ref().map_or(maso_core::Confidentiality::Internal, |at| at.value);
                if let Some(confidentiality) = declared.confidentiality.as_ref().filter(|at| at.value > clearance)
                    && class == Some(maso_core::Class::Read)
                {
                    let message = format!(
                        "data source `{}` is `{}`, and the agent is cleared for `{clearance}`: `{}` can show it nothing of that",
                        source.value, confidentiality.value, tool.value
                    );
                    let remedy = format!("raise `clearance` to `{}`, or remove the tool", confidentiality.value);
                    found.add(LintRule::DataBeyondClearance, file, tool.start, message, remedy);
                }
            }
        }
    }
}
