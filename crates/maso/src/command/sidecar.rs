//! `maso sidecar`: invites one, and runs it.

use std::{io, net::SocketAddr, path::Path, process::ExitCode, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use maso_bus::{Caller, User};
use maso_core::{AgentName, Mode};
use maso_gateway::{Badge, BadgeFault, Dial, Way, sidecar_router};
use maso_intent::BusServers;
use maso_path::{Clock as _, SystemClock};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    assemble::{assemble, signed_in},
    bus,
    cli::{Sidecar, SidecarOrder},
    command::up::Signals,
    fault::Fault,
    screen::{self, say},
    sidecar::{Certificate, Home, Invitation, Place},
    state,
};

pub async fn run(args: Sidecar) -> Result<ExitCode, Fault> {
    match args.order {
        SidecarOrder::Invite { folder, agent, ttl, server, certificate, key, out, by, output } => {
            let certificate = certificate.as_deref().zip(key.as_deref());
            let invitation = invite(&folder.dir, (&agent, ttl), Broker { server, certificate }, by.operator).await?;
            let text = serde_json::to_string_pretty(&invitation).expect("strings and numbers are JSON");
            state::create_private(&out, text.as_bytes())
                .map_err(|fault| Fault::new("cannot write the invitation", fault))?;
            if output.json {
                screen::json(&json!({ "agent": agent.to_string(), "file": out, "expires_at": invitation.expires_at }));
            } else {
                say!("{} holds all that a sidecar of {agent} needs, secrets among it, and works once", out.display());
                say!("  maso sidecar run STATE --invitation {}", out.display());
            }
        }
        SidecarOrder::Run { state, invitation, listen, output } => {
            stand_beside(&state, invitation.as_deref(), listen, output.json).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How a sidecar comes to the broker, where that is not as maso does.
struct Broker<'a> {
    server: Option<BusServers>,
    /// The sidecar's own certificate there, and its key.
    certificate: Option<(&'a Path, &'a Path)>,
}

/// All that a sidecar of this agent has to be told.
async fn invite(
    folder: &Path,
    (agent, ttl_ms): (&AgentName, u64),
    broker: Broker<'_>,
    by: Option<maso_core::OperatorName>,
) -> Result<Invitation, Fault> {
    let assembled = assemble(folder, "sidecar", Mode::Enforce).await?;
    let Some(settings) = &assembled.deployment.settings.bus else {
        return Err(Fault::plain("the deployment has no bus, so a sidecar has no way to it")
            .help("`[bus] nats` in maso.toml says where it is (docs/bus.md)"));
    };
    let certificate = broker.certificate.map(|(certificate, key)| certificate_of(certificate, key)).transpose()?;
    if settings.certificate.is_some() && certificate.is_none() {
        return Err(Fault::plain(format!("the bus asks for certificates, and the sidecar of {agent} has none"))
            .help("`--certificate FILE --key FILE` give it its own; maso's is never handed on"));
    }
    let by = signed_in(&assembled, by).await?;
    let key = state_key(&assembled.state.bus(), agent)?;
    let roots = settings.roots.as_ref().map(|file| bus::roots(&folder.join(file))).transpose()?;
    let roots = roots.map(String::from_utf8).transpose();
    let bundle = assembled.svid_authority()?.x509_bundle(SystemClock.now());
    let place = Place {
        agent: agent.to_string(),
        trust_domain: assembled.deployment.trust_domain.to_string(),
        server: broker.server.as_ref().unwrap_or(&settings.servers).to_string(),
        broker_key: key,
        broker_roots: roots.map_err(|error| Fault::new("`[bus] roots` is no PEM", error))?,
        broker_certificate: certificate,
        bundle: bundle.iter().map(|root| STANDARD.encode(root)).collect(),
    };
    // Last, so that no token is issued for what could not be written.
    let issued = assembled.desk.invite(&by, agent, ttl_ms).await;
    let issued = issued.map_err(|fault| Fault::new("nobody was invited", fault))?;
    Ok(Invitation { place, join_token: issued.token, expires_at: issued.expires_at })
}

/// The sidecar's certificate at the broker. It is tried here, where somebody can mend it.
fn certificate_of(certificate: &Path, key: &Path) -> Result<Certificate, Fault> {
    let (certificate, key) = bus::certificate_pem(certificate, key)?;
    let certificate = Certificate { certificate, key };
    certificate.read()?;
    Ok(certificate)
}

/// The sidecar's key at the broker, where the broker asks for keys.
fn state_key(folder: &Path, agent: &AgentName) -> Result<Option<String>, Fault> {
    let path = folder.join(User::Sidecar(agent.clone()).file());
    if path.exists() {
        return Ok(Some(bus::read_seed(&path)?.expose().to_owned()));
    }
    if folder.join(User::Mediator.file()).exists() {
        return Err(Fault::plain(format!("the sidecar of {agent} has no key for the bus"))
            .help("`maso bus accounts DIR` makes it; the server has to read the new configuration"));
    }
    Ok(None)
}

/// Runs the sidecar that lives in `folder` until it is told to stop.
async fn stand_beside(folder: &Path, invitation: Option<&Path>, listen: SocketAddr, json: bool) -> Result<(), Fault> {
    if !listen.ip().is_loopback() {
        return Err(Fault::plain(format!("a sidecar does not listen on {listen}: whoever reaches it is its agent"))
            .help("`--listen 127.0.0.1:PORT`, in the network namespace, container or machine of the agent alone"));
    }
    let home = Home::open(folder)?;
    let badge = Arc::new(Badge::new(home.key()?, Arc::new(SystemClock)));
    if let Some((token, expires_at)) = home.token()? {
        badge.take_up(token, expires_at);
    }
    // Who was taken in before needs no invitation, and the one at hand may be the one that was used.
    let invitation = match badge.counts_until() {
        Some(_) => None,
        None => invitation.map(Invitation::read).transpose()?,
    };
    if let Some(invitation) = &invitation {
        home.settle(&invitation.place)?;
    }
    let Some(place) = home.place()? else {
        return Err(Fault::plain("the sidecar belongs nowhere yet")
            .help("`--invitation FILE` names what `maso sidecar invite` wrote for it"));
    };
    let way = Arc::new(way(&place).await?);
    match &invitation {
        Some(invitation) => {
            badge.join(&way, &invitation.join_token).await.map_err(not_taken_in)?;
            home.keep(badge.expose_token().expect("it was given a moment ago"))?;
        }
        None if badge.counts_until().is_none() => {
            return Err(not_taken_in(BadgeFault::NoToken));
        }
        None => {}
    }
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Fault::new(format!("cannot listen on {listen}"), error).help("`--listen 127.0.0.1:PORT` chooses another")
    })?;
    let address = listener.local_addr().map_err(|error| Fault::new("cannot tell where it listens", error))?;
    let mut signals = Signals::new();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let routes = sidecar_router(Arc::clone(&way), Arc::clone(&badge));
    let server = tokio::spawn(maso_gateway::serve(listener, routes, async move { stopped.await.unwrap_or_default() }));
    let keeping = tokio::spawn(keep(home, place.clone(), way, badge));
    greet(&place, address, json);
    signals.next().await;
    keeping.abort();
    // The receiver is gone only when the server has ended by itself.
    stop.send(()).ok();
    if tokio::time::timeout(FAREWELL, server).await.is_err() {
        tracing::debug!("connections were still open at the end");
    }
    Ok(())
}

async fn way(place: &Place) -> Result<Way, Fault> {
    let (broker, layout) = place.broker()?;
    let caller = Caller::connect(&broker, layout, place.agent()?).await.map_err(|fault| {
        Fault::new("cannot use the bus", fault)
            .help("the invitation says where it is; `maso sidecar invite --server URL` writes another")
    })?;
    let dial: Dial = Arc::new(move || {
        let caller = caller.clone();
        Box::pin(async move { caller.call().await.map_err(io::Error::other) })
    });
    Way::new(place.domain()?, &place.roots()?, dial).map_err(|fault| Fault::new("cannot ask maso", fault))
}

fn not_taken_in(fault: BadgeFault) -> Fault {
    Fault::new("the sidecar is not its agent", fault)
        .help("an invitation works once, until it ends; `maso sidecar invite` writes another")
}

/// Has the token renewed at half of its life, and asks then by what maso is known, until there is a token no more: one that has
/// ended renews nothing.
async fn keep(home: Home, mut place: Place, way: Arc<Way>, badge: Arc<Badge>) {
    while let Some(until) = badge.counts_until() {
        let rest_ms = until.since_ms(SystemClock.now());
        tokio::time::sleep(Duration::from_millis(rest_ms / 2).max(RETRY)).await;
        if let Err(fault) = badge.renew(&way).await {
            tracing::warn!(error = &fault as &dyn std::error::Error, "the agent's token was not renewed");
            continue;
        }
        let told = match way.roots().await {
            Ok(roots) => way.trust(&roots).map(|()| roots),
            Err(fault) => Err(fault),
        };
        match told {
            Ok(roots) => place = place.known_by(&roots),
            Err(fault) => {
                tracing::warn!(error = &fault as &dyn std::error::Error, "by what maso is known was not said");
            }
        }
        let kept = badge.expose_token().map_or(Ok(()), |token| home.keep(token)).and_then(|()| home.settle(&place));
        if let Err(fault) = kept {
            tracing::error!(error = %fault, "what the sidecar needs at its next start was not kept");
        }
    }
    tracing::error!("the agent's token has ended and nothing goes on: `maso sidecar invite` writes another invitation");
}

fn greet(place: &Place, address: SocketAddr, json: bool) {
    if json {
        screen::json_line(&json!({ "agent": place.agent, "address": address.to_string() }));
        return;
    }
    say!(
        "{} stands beside {} {}",
        screen::strong("maso sidecar"),
        screen::strong(&place.agent),
        screen::faint(&format!("of {}", place.trust_domain))
    );
    say!("  mcp       http://{address}/mcp/SERVER");
    say!("  messages  http://{address}/v1/messages");
    say!("  bus       {}", place.server);
    say!("            {}", screen::faint("whoever reaches these addresses is the agent: keep them its own"));
}

/// How long connections may take to close at the end.
const FAREWELL: Duration = Duration::from_secs(1);
/// How soon a renewal is tried again.
const RETRY: Duration = Duration::from_secs(5);
