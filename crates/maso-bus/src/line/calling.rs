//! The end of a line at which it begins: the sidecar's.

use bytes::Bytes;
use maso_core::AgentName;
use tokio::io::duplex;

use super::{CHUNK, Line, pump::Pump};
use crate::{
    Broker, BusFault, Layout, Unavailable,
    layout::{LineId, Way},
    nats::Link,
};

/// A sidecar at the broker: from here lines go to maso.
#[derive(Clone, Debug)]
pub struct Caller {
    client: async_nats::Client,
    link: Link,
    layout: Layout,
    agent: AgentName,
}

impl Caller {
    /// Connects to the broker as the sidecar of this agent.
    ///
    /// # Errors
    /// When it is not reached.
    pub async fn connect(broker: &Broker, layout: Layout, agent: AgentName) -> Result<Self, BusFault> {
        let (client, link) = Link::connect(broker).await?;
        Ok(Self { client, link, layout, agent })
    }

    /// A new line to maso, to whichever of its processes is the first to answer.
    ///
    /// # Errors
    /// When the broker is not reached, or no process of maso takes the line.
    pub async fn call(&self) -> Result<Line, Unavailable> {
        if !self.link.is_up() {
            return Err(Unavailable("there is no connection to the NATS server".to_owned()));
        }
        let id = LineId::random();
        let cannot = |error: String| Unavailable(format!("no line to maso: {error}"));
        // Heard before it is asked for: the broker has both in this order.
        let ear = self.client.subscribe(self.layout.line(&self.agent, &id, Way::Down)).await;
        let ear = ear.map_err(|error| cannot(error.to_string()))?;
        let asked = self.client.request(self.layout.line_opening(&self.agent), Bytes::copy_from_slice(id.as_bytes()));
        let answer = asked.await.map_err(|error| cannot(error.to_string()))?;
        if answer.payload.as_ref() != TAKEN {
            return Err(cannot("maso takes no more".to_owned()));
        }
        let mouth = self.layout.line(&self.agent, &id, Way::Up).into();
        let pump = Pump { ear, mouth, client: self.client.clone(), link: self.link.clone() };
        let (near, far) = duplex(CHUNK);
        tokio::spawn(pump.run(far));
        Ok(near)
    }
}

/// What maso says to a line that it takes.
pub(super) const TAKEN: &[u8] = b"+";
/// What it says to one more than there may be.
pub(super) const FULL: &[u8] = b"-";
