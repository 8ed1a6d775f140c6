//! A deployment over a temporary record whose agent is this very process, or is not.

use std::{
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::StreamExt as _;
use maso_core::{Digest, Mode, SpiffeId, Timestamp};
use maso_guard::Scanner;
use maso_identity::{AuthorityKey, Trust, TrustSettings};
use maso_intent::Source;
use maso_judge::Panel;
use maso_log::v1::{Body, Killed, Revoked, SvidIssued};
use maso_path::{Clock, Path, Signers, Sources, SystemClock, SystemIds};
use maso_seal::LocalKey;
use spiffe::WorkloadApiClient;
use tempfile::TempDir;
use tonic::{Request, Status, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

use super::super::messages::{Nothing, X509SvidResponse};
use crate::{Authority, Peer, Program, Programs, WorkloadApi, listen};

/// Which process the agent is declared to be.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// This one.
    This,
    /// One of this user that runs a shell.
    Shell,
    /// This program, and another user.
    OtherUser,
    /// This user, and another program.
    OtherProgram,
    /// This user and program, and another control group.
    OtherGroup,
    /// None.
    Undeclared,
    /// This one, as which another agent is declared too.
    Both,
}

pub struct Rig {
    pub api: Arc<WorkloadApi>,
    pub authority: Arc<Authority>,
    pub socket: PathBuf,
    path: Arc<Path>,
    clock: Arc<Ahead>,
    folder: TempDir,
}

/// The system's clock, put forward.
#[derive(Debug, Default)]
struct Ahead(AtomicU64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_ms(self.0.load(Ordering::SeqCst))
    }
}

impl Rig {
    pub async fn serving(who: Who) -> Self {
        Self::living(who, "1h").await
    }

    /// As [`Rig::serving`], where tokens live for so long.
    pub async fn living(who: Who, ttl: &str) -> Self {
        Self::with(who, 1, ttl).await
    }

    /// As [`Rig::serving`], at this tier.
    pub async fn at_tier(tier: u8, ttl: &str) -> Self {
        Self::with(Who::This, tier, ttl).await
    }

    async fn with(who: Who, tier: u8, ttl: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(Ahead::default());
        let path = open(&folder, &source(who, tier, ttl), Arc::clone(&clock)).await;
        let keys = folder.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        let domain = path.world().deployment().trust_domain.clone();
        let authority = Arc::new(Authority::open(&keys, domain, clock.now()).unwrap());
        let api = WorkloadApi::new(Arc::clone(&path), Arc::clone(&authority));
        let socket = folder.path().join("api.sock");
        tokio::spawn(listen(&socket).unwrap().serve(Arc::clone(&api), std::future::pending()));
        Self { api, authority, socket, path, clock, folder }
    }

    /// A client that is not ours.
    pub async fn client(&self) -> WorkloadApiClient {
        WorkloadApiClient::connect_to(format!("unix://{}", self.socket.display())).await.unwrap()
    }

    /// A call that no client makes.
    pub async fn raw(&self, method: &str, metadata: Option<&'static str>) -> Result<(), Status> {
        let socket = self.socket.clone();
        let connect = tower::service_fn(move |_| {
            let socket = socket.clone();
            async move {
                Ok::<_, std::io::Error>(hyper_util::rt::TokioIo::new(tokio::net::UnixStream::connect(socket).await?))
            }
        });
        let channel = tonic::transport::Endpoint::from_static("http://localhost").connect_with_connector(connect).await;
        let mut client = tonic::client::Grpc::new(channel.unwrap());
        client.ready().await.unwrap();
        let mut request = Request::new(Nothing {});
        if let Some(value) = metadata {
            request.metadata_mut().insert("workload.spiffe.io", value.parse().unwrap());
        }
        let method: PathAndQuery = format!("/SpiffeWorkloadAPI/{method}").parse().unwrap();
        let codec = ProstCodec::<Nothing, X509SvidResponse>::default();
        let answer = client.server_streaming(request, method, codec).await?;
        answer.into_inner().message().await.map(|_| ())
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass.
    pub fn pass(&self, ms: u64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub fn writer(&self) -> SpiffeId {
        SpiffeId { trust_domain: self.authority.domain().clone(), agent: "writer".parse().unwrap() }
    }

    /// This process, as a peer.
    pub fn this(&self) -> Peer {
        Peer::running(i32::try_from(std::process::id()).unwrap(), uid())
    }

    /// A child, as a peer.
    pub fn peer(&self, child: &std::process::Child) -> Peer {
        Peer::running(i32::try_from(child.id()).unwrap(), uid())
    }

    /// Revokes something by its kind and name.
    pub async fn revoke(&self, what: &str, subject: &str) {
        let [what, subject] = [what, subject].map(str::to_owned);
        let revoked = Revoked { what, subject, by: "operator:owner".to_owned(), reason: "drill".to_owned() };
        self.path.recorder().record(Body::Revoked(revoked)).await.unwrap();
    }

    /// Pulls the kill switch for a scope, in another process over the same record.
    pub async fn kill_from_another_process(&self, scope: &str) {
        let other = open(&self.folder, &source(Who::This, 1, "1h"), Arc::clone(&self.clock)).await;
        let killed = Killed { scope: scope.to_owned(), by: "operator:owner".to_owned(), reason: "drill".to_owned() };
        other.recorder().record(Body::Killed(killed)).await.unwrap();
    }

    /// All that is on the record now.
    pub async fn record(&self) -> Vec<Body> {
        self.path.recorder().flush().await.unwrap();
        let last = usize::try_from(self.path.recorder().last_sequence()).unwrap();
        self.path.recorder().tail(1).take(last).map(|record| record.body.clone()).collect().await
    }

    /// What was issued, as the record has it.
    pub async fn issued(&self) -> Vec<SvidIssued> {
        let issued = |body| match body {
            Body::SvidIssued(issued) => Some(*issued),
            _ => None,
        };
        self.record().await.into_iter().filter_map(issued).collect()
    }
}

async fn open(folder: &TempDir, source: &Source, clock: Arc<Ahead>) -> Arc<Path> {
    let deployment = Arc::new(match maso_intent::parse(source) {
        Ok(deployment) => deployment,
        Err(problems) => panic!("{:#?}", problems.into_vec()),
    });
    let authority = AuthorityKey::from_seed([7; 32]);
    let settings = TrustSettings::new(deployment.trust_domain.clone(), authority.public(), clock.now());
    let sources = Sources {
        panel: Panel::from_deployment(&deployment, &|_| None).unwrap(),
        deployment,
        trust: Arc::new(Trust::new(settings)),
        scanner: Arc::new(Scanner::new()),
        mode: Mode::Enforce,
        clock,
        ids: Arc::new(SystemIds),
        role: "test",
        signers: Signers::AsBefore,
        payload_key: Arc::new(LocalKey::new(&[7; 32])),
    };
    Arc::new(Path::open(&folder.path().join("log.db"), sources).await.unwrap())
}

fn uid() -> u32 {
    std::fs::metadata("/proc/self").unwrap().uid()
}

fn source(who: Who, tier: u8, ttl: &str) -> Source {
    let mut source = maso_intent::minimal();
    let maso = source.files.get_mut("maso.toml").unwrap();
    *maso = maso.replace("tier = 1", &format!("tier = {tier}"));
    maso.push_str(&format!("\n[identity]\ntoken_ttl = {ttl:?}\n\n[signing]\nrequired = false\n"));
    let this = Peer::running(i32::try_from(std::process::id()).unwrap(), uid());
    let this = this.look(Program::Read, &Programs::default()).unwrap().executable.unwrap();
    let shell = Digest::of(&std::fs::read("/bin/sh").unwrap());
    let process = match who {
        Who::This | Who::Both => format!("uid = {}\nexecutable = \"{this}\"", uid()),
        Who::Shell => format!("uid = {}\nexecutable = \"{shell}\"", uid()),
        Who::OtherUser => format!("uid = {}\nexecutable = \"{this}\"", uid() + 1),
        Who::OtherProgram => format!("uid = {}\nexecutable = \"{shell}\"", uid()),
        Who::OtherGroup => format!("uid = {}\nexecutable = \"{this}\"\ncgroup = \"/elsewhere\"", uid()),
        Who::Undeclared => String::new(),
    };
    let writer = source.files.get_mut("agents/writer.toml").unwrap();
    if matches!(who, Who::Both) {
        let reader = writer.replace("AGT-0001-v1", "AGT-0002-v1") + &format!("\n[process]\nuid = {}\n", uid());
        writer.push_str(&format!("\n[process]\n{process}\n"));
        source.files.insert("agents/reader.toml".into(), reader);
        let workflow = source.files.get_mut("workflows/notes.toml").unwrap();
        *workflow = workflow.replace("agents = [\"writer\"]", "agents = [\"writer\", \"reader\"]");
    } else if !process.is_empty() {
        writer.push_str(&format!("\n[process]\n{process}\n"));
    }
    source
}
