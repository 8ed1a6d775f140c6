//! What the blocks of a token say, as they are written: JSON in the text that a block carries beside its checks. Datalog
//! has no way to print a string that reads back as the same one, and what is signed must mean one thing.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{Access, AgentName, Digest, HopId, ServerName, TaskId, Timestamp, ToolRef, TrustDomain};
use maso_wire::Limits;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{BoundArgument, DataScope, Link, Quota, Remit};

/// What the authority block says.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TaskSaid {
    domain: String,
    task: String,
    specification: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holders: Vec<String>,
    from: i64,
    until: i64,
}

/// The same, understood.
pub(super) struct TaskGiven {
    pub(super) domain: TrustDomain,
    pub(super) task: TaskId,
    pub(super) specification: Digest,
    pub(super) holders: BTreeSet<AgentName>,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl TaskGiven {
    pub(super) fn write(&self) -> String {
        write(&TaskSaid {
            domain: self.domain.to_string(),
            task: self.task.to_string(),
            specification: self.specification.to_string(),
            holders: self.holders.iter().map(ToString::to_string).collect(),
            from: self.from.as_millis(),
            until: self.until.as_millis(),
        })
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let said: TaskSaid = read(text)?;
        Some(Self {
            domain: said.domain.parse().ok()?,
            task: said.task.parse().ok()?,
            specification: Digest::parse(&said.specification)?,
            holders: said.holders.iter().map(|name| name.parse().ok()).collect::<Option<_>>()?,
            from: Timestamp::from_millis(said.from),
            until: Timestamp::from_millis(said.until),
        })
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct LinkSaid {
    hop: String,
    from: String,
    to: String,
    request: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tools: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resources: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    prompts: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    arguments: Vec<(String, String, Value)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calls: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_minor: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    depth: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
}

impl Link {
    pub(super) fn write(&self) -> String {
        let terms = |terms: &BTreeSet<(ServerName, String)>| {
            terms.iter().map(|(server, term)| (server.to_string(), term.clone())).collect()
        };
        let Remit { tools, resources, prompts, arguments } = &self.remit;
        write(&LinkSaid {
            hop: self.id.to_string(),
            from: self.from.to_string(),
            to: self.to.to_string(),
            request: self.request.to_string(),
            tools: tools.iter().map(ToString::to_string).collect(),
            resources: terms(resources),
            prompts: terms(prompts),
            arguments: arguments
                .iter()
                .map(|bound| (bound.tool.to_string(), bound.pointer.clone(), bound.value.clone()))
                .collect(),
            data: self
                .data
                .as_ref()
                .map(|data| data.sources().map(|(source, access)| (source.to_string(), access.to_string())).collect()),
            calls: self.quota.calls,
            value_minor: self.quota.value_minor,
            depth: self.depth,
            until: self.until.map(Timestamp::as_millis),
        })
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let said: LinkSaid = read(text)?;
        let terms = |terms: Vec<(String, String)>| -> Option<BTreeSet<(ServerName, String)>> {
            terms.into_iter().map(|(server, term)| Some((server.parse().ok()?, term))).collect()
        };
        let data = |sources: BTreeMap<String, String>| -> Option<DataScope> {
            let read = |(source, access): (String, String)| Some((source.parse().ok()?, Access::parse(&access)?));
            sources.into_iter().map(read).collect::<Option<_>>().map(DataScope::new)
        };
        let bound = |(tool, pointer, value): (String, String, Value)| {
            Some(BoundArgument { tool: tool.parse::<ToolRef>().ok()?, pointer, value })
        };
        Some(Self {
            id: said.hop.parse::<HopId>().ok()?,
            from: said.from.parse().ok()?,
            to: said.to.parse().ok()?,
            request: said.request.parse().ok()?,
            remit: Remit {
                tools: said.tools.iter().map(|tool| tool.parse().ok()).collect::<Option<_>>()?,
                resources: terms(said.resources)?,
                prompts: terms(said.prompts)?,
                arguments: said.arguments.into_iter().map(bound).collect::<Option<_>>()?,
            },
            // What cannot be read bounds nothing, so then nothing of it is believed.
            data: match said.data {
                Some(sources) => Some(data(sources)?),
                None => None,
            },
            quota: Quota { calls: said.calls, value_minor: said.value_minor },
            depth: said.depth,
            until: said.until.map(Timestamp::from_millis),
        })
    }
}

fn write(said: &impl Serialize) -> String {
    serde_json::to_string(said).expect("it holds nothing but texts, numbers and JSON values")
}

fn read<T: DeserializeOwned>(text: &str) -> Option<T> {
    let value = maso_wire::parse_json(text.as_bytes(), &LIMITS).ok()?;
    serde_json::from_value(value).ok()
}

/// What a block may say at most.
const LIMITS: Limits = Limits {
    frame_bytes_max: 16 << 10,
    depth_max: 8,
    nodes_max: 1_024,
    string_bytes_max: 4 << 10,
    keys_max: 64,
    ..Limits::DEFAULT
};
