//! The carriage of a deployment, as its `[bus]` says: in this process, or at a NATS server.

use std::{fs, path::Path, sync::Arc};

use maso_bus::{
    Accounts, Bounds, Broker, BusFault, Carriage, ClientCertificate, InProcess, Layout, Lines, Nats, NatsOptions,
    NkeySeed, Seal, User,
};
use maso_identity::AuthorityKey;
use maso_intent::{BusSettings, CertificateFiles, Deployment};

use crate::{
    fault::Fault,
    state::{self, StateFolder},
};

/// What carries parcels between the mailboxes of a deployment's agents, and lines to their sidecars.
pub enum Bus {
    /// In this process. There is no way to sidecars.
    InProcess(Arc<InProcess>),
    /// At a server.
    AtServer(Arc<Nats>),
}

impl Bus {
    /// What the deployment says. At a server, the mailboxes are made, and it is asked whether it keeps what is to be promised:
    /// what starts is what was declared.
    pub async fn of(
        deployment: &Deployment,
        folder: &Path,
        state: &StateFolder,
        authority: &AuthorityKey,
    ) -> Result<Self, Fault> {
        let Some(settings) = &deployment.settings.bus else {
            return Ok(Self::InProcess(Arc::new(InProcess::new(Bounds::DEFAULT))));
        };
        Ok(Self::AtServer(Arc::new(at_server(settings, deployment, folder, state, authority).await?)))
    }

    /// What carries parcels.
    pub fn carriage(&self) -> Arc<dyn Carriage> {
        match self {
            Self::InProcess(bus) => Arc::clone(bus) as _,
            Self::AtServer(bus) => Arc::clone(bus) as _,
        }
    }

    /// Where lines of sidecars arrive, if they can.
    pub async fn lines(&self) -> Result<Option<Lines>, Fault> {
        match self {
            Self::InProcess(_) => Ok(None),
            Self::AtServer(bus) => {
                let lines = bus.lines().await.map_err(|fault| Fault::new("cannot listen for sidecars", fault))?;
                Ok(Some(lines))
            }
        }
    }
}

/// Connects to the server, and makes the mailboxes there.
pub async fn at_server(
    settings: &BusSettings,
    deployment: &Deployment,
    folder: &Path,
    state: &StateFolder,
    authority: &AuthorityKey,
) -> Result<Nats, Fault> {
    let seal = Seal::new(deployment.trust_domain.clone(), authority);
    let layout = Layout::of(&deployment.trust_domain);
    let broker = Broker {
        roots_pem: settings.roots.as_ref().map(|file| roots(&folder.join(file))).transpose()?,
        certificate: settings.certificate.as_ref().map(|files| certificate(files, folder)).transpose()?,
        ..Broker::of_mediator(settings.servers.clone(), seed(settings, folder, state)?, &layout)
    };
    let options = NatsOptions {
        promise: settings.promise,
        replicas: settings.replicas,
        ..NatsOptions::new(broker, layout, seal)
    };
    let cannot = |fault: BusFault| {
        let help = fault.help();
        Fault::new("cannot use the bus", fault).help(help)
    };
    let nats = Nats::connect(options).await.map_err(cannot)?;
    nats.prepare(Accounts::mailboxes(deployment)).await.map_err(cannot)?;
    Ok(nats)
}

/// The key of maso's own user: the file that is named, or the one that `maso bus accounts` wrote. A server that asks for no
/// key gets none.
fn seed(settings: &BusSettings, folder: &Path, state: &StateFolder) -> Result<Option<NkeySeed>, Fault> {
    let path = match &settings.credentials {
        Some(file) => folder.join(file),
        None => {
            let path = state.bus().join(User::Mediator.file());
            if !path.exists() {
                return Ok(None);
            }
            path
        }
    };
    read_seed(&path).map(Some)
}

/// Reads the key of a user of the server, which nobody but its owner may read.
pub fn read_seed(path: &Path) -> Result<NkeySeed, Fault> {
    let text = state::read_private(path).map_err(|fault| Fault::new("cannot read the key for the bus", fault))?;
    NkeySeed::parse(&text).map_err(|fault| Fault::new(format!("`{}` is no key for the bus", path.display()), fault))
}

/// The certificates that the server's must come from, as PEM.
pub fn roots(path: &Path) -> Result<Vec<u8>, Fault> {
    fs::read(path).map_err(|error| Fault::new(format!("cannot read the certificates `{}`", path.display()), error))
}

/// The certificate that the server is shown, and its key, which nobody but its owner may read.
fn certificate(files: &CertificateFiles, folder: &Path) -> Result<ClientCertificate, Fault> {
    let (certificate, key) = certificate_pem(&folder.join(&files.certificate), &folder.join(&files.key))?;
    ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes())
        .map_err(|fault| Fault::new("cannot use `[bus] certificate` and its `key`", fault))
}

/// The certificate of a user of the server and its key, as PEM.
pub fn certificate_pem(certificate: &Path, key: &Path) -> Result<(String, String), Fault> {
    let text = fs::read_to_string(certificate)
        .map_err(|error| Fault::new(format!("cannot read the certificate `{}`", certificate.display()), error))?;
    let key = state::read_private(key).map_err(|fault| Fault::new("cannot read the certificate's key", fault))?;
    Ok((text, key))
}
