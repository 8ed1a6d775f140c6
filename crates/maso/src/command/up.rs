//! `maso up`: serves a deployment until it is told to stop.

use std::{
    collections::BTreeSet,
    future::Future,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use futures::future::BoxFuture;
use maso_core::{Mode, Phase, Scope, ServerName};
use maso_gateway::{Doors, Gateway, KnownAs, Tls};
use maso_intent::{Deployment, TlsSettings};
use maso_path::Signers;
use maso_spiffe::{Authority, WorkloadApi};
use maso_wire::KnownHosts;
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind},
    sync::oneshot,
    task::JoinHandle,
};

use crate::screen::say;
use crate::{
    assemble::{Assembled, Opening, assemble_as},
    cli::Up,
    command::operators,
    fault::Fault,
    screen, tls,
};

/// How often what only time changes is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long connections may take to close when nothing is under way any more.
const FAREWELL: Duration = Duration::from_secs(1);

pub async fn run(args: Up) -> Result<ExitCode, Fault> {
    let mode = if args.observe { Mode::Observe } else { Mode::Enforce };
    let signers = if args.accept_new_signers { Signers::Anew } else { Signers::AsBefore };
    let assembled = assemble_as(&args.folder.dir, Opening { signers, ..Opening::new("up", mode) }).await?;
    let serving = serve(&assembled, args.listen).await?;
    // Heard from here on: whoever reads that it serves may tell it to stop at once.
    let mut signals = Signals::new();
    greet(&assembled, &serving, args.json)?;
    signals.next().await;
    serving.stop(&mut signals).await;
    assembled.path.recorder().flush().await.map_err(|fault| Fault::new("the record was not finished", fault))?;
    Ok(ExitCode::SUCCESS)
}

/// A deployment that is being served.
pub struct Serving {
    /// Where.
    pub address: SocketAddr,
    /// The tool servers that were not there when it began; whoever calls one of their tools tries again to reach it.
    pub absent: BTreeSet<ServerName>,
    gateway: Arc<Gateway>,
    drain: Duration,
    /// How it is reached over TLS, if it is.
    pub secure_url: Option<String>,
    servers: Vec<Server>,
    /// What goes on beside it: looking at the clock, and after certificates.
    beside: Vec<JoinHandle<()>>,
    workload: Option<Workload>,
}

/// One listener that is being served.
struct Server {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

/// The Workload API that is being served beside it.
struct Workload {
    socket: PathBuf,
    server: Server,
}

impl Serving {
    /// Ends what is being served: no new connection; what is under way is finished, for as long as the deployment says, or
    /// until the next signal; children stopped.
    pub async fn stop(self, signals: &mut Signals) {
        let ending = self.servers.into_iter().map(|Server { task, stop }| {
            // The receiver is gone only when the server has ended by itself.
            stop.send(()).ok();
            task
        });
        let ending: Vec<_> = ending.collect();
        tokio::select! {
            is_over = self.gateway.drain(self.drain) => if !is_over {
                tracing::warn!("requests were still under way after {} ms", self.drain.as_millis());
            },
            () = signals.next() => tracing::warn!("told to stop at once: requests that were under way are broken off"),
        }
        self.beside.iter().for_each(JoinHandle::abort);
        self.gateway.stop();
        if let Some(Workload { server: Server { task, stop }, .. }) = self.workload {
            // As above: it may have ended by itself. It takes its socket with it.
            stop.send(()).ok();
            if tokio::time::timeout(FAREWELL, task).await.is_err() {
                tracing::debug!("the Workload API was still open at the end");
            }
        }
        // What remains are answers on their way, and pages that would listen on.
        if tokio::time::timeout(FAREWELL, futures::future::join_all(ending)).await.is_err() {
            tracing::debug!("connections were still open at the end");
        }
    }
}

/// Serves gateway, API and console on one listener, and on one over TLS where the deployment has one.
pub async fn serve(assembled: &Assembled, listen: Option<SocketAddr>) -> Result<Serving, Fault> {
    let settings = &assembled.deployment.settings;
    let wanted = listen.unwrap_or(settings.listen);
    let (listener, address) = bind(
        wanted,
        "`--listen ADDRESS:PORT` or `[listen] address` in maso.toml chooses another; port 0 takes a free one",
    )
    .await?;
    let authority = assembled.needs_svids().then(|| assembled.svid_authority()).transpose()?;
    if let Some(authority) = &authority {
        tls::vouch(&assembled.path, authority);
    }
    let federated = tls::federate(assembled).await?;
    let secure = match (&settings.tls, &authority) {
        (Some(tls), Some(authority)) => Some(Secure::open(assembled, authority, tls).await?),
        _ => None,
    };
    let secure_url = secure.as_ref().map(|secure| secure.url.clone());
    let doors = doors(&assembled.deployment, address, secure.as_ref());
    let (hosts, base_url) = (Arc::new(doors.hosts.clone()), doors.base_url.clone());
    let bus = assembled.bus().await?;
    let gateway = assembled.gateway(doors, &bus);
    let strangers = {
        let _waiting = screen::waiting("asking the servers for their tools");
        gateway.meet_servers().await
    };
    for (server, why) in &strangers {
        tracing::warn!("`{server}` did not say which tools it has, so they stay blocked: {why}");
    }
    let absent = strangers.into_iter().map(|(server, _)| server).collect();
    let routes = |base_url: &str| routes(assembled, &gateway, &hosts, authority.as_ref(), base_url);
    let mut servers = Vec::new();
    let app = routes(&base_url);
    servers.push(Server::new(|stopped| maso_gateway::serve(listener, app, stopped)));
    let path = &assembled.path;
    let mut beside = vec![tokio::spawn(watch_the_clock(Arc::clone(path), Arc::clone(&gateway)))];
    let mut known = Vec::new();
    if let Some(Secure { listener, url, tls, certificate }) = secure {
        let app = routes(&url);
        servers.push(Server::new(|stopped| maso_gateway::serve_over_tls(listener, app, tls, stopped)));
        known.push(certificate);
    }
    if let (Some(lines), Some(authority)) = (bus.lines().await?, &authority) {
        let (certificate, tls, url) = tls::Known::for_sidecars(assembled, authority)?;
        let app = routes(&url);
        servers.push(Server::new(|stopped| maso_gateway::serve_lines(lines, app, tls, stopped)));
        known.push(certificate);
    }
    if let Some(authority) = &authority {
        beside.push(tokio::spawn(tls::keep(Arc::clone(path), Arc::clone(authority), known)));
    }
    beside.extend(federated.map(|federated| tokio::spawn(federated.keep())));
    let drain = Duration::from_millis(settings.drain_ms);
    let workload = workload(assembled, authority.as_ref())?;
    Ok(Serving { address, absent, gateway, drain, secure_url, servers, beside, workload })
}

/// All that a listener serves; proofs on it are made for `base_url`.
fn routes(
    assembled: &Assembled,
    gateway: &Arc<Gateway>,
    hosts: &Arc<KnownHosts>,
    authority: Option<&Arc<Authority>>,
    base_url: &str,
) -> Router {
    let desk = Arc::clone(&assembled.desk);
    let bundle = authority.map(|authority| {
        let (authority, clock) = (Arc::clone(authority), Arc::clone(assembled.path.clock()));
        maso_control::http::bundle_router(hosts, move || authority.bundle_document(clock.now()))
    });
    Router::new()
        .merge(maso_gateway::router(Arc::clone(gateway)))
        .merge(maso_control::http::router(Arc::clone(&desk), hosts))
        .merge(maso_control::http::joining_router(Arc::clone(&desk), hosts, base_url))
        .merge(bundle.unwrap_or_default())
        .merge(maso_control::http::only_for(
            hosts,
            maso_console::router(move |headers| maso_control::http::signed_in(&desk, headers).is_some()),
        ))
}

async fn bind(wanted: SocketAddr, help: &'static str) -> Result<(TcpListener, SocketAddr), Fault> {
    let listener = TcpListener::bind(wanted)
        .await
        .map_err(|error| Fault::new(format!("cannot listen on {wanted}"), error).help(help))?;
    let address = listener.local_addr().map_err(|error| Fault::new("cannot tell where it listens", error))?;
    Ok((listener, address))
}

/// The listener over TLS, before it is served.
struct Secure {
    listener: TcpListener,
    url: String,
    tls: Arc<Tls>,
    certificate: tls::Known,
}

impl Secure {
    async fn open(assembled: &Assembled, authority: &Arc<Authority>, settings: &TlsSettings) -> Result<Self, Fault> {
        let help = "`[listen.tls] address` in maso.toml chooses another; port 0 takes a free one";
        let (listener, address) = bind(settings.listen, help).await?;
        let name = settings.names.first().map_or_else(|| address.ip().to_string(), ToString::to_string);
        let url = format!("https://{name}:{}", address.port());
        let (certificate, tls) = tls::Known::open(assembled, authority, settings, KnownAs(url.as_str().into()))?;
        Ok(Self { listener, url, tls, certificate })
    }
}

impl Server {
    /// Serves as `serve` does until it is told to stop.
    fn new<S: Future<Output = ()> + Send + 'static>(serve: impl FnOnce(BoxFuture<'static, ()>) -> S) -> Self {
        let (stop, stopped) = oneshot::channel();
        let stopped = async move { stopped.await.unwrap_or_default() };
        Self { task: tokio::spawn(serve(Box::pin(stopped))), stop }
    }
}

/// Serves the Workload API, where the deployment has a socket for it.
fn workload(assembled: &Assembled, authority: Option<&Arc<Authority>>) -> Result<Option<Workload>, Fault> {
    let (Some(socket), Some(authority)) = (assembled.workload_socket(), authority) else { return Ok(None) };
    let api = WorkloadApi::new(Arc::clone(&assembled.path), Arc::clone(authority));
    let listening = maso_spiffe::listen(&socket).map_err(|fault| {
        Fault::new("cannot serve the Workload API", fault).help("`[workload_api] socket` in maso.toml says where it is")
    })?;
    let server = Server::new(|stopped| async move {
        if let Err(fault) = listening.serve(api, stopped).await {
            tracing::error!(error = &fault as &dyn std::error::Error, "the Workload API is served no more");
        }
    });
    Ok(Some(Workload { socket, server }))
}

/// How agents and browsers reach this listener: from this machine, at its own address, and where it says it is known.
fn doors(deployment: &Deployment, address: SocketAddr, secure: Option<&Secure>) -> Doors {
    let (settings, domain) = (&deployment.settings, &deployment.trust_domain);
    let mut doors = Doors::on_loopback(address.port());
    if !address.ip().is_unspecified() {
        doors.hosts = doors.hosts.and_host(match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        });
    }
    if let Some(url) = &settings.public_url {
        let origin = url.origin().ascii_serialization();
        doors.hosts = doors.hosts.and_host(url.host_str().unwrap_or_default()).and_origin(&origin);
        doors.base_url = origin;
    }
    if let (Some(tls), Some(Secure { url, .. })) = (&settings.tls, secure) {
        let port = url.rsplit_once(':').map_or("", |(_, port)| port);
        for name in &tls.names {
            doors.hosts = doors.hosts.and_host(name.to_string()).and_origin(format!("https://{name}:{port}"));
        }
    }
    if settings.bus.is_some() {
        // What a sidecar asks comes over the broker, to nobody's address.
        doors.hosts = doors.hosts.and_host(domain.as_str());
    }
    doors
}

/// Closes what only time closes, and lets go of all servers when the deployment is stopped.
async fn watch_the_clock(path: Arc<maso_path::Path>, gateway: Arc<Gateway>) {
    let mut ticks = tokio::time::interval(TICK);
    let mut was_stopped = false;
    loop {
        ticks.tick().await;
        if let Err(fault) = path.tick().await {
            tracing::error!(error = &fault as &dyn std::error::Error, "what time has closed could not be recorded");
        }
        gateway.tick();
        let is_stopped = path.world().standing().phase_of(&Scope::Deployment) == Phase::Emergency;
        if is_stopped && !was_stopped {
            tracing::warn!("Emergency: sessions are ended and tool servers stopped");
            gateway.stop();
        }
        was_stopped = is_stopped;
    }
}

fn greet(assembled: &Assembled, serving: &Serving, json: bool) -> Result<(), Fault> {
    let deployment = &assembled.deployment;
    let Serving { address, absent, secure_url, workload, .. } = serving;
    let link = operators::link(deployment, &assembled.state, &deployment.accountable_human, &address.to_string())?;
    if json {
        let servers = deployment.servers.keys().map(ToString::to_string).chain(["maso".to_owned()]);
        let doors = servers.map(|server| (server.clone(), format!("http://{address}/mcp/{server}").into()));
        let mut told = serde_json::json!({
            "deployment": deployment.name,
            "version": deployment.digest.to_string(),
            "signers": deployment.approval.signers().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "mode": assembled.path.world().mode().to_string(),
            "mcp": doors.collect::<serde_json::Map<String, serde_json::Value>>(),
            "absent": absent.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "console": format!("http://{address}/console"),
            "sign_in": link,
        });
        if let Some(bus) = &deployment.settings.bus {
            told["bus"] = serde_json::json!({ "server": bus.servers.to_string(), "promise": bus.promise.as_str() });
        }
        if let Some(url) = secure_url {
            told["tls"] = url.as_str().into();
        }
        if let Some(Workload { socket, .. }) = workload {
            told["workload_api"] = format!("unix://{}", socket.display()).into();
        }
        screen::json_line(&told);
        return Ok(());
    }
    say!(
        "{} serves {} {}",
        screen::strong("maso"),
        screen::strong(&deployment.name),
        screen::faint(&format!("tier {}, {} agents", deployment.tier.number(), deployment.agents.len()))
    );
    if assembled.path.world().mode() == Mode::Observe {
        say!("{} decisions are recorded and nothing is blocked", screen::yellow("OBSERVING"));
    }
    let signers: Vec<_> = deployment.approval.signers().iter().map(ToString::to_string).collect();
    if signers.is_empty() {
        say!("{} nobody approved this version by signature", screen::yellow("UNSIGNED"));
    } else {
        say!("  signed   {}", signers.join(", "));
    }
    for server in deployment.servers.keys() {
        let note = if absent.contains(server) { "  its server is absent" } else { "" };
        say!("  mcp      http://{address}/mcp/{server}{}", screen::yellow(note));
    }
    say!("  mcp      http://{address}/mcp/maso");
    if let Some(url) = secure_url {
        say!("  tls      {url}");
    }
    if let Some(bus) = &deployment.settings.bus {
        say!("  bus      {}  {}", bus.servers, screen::faint(bus.promise.as_str()));
    }
    if let Some(Workload { socket, .. }) = workload {
        say!("  spiffe   unix://{}", socket.display());
    }
    say!("  console  http://{address}/console");
    say!("  sign in  {link}");
    say!("           {}", screen::faint("once, within ten minutes, as the accountable human"));
    Ok(())
}

/// What tells the process to stop, from the moment of its making on.
pub struct Signals(Option<(Signal, Signal)>);

impl Signals {
    /// Hears them from now on.
    pub fn new() -> Self {
        let hear = |kind| tokio::signal::unix::signal(kind);
        let heard = hear(SignalKind::terminate()).and_then(|terminate| Ok((terminate, hear(SignalKind::interrupt())?)));
        Self(heard.inspect_err(|error| tracing::error!(%error, "cannot hear signals")).ok())
    }

    /// Waits for the next. Where none can be heard, it stops at once: a process that nobody can stop must not serve.
    pub async fn next(&mut self) {
        let Some((terminate, interrupt)) = &mut self.0 else { return };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}
