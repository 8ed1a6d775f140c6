//! Streams of notifications at stateless servers.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use maso_wire::mcp::{Members, Method};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::{
    listening::{listener::Listener, wanted::Wanted},
    room::Room,
    upstream::{Answer, Leg, LegFault, stateless_meta},
};

/// A stream at a stateless server.
pub(super) struct Stream {
    pub(super) acknowledged: Option<oneshot::Sender<Value>>,
    /// For whom; nobody in particular where the client has a session.
    pub(super) listener: Weak<Listener>,
}

/// A stream at a stateless server, until it is dropped.
pub(super) struct Ear {
    room: Weak<Room>,
    leg: Weak<Leg>,
    pub(super) id: i64,
}

impl Room {
    /// Has a stateless server tell of changed lists, as one with sessions does unasked. Not waited for: what a client asks
    /// meanwhile does not depend on it.
    pub(crate) fn follow_lists(self: &Arc<Self>, leg: &Arc<Leg>) {
        let all = json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true });
        let Ok(wanted) = Wanted::of(&all, &leg.met().capabilities) else { return };
        if self.revision.is_stateless() || !leg.met().revision.is_stateless() || wanted.topics.is_empty() {
            return;
        }
        let (room, leg) = (Arc::downgrade(self), Arc::downgrade(leg));
        tokio::spawn(async move {
            let (Some(room), Some(leg)) = (room.upgrade(), leg.upgrade()) else { return };
            match room.open_ear(&leg, &wanted, Weak::new()).await {
                Ok((ear, _, _)) => *room.listening.lists.lock() = Some(ear),
                Err(fault) => tracing::debug!(server = %room.server, %fault, "its lists cannot be followed"),
            }
        });
    }

    /// Opens a stream at a stateless server; gives what it agreed to of what was wanted, and what comes at its end.
    pub(super) async fn open_ear(
        self: &Arc<Self>,
        leg: &Arc<Leg>,
        wanted: &Wanted,
        listener: Weak<Listener>,
    ) -> Result<(Ear, Wanted, oneshot::Receiver<Result<Answer, LegFault>>), LegFault> {
        let id = leg.fresh_id();
        let (acknowledged, agreed) = oneshot::channel();
        let ear = Ear { room: Arc::downgrade(self), leg: Arc::downgrade(leg), id };
        self.listening.streams.lock().insert(id, Stream { acknowledged: Some(acknowledged), listener });
        let mut params = Members::new();
        params.set_value("notifications", &wanted.filter());
        params.set_value("_meta", &stateless_meta(self.capabilities()));
        let mut ended = leg.begin_listening(id, &params).await?;
        let agreed = async {
            tokio::select! {
                agreed = agreed => agreed.map_err(|_| LegFault::Broken("the connection ended".to_owned())),
                ended = &mut ended => Err(match ended {
                    Ok(Err(fault)) => fault,
                    Ok(Ok(_)) | Err(_) => LegFault::Broken("the server opens no stream".to_owned()),
                }),
            }
        };
        let silent = |_| LegFault::Broken("the server did not acknowledge the stream".to_owned());
        let agreed = tokio::time::timeout(ACKNOWLEDGE_WAIT, agreed).await.map_err(silent)??;
        // What nobody asked for is nobody's, whatever the server says.
        let offered = json!({
            "tools": { "listChanged": wanted.topics.contains(&Method::ToolsChanged) },
            "prompts": { "listChanged": wanted.topics.contains(&Method::PromptsChanged) },
            "resources": { "listChanged": wanted.topics.contains(&Method::ResourcesChanged), "subscribe": true },
        });
        let mut honoured = Wanted::of(&agreed, &offered).unwrap_or_default();
        honoured.resources.retain(|uri| wanted.resources.contains(uri));
        Ok((ear, honoured, ended))
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        if let Some(room) = self.room.upgrade() {
            room.listening.streams.lock().remove(&self.id);
        }
        if let (Some(leg), Ok(runtime)) = (self.leg.upgrade(), tokio::runtime::Handle::try_current()) {
            let id = self.id;
            runtime.spawn(async move { leg.cancel(id).await });
        }
    }
}

const ACKNOWLEDGE_WAIT: Duration = Duration::from_secs(30);
