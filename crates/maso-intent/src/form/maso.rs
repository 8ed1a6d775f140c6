//! The written form of `maso.toml`.

use std::{borrow::Cow, net::SocketAddr};

use maso_core::{ControlId, Day, OperatorName, Tier, TrustDomain};
use maso_identity::OperatorPublic;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::{
    context::ContextForm,
    text::{At, FromText, Span},
};
use crate::{BusServers, ClientCertificates, Durability, HostName, Replicas, Role};

/// A deployment: its name, tier, people and numbers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MasoForm {
    /// The deployment's name.
    pub(crate) name: At<String>,
    /// Agents are `spiffe://<trust_domain>/agent/<name>`.
    pub(crate) trust_domain: At<TrustDomain>,
    /// `1` or `supervised`, `2` or `managed`, `3` or `autonomous`.
    pub(crate) tier: TierForm,
    /// The operator who answers for standing tasks.
    pub(crate) accountable_human: At<OperatorName>,
    /// Where maso listens.
    #[serde(default)]
    pub(crate) listen: ListenForm,
    /// Bounds on what may come in and be open.
    #[serde(default)]
    pub(crate) limits: LimitsForm,
    /// How much the context of an agent's model holds whose mandate does not say so.
    pub(crate) context: Option<ContextForm>,
    /// How long held actions wait for people.
    #[serde(default)]
    pub(crate) approvals: ApprovalsForm,
    /// When an agent is isolated.
    #[serde(default)]
    pub(crate) breakers: BreakersForm,
    /// What agents' tokens are worth.
    #[serde(default)]
    pub(crate) identity: IdentityForm,
    /// Where attested processes fetch their identities.
    pub(crate) workload_api: Option<WorkloadApiForm>,
    /// Another trust domain, whose workloads are agents where their mandates say so.
    pub(crate) federation: Option<FederationForm>,
    /// The broker through which several processes serve one fleet of agents.
    pub(crate) bus: Option<BusForm>,
    /// Whether it must be signed.
    #[serde(default)]
    pub(crate) signing: SigningForm,
    /// The people who may sign in.
    #[serde(default)]
    pub(crate) operators: Vec<OperatorForm>,
    /// Controls that are selected and switched off.
    #[serde(default)]
    pub(crate) controls: ControlsForm,
}

/// A tier, as its number or its word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TierForm(pub(crate) Tier);

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenForm {
    /// Where gateway, API and console listen (`127.0.0.1:7680`).
    pub(crate) address: Option<At<SocketAddr>>,
    /// The address that agents and browsers use, where something in front of maso has another.
    pub(crate) public_url: Option<At<url::Url>>,
    /// How long requests under way may take when maso is told to stop (`25s`).
    pub(crate) drain: Option<At<Span>>,
    /// A door over TLS 1.3, beside the other; none, where it is left out.
    pub(crate) tls: Option<TlsForm>,
}

/// A door over TLS 1.3.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("dependentRequired" = { "certificate": ["key"], "key": ["certificate"] }))]
pub(crate) struct TlsForm {
    /// Where it is, such as `0.0.0.0:7443`.
    pub(crate) address: At<SocketAddr>,
    /// Whether whoever comes has to show a certificate: `required` or `optional` (`required` from Tier 2 on).
    pub(crate) client_certificates: Option<At<ClientCertificates>>,
    /// Names of hosts and addresses by which it is reached. They stand in maso's certificate, the first in addresses that
    /// are told to others.
    #[schemars(length(min = 1))]
    pub(crate) names: Vec<At<HostName>>,
    /// The file with maso's certificate and those that vouch for it (PEM), from the deployment's folder on; an SVID of the
    /// own trust domain, where it is left out.
    pub(crate) certificate: Option<At<String>>,
    /// The file with the certificate's private key (PEM), which nobody else may read.
    pub(crate) key: Option<At<String>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsForm {
    /// Bytes of one frame (4194304).
    pub(crate) frame_bytes_max: Option<usize>,
    /// Nesting of one frame (64).
    pub(crate) depth_max: Option<usize>,
    /// Values in one frame (100000).
    pub(crate) nodes_max: Option<usize>,
    /// Bytes of one string (2097152).
    pub(crate) string_bytes_max: Option<usize>,
    /// Keys of one object (1024).
    pub(crate) keys_max: Option<usize>,
    /// Calls in an hour of an agent whose mandate names no number (100).
    pub(crate) calls_per_hour_max: Option<u32>,
    /// Actions of one agent that may wait for people at once (64).
    pub(crate) held_actions_max: Option<usize>,
    /// How long an agent counts as there after it was last heard of (`10m`).
    pub(crate) alive_within: Option<At<Span>>,
    /// How long a tool server, or a client that is asked something, may take (`5m`).
    pub(crate) server_wait: Option<At<Span>>,
    /// MCP sessions of one agent (32).
    pub(crate) sessions_per_agent_max: Option<usize>,
    /// MCP sessions of all agents (1024).
    pub(crate) sessions_max: Option<usize>,
    /// How long a session lives that nobody uses (`30m`).
    pub(crate) session_idle: Option<At<Span>>,
    /// Connections to one tool server for one agent (32).
    pub(crate) connections_per_agent_max: Option<usize>,
    /// Connections to all tool servers for all agents (256).
    pub(crate) connections_max: Option<usize>,
    /// Request bodies that are read at the same time (64).
    pub(crate) bodies_max: Option<usize>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApprovalsForm {
    /// How long a request stays open for a held action before the client gets a ticket (`50s`).
    pub(crate) hold_open: Option<At<Span>>,
    /// How long a held action waits for people, by its risk; then it is denied.
    #[serde(default)]
    pub(crate) wait: WaitForm,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WaitForm {
    /// At low risk (`1h`).
    pub(crate) low: Option<At<Span>>,
    /// At medium risk (`1h`).
    pub(crate) medium: Option<At<Span>>,
    /// At high risk (`15m`).
    pub(crate) high: Option<At<Span>>,
    /// At critical risk (`15m`).
    pub(crate) critical: Option<At<Span>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BreakersForm {
    /// Guardrail blocks within the window that isolate an agent (3).
    pub(crate) blocks_max: Option<u32>,
    /// The window of both kinds of blocks (`10m`).
    pub(crate) window: Option<At<Span>>,
    /// Judge blocks that are still accepted (3).
    pub(crate) judge_blocks_max: Option<u32>,
    /// How long in Alternate before a scope goes to Contingency (`48h`).
    pub(crate) alternate_max: Option<At<Span>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdentityForm {
    /// How long an agent token lives (`1h`), at most 24 hours.
    pub(crate) token_ttl: Option<At<Span>>,
    /// Whether tokens without a key are accepted, from this machine only (`true`).
    pub(crate) bearer_on_loopback: Option<bool>,
    /// How far a proof of possession may lie from our clock, either way (`1m`).
    pub(crate) proof_window: Option<At<Span>>,
}

/// The SPIFFE Workload API, served where this is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkloadApiForm {
    /// The path of its Unix socket; from the deployment's folder on, where it is relative.
    pub(crate) socket: At<String>,
}

/// Another trust domain, such as that of a SPIRE server.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FederationForm {
    /// Its name.
    pub(crate) trust_domain: At<TrustDomain>,
    /// The Unix socket of a Workload API at which its bundle is fetched; from the deployment's folder on, where it is
    /// relative.
    pub(crate) socket: At<String>,
}

/// The NATS server that carries what agents send each other; in memory, where this is absent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("dependentRequired" = { "certificate": ["key"], "key": ["certificate"] }))]
pub(crate) struct BusForm {
    /// Where it is: `nats://HOST:PORT`, or `tls://HOST:PORT` for an encrypted connection; `tls://HOST:PORT,HOST:PORT` for
    /// several of one cluster.
    pub(crate) nats: At<BusServers>,
    /// The file with the key of maso's own user there, as `maso bus accounts` writes it; from the deployment's folder on.
    pub(crate) credentials: Option<At<String>>,
    /// The file with the certificates (PEM) that the server's must come from (those of the system).
    pub(crate) roots: Option<At<String>>,
    /// The file with the certificate (PEM) that maso shows a server which asks for one, from the deployment's folder on.
    pub(crate) certificate: Option<At<String>>,
    /// The file with that certificate's private key (PEM), which nobody else may read.
    pub(crate) key: Option<At<String>>,
    /// What has to be so of a message that counts as sent: the server `stored` it, or `synced` it to its disk (`stored`).
    pub(crate) promise: Option<At<Durability>>,
    /// On how many of the server's machines each mailbox lies: 1, 3 or 5 (1).
    pub(crate) replicas: Option<ReplicasForm>,
}

/// A number of machines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplicasForm(pub(crate) Replicas);

/// Whether this deployment must be signed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SigningForm {
    /// Whether it starts only if the people whom its mandates require signed it (from Tier 2 on).
    pub(crate) required: Option<bool>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperatorForm {
    /// Who: a role, such as `claims-supervisor`.
    pub(crate) name: At<OperatorName>,
    /// What the operator may do.
    #[schemars(length(min = 1))]
    pub(crate) roles: Vec<At<Role>>,
    /// The public key with which the operator's signatures are verified, as `maso operators keygen` prints it.
    pub(crate) key: Option<At<OperatorPublic>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlsForm {
    /// Controls that must be in force.
    #[serde(default)]
    pub(crate) selected: Vec<At<ControlId>>,
    /// Controls that are switched off.
    #[serde(default)]
    pub(crate) deselected: Vec<DeselectionForm>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeselectionForm {
    /// The control.
    pub(crate) control: At<ControlId>,
    /// Why it is switched off.
    pub(crate) reason: At<String>,
    /// The operator who answers for that.
    pub(crate) owner: At<OperatorName>,
    /// The last day on which it is switched off (UTC).
    #[schemars(with = "Option<At<Day>>")]
    pub(crate) until: Option<At<String>>,
}

impl<'de> Deserialize<'de> for TierForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl de::Visitor<'_> for Reader {
            type Value = TierForm;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a tier: 1, 2, 3 or `supervised`, `managed`, `autonomous`")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<TierForm, E> {
                u8::try_from(number)
                    .ok()
                    .and_then(Tier::from_number)
                    .map(TierForm)
                    .ok_or_else(|| E::custom(format!("`{number}` is not a tier: 1, 2 or 3")))
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<TierForm, E> {
                Tier::from_text(word).map(TierForm).map_err(E::custom)
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for TierForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Tier".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = Tier::ALL.iter().map(|tier| tier.as_str()).collect();
        let numbers: Vec<u8> = Tier::ALL.iter().map(|tier| tier.number()).collect();
        json_schema!({ "anyOf": [
            { "type": "integer", "enum": numbers },
            { "type": "string", "enum": words },
        ] })
    }
}

impl<'de> Deserialize<'de> for ReplicasForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let wrong = || de::Error::custom(format!("`{number}` is not a number of replicas: 1, 3 or 5"));
        Replicas::from_number(number).map(Self).ok_or_else(wrong)
    }
}

impl JsonSchema for ReplicasForm {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Replicas".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let numbers: Vec<u8> = Replicas::ALL.iter().map(|replicas| replicas.number()).collect();
        json_schema!({ "type": "integer", "enum": numbers })
    }
}
