//! From a folder to a running path: read, parse, open the record.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use maso_control::{Desk, Secrets};
use maso_core::{Mode, OperatorName};
use maso_gateway::{Doors, Gateway, Parts};
use maso_guard::{Config, Deselected, Scanner};
use maso_identity::{AuthorityKey, PassphraseHash, SvidSettings, Trust, TrustSettings};
use maso_intent::{Change, Deployment, Severity, SignedVersions, Source, Transport};
use maso_judge::Panel;
use maso_log::PayloadKey;
use maso_path::{Clock as _, OpenFault, Signers, Sources, SystemClock, SystemIds};
use maso_spiffe::Authority as SvidAuthority;

use crate::{
    bus::Bus,
    fault::Fault,
    folder,
    state::{StateFault, StateFolder},
};

/// A deployment that is open.
pub struct Assembled {
    /// What was declared.
    pub deployment: Arc<Deployment>,
    /// The path.
    pub path: Arc<maso_path::Path>,
    /// Where people give orders.
    pub desk: Arc<Desk>,
    /// What is kept beside the declaration.
    pub state: StateFolder,
    authority: AuthorityKey,
    folder: PathBuf,
}

impl Assembled {
    /// The bus between agents, and to their sidecars.
    pub async fn bus(&self) -> Result<Bus, Fault> {
        Bus::of(&self.deployment, &self.folder, &self.state, &self.authority).await
    }

    /// The doors before the path, and this bus behind them.
    pub fn gateway(&self, doors: Doors, bus: &Bus) -> Arc<Gateway> {
        Gateway::new(Parts {
            path: Arc::clone(&self.path),
            trust: Arc::clone(self.path.trust()),
            clock: Arc::clone(self.path.clock()),
            ids: Arc::clone(self.path.ids()),
            authority: self.authority.clone(),
            folder: self.folder.clone(),
            doors,
            carriage: bus.carriage(),
        })
    }

    /// Where the Workload API is to be served, if anywhere.
    pub fn workload_socket(&self) -> Option<PathBuf> {
        // A client is told this path, and may run in another folder.
        let socket = self.deployment.settings.workload_socket.as_ref()?;
        Some(absolute(&self.folder).join(socket))
    }

    /// Whether the trust domain's authority has something to do: SVIDs are issued here, or shown here.
    pub fn needs_svids(&self) -> bool {
        let settings = &self.deployment.settings;
        settings.workload_socket.is_some() || settings.tls.is_some() || settings.bus.is_some()
    }

    /// The trust domain's authority from the deployment's state.
    pub fn svid_authority(&self) -> Result<Arc<SvidAuthority>, Fault> {
        let domain = self.deployment.trust_domain.clone();
        let authority = SvidAuthority::open(self.state.path(), domain, self.path.clock().now())
            .map_err(|fault| Fault::new("cannot use the trust domain's authority", fault))?;
        Ok(Arc::new(authority))
    }

    /// What a path means that the deployment's files name.
    pub fn in_folder(&self, path: &Path) -> PathBuf {
        absolute(&self.folder).join(path)
    }
}

/// Reads and parses the deployment in `folder`.
pub fn declared(folder: &Path) -> Result<(Deployment, Source), Fault> {
    let source = folder::read(folder).map_err(|fault| {
        Fault::new(format!("cannot open the deployment `{}`", folder.display()), fault)
            .help("`maso init DIR --from FILE` writes one from an MCP client's configuration")
    })?;
    match maso_intent::parse(&source) {
        Ok(deployment) => Ok((deployment, source)),
        Err(problems) => {
            let n_errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
            let first = problems.iter().next().map_or_else(String::new, |problem| {
                format!("{}:{}:{}: {}", problem.file, problem.line, problem.column, problem.message)
            });
            let errors = if n_errors == 1 { "an error" } else { &format!("{n_errors} errors, the first") };
            Err(Fault::plain(format!("the deployment has {errors}: {first}"))
                .help(format!("`maso check {}` shows all of them with their remedies", folder.display())))
        }
    }
}

/// How a deployment is opened.
pub struct Opening {
    /// What the process serves, for the record.
    pub role: &'static str,
    /// Whether decisions bind.
    pub mode: Mode,
    /// Whose signatures count.
    pub signers: Signers,
}

impl Opening {
    /// For a process that serves as `role`.
    pub fn new(role: &'static str, mode: Mode) -> Self {
        Self { role, mode, signers: Signers::AsBefore }
    }
}

/// Opens the deployment in `folder` for a process that serves as `role`.
pub async fn assemble(folder: &Path, role: &'static str, mode: Mode) -> Result<Assembled, Fault> {
    assemble_as(folder, Opening::new(role, mode)).await
}

/// Opens the deployment in `folder`.
pub async fn assemble_as(folder: &Path, opening: Opening) -> Result<Assembled, Fault> {
    let (deployment, source) = declared(folder)?;
    let history = SignedVersions::of(&deployment, &source);
    // Servers run in the deployment's folder, so nothing they are told may depend on where this program was started.
    let state = StateFolder::open(&absolute(folder))
        .map_err(|fault| Fault::new("cannot open the deployment's state", fault))?;
    open(deployment, state, opening, &history.changes()).await
}

/// Opens a parsed deployment with its state. `changes` are what has changed in it since it was signed.
pub async fn open(
    mut deployment: Deployment,
    state: StateFolder,
    opening: Opening,
    changes: &[Change],
) -> Result<Assembled, Fault> {
    substitute(&mut deployment, &state)?;
    let secrets = |fault: StateFault| Fault::new("cannot use the deployment's secrets", fault);
    let authority = state.authority().map_err(secrets)?;
    let passphrases = state
        .passphrases()
        .map_err(secrets)?
        .into_iter()
        .filter_map(|(operator, hash)| Some((operator, hash.parse::<PassphraseHash>().ok()?)))
        .collect();
    let payloads = state.payload_secret().map_err(secrets)?;
    let deployment = Arc::new(deployment);
    let sources = sources(&deployment, &authority, payloads.wrapping(), opening)?;
    let path = maso_path::Path::open(&state.log(), sources).await.map_err(|fault| match fault {
        OpenFault::Unapproved(why) => Fault::new("the deployment does not start", why)
            .and(changes.iter().map(|change| format!("{change} since it was last signed")))
            .help("`maso sign DIR --verify` says who has to sign, `maso sign DIR --as OPERATOR` signs"),
        fault => Fault::new("cannot open the path", fault),
    })?;
    let path = Arc::new(path);
    let secrets = Secrets { authority: authority.clone(), passphrases, payload_key: payloads.checking() };
    let desk = Arc::new(Desk::new(Arc::clone(&path), state.log(), secrets));
    let folder = state.path().parent().map_or_else(PathBuf::new, Path::to_owned);
    Ok(Assembled { deployment, path, desk, state, authority, folder })
}

fn sources(
    deployment: &Arc<Deployment>,
    authority: &AuthorityKey,
    payload_key: PayloadKey,
    opening: Opening,
) -> Result<Sources, Fault> {
    let clock = SystemClock;
    let mut settings = TrustSettings::new(deployment.trust_domain.clone(), authority.public(), clock.now());
    settings.bearer_on_loopback = deployment.settings.bearer_on_loopback;
    settings.svids = svids(deployment);
    settings.proof_window_ms = deployment.settings.proof_window_ms;
    let panel = Panel::from_deployment(deployment, &|name| std::env::var(name).ok())
        .map_err(|fault| Fault::new("cannot seat the judges", fault))?;
    Ok(Sources {
        deployment: Arc::clone(deployment),
        trust: Arc::new(Trust::new(settings)),
        scanner: Arc::new(Scanner::with(Config { deselected: deselected(deployment) })),
        panel,
        mode: opening.mode,
        clock: Arc::new(clock),
        ids: Arc::new(SystemIds),
        role: opening.role,
        signers: opening.signers,
        payload_key,
    })
}

/// Whose X.509-SVIDs are believed, as the mandates have it.
fn svids(deployment: &Deployment) -> SvidSettings {
    let agents = || deployment.agents.iter();
    SvidSettings {
        ms_max: agents().map(|(name, _)| (name.clone(), deployment.credential_ms_max(name))).collect(),
        workloads: agents().filter_map(|(name, mandate)| Some((mandate.workload.clone()?, name.clone()))).collect(),
    }
}

/// The controls that the deployment switched off, each with a reason and an owner on the record.
pub fn deselected(deployment: &Deployment) -> Vec<Deselected> {
    let deselected = deployment.deselected.iter();
    deselected.map(|one| Deselected { control: one.control.clone(), until: one.until }).collect()
}

/// Fills in what a declaration cannot know: where this program lies, and where the deployment keeps data.
fn substitute(deployment: &mut Deployment, state: &StateFolder) -> Result<(), Fault> {
    let program = std::env::current_exe().map_err(|error| Fault::new("cannot tell where this program lies", error))?;
    // A server is started in the deployment's folder, from where a relative path would lead elsewhere.
    let data = absolute(state.path()).join("data");
    let fill = |text: &str| {
        text.replace("${MASO_EXE}", &program.to_string_lossy()).replace("${DATA}", &data.to_string_lossy())
    };
    for server in deployment.servers.values_mut() {
        if let Transport::Stdio { command, args, .. } = &mut Arc::make_mut(server).transport {
            *command = fill(command);
            args.iter_mut().for_each(|arg| *arg = fill(arg));
        }
    }
    Ok(())
}

/// The operator who gives an order, signed in by passphrase.
pub async fn signed_in(assembled: &Assembled, operator: Option<OperatorName>) -> Result<maso_control::SignedIn, Fault> {
    let operator = operator.ok_or_else(|| {
        Fault::plain("nobody gives this order").help("name an operator of maso.toml with `--as OPERATOR`")
    })?;
    let passphrase = passphrase(&format!("passphrase of {operator}: "))?;
    let now = SystemClock.now();
    assembled.desk.sign_in(operator.as_str(), passphrase, now).await.map_err(|fault| {
        Fault::new(format!("`{operator}` is not signed in"), fault)
            .help(format!("`maso operators passphrase --operator {operator}` sets the passphrase"))
    })
}

/// A passphrase, from MASO_PASSPHRASE or from the terminal without showing it.
pub fn passphrase(prompt: &str) -> Result<String, Fault> {
    match std::env::var("MASO_PASSPHRASE") {
        Ok(passphrase) => Ok(passphrase),
        Err(_) => rpassword::prompt_password(prompt).map_err(|error| {
            Fault::new("cannot ask for a passphrase", error).help("set MASO_PASSPHRASE where there is no terminal")
        }),
    }
}

/// The absolute form of a deployment's folder, for messages and child processes.
pub fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}
