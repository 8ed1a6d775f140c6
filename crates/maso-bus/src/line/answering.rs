//! The end of a line at which it arrives: maso's.

use std::{collections::BTreeMap, sync::Arc};

use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt as _;
use maso_core::AgentName;
use parking_lot::Mutex;
use tokio::io::duplex;

use super::{
    CHUNK, LINES_MAX, LINES_OF_AGENT_MAX, Line,
    calling::{FULL, TAKEN},
    pump::Pump,
};
use crate::{
    Layout, Unavailable,
    layout::{LineId, Way},
    nats::{Link, Nats},
};

/// Where lines of sidecars arrive, at one process of maso.
#[derive(Debug)]
pub struct Lines {
    client: async_nats::Client,
    link: Link,
    layout: Layout,
    opened: Subscriber,
    open: Arc<Open>,
}

/// A line that arrived.
#[derive(Debug)]
pub struct Answered {
    /// The agent whose key the broker knows its caller by. Who speaks on it says so there.
    pub agent: AgentName,
    /// The line.
    pub line: Line,
}

impl Nats {
    /// Begins to take lines. Of several processes, each line comes to one.
    ///
    /// # Errors
    /// When the server cannot be told.
    pub async fn lines(&self) -> Result<Lines, Unavailable> {
        let (client, link, layout) = self.parts();
        let unavailable = |error: &dyn std::fmt::Display| Unavailable(error.to_string());
        let opened = client.queue_subscribe(layout.line_openings(), QUEUE.to_owned()).await;
        let opened = opened.map_err(|error| unavailable(&error))?;
        // The server takes what comes on a connection in its order: once it answers, it knows who takes lines.
        client.request(ROUND_TRIP, Bytes::new()).await.map_err(|error| unavailable(&error))?;
        Ok(Lines { client: client.clone(), link: link.clone(), layout: layout.clone(), opened, open: Arc::default() })
    }
}

impl Lines {
    /// Waits for the next line. None, when there will be none any more.
    pub async fn next(&mut self) -> Option<Answered> {
        loop {
            let message = self.opened.next().await?;
            match self.answer(&message).await {
                Ok(Some(answered)) => return Some(answered),
                Ok(None) => tracing::warn!(subject = %message.subject, "a line was not taken"),
                Err(error) => tracing::debug!(%error, "a line was not taken"),
            }
        }
    }

    async fn answer(&self, message: &Message) -> Result<Option<Answered>, Box<dyn std::error::Error + Send + Sync>> {
        let (Ok(agent), Ok(id), Some(reply)) =
            (self.layout.line_opener(&message.subject), LineId::read(&message.payload), message.reply.clone())
        else {
            return Ok(None);
        };
        let Some(place) = self.open.place(&agent) else {
            self.client.publish(reply, Bytes::from_static(FULL)).await?;
            return Ok(None);
        };
        let ear = self.client.subscribe(self.layout.line(&agent, &id, Way::Up)).await?;
        self.client.publish(reply, Bytes::from_static(TAKEN)).await?;
        let mouth = self.layout.line(&agent, &id, Way::Down).into();
        let pump = Pump { ear, mouth, client: self.client.clone(), link: self.link.clone() };
        let (near, far) = duplex(CHUNK);
        tokio::spawn(async move {
            pump.run(far).await;
            drop(place);
        });
        Ok(Some(Answered { agent, line: near }))
    }
}

/// How many lines are open, and whose.
#[derive(Debug, Default)]
struct Open(Mutex<BTreeMap<AgentName, usize>>);

/// One of them. It is free again when this is dropped.
struct Place {
    open: Arc<Open>,
    agent: AgentName,
}

impl Open {
    fn place(self: &Arc<Self>, agent: &AgentName) -> Option<Place> {
        let mut open = self.0.lock();
        let n_own = open.get(agent).copied().unwrap_or_default();
        if n_own >= LINES_OF_AGENT_MAX || open.values().sum::<usize>() >= LINES_MAX {
            return None;
        }
        open.insert(agent.clone(), n_own + 1);
        Some(Place { open: Arc::clone(self), agent: agent.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.0.lock();
        if let Some(n_own) = open.get_mut(&self.agent) {
            *n_own -= 1;
            if *n_own == 0 {
                open.remove(&self.agent);
            }
        }
    }
}

/// Something that every server with JetStream answers, and maso may ask.
const ROUND_TRIP: &str = "$JS.API.INFO";
/// Under what name the processes of one deployment share what arrives.
const QUEUE: &str = "maso";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests {
    use super::*;

    #[test]
    fn no_agent_takes_the_lines_of_another() {
        let open = Arc::new(Open::default());
        let (greedy, modest): (AgentName, AgentName) = ("intake".parse().unwrap(), "payment".parse().unwrap());
        let mut places: Vec<_> = (0..LINES_OF_AGENT_MAX).map(|_| open.place(&greedy).unwrap()).collect();
        assert!(open.place(&greedy).is_none());
        assert!(open.place(&modest).is_some());
        places.pop();
        assert!(open.place(&greedy).is_some(), "a line that is over makes room");
        drop(places);
        assert!(open.0.lock().is_empty());
    }
}
