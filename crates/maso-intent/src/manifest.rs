//! Tool manifests: how a server is reached, and what each of its tools does (SC-2.2, EC-2.1, DP-1.1).

use std::{collections::BTreeMap, sync::Arc};

use maso_core::{Class, Digest, Integrity, Label, Reversibility, Risk, ServerName, ToolName, ToolRef, words};
use maso_wire::DocumentForm;
use serde_json::Value;

use crate::PeerTerms;

/// A tool server, and what is known of its tools.
#[derive(Clone, Debug)]
pub struct ServerManifest {
    /// The server.
    pub name: ServerName,
    /// How it is reached.
    pub transport: Transport,
    /// The label of what it says where nothing better is declared (resources, prompts, notifications).
    pub label: Label,
    /// Its tools. One that is not here is unclassified: critical, irreversible.
    pub tools: BTreeMap<ToolName, Arc<ToolManifest>>,
}

/// How a server is reached.
#[derive(Clone, Debug)]
pub enum Transport {
    /// As a child process that speaks over its standard input and output.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Its environment: nothing else is inherited but `PATH`, `HOME` and `LANG`.
        env: BTreeMap<String, String>,
        /// More of its environment, for secrets: its variable, and the variable of maso's own environment that
        /// holds the value.
        env_from: BTreeMap<String, String>,
        /// Its working directory, relative to the deployment folder.
        cwd: Option<String>,
    },
    /// Over streamable HTTP.
    Http {
        /// The endpoint.
        url: url::Url,
        /// Header names, each with the environment variable that holds its value.
        headers_from_env: BTreeMap<String, String>,
    },
    /// As an agent outside, over A2A: its skills are the tools. Whatever it says is external.
    A2a(PeerTerms),
}

/// What one tool does.
#[derive(Clone, Debug)]
pub struct ToolManifest {
    /// The tool.
    pub tool: ToolRef,
    /// What kind of action it performs.
    pub class: Class,
    /// Whether that can be undone.
    pub reversibility: Reversibility,
    /// For how long it can be undone, where that is bounded.
    pub reversible_window_ms: Option<u64>,
    /// Its risk.
    pub risk: Risk,
    /// The labels of what it returns.
    pub result: ResultLabels,
    /// Its arguments that carry authority, by JSON pointer (`/payee_iban`).
    pub authority: BTreeMap<String, AuthorityArgument>,
    /// JSON pointer to the amount of money that a call moves, in the smallest unit.
    pub value_pointer: Option<String>,
    /// JSON pointer to the argument that names the instruction: a call with the same value there is the same, and is
    /// carried out once (AT-2.5).
    pub idempotency_pointer: Option<String>,
    /// JSON pointer to the argument that names what a call is about.
    pub item_pointer: Option<String>,
    /// JSON pointer to the argument that says what is decided about that, and is committed once it was carried out (EC-2.6).
    pub decision_pointer: Option<String>,
    /// The tool that undoes it.
    pub compensated_by: Option<ToolName>,
    /// What people do about it where no tool undoes it.
    pub remedy: Option<String>,
    /// How a call is tried out first (EC-2.7a); `None` where it cannot be.
    pub dry_run: Option<DryRunCall>,
    /// Its definition as a person approved it; `None` until then.
    pub definition: Option<Arc<ToolDefinition>>,
}

/// The call that tries a call out where it cannot hurt: the same arguments, for another tool, on another server, or with one
/// argument that says so.
#[derive(Clone, Debug, PartialEq)]
pub struct DryRunCall {
    /// What is called.
    pub tool: ToolRef,
    /// The argument that makes it a dry run, and what it is set to.
    pub set: Option<(String, Value)>,
}

impl DryRunCall {
    /// The arguments of the dry run of a call with these; `None` for what has no arguments to set one among.
    pub fn arguments(&self, arguments: &Value) -> Option<Value> {
        let mut arguments = arguments.clone();
        if let Some((name, value)) = &self.set {
            arguments.as_object_mut()?.insert(name.clone(), value.clone());
        }
        Some(arguments)
    }

    /// Whether the tool of this definition takes the argument that makes a call of it a dry run. One that does not would do
    /// what was to be tried out.
    pub fn is_known_to(&self, definition: &Value) -> bool {
        self.set.as_ref().is_none_or(|(name, _)| {
            let known = definition.get("inputSchema").and_then(|schema| schema.get("properties")?.get(name));
            known.is_some()
        })
    }
}

/// An argument that decides who or what is affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityArgument {
    /// What it is: `recipient`, `account`, `url`, `path`, `amount`, `query`, `code`, `date`, `credential`.
    pub role: String,
    /// The least integrity that its value's origin must have.
    pub integrity_min: Integrity,
    /// What happens below that.
    pub below: Below,
    /// What of the value must have come from there.
    pub by: Comparison,
}

/// What of a value must have been said by whoever it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    /// All of it.
    #[default]
    Whole,
    /// The host of a web address: a page of a site that was named is as good as the site.
    Host,
    /// The day on which a moment lies.
    Day,
}
words!(Comparison { Whole = "whole", Host = "host", Day = "day" });

/// What happens to a hop whose authority-bearing value has too low an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Below {
    /// A person sees exactly which value came from where, and decides.
    Escalate,
    /// It is denied.
    Deny,
}
words!(Below { Escalate = "escalate", Deny = "deny" });

/// The labels of a result: a default, and better or worse ones for single fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultLabels {
    /// The label of whatever is not named.
    pub default: Label,
    /// JSON pointer of a field in the structured result (a `*` segment stands for any index or key), and its label.
    pub fields: Vec<(String, Label)>,
    /// How the only text of a result is read where it has no structured one.
    pub text: DocumentForm,
}

impl ResultLabels {
    /// One label for all of it.
    pub const fn plain(label: Label) -> Self {
        Self { default: label, fields: Vec::new(), text: DocumentForm::Json }
    }
}

/// A tool's definition exactly as its server published it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolDefinition {
    /// The whole definition object.
    pub value: Value,
    /// Digest of its canonical form: the pin.
    pub digest: Digest,
}

impl ToolManifest {
    /// Whether it does what a stranger would want done: it moves, removes or runs something, or changes something at high
    /// risk (IA-1.4).
    pub fn is_privileged(&self) -> bool {
        match self.class {
            Class::Read | Class::Send => false,
            Class::Transfer | Class::Delete | Class::Execute => true,
            Class::Write => self.risk >= Risk::High,
        }
    }

    /// The manifest of a tool that nobody classified: it counts as the worst that a tool can be (EC-2.1, EC-1.6).
    pub fn unclassified(tool: ToolRef, label: Label) -> Self {
        Self {
            tool,
            class: Class::Execute,
            reversibility: Reversibility::Irreversible,
            reversible_window_ms: None,
            risk: Risk::Critical,
            result: ResultLabels::plain(label),
            authority: BTreeMap::new(),
            value_pointer: None,
            idempotency_pointer: None,
            item_pointer: None,
            decision_pointer: None,
            compensated_by: None,
            remedy: None,
            dry_run: None,
            definition: None,
        }
    }
}

impl ToolDefinition {
    /// The definition in this JSON object.
    pub fn new(value: Value) -> Self {
        let digest = Digest::of_value(&value);
        Self { value, digest }
    }
}
