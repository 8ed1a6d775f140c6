//! The way by which work came to whoever does it.

use std::collections::BTreeSet;

use maso_core::{AgentName, HopId, RequestName, Timestamp};

use super::{DataScope, Quota, Remit};

/// One agent asked another for work, and the request was released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The hop that asked.
    pub id: HopId,
    /// Who asked.
    pub from: AgentName,
    /// Who was asked.
    pub to: AgentName,
    /// For what.
    pub request: RequestName,
    /// What may be done for it.
    pub remit: Remit,
    /// The data that may be used for it; `None` for whatever the remit leads to.
    pub data: Option<DataScope>,
    /// How much may be done for it.
    pub quota: Quota,
    /// Over how many further requests it may be handed on; `None` where the grant does not say.
    pub depth: Option<u8>,
    /// When it ends; `None` with its task.
    pub until: Option<Timestamp>,
}

/// How a task came to whoever works on it: who may begin it, and each request since, the first one first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// The agents to which the task was given; empty for all of its workflow.
    pub(crate) holders: BTreeSet<AgentName>,
    // INVARIANT: whom a link leads to is who makes the next.
    pub(crate) links: Vec<Link>,
}

/// Why work of a task is not this agent's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTheirs<'a> {
    /// The task was given to others, and nobody asked it.
    Given(&'a BTreeSet<AgentName>),
    /// Somebody else was asked.
    Asked(&'a AgentName),
}

impl Chain {
    /// The requests, the first one first.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Whether an agent may show it: it was asked last or, where nobody was asked, the task was given to it.
    ///
    /// # Errors
    /// Whose it is.
    pub fn is_of(&self, agent: &AgentName) -> Result<(), NotTheirs<'_>> {
        match self.links.last() {
            Some(last) if last.to != *agent => Err(NotTheirs::Asked(&last.to)),
            None if !self.holders.is_empty() && !self.holders.contains(agent) => Err(NotTheirs::Given(&self.holders)),
            Some(_) | None => Ok(()),
        }
    }

    /// The request that may be handed on no further, if there is one.
    pub fn ends_at(&self) -> Option<&Link> {
        let further = |place: usize| self.links.len() - place - 1;
        let mut links = self.links.iter().enumerate();
        links
            .find(|(place, link)| link.depth.is_some_and(|depth| further(*place) >= usize::from(depth)))
            .map(|(_, link)| link)
    }

    /// The moment at which the first of its requests ends.
    pub fn until(&self) -> Option<Timestamp> {
        self.links.iter().filter_map(|link| link.until).min()
    }

    /// Whether it holds as many requests as a token may.
    pub fn is_full(&self) -> bool {
        self.links.len() >= LINKS_MAX
    }
}

/// How many requests may come one after another in a token. A mandate sets less (`max_delegation_depth`).
pub(crate) const LINKS_MAX: usize = 8;
