//! What each agent's sidecar may do at the broker, derived from what mandates grant.

mod written;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use maso_core::AgentName;
use maso_intent::Deployment;

use crate::{Kind, Layout, Mailbox, Route, layout::CONSUMER, nats::SYNCED_SUBJECT};

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
    /// What the mandates of a deployment grant: an agent reads and ends what lies in its own mailboxes, asks whom a grant lets
    /// it ask, answers whom a grant lets ask it, and tells what a declaration lets it tell. It makes no mailbox, sees no other's, and hears no other's answers.
    pub fn of(deployment: &Deployment) -> Self {
        let layout = Layout::of(&deployment.trust_domain);
        let mut users: BTreeMap<User, Access> =
            deployment.agents.keys().map(|agent| (User::Sidecar(agent.clone()), of_sidecar(&layout, agent))).collect();
        let mut may = |sender: &AgentName, route: &Route| {
            if let Some(access) = users.get_mut(&User::Sidecar(sender.clone())) {
                access.publish.insert(layout.subject(route));
            }
        };
        for agent in deployment.agents.keys() {
            let authority = deployment.authority(agent);
            for (asked, _) in authority.requests() {
                may(agent, &Route::new(agent.clone(), asked.clone(), Kind::Request));
                may(asked, &Route::new(asked.clone(), agent.clone(), Kind::Answer));
            }
            for (told, _) in authority.tells() {
                may(agent, &Route::new(agent.clone(), told.clone(), Kind::Told));
            }
        }
        users.insert(User::Mediator, of_mediator(&layout));
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
    let mut access = Access::default();
    for kind in Kind::ALL {
        let stream = layout.stream(&Mailbox::new(agent.clone(), kind));
        access.publish.extend([
            format!("$JS.API.CONSUMER.INFO.{stream}.{CONSUMER}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{CONSUMER}"),
            format!("$JS.ACK.{stream}.{CONSUMER}.>"),
        ]);
    }
    access.subscribe.insert(format!("{}.>", layout.inbox(agent)));
    access
}

/// The account is the deployment's alone, so nothing in it is anybody else's.
fn of_mediator(layout: &Layout) -> Access {
    Access {
        publish: ["$JS.API.>", "$JS.ACK.>", SYNCED_SUBJECT]
            .map(str::to_owned)
            .into_iter()
            .chain([layout.everything()])
            .collect(),
        subscribe: BTreeSet::from([format!("{}.>", layout.inbox_of_mediator())]),
    }
}
