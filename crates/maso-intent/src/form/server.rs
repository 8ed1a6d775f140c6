//! The written form of `tools/*.toml`.

use std::collections::BTreeMap;

use maso_core::{Class, Confidentiality, Integrity, Reversibility, Risk, ServerName, ToolName};
use maso_wire::DocumentForm;
use schemars::JsonSchema;
use serde::Deserialize;

use super::text::{At, Pointer, Span};
use crate::{Below, Comparison};

/// A tool server: how it is reached, and what each of its tools can do. The name of the file is the name of the server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerForm {
    /// The label of what it says, unless a tool's own label is declared (external, internal).
    #[serde(default)]
    pub(crate) label: LabelForm,
    /// How it is reached.
    pub(crate) transport: TransportForm,
    /// Its tools, by name.
    #[serde(default)]
    pub(crate) tools: BTreeMap<At<ToolName>, ToolForm>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelForm {
    /// How far it may be believed.
    pub(crate) integrity: Option<At<Integrity>>,
    /// Who may see it.
    pub(crate) confidentiality: Option<At<Confidentiality>>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("allOf" = super::schema::kinds_of_transports()))]
pub(crate) struct TransportForm {
    /// Over standard input and output of a program, over HTTP, or as an agent outside, over A2A.
    pub(crate) kind: TransportKind,
    /// stdio: the program.
    pub(crate) command: Option<At<String>>,
    /// stdio: its arguments.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// stdio: its variables; never a secret.
    #[serde(default)]
    pub(crate) env: BTreeMap<At<String>, String>,
    /// stdio: its variable = variable of maso's own environment; for secrets.
    #[serde(default)]
    pub(crate) env_from: BTreeMap<String, String>,
    /// stdio: where it runs, relative to the deployment's folder.
    pub(crate) cwd: Option<String>,
    /// http: its endpoint; redirects are not followed.
    pub(crate) url: Option<At<url::Url>>,
    /// http, a2a: header = variable of maso's own environment.
    #[serde(default)]
    pub(crate) headers_from_env: BTreeMap<String, String>,
    /// a2a: the address of the agent's card.
    pub(crate) card: Option<At<url::Url>>,
    /// a2a: the keys of which one must have signed the card.
    #[serde(default)]
    pub(crate) keys: Vec<KeyForm>,
    /// a2a: beginnings of the addresses to which the card may lead besides its own origin.
    #[serde(default)]
    pub(crate) addresses: Vec<At<url::Url>>,
}

/// A public key as JWK (RFC 7517): Ed25519 or P-256.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = super::schema::kinds_of_keys()))]
pub(crate) struct KeyForm {
    /// `OKP` or `EC`.
    pub(crate) kty: At<String>,
    /// `Ed25519` or `P-256`.
    pub(crate) crv: String,
    /// The key, or its first coordinate, in base64url.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]{43}$"))]
    pub(crate) x: String,
    /// P-256: its second coordinate.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]{43}$"))]
    pub(crate) y: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum TransportKind {
    Stdio,
    Http,
    A2a,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolForm {
    /// What kind of action it is (`execute`).
    pub(crate) class: Option<At<Class>>,
    /// Whether it can be undone (`irreversible`).
    pub(crate) reversibility: Option<At<Reversibility>>,
    /// With `time-bounded`: for how long.
    pub(crate) reversible_window: Option<At<Span>>,
    /// How risky it is (`critical`).
    pub(crate) risk: Option<At<Risk>>,
    /// The label of its answers; a missing half comes from the server.
    #[serde(default)]
    pub(crate) result: LabelForm,
    /// How it writes its answers where it gives text alone: `json`, `yaml` or `python` (`json`).
    pub(crate) result_text: Option<At<DocumentForm>>,
    /// Pointer of a field of a structured answer = its label.
    #[serde(default)]
    pub(crate) result_fields: BTreeMap<At<Pointer>, LabelForm>,
    /// Pointer of an argument that decides whom or what the action affects = what its value must come from.
    #[serde(default)]
    pub(crate) authority: BTreeMap<At<Pointer>, AuthorityForm>,
    /// The argument that says how much is moved, as a whole number of the smallest unit.
    pub(crate) value_pointer: Option<At<Pointer>>,
    /// The argument that names the instruction: a call with the same value there is carried out once (AT-2.5).
    pub(crate) idempotency_pointer: Option<At<Pointer>>,
    /// The argument that names what a call is about, such as one claim of a batch: what is counted or ordered item by item goes by
    /// it.
    pub(crate) item_pointer: Option<At<Pointer>>,
    /// The argument that says what is decided about that: once carried out it is committed, and deciding otherwise needs a person
    /// (EC-2.6).
    pub(crate) decision_pointer: Option<At<Pointer>>,
    /// The tool of this server that undoes it.
    pub(crate) compensated_by: Option<At<ToolName>>,
    /// What people do about it where no tool undoes it (EC-2.11).
    pub(crate) remedy: Option<At<String>>,
    /// How a call is tried out first, where it cannot hurt (EC-2.7a).
    pub(crate) dry_run: Option<DryRunForm>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DryRunForm {
    /// The server on which it is tried out, such as one for staging (this one).
    pub(crate) server: Option<At<ServerName>>,
    /// The tool that tries it out, given the same arguments (this one).
    pub(crate) tool: Option<At<ToolName>>,
    /// The argument that makes a call a dry run.
    pub(crate) argument: Option<At<String>>,
    /// With `argument`: the text that it is set to (`true`, and no text).
    pub(crate) value: Option<At<String>>,
}

impl DryRunForm {
    /// Where it is written; `None` where nothing of it is.
    pub(crate) fn start(&self) -> Option<usize> {
        let Self { server, tool, argument, value } = self;
        let starts = [
            server.as_ref().map(|at| at.start),
            tool.as_ref().map(|at| at.start),
            argument.as_ref().map(|at| at.start),
            value.as_ref().map(|at| at.start),
        ];
        starts.into_iter().flatten().min()
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthorityForm {
    /// What the argument decides.
    pub(crate) role: AuthorityRole,
    /// The least integrity of the place that the value came from (`internal`).
    pub(crate) integrity_min: Option<At<Integrity>>,
    /// What happens below that (`escalate`).
    pub(crate) below: Option<At<Below>>,
    /// What of the value must have come from there (`whole`).
    pub(crate) by: Option<At<Comparison>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(crate) enum AuthorityRole {
    Recipient,
    Account,
    Url,
    Path,
    Amount,
    Query,
    Code,
    Date,
    Credential,
}

impl AuthorityRole {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Recipient => "recipient",
            Self::Account => "account",
            Self::Url => "url",
            Self::Path => "path",
            Self::Amount => "amount",
            Self::Query => "query",
            Self::Code => "code",
            Self::Date => "date",
            Self::Credential => "credential",
        }
    }
}
