//! Whether the server is reached, as the client hears of it.

use std::{sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, Event};
use tokio::sync::watch;

use super::{Broker, BusFault, tls};

/// Whether the server is reached. It is tried again and again: whoever waits goes on by itself.
#[derive(Clone, Debug)]
pub(crate) struct Link(watch::Receiver<bool>);

impl Link {
    /// Connects, once: a server that is not there at the start is a mistake that somebody should hear of.
    pub(crate) async fn connect(broker: &Broker) -> Result<(Client, Self), BusFault> {
        let (tell, told) = watch::channel(true);
        let tell = Arc::new(tell);
        let connecting = match &broker.seed {
            Some(seed) => ConnectOptions::with_nkey(seed.expose().to_owned()),
            None => ConnectOptions::new(),
        }
        .name("maso")
        .custom_inbox_prefix(&broker.inbox)
        .connection_timeout(broker.within)
        .request_timeout(Some(broker.within))
        .ping_interval(PING_INTERVAL)
        .subscription_capacity(WAITING_MAX)
        // Never less than was asked for, whatever the server says it can do.
        .require_tls(broker.servers.is_encrypted())
        .tls_client_config(tls::config(broker).map_err(BusFault::Tls)?)
        // The server's own word on where else to go is not the configuration's.
        .ignore_discovered_servers()
        .max_reconnects(None)
        .reconnect_delay_callback(|n_attempts| {
            let doubled = 1_u64 << n_attempts.min(7);
            Duration::from_millis(20 * doubled).min(RECONNECT_MAX)
        })
        .event_callback(move |event| {
            let tell = Arc::clone(&tell);
            async move {
                match event {
                    Event::Connected => {
                        tracing::info!("the bus is reached");
                        tell.send_replace(true);
                    }
                    Event::Disconnected | Event::Closed => {
                        tracing::warn!("the bus is not reached any more; it is tried again");
                        tell.send_replace(false);
                    }
                    // What it was about is in the event; nothing of what is carried is.
                    other => tracing::warn!(event = %other, "the bus says"),
                }
            }
        });
        let addresses: Vec<&str> = broker.servers.addresses().collect();
        let client = connecting
            .connect(addresses)
            .await
            .map_err(|error| BusFault::Unreached { servers: broker.servers.clone(), source: Box::new(error) })?;
        Ok((client, Self(told)))
    }

    /// Whether the server is reached.
    pub(crate) fn is_up(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when the server is reached.
    pub(crate) async fn up(&self) {
        self.until(true).await;
    }

    /// Resolves when it is not reached any more.
    pub(crate) async fn down(&self) {
        self.until(false).await;
    }

    async fn until(&self, reached: bool) {
        let mut told = self.0.clone();
        // A client that is gone for good reaches nothing: whoever waits for that has its own limit.
        if told.wait_for(|is_reached| *is_reached == reached).await.is_err() && reached {
            std::future::pending::<()>().await;
        }
    }
}

/// A peer that answers to nothing is noticed within two of these.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How many messages of one subscription may wait for whoever reads them. More are lost, and who numbers them notices.
const WAITING_MAX: usize = 2_048;
const RECONNECT_MAX: Duration = Duration::from_secs(2);
