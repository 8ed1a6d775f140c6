//! What each agent's sidecar may do at the broker, derived from what is declared.

mod written;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use maso_core::AgentName;
use maso_intent::Deployment;

use crate::{Kind, Layout, Mailbox, layout::Way, nats::SYNCED_SUBJECT};

/// Everybody who may do something at the broker for one deployment. Whoever is not named here gets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    layout: Layout,
    users: BTreeMap<User, Access>,
}

/// Somebody with a key of the broker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum User {
    /// maso itself: makes mailboxes, and serves every agent.
    Mediator,
    /// The sidecar of one agent.
    Sidecar(AgentName),
}

/// The subjects that somebody may write to and listen to. Nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Where it may write.
    pub publish: BTreeSet<String>,
    /// What it may listen to.
    pub subscribe: BTreeSet<String>,
}

impl Accounts {
    /// What a deployment declares: each of its agents has a sidecar, which may speak to maso on lines of its own. It sees no
    /// mailbox, not even its agent's: what is in one is taken by maso, which asks whether its agent still may have it.
    pub fn of(deployment: &Deployment) -> Self {
        let layout = Layout::of(&deployment.trust_domain);
        let sidecars = deployment.agents.keys().map(|agent| (User::Sidecar(agent.clone()), of_sidecar(&layout, agent)));
        let users = sidecars.chain([(User::Mediator, of_mediator(&layout))]).collect();
        Self { layout, users }
    }

    /// Who there is, and what each may do.
    pub fn users(&self) -> impl Iterator<Item = (&User, &Access)> {
        self.users.iter()
    }

    /// The mailboxes that the agents of a deployment need.
    pub fn mailboxes(deployment: &Deployment) -> impl Iterator<Item = Mailbox> {
        let agents: Vec<_> = deployment.agents.keys().cloned().collect();
        agents.into_iter().flat_map(|agent| Kind::ALL.map(|kind| Mailbox::new(agent.clone(), kind)))
    }
}

impl User {
    /// Where its key is kept, from the folder of such keys on.
    pub fn file(&self) -> PathBuf {
        match self {
            Self::Mediator => PathBuf::from("maso.nk"),
            Self::Sidecar(agent) => Path::new("sidecars").join(format!("{agent}.nk")),
        }
    }
}

fn of_sidecar(layout: &Layout, agent: &AgentName) -> Access {
    Access {
        publish: BTreeSet::from([layout.line_opening(agent), layout.lines_of(agent, Way::Up)]),
        subscribe: BTreeSet::from([layout.lines_of(agent, Way::Down), format!("{}.>", layout.inbox(agent))]),
    }
}

/// The account is the deployment's alone, so nothing in it is anybody else's.
fn of_mediator(layout: &Layout) -> Access {
    let answers = ["$JS.API.>", "$JS.ACK.>", SYNCED_SUBJECT, "_INBOX.agent.>"].map(str::to_owned);
    Access {
        publish: answers.into_iter().chain([layout.everything(), layout.lines(Way::Down)]).collect(),
        subscribe: BTreeSet::from([
            format!("{}.>", layout.inbox_of_mediator()),
            layout.line_openings(),
            layout.lines(Way::Up),
        ]),
    }
}
