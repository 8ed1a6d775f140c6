//! `maso agents lineage`: which credentials agents were issued, by whom and by which way, what still counts, and which
//! instances of agents other agents started.
//!
//! Read from the record alone: it is true of every process that served the deployment.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{AgentName, Holder, InstanceId, Timestamp};
use maso_identity::{Ending, Instances};
use maso_log::{Reader, Record, v1};
use maso_path::{Clock as _, SystemClock, fold_instances};
use serde::Serialize;

use super::family::Family;
use crate::{
    fault::Fault,
    screen::{self, say},
};

/// Shows what agents were issued; of one, and what has ended, where that is asked for.
pub fn show(reader: &Reader, agent: Option<&AgentName>, all: bool, json: bool) -> Result<(), Fault> {
    let unreadable = |fault| Fault::new("cannot read the record", fault);
    let mut lineage = Lineage::default();
    let (mut next, last) = (1, reader.last_sequence().map_err(unreadable)?);
    while next <= last {
        let page = reader.records(next, last, PAGE_MAX).map_err(unreadable)?;
        let Some(end) = page.last() else { break };
        next = end.sequence + 1;
        page.iter().for_each(|record| lineage.fold(record));
    }
    let now = SystemClock.now();
    let family = Family::of(&lineage.instances, (agent, all), now);
    let credentials = lineage.credentials(now);
    let wanted = credentials.into_iter().filter(|credential| {
        (all || credential.stands == Stands::Valid) && agent.is_none_or(|agent| credential.agent == agent.as_str())
    });
    let wanted: Vec<_> = wanted.collect();
    if json {
        screen::json(&serde_json::json!({ "credentials": wanted, "instances": family }));
        return Ok(());
    }
    if wanted.is_empty() {
        say!("no credential of an agent counts now; `--all` shows those that did");
    } else {
        wanted.iter().for_each(tell);
    }
    family.tell();
    Ok(())
}

fn tell(credential: &Credential) {
    let Credential { agent, instance, kind, id, by, way, issued_at, expires_at, key, .. } = credential;
    let stands = match credential.stands {
        Stands::Valid => screen::green("valid"),
        Stands::Ended => screen::faint("ended"),
        Stands::Revoked => screen::red("revoked"),
    };
    let whose = instance.as_ref().map_or_else(|| agent.clone(), |instance| format!("{agent}/{instance}"));
    say!("{}  {kind}  {stands}  {id}", screen::strong(&whose));
    say!("  by {by} ({way}), {issued_at} to {expires_at}");
    if let Some(key) = key {
        say!("  {}", screen::faint(&format!("key {key}")));
    }
}

/// One credential that an agent was issued.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Credential {
    agent: String,
    /// Which instance of it, if it is one that another agent started.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// `token`, `x509` or `jwt`.
    kind: &'static str,
    /// Token id, serial number or `jti`.
    id: String,
    /// The key that it is bound to, or that signed it.
    key: Option<String>,
    /// Who had it issued: `operator:NAME`, the token in whose place it came, or the process that was attested.
    by: String,
    way: Way,
    issued_at: String,
    expires_at: String,
    stands: Stands,
}

/// How an agent came by a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Way {
    OperatorToken,
    JoinToken,
    Renewal,
    AttestedProcess,
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OperatorToken => "operator's token",
            Self::JoinToken => "join token",
            Self::Renewal => "renewal",
            Self::AttestedProcess => "attested process",
        })
    }
}

/// What it is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Stands {
    Valid,
    Ended,
    Revoked,
}

/// What the record says of credentials.
#[derive(Debug, Default)]
struct Lineage {
    /// By the record that says it, with the end in milliseconds.
    issued: BTreeMap<u64, (i64, Credential)>,
    revoked: BTreeSet<(String, String)>,
    /// Who had each join token issued, by its id.
    invited: BTreeMap<String, String>,
    /// What agents started.
    instances: Instances,
}

impl Lineage {
    fn fold(&mut self, record: &Record) {
        fold_instances(&self.instances, record);
        let credential = match &record.body {
            v1::Body::TokenIssued(token) if token.kind_of_token == "agent" => {
                let Ok(subject) = token.subject.parse::<Holder>() else { return };
                // Records of earlier versions do not say which operator it was.
                let from = token.by.as_deref().unwrap_or("operator");
                let (by, way) = match from.split_once(':') {
                    // The operator who had the join token issued.
                    Some(("join", id)) => (self.invited.get(id).map_or("operator", String::as_str), Way::JoinToken),
                    Some(("token", _)) => (from, Way::Renewal),
                    _ => (from, Way::OperatorToken),
                };
                let credential = Credential {
                    agent: subject.agent.agent.to_string(),
                    instance: subject.instance.map(|instance| instance.to_string()),
                    kind: "token",
                    id: token.token_id.clone(),
                    key: token.thumbprint.clone(),
                    by: by.to_owned(),
                    way,
                    issued_at: record.at.to_string(),
                    expires_at: Timestamp::from_millis(token.expires_at).to_string(),
                    stands: Stands::Valid,
                };
                (token.expires_at, credential)
            }
            v1::Body::SvidIssued(svid) => {
                let credential = Credential {
                    agent: svid.agent.trim_start_matches("agent:").to_owned(),
                    instance: None,
                    kind: if svid.svid == "jwt" { "jwt" } else { "x509" },
                    id: svid.id.clone(),
                    key: Some(svid.key.clone()),
                    by: format!("process {} of user {}", svid.attested.pid, svid.attested.uid),
                    way: Way::AttestedProcess,
                    issued_at: record.at.to_string(),
                    expires_at: Timestamp::from_millis(svid.not_after).to_string(),
                    stands: Stands::Valid,
                };
                (svid.not_after, credential)
            }
            v1::Body::JoinTokenIssued(issued) => {
                self.invited.insert(issued.id.clone(), issued.by.clone());
                return;
            }
            v1::Body::Revoked(revoked) => {
                self.revoked.insert((revoked.what.clone(), revoked.subject.clone()));
                return;
            }
            _ => return,
        };
        self.issued.insert(record.sequence, credential);
    }

    /// All of them in the order of the record, as they stand now.
    fn credentials(self, now: Timestamp) -> Vec<Credential> {
        let Self { issued, revoked, ref instances, .. } = self;
        let is_revoked = |what: &str, subject: &str| revoked.contains(&(what.to_owned(), subject.to_owned()));
        let stands = |ends: i64, credential: &Credential| {
            // The key of a JWT-SVID is its issuer's.
            let key = credential.key.as_deref().filter(|_| credential.kind != "jwt");
            let instance = credential.instance.as_deref().map(str::parse::<InstanceId>);
            let ending = instance.and_then(|id| instances.find(id.ok()?)?.ended);
            if matches!(ending, Some((_, Ending::Revoked | Ending::WithItsStarter)))
                || is_revoked("agent", &credential.agent)
                || is_revoked("token", &credential.id)
                || key.is_some_and(|key| is_revoked("key", key))
            {
                Stands::Revoked
            } else if ends <= now.as_millis() || ending.is_some() {
                Stands::Ended
            } else {
                Stands::Valid
            }
        };
        let all = issued.into_values();
        all.map(|(ends, credential)| Credential { stands: stands(ends, &credential), ..credential }).collect()
    }
}

/// Records that are read at a time.
const PAGE_MAX: usize = 512;
