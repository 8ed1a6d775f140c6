//! The door for a client at the other end of a pipe: one line is one frame.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use maso_core::{AgentName, Principal, ServerName};
use maso_wire::{
    Credential,
    mcp::{self, Code, Frame, Id, Method, Reply, Request, Revision, meta},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    task::JoinSet,
};

use crate::{
    calls::Call,
    client::{Ends, Inflight, Session, one_line},
    gateway::Gateway,
    outlet::{Outlet, Weight},
    proxy::Asked,
    unbroken::Unbroken,
    upstream::bounded_line,
};

/// Serves one client over a pipe, as `agent`, until it closes its side; what has begun is finished first, also when the
/// pipe breaks.
///
/// # Errors
/// When the client's side can no longer be written to.
pub async fn serve_stdio(
    gateway: Arc<Gateway>,
    agent: AgentName,
    server: ServerName,
    stdin: impl AsyncRead + Send + Unpin,
    stdout: impl AsyncWrite + Send + Unpin + 'static,
) -> std::io::Result<()> {
    let out = Arc::new(Outlet::new());
    let mut writing = tokio::spawn(write(Arc::clone(&out), stdout));
    let mut client = Client {
        gateway,
        server,
        credential: Credential::Pipe(Principal::Agent(agent)),
        out: Arc::clone(&out),
        session: None,
        stateless: Arc::new(Inflight::default()),
        listening: Vec::new(),
        serving: JoinSet::new(),
    };
    let bytes_max = client.gateway.decider.deployment().settings.limits.frame_bytes_max;
    let mut reader = BufReader::new(stdin);
    loop {
        let line = tokio::select! {
            line = bounded_line(&mut reader, bytes_max) => line,
            written = &mut writing => {
                client.see_out().await;
                return written.unwrap_or(Ok(()));
            }
        };
        match line {
            Ok(Some(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
            Ok(Some(line)) => client.take(&line).await,
            Ok(None) => break,
            Err(reason) => {
                // Nobody can say where the next frame would begin.
                client.reply(None, &mcp::error(Code::InvalidRequest, &reason, None));
                break;
            }
        }
    }
    client.stop_listening().await;
    tokio::select! {
        () = async { while client.serving.join_next().await.is_some() {} } => {}
        written = &mut writing => {
            client.see_out().await;
            return written.unwrap_or(Ok(()));
        }
    }
    out.close();
    writing.await.unwrap_or(Ok(()))
}

struct Client {
    gateway: Arc<Gateway>,
    server: ServerName,
    credential: Credential,
    out: Arc<Outlet>,
    session: Option<Arc<Session>>,
    stateless: Arc<Inflight>,
    /// Requests that end only when they are taken back.
    listening: Vec<Weak<Call>>,
    serving: JoinSet<()>,
}

impl Client {
    async fn take(&mut self, line: &[u8]) {
        while self.serving.try_join_next().is_some() {}
        let limits = self.gateway.decider.deployment().settings.limits;
        match Frame::parse(line, &limits) {
            Err(fault) => self.reply(fault.id.as_ref(), &mcp::error(fault.code, &fault.reason, None)),
            Ok(Frame::Request(request)) => self.serve(request),
            Ok(Frame::Notification(told)) => {
                let stateless = (told.method == Method::Cancelled.as_str())
                    .then(|| told.params_value().get("requestId").and_then(Id::of))
                    .flatten()
                    .and_then(|id| self.stateless.find(&id));
                if let Some(call) = stateless {
                    call.cancel().await;
                } else if let Some(session) = &self.session {
                    self.gateway.client_told(session, &told).await;
                }
            }
            Ok(Frame::Response(response)) => {
                if let Some(session) = self.session.clone() {
                    let (gateway, credential) = (Arc::clone(&self.gateway), self.credential.clone());
                    self.serving.spawn(async move { gateway.client_answered(credential, &session, response).await });
                }
            }
        }
    }

    fn serve(&mut self, request: Request) {
        let id = request.id.clone();
        let (revision, session) = match self.era(&request) {
            Ok(era) => era,
            Err(reply) => return self.reply(Some(&id), &reply),
        };
        let admits =
            session.as_ref().map_or_else(|| self.stateless.admits(&id), |session| session.inflight().admits(&id));
        if !admits {
            return self.reply(
                Some(&id),
                &mcp::error(Code::InvalidRequest, "the id is in use, or too many requests are", None),
            );
        }
        let ends = match Method::parse(&request.method) {
            Some(Method::SubscriptionsListen) => Ends::NeverListens,
            _ => Ends::Never,
        };
        let asked = Arc::new(Asked::new(
            self.credential.clone(),
            None,
            revision,
            self.server.clone(),
            session.clone(),
            request,
        ));
        let (call, serving) = self.gateway.serve(&asked, Arc::clone(&self.out));
        let begun =
            session.as_ref().map_or_else(|| self.stateless.begin(&call), |session| session.inflight().begin(&call));
        debug_assert!(begun, "it was admitted just now, and nobody else begins requests here");
        if ends == Ends::NeverListens {
            self.listening.retain(|known| known.strong_count() > 0);
            self.listening.push(Arc::downgrade(&call));
        }
        let (gateway, out) = (Arc::clone(&self.gateway), Arc::clone(&self.out));
        // Finished also when the client is gone: what has begun is kept for when it comes back.
        self.serving.spawn(Unbroken::new(async move {
            tokio::join!(serving, gateway.put_reply(&call, &out, ends));
            if !call.is_abandoned() {
                gateway.calls.delivered(&call);
            }
        }));
    }

    /// The revision in which a request is to be understood, and the session that it belongs to.
    fn era(&mut self, request: &Request) -> Result<(Revision, Option<Arc<Session>>), Reply> {
        if let Some(version) = request.meta(meta::PROTOCOL_VERSION) {
            return stateless_era(request, version).map(|revision| (revision, None));
        }
        if request.method == Method::Initialize.as_str() {
            let requested = request.params_value().get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
            let revision = Revision::for_handshake(requested);
            let session = Session::new(self.server.clone(), revision, Arc::clone(&self.out));
            self.session = Some(Arc::clone(&session));
            return Ok((revision, Some(session)));
        }
        match &self.session {
            Some(session) => Ok((session.revision, Some(Arc::clone(session)))),
            None if request.method == Method::Discover.as_str() => {
                Err(mcp::error(Code::InvalidParams, "`_meta` names no protocol version", None))
            }
            None => Err(mcp::error(Code::InvalidRequest, "the session is not initialized", None)),
        }
    }

    fn reply(&self, id: Option<&Id>, reply: &Reply) {
        self.out.push(one_line(mcp::response(id, reply)), Weight::Must);
    }

    async fn stop_listening(&self) {
        for call in self.listening.iter().filter_map(Weak::upgrade) {
            call.cancel().await;
        }
    }

    /// The client is gone. What has begun is finished before the process may end, for as long as a server may take:
    /// otherwise there would be effects whose outcome nobody noted.
    async fn see_out(&mut self) {
        self.abandon_all();
        self.stop_listening().await;
        let wait = Duration::from_millis(self.gateway.decider.deployment().settings.server_wait_ms);
        let finished = async { while self.serving.join_next().await.is_some() {} };
        if tokio::time::timeout(wait, finished).await.is_err() {
            tracing::warn!("a call was still under way when its client's pipe had long been broken");
        }
    }

    fn abandon_all(&self) {
        let with_session = self.session.iter().flat_map(|session| session.inflight().all());
        for call in with_session.chain(self.stateless.all()) {
            call.abandon();
        }
    }
}

/// The revision of a request that names one itself.
pub(crate) fn stateless_era(request: &Request, version: &Value) -> Result<Revision, Reply> {
    let revision = version.as_str().and_then(Revision::parse).filter(|revision| revision.is_stateless());
    let Some(revision) = revision else {
        let supported: Vec<_> = Revision::ALL.iter().rev().map(|known| known.as_str()).collect();
        let data = json!({ "supported": supported, "requested": version });
        return Err(mcp::error(Code::UnsupportedVersion, "Unsupported protocol version", Some(data)));
    };
    if !request.meta(meta::CLIENT_CAPABILITIES).is_some_and(Value::is_object) {
        return Err(mcp::error(Code::InvalidParams, "`_meta` declares no client capabilities", None));
    }
    Ok(revision)
}

async fn write(out: Arc<Outlet>, mut stdout: impl AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut from = 0;
    while let Some((number, frame)) = out.next(from).await {
        from = number + 1;
        stdout.write_all(&frame).await?;
        stdout.write_all(b"\n").await?;
        stdout.flush().await?;
    }
    Ok(())
}
