//! Meeting servers: before anything of a server is called, what it publishes is compared with what was approved. That
//! happens when maso starts to serve; a server that was silent then is met by the first call that needs it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use maso_core::{Act, ServerName, ToolName, ToolRef};
use maso_intent::{ServerManifest, ToolDefinition};
use maso_wire::mcp::Revision;
use parking_lot::RwLock;
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    gateway::Gateway,
    inquiry::{Deaf, able, definitions},
    proxy::Asked,
    upstream::{Leg, LegFault, Wish},
};

/// The latest meeting with each server. One is held at a time, and all who need it wait for the same.
#[derive(Default)]
pub(crate) struct Meetings(RwLock<BTreeMap<ServerName, Meeting>>);

/// What came of a meeting; `None` while it goes on.
type Met = Option<Result<(), LegFault>>;
type Meeting = watch::Receiver<Met>;

impl Meetings {
    /// Whether the server has said what it has.
    pub(crate) fn has_met(&self, server: &ServerName) -> bool {
        self.0.read().get(server).is_some_and(|meeting| matches!(*meeting.borrow(), Some(Ok(()))))
    }

    /// It said so, on whichever connection.
    fn met(&self, server: &ServerName) {
        if !self.has_met(server) {
            self.0.write().insert(server.clone(), watch::channel(Some(Ok(()))).1);
        }
    }

    /// The meeting that was held or goes on; where there is none, or it came to nothing, `hold` begins another.
    fn join(&self, server: &ServerName, hold: impl FnOnce(watch::Sender<Met>)) -> Meeting {
        let mut meetings = self.0.write();
        if let Some(meeting) = meetings.get(server) {
            let counts = match &*meeting.borrow() {
                Some(met) => met.is_ok(),
                // Without a sender it broke off.
                None => meeting.has_changed().is_ok(),
            };
            if counts {
                return meeting.clone();
            }
        }
        let (done, meeting) = watch::channel(None);
        meetings.insert(server.clone(), meeting.clone());
        hold(done);
        meeting
    }
}

impl Gateway {
    /// Asks each server once which tools it has, so that their definitions are compared with the approved ones before
    /// an agent asks for anything. What comes back are the servers that did not say in time, and why: their tools stay
    /// blocked until they do, which is asked again when one of them is called.
    pub async fn meet_servers(&self) -> Vec<(ServerName, String)> {
        let deployment = self.decider.deployment();
        let meetings = deployment.servers.values().map(|manifest| async {
            let fault = match tokio::time::timeout(MEETING, self.meet(manifest)).await {
                Ok(Ok(())) => return None,
                Ok(Err(fault)) => fault.to_string(),
                Err(_) => format!("it did not answer within {} s", MEETING.as_secs()),
            };
            Some((manifest.name.clone(), fault))
        });
        futures::future::join_all(meetings).await.into_iter().flatten().collect()
    }

    /// Meets the server of a tool before the first call of it, trying again for as long as a caller may wait: a client
    /// need not ask for anything else first, and a tool that nobody has seen published cannot be called. Strangers, and
    /// agents whose mandate does not name the tool, make us reach out to nobody.
    pub(crate) async fn meet_before_call(&self, asked: &Asked, act: &Act) {
        let Act::CallTool(tool) = act else { return };
        let deployment = self.decider.deployment();
        let dry_run = deployment.tool(tool).and_then(|manifest| Some(&manifest.dry_run.as_ref()?.tool.server));
        for server in std::iter::once(&tool.server).chain(dry_run) {
            self.meet_for(asked, act, server).await;
        }
    }

    /// Meets a server on which something is called for this request.
    async fn meet_for(&self, asked: &Asked, act: &Act, server: &ServerName) {
        if self.meetings.has_met(server) {
            return;
        }
        let deployment = self.decider.deployment();
        let Some(manifest) = deployment.servers.get(server) else { return };
        let Ok(agent) = self.decider.shown(&asked.credential) else { return };
        if self.decider.is_stopped(&agent) || !deployment.authority(&agent).permits(act) {
            return;
        }
        let met = async {
            while let Err(fault) = self.meet(manifest).await {
                tracing::debug!(server = %manifest.name, %fault, "the server of a first call cannot be met yet");
                tokio::time::sleep(self.upstreams.left_alone_for(&manifest.name).max(PAUSE_MIN)).await;
            }
        };
        if tokio::time::timeout(MEETING, met).await.is_err() {
            tracing::warn!(server = %manifest.name, "did not say which tools it has, so they stay blocked");
        }
    }

    /// Waits for the meeting with a server. It goes on when nobody waits any more.
    async fn meet(&self, manifest: &ServerManifest) -> Result<(), LegFault> {
        let mut meeting = self.meetings.join(&manifest.name, |done| {
            let (gateway, manifest) = (self.shared(), manifest.clone());
            tokio::spawn(async move { done.send_replace(Some(gateway.hold_meeting(&manifest).await)) });
        });
        let met = meeting.wait_for(Option::is_some).await.ok().and_then(|met| met.clone());
        met.unwrap_or_else(|| Err(LegFault::NotSent("the meeting broke off".to_owned())))
    }

    async fn hold_meeting(&self, manifest: &ServerManifest) -> Result<(), LegFault> {
        let wish = Wish { revision: Revision::V2025_11_25, capabilities: able() };
        let settings = &self.decider.deployment().settings;
        let leg = self.upstreams.open(manifest, settings, wish, Arc::new(Deaf), None).await?;
        self.note_definitions(&leg, &able()).await
    }

    /// Notes what a server publishes on this connection: another one may have published something else.
    pub(crate) async fn note_definitions(&self, leg: &Arc<Leg>, capabilities: &Value) -> Result<(), LegFault> {
        let noted = definitions(leg, capabilities).await?.into_iter().filter_map(|definition| {
            let name: ToolName = definition.get("name")?.as_str()?.parse().ok()?;
            leg.learn_schema(name.as_str(), &definition["inputSchema"]);
            let tool = ToolRef::new(leg.server().clone(), name);
            self.mirrors.learn(&tool, &definition["inputSchema"]);
            Some((tool, ToolDefinition::new(definition)))
        });
        self.decider.published(noted.collect()).await;
        self.meetings.met(leg.server());
        Ok(())
    }
}

/// How long maso waits for its servers before it serves anybody, and a first call for its server.
const MEETING: Duration = Duration::from_secs(20);
const PAUSE_MIN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_meeting_at_a_time_is_shared_by_all() {
        let meetings = Meetings::default();
        let server: ServerName = "notes".parse().unwrap();
        let mut held = Vec::new();
        let mut first = meetings.join(&server, |done| held.push(done));
        let mut second = meetings.join(&server, |_| panic!("one is under way"));
        assert!(!meetings.has_met(&server));
        held.pop().unwrap().send_replace(Some(Err(LegFault::NotSent("down".to_owned()))));
        for meeting in [&mut first, &mut second] {
            assert!(matches!(*meeting.wait_for(Option::is_some).await.unwrap(), Some(Err(_))));
        }
        // One that failed, or broke off, is held again.
        drop(meetings.join(&server, drop));
        let mut third = meetings.join(&server, |done| held.push(done));
        held.pop().unwrap().send_replace(Some(Ok(())));
        assert!(matches!(*third.wait_for(Option::is_some).await.unwrap(), Some(Ok(()))));
        assert!(meetings.has_met(&server));
        meetings.join(&server, |_| panic!("it was met"));
    }
}
