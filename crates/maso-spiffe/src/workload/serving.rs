//! The Unix socket of the Workload API: connections and calls, all of them bounded.

use std::{
    collections::HashMap,
    fs, io,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::Stream;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{UnixListener, UnixStream},
};
use tonic::{
    Request, Response, Status,
    body::Body,
    server::Grpc,
    transport::{Server, server::Connected},
};
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::{
    WorkloadApi,
    attestation::{Attested, bears, nobody},
    messages::{
        self, JwtSvidRequest, JwtSvidResponse, Nothing, ValidateJwtSvidRequest, ValidateJwtSvidResponse, claims,
    },
};
use crate::{Peer, SvidError};

/// Why the Workload API is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeFault {
    /// The system refused.
    #[error("cannot {operation} the socket `{path}`")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something else lies there, or somebody else serves there.
    #[error("`{path}` is taken: {by}")]
    Taken {
        /// The socket.
        path: PathBuf,
        /// By what.
        by: &'static str,
    },
    /// Serving broke off.
    #[error("the Workload API broke off")]
    Broken(#[from] tonic::transport::Error),
}

/// A socket that nobody serves yet. Its file is removed with it.
#[derive(Debug)]
pub struct Listening {
    listener: UnixListener,
    path: PathBuf,
}

/// Makes the socket. Everybody who reaches its folder may connect: who is somebody is for the mandates to say.
///
/// # Errors
/// When something lies there that is no socket, another process serves there, or it cannot be made.
pub fn listen(path: &Path) -> Result<Listening, ServeFault> {
    let fault = |operation| move |source| ServeFault::Io { operation, path: path.to_owned(), source };
    let taken = |by| ServeFault::Taken { path: path.to_owned(), by };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(taken("it is no socket")),
        Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(taken("another process serves there")),
            // Nobody listens: a process that was killed left it.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs::remove_file(path).map_err(fault("remove"))?;
            }
            Err(error) => return Err(fault("use")(error)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(fault("use")(error)),
    }
    let listener = UnixListener::bind(path).map_err(fault("make"))?;
    let listening = Listening { listener, path: path.to_owned() };
    fs::set_permissions(path, fs::Permissions::from_mode(0o666)).map_err(fault("open"))?;
    Ok(listening)
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "the Workload API's socket was not removed");
        }
    }
}

impl Listening {
    /// Serves until `stop`, and looks after the authority meanwhile.
    ///
    /// # Errors
    /// When serving breaks off.
    pub async fn serve(self, api: Arc<WorkloadApi>, stop: impl Future<Output = ()>) -> Result<(), ServeFault> {
        let door = {
            let api = Arc::clone(&api);
            service_fn(move |request| {
                let api = Arc::clone(&api);
                async move { Ok::<_, std::convert::Infallible>(answer(api, request).await) }
            })
        };
        let server = Server::builder()
            .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
            .http2_max_header_list_size(HEADERS_BYTES_MAX)
            .http2_keepalive_interval(Some(KEEPALIVE))
            .serve_with_incoming(door, incoming(&self.listener));
        tokio::select! {
            ended = server => Ok(ended?),
            () = look_after(&api) => Ok(()),
            () = stop => Ok(()),
        }
    }
}

/// Looks now and then whether the authority makes place for its next generation.
async fn look_after(api: &Arc<WorkloadApi>) {
    let mut looks = tokio::time::interval(LOOK_AFTER);
    loop {
        looks.tick().await;
        let api = Arc::clone(api);
        match tokio::task::spawn_blocking(move || api.rotate()).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => {
                tracing::error!(
                    error = &fault as &dyn std::error::Error,
                    "the authority does not make place for its next"
                );
            }
            Err(_) => tracing::error!("the authority could not be looked after"),
        }
    }
}

/// One call.
async fn answer(
    api: Arc<WorkloadApi>,
    request: tonic::codegen::http::Request<Body>,
) -> tonic::codegen::http::Response<Body> {
    let method = request.uri().path().strip_prefix("/SpiffeWorkloadAPI/").unwrap_or_default().to_owned();
    match method.as_str() {
        "FetchX509SVID" => {
            let call = service_fn(|request: Request<Nothing>| {
                let api = &api;
                async move { Ok::<_, Status>(Response::new(api.x509_svids(peer(&request)?).await?)) }
            });
            grpc::<messages::X509SvidResponse, Nothing>().server_streaming(call, request).await
        }
        "FetchX509Bundles" => {
            let call = service_fn(|request: Request<Nothing>| {
                let api = &api;
                async move { Ok::<_, Status>(Response::new(api.x509_bundles(peer(&request)?).await?)) }
            });
            grpc::<messages::X509BundlesResponse, Nothing>().server_streaming(call, request).await
        }
        "FetchJWTBundles" => {
            let call = service_fn(|request: Request<Nothing>| {
                let api = &api;
                async move { Ok::<_, Status>(Response::new(api.jwt_bundles(peer(&request)?).await?)) }
            });
            grpc::<messages::JwtBundlesResponse, Nothing>().server_streaming(call, request).await
        }
        "FetchJWTSVID" => {
            let call = service_fn(|request: Request<JwtSvidRequest>| {
                let api = &api;
                async move { Ok::<_, Status>(Response::new(api.jwt_svid(request).await?)) }
            });
            grpc::<JwtSvidResponse, JwtSvidRequest>().unary(call, request).await
        }
        "ValidateJWTSVID" => {
            let call = service_fn(|request: Request<ValidateJwtSvidRequest>| {
                let api = &api;
                async move { Ok::<_, Status>(Response::new(api.validate(request).await?)) }
            });
            grpc::<ValidateJwtSvidResponse, ValidateJwtSvidRequest>().unary(call, request).await
        }
        _ => Status::unimplemented("the Workload API has no such method").into_http(),
    }
}

fn grpc<Sent, Received>() -> Grpc<ProstCodec<Sent, Received>>
where
    Sent: prost::Message + Send + 'static,
    Received: prost::Message + Default + Send + 'static,
{
    Grpc::new(ProstCodec::default()).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

/// Who calls, if the call says that it is meant for a Workload API: what a browser could be made to send does not.
fn peer<T>(request: &Request<T>) -> Result<Peer, Status> {
    if request.metadata().get("workload.spiffe.io").is_none_or(|value| value != "true") {
        return Err(Status::invalid_argument("the metadata `workload.spiffe.io: true` is missing"));
    }
    request.extensions().get::<Peer>().copied().ok_or_else(nobody)
}

impl WorkloadApi {
    async fn jwt_svid(&self, request: Request<JwtSvidRequest>) -> Result<JwtSvidResponse, Status> {
        let peer = peer(&request)?;
        let JwtSvidRequest { audience, spiffe_id } = request.into_inner();
        let is_audience = |text: &String| !text.is_empty() && text.len() <= AUDIENCE_BYTES_MAX;
        if audience.is_empty() || audience.len() > AUDIENCES_MAX || !audience.iter().all(is_audience) {
            return Err(Status::invalid_argument("name from 1 to 16 audiences of at most 256 bytes each"));
        }
        let attested: Attested = self.attest(peer).await?;
        let own = self.spiffe_id(&attested.agent).to_string();
        if !spiffe_id.is_empty() && spiffe_id != own {
            return Err(nobody());
        }
        let svid = self.issue_jwt(&attested, &audience).await?;
        let svid = messages::JwtSvid { spiffe_id: own, token: svid.expose().to_owned() };
        Ok(JwtSvidResponse { svids: vec![svid] })
    }

    async fn validate(&self, request: Request<ValidateJwtSvidRequest>) -> Result<ValidateJwtSvidResponse, Status> {
        let peer = peer(&request)?;
        let ValidateJwtSvidRequest { audience, token } = request.into_inner();
        if audience.is_empty() {
            return Err(Status::invalid_argument("name the audience for which it must be meant"));
        }
        self.attest(peer).await?;
        let refused = |why: SvidError| Status::invalid_argument(why.to_string());
        let valid = self.authority.validate_jwt(&token, &audience, self.path.clock().now()).map_err(refused)?;
        let is_revoked = valid.id.is_some_and(|id| self.path.trust().is_revoked(&maso_identity::Revocation::Token(id)));
        if is_revoked || !bears(&self.path, &valid.spiffe_id.agent) {
            return Err(refused(SvidError::Revoked));
        }
        Ok(ValidateJwtSvidResponse { spiffe_id: valid.spiffe_id.to_string(), claims: Some(claims(valid.claims)) })
    }
}

/// A connection, with who opened it and its place.
struct Caller {
    stream: UnixStream,
    peer: Peer,
    _place: Place,
}

impl Connected for Caller {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer
    }
}

impl AsyncRead for Caller {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Caller {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Connections that are open, by user: none may have the places of all.
#[derive(Default)]
struct Places(Mutex<HashMap<u32, usize>>);

/// One of them, until it is dropped.
struct Place {
    uid: u32,
    places: Arc<Places>,
}

impl Places {
    fn take(self: &Arc<Self>, uid: u32) -> Option<Place> {
        let mut taken = self.0.lock();
        let (all, own) = (taken.values().sum::<usize>(), taken.get(&uid).copied().unwrap_or(0));
        if all >= CONNECTIONS_MAX || own >= CONNECTIONS_PER_USER_MAX {
            return None;
        }
        taken.insert(uid, own + 1);
        Some(Place { uid, places: Arc::clone(self) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock();
        if let Some(own) = taken.get_mut(&self.uid) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.uid);
            }
        }
    }
}

/// The connections that come. One of which the kernel says nothing, or for which there is no place, is closed.
fn incoming(listener: &UnixListener) -> impl Stream<Item = io::Result<Caller>> {
    let places: Arc<Places> = Arc::default();
    futures::stream::unfold(places, move |places| async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a process could not connect to the Workload API");
                    tokio::time::sleep(AFTER_A_FAULT).await;
                    continue;
                }
            };
            let Ok(credentials) = stream.peer_cred() else { continue };
            let peer = match Peer::of(&credentials) {
                Ok(peer) => peer,
                Err(fault) => {
                    tracing::info!(error = &fault as &dyn std::error::Error, "a process is not attested");
                    continue;
                }
            };
            match places.take(credentials.uid()) {
                Some(place) => return Some((Ok(Caller { stream, peer, _place: place }), places)),
                None => {
                    tracing::warn!(uid = credentials.uid(), "the Workload API has no place for one more connection")
                }
            }
        }
    })
}

/// Connections at a time.
const CONNECTIONS_MAX: usize = 256;
/// Those of one user.
const CONNECTIONS_PER_USER_MAX: usize = 64;
/// Calls and streams of one connection at a time.
const STREAMS_PER_CONNECTION_MAX: u32 = 16;
/// One message to us: a token, and more.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
const HEADERS_BYTES_MAX: u32 = 8 << 10;
const AUDIENCES_MAX: usize = 16;
const AUDIENCE_BYTES_MAX: usize = 256;
/// How often a connection is asked whether somebody is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How often the authority is looked at; its generations change in days.
const LOOK_AFTER: Duration = Duration::from_secs(60);
/// How long nobody is let in when a connection could not be taken: there are no file descriptors left.
const AFTER_A_FAULT: Duration = Duration::from_millis(100);
