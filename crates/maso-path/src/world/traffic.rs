//! Who deals with whom, and how often: what a map of the deployment shows beside what was declared.
//!
//! It decides nothing. One decision costs one look-up and one addition, however long the record is, and the ends of an
//! edge are those that the deployment declares: no name that a stranger makes up takes room.

mod credentials;
mod edge;
mod links;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use maso_core::{AgentName, Holder, Principal, TaskId, Timestamp};
use maso_intent::Deployment;
use maso_log::{
    Record,
    v1::{Body, HopDecided},
};
use parking_lot::Mutex;

pub use credentials::Credentials;
pub use edge::{Counts, Edge, LATEST_MAX, SPAN_MS, SPANS};
pub use links::{Link, Links};

/// Who stands at an end of an edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Somebody whom the deployment declares, or maso itself.
    Known(Principal),
    /// All others together: senders that nobody established, names that nobody declared.
    Stranger,
}

impl Party {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        if text == STRANGER { Some(Self::Stranger) } else { Principal::parse(text).map(Self::Known) }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(principal) => principal.fmt(f),
            Self::Stranger => f.write_str(STRANGER),
        }
    }
}

/// From who asks to who is asked. An answer travels on the edge of its question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ends {
    /// Who asks.
    pub from: Party,
    /// Who is asked.
    pub to: Party,
}

/// All traffic, folded from the record.
#[derive(Debug)]
pub struct Traffic {
    deployment: Arc<Deployment>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    sequence: u64,
    edges: HashMap<Ends, Edge>,
    n_left_out: u64,
    links: Links,
    credentials: BTreeMap<AgentName, Credentials>,
}

/// All traffic at one moment.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The last record that is in it.
    pub sequence: u64,
    /// What went where.
    pub edges: HashMap<Ends, Edge>,
    /// Decisions on edges for which there was no room.
    pub n_left_out: u64,
    /// The requests by which agents handed work on, by task.
    pub chains: Vec<(TaskId, Vec<Link>)>,
    /// What each agent can show for itself; none for an agent to whom nothing was ever issued.
    pub credentials: BTreeMap<AgentName, Credentials>,
}

impl Traffic {
    pub(super) fn new(deployment: &Arc<Deployment>) -> Self {
        Self { deployment: Arc::clone(deployment), inner: Mutex::default() }
    }

    /// Takes in one record.
    pub(super) fn fold(&self, record: &Record) {
        let mut inner = self.inner.lock();
        inner.sequence = record.sequence;
        match &record.body {
            Body::HopDecided(decided) => {
                inner.decided(self.ends(decided), record.sequence, record.at, decided);
                inner.links.decided(record.at, decided);
            }
            Body::TokenIssued(token) if token.kind_of_token == "agent" => {
                let whose = token.subject.parse::<Holder>().ok().map(|id| id.agent.agent);
                if let Some(held) = self.credentials_of(&mut inner, whose) {
                    held.issued(record.at, &token.token_id, token.thumbprint.as_deref(), token.expires_at);
                }
            }
            Body::SvidIssued(svid) => {
                let whose = svid.agent.strip_prefix("agent:").and_then(|name| name.parse().ok());
                if let Some(held) = self.credentials_of(&mut inner, whose) {
                    held.issued(record.at, &svid.id, Some(&svid.key), svid.not_after);
                }
            }
            Body::Revoked(revoked) => {
                inner.links.revoked(revoked);
                // Of whom nothing was issued to, that is known as well.
                if revoked.what == "agent" {
                    self.credentials_of(&mut inner, revoked.subject.parse().ok());
                }
                inner.credentials.iter_mut().for_each(|(agent, held)| held.revoked(agent, revoked));
            }
            _ => {}
        }
    }

    /// All of it now. What it costs depends on how many edges there are, and not on how much went over them.
    pub fn flow(&self) -> Flow {
        let inner = self.inner.lock();
        Flow {
            sequence: inner.sequence,
            edges: inner.edges.clone(),
            n_left_out: inner.n_left_out,
            chains: inner.links.chains(),
            credentials: inner.credentials.clone(),
        }
    }

    /// Where the latest decisions stand in the record that went over one edge, the last first.
    pub fn latest_between(&self, ends: &Ends) -> Vec<u64> {
        self.inner.lock().edges.get(ends).map(|edge| edge.latest().collect()).unwrap_or_default()
    }

    /// Where the latest decisions stand in the record that concern somebody, the last first.
    pub fn latest_of(&self, party: &Party) -> Vec<u64> {
        let inner = self.inner.lock();
        let touching = inner.edges.iter().filter(|(ends, _)| ends.from == *party || ends.to == *party);
        let mut latest: Vec<_> = touching.flat_map(|(_, edge)| edge.latest()).collect();
        latest.sort_unstable_by(|one, other| other.cmp(one));
        latest.truncate(LATEST_MAX);
        latest
    }

    /// The edge of a decision.
    fn ends(&self, decided: &HopDecided) -> Ends {
        let from = self.party(decided.from.as_deref());
        let to = self.party(Some(&decided.to));
        if decided.answers.is_some() { Ends { from: to, to: from } } else { Ends { from, to } }
    }

    fn party(&self, name: Option<&str>) -> Party {
        let Some(principal) = name.and_then(Principal::parse) else { return Party::Stranger };
        let is_known = match &principal {
            Principal::Agent(agent) => self.deployment.agents.contains_key(agent),
            Principal::Server(server) => principal.is_itself() || self.deployment.servers.contains_key(server),
            Principal::Operator(operator) => self.deployment.operators.contains_key(operator),
        };
        if is_known { Party::Known(principal) } else { Party::Stranger }
    }

    /// Of an agent that the deployment declares.
    fn credentials_of<'a>(&self, inner: &'a mut Inner, agent: Option<AgentName>) -> Option<&'a mut Credentials> {
        let agent = agent.filter(|agent| self.deployment.agents.contains_key(agent))?;
        Some(inner.credentials.entry(agent).or_default())
    }
}

impl Inner {
    fn decided(&mut self, ends: Ends, sequence: u64, at: Timestamp, decided: &HopDecided) {
        if self.edges.len() >= EDGES_MAX && !self.edges.contains_key(&ends) {
            self.n_left_out = self.n_left_out.saturating_add(1);
            return;
        }
        self.edges.entry(ends).or_default().decided(sequence, at, &decided.decision);
    }
}

/// The name of all whom nobody knows.
const STRANGER: &str = "stranger";
/// Edges that are told apart; of decisions on others only their number is known.
const EDGES_MAX: usize = 8_192;
