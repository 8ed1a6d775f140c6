//! How a NATS server is reached, and what is expected of it.

use std::{fmt, sync::Arc, time::Duration};

use maso_core::AgentName;
use maso_intent::{BusServers, Durability, Replicas};
use nkeys::{KeyPair, KeyPairType};

use super::ClientCertificate;
use crate::{Bounds, Layout, Seal};

/// How a NATS server is reached, and as whom.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Where it is, or where those of its cluster are: when one is lost, the client goes on with another.
    pub servers: BusServers,
    /// The user's key; a server that asks for none gets none.
    pub seed: Option<NkeySeed>,
    /// Below what the server's answers come. The user must be allowed to listen there.
    pub inbox: String,
    /// The certificates that the server's must come from, as PEM; those of the system where it is absent.
    pub roots_pem: Option<Vec<u8>>,
    /// The certificate that a server is shown which asks for one.
    pub certificate: Option<ClientCertificate>,
    /// How long the server may take for an answer.
    pub within: Duration,
}

impl Broker {
    /// As maso itself.
    pub fn of_mediator(servers: BusServers, seed: Option<NkeySeed>, layout: &Layout) -> Self {
        Self::of(servers, seed, layout.inbox_of_mediator())
    }

    /// As the sidecar of an agent.
    pub fn of_sidecar(servers: BusServers, seed: Option<NkeySeed>, layout: &Layout, agent: &AgentName) -> Self {
        Self::of(servers, seed, layout.inbox(agent))
    }

    fn of(servers: BusServers, seed: Option<NkeySeed>, inbox: String) -> Self {
        Self { servers, seed, inbox, roots_pem: None, certificate: None, within: Duration::from_secs(5) }
    }
}

/// What maso expects of the NATS server that has its mailboxes.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// How it is reached. What it takes to put, end and reach a mailbox is bounded there too.
    pub broker: Broker,
    /// Names in the broker.
    pub layout: Layout,
    /// What makes parcels the deployment's own.
    pub seal: Seal,
    /// What mailboxes hold.
    pub bounds: Bounds,
    /// What being put must mean.
    pub promise: Durability,
    /// On how many machines each mailbox lies.
    pub replicas: Replicas,
    /// After how long a parcel is handed out again whose taker is not heard of any more.
    pub redeliver_after: Duration,
}

impl NatsOptions {
    /// What a deployment gets.
    pub const fn new(broker: Broker, layout: Layout, seal: Seal) -> Self {
        Self {
            broker,
            layout,
            seal,
            bounds: Bounds::DEFAULT,
            promise: Durability::Stored,
            replicas: Replicas::One,
            redeliver_after: Duration::from_secs(30),
        }
    }
}

/// The private key of a user of a NATS server, as its seed (`SU…`).
#[derive(Clone)]
pub struct NkeySeed {
    seed: Arc<str>,
    public: Arc<str>,
}

/// Not the seed of a user's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the seed of a NATS user: `SU` and 56 more letters and digits were expected")]
pub struct SeedError;

impl NkeySeed {
    /// The key of these 32 random bytes.
    ///
    /// # Panics
    /// Never: 32 bytes are a seed.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        let pair = KeyPair::new_from_raw(KeyPairType::User, bytes).expect("32 bytes are a seed");
        Self::of(&pair).expect("a new key pair has its seed")
    }

    /// Reads a seed, as it stands in a file.
    ///
    /// # Errors
    /// When it is none, or not a user's.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        let pair = KeyPair::from_seed(text.trim()).map_err(|_| SeedError)?;
        if matches!(pair.key_pair_type(), KeyPairType::User) { Self::of(&pair) } else { Err(SeedError) }
    }

    fn of(pair: &KeyPair) -> Result<Self, SeedError> {
        Ok(Self { seed: pair.seed().map_err(|_| SeedError)?.into(), public: pair.public_key().into() })
    }

    /// The public half (`U…`), which the server's configuration names.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The seed itself. Write it where only its user can read it.
    pub fn expose(&self) -> &str {
        &self.seed
    }
}

impl fmt::Debug for NkeySeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NkeySeed({})", self.public)
    }
}
