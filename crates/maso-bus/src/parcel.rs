//! What is carried: bytes of one hop, from one agent to another.

use std::{fmt, str::FromStr};

use bytes::Bytes;
use maso_core::{AgentName, HopId, Timestamp};

/// What part of a conversation a parcel is. Each has mailboxes of its own, so that no flood of one holds up another: an
/// agent that is asked too much can still be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Work that one agent asks another for.
    Request,
    /// What came of it.
    Answer,
    /// What one agent tells another unasked.
    Told,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Request, Self::Answer, Self::Told];

    /// Its name, as it stands in subjects.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Told => "told",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// Where parcels of one kind for one agent lie until they are taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox {
    /// Whose it is.
    pub of: AgentName,
    /// What lies in it.
    pub kind: Kind,
}

impl Mailbox {
    /// The mailbox of this agent for parcels of this kind.
    pub const fn new(of: AgentName, kind: Kind) -> Self {
        Self { of, kind }
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.of, self.kind)
    }
}

/// The way of a parcel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// Who sent it.
    pub from: AgentName,
    /// Where it is put.
    pub into: Mailbox,
}

impl Route {
    /// From this agent to that, as this kind.
    pub const fn new(from: AgentName, to: AgentName, kind: Kind) -> Self {
        Self { from, into: Mailbox::new(to, kind) }
    }
}

/// One thing to carry. What is in it, whoever put it there knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Parcel {
    route: Route,
    id: HopId,
    at: Timestamp,
    body: Bytes,
}

/// More than a parcel may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes, {max} fit in a parcel", max = Parcel::BODY_BYTES_MAX)]
pub struct TooLarge(pub usize);

impl Parcel {
    /// Bytes of a body: with its seal it stays below the 1 MiB that a NATS server takes unless told otherwise.
    pub const BODY_BYTES_MAX: usize = 960 << 10;

    /// A parcel. `id` is the hop that it is about, a request's own and for an answer the request's: with its route it says
    /// which parcel this is, however often it is put.
    ///
    /// # Errors
    /// When the body is larger than [`Self::BODY_BYTES_MAX`].
    pub fn new(route: Route, id: HopId, at: Timestamp, body: impl Into<Bytes>) -> Result<Self, TooLarge> {
        let body = body.into();
        if body.len() > Self::BODY_BYTES_MAX { Err(TooLarge(body.len())) } else { Ok(Self { route, id, at, body }) }
    }

    /// Its way.
    pub const fn route(&self) -> &Route {
        &self.route
    }

    /// The hop that it is about.
    pub const fn id(&self) -> HopId {
        self.id
    }

    /// When it was put, as its sender's process knows.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// What is in it.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What agents say to each other belongs into no line of a log.
        write!(f, "Parcel({} {} to {}, {} bytes)", self.id, self.route.from, self.route.into, self.body.len())
    }
}
