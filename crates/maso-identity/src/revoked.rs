//! What no longer counts, although it is signed and not expired (IA-2.1, IA-3.4).

mod links;

use std::collections::HashSet;

use maso_core::{AgentName, HopId, InstanceId, TaskId, Timestamp};
use parking_lot::RwLock;
use uuid::Uuid;

use crate::{Basis, Thumbprint};
pub(crate) use links::LINK_KEPT_MS;
use links::Links;

/// Something that is no longer believed, from the next hop on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// One agent token by its id, or one SVID by its serial number.
    Token(Uuid),
    /// All that an agent shows, its pipe included.
    Agent(AgentName),
    /// Every token that is bound to this key.
    Key(Thumbprint),
    /// Every token of a task.
    Task(TaskId),
    /// Every token of work that was handed on by this request, all that it was handed on to, and its answer.
    Link(HopId),
    /// One instance of an agent, and all that it started.
    Instance(InstanceId),
}

impl Revocation {
    /// What it is of, and of which one, as the record has it.
    pub fn written(&self) -> (&'static str, String) {
        match self {
            Self::Token(id) => ("token", id.to_string()),
            Self::Agent(agent) => ("agent", agent.to_string()),
            Self::Key(key) => ("key", key.to_string()),
            Self::Task(task) => ("task", task.to_string()),
            Self::Link(hop) => ("delegation", hop.to_string()),
            Self::Instance(instance) => ("instance", instance.to_string()),
        }
    }

    /// Reads what [`written`](Self::written) writes.
    pub fn read(what: &str, subject: &str) -> Option<Self> {
        Some(match what {
            "token" => Self::Token(subject.parse().ok()?),
            "agent" => Self::Agent(subject.parse().ok()?),
            "key" => Self::Key(subject.parse().ok()?),
            "task" => Self::Task(subject.parse().ok()?),
            "delegation" => Self::Link(subject.parse().ok()?),
            "instance" => Self::Instance(subject.parse().ok()?),
            _ => return None,
        })
    }
}

/// All revocations in force. It grows by what operators and breakers revoke, and for a while by requests that
/// whoever made them takes back; never by what is presented.
#[derive(Debug, Default)]
pub(crate) struct Revoked(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    links: Links,
    /// Everything else, for ever.
    others: HashSet<Revocation>,
}

impl Revoked {
    /// That forgets no request, ever: what forgetting is held against.
    #[cfg(test)]
    pub(crate) fn for_ever() -> Self {
        Self(RwLock::new(Known { links: Links::keeping(u64::MAX), others: HashSet::new() }))
    }

    pub(crate) fn add(&self, revocation: Revocation, at: Timestamp) {
        let mut known = self.0.write();
        match revocation {
            Revocation::Link(link) => known.links.add(link, at),
            other => drop(known.others.insert(other)),
        }
    }

    pub(crate) fn remove(&self, revocation: &Revocation) -> bool {
        let mut known = self.0.write();
        match revocation {
            Revocation::Link(link) => known.links.remove(*link),
            other => known.others.remove(other),
        }
    }

    pub(crate) fn contains(&self, revocation: &Revocation) -> bool {
        self.0.read().contains(revocation)
    }

    /// The moment at which all has ended that rests on a request whose revocation is forgotten.
    pub(crate) fn over(&self) -> Timestamp {
        self.0.read().links.over()
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(crate) fn n_links(&self) -> usize {
        self.0.read().links.len()
    }

    /// The first thing in `basis` that no longer counts. Asked for every hop, so that nothing revoked costs nothing.
    pub(crate) fn first_of(&self, basis: &Basis) -> Option<Revocation> {
        let revoked = self.0.read();
        if revoked.links.is_empty() && revoked.others.is_empty() {
            return None;
        }
        basis.rests_on().find(|what| revoked.contains(what))
    }

    /// Whether anything of it no longer counts.
    pub(crate) fn any_of(&self, what: &[Revocation]) -> bool {
        let revoked = self.0.read();
        what.iter().any(|what| revoked.contains(what))
    }
}

impl Known {
    fn contains(&self, revocation: &Revocation) -> bool {
        match revocation {
            Revocation::Link(link) => self.links.contains(*link),
            other => self.others.contains(other),
        }
    }
}

impl Basis {
    /// Everything whose revocation ends the belief in it.
    pub fn rests_on(&self) -> impl Iterator<Item = Revocation> {
        // No part of it may be forgotten here: what is not named is not revoked.
        let Self { agent, instance, until: _, token, key, svid, task, chain, answers } = self;
        let rests_on = [
            token.map(Revocation::Token),
            agent.clone().map(Revocation::Agent),
            instance.map(Revocation::Instance),
            key.map(Revocation::Key),
            svid.and_then(|svid| svid.serial).map(Revocation::Token),
            svid.map(|svid| Revocation::Key(svid.key)),
            task.map(Revocation::Task),
            answers.map(Revocation::Link),
        ];
        // What somebody asked for rests on them as well.
        let links = chain.iter().flat_map(|chain| chain.links());
        let came_by = links.flat_map(|link| [Revocation::Agent(link.from.clone()), Revocation::Link(link.id)]);
        rests_on.into_iter().flatten().chain(came_by)
    }
}
