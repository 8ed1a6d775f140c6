//! Names and ids. Each is parsed once, at a door, and believed afterwards.

use std::{fmt, str::FromStr, sync::Arc};

use uuid::Uuid;

/// Why a name or id was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {expected}")]
pub struct IdError {
    /// What was given, cut to 80 characters.
    pub given: String,
    /// What would have been accepted.
    pub expected: &'static str,
}

impl IdError {
    pub(crate) fn new(given: &str, expected: &'static str) -> Self {
        Self { given: given.chars().take(80).collect(), expected }
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $accepts:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                if $accepts(text) { Ok(Self(text.into())) } else { Err(IdError::new(text, $expected)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

fn is_label(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_tool(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
}

fn is_control(text: &str) -> bool {
    let Some((domain, number)) = text.split_once('-') else { return false };
    (2..=5).contains(&domain.len())
        && domain.bytes().all(|b| b.is_ascii_uppercase())
        && (1..=8).contains(&number.len())
        && number.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
}

name!(/// The name of an agent inside its deployment.
    AgentName, is_label, "an agent name: 1 to 64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");
name!(/// The name of a tool server inside a deployment.
    ServerName, is_label, "a server name: 1 to 64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");
name!(/// The name of a workflow.
    WorkflowName, is_label, "a workflow name: 1 to 64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");
name!(/// The name of a judge.
    JudgeName, is_label, "a judge name: 1 to 64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");
name!(/// The name of an operator: a person who signs in.
    OperatorName, is_label, "an operator name: 1 to 64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");
name!(/// The name of a typed request that a grant allows one agent to make of another.
    RequestName, is_label, "a request name: 1 to 64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");
name!(/// The name of a contract: what one kind of message between agents looks like.
    ContractName, is_label, "a contract's name: 1 to 64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");
name!(/// The name of a constraint that whoever hands work on passes on with it.
    ConstraintName, is_label, "a constraint's name: 1 to 64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");
name!(/// The name of a data source that a workflow declares.
    DataSourceName, is_label, "a data source's name: 1 to 64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");
name!(/// The name of a tool, as its server publishes it.
    ToolName, is_tool, "a tool name: 1 to 128 of A-Z, a-z, 0-9, `_`, `-`, `.`, `/`");
name!(/// A SPIFFE trust domain.
    TrustDomain, is_label, "a trust domain: 1 to 64 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");
name!(/// The id of a control of the framework, such as `PG-2.5`.
    ControlId, is_control, "a control id such as `PG-2.5`");

impl ControlId {
    /// A control id that is written in our own source.
    ///
    /// # Panics
    /// When `id` is not a control id, which a test of the crate that names it shows.
    pub fn known(id: &'static str) -> Self {
        id.parse().expect("control ids in the source are well formed")
    }
}

/// A tool of a server: `claims-db.pay_claim`, written with the first dot as the border.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ToolRef {
    /// The server that offers it.
    pub server: ServerName,
    /// The tool's own name.
    pub tool: ToolName,
}

impl fmt::Display for ToolRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.server, self.tool)
    }
}

impl FromStr for ToolRef {
    type Err = IdError;

    /// Reads `server:tool`.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (server, tool) = text.split_once(':').ok_or_else(|| IdError::new(text, "a tool as `server:tool`"))?;
        Ok(Self { server: server.parse()?, tool: tool.parse()? })
    }
}

/// The id of an agent to the outside world: `spiffe://<trust-domain>/agent/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    /// The deployment's trust domain.
    pub trust_domain: TrustDomain,
    /// The agent.
    pub agent: AgentName,
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}/agent/{}", self.trust_domain, self.agent)
    }
}

impl FromStr for SpiffeId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let expected = "a SPIFFE id as `spiffe://<trust-domain>/agent/<name>`";
        let rest = text.strip_prefix("spiffe://").ok_or_else(|| IdError::new(text, expected))?;
        let (domain, agent) = rest.split_once("/agent/").ok_or_else(|| IdError::new(text, expected))?;
        Ok(Self { trust_domain: domain.parse()?, agent: agent.parse()? })
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id made of these bits; whoever makes ids brings the randomness.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bits.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(|digits| Uuid::try_parse(digits).ok())
                    .map(Self)
                    .ok_or_else(|| IdError::new(text, concat!("an id that begins with `", $prefix, "_`")))
            }
        }
    };
}

uuid_id!(/// One hop.
    HopId, "hop");
uuid_id!(/// One message between agents, as its sender named it.
    MessageId, "msg");
uuid_id!(/// One task: one run of a workflow, or an agent's standing task.
    TaskId, "task");
uuid_id!(/// One held action, waiting for a person.
    TicketId, "ticket");
uuid_id!(/// One instance of an agent, which another agent started.
    InstanceId, "inst");
