//! TLS to a real server: nobody else is taken for it, nothing goes in plain, and it is shown who comes.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    time::Duration,
};

use maso_bus::{
    Broker, BusFault, Caller, Carriage as _, CertificateError, ClientCertificate, Nats, NatsOptions, NotPut, Promise,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{layout, options, process};
use crate::{
    contract::{awaited, request},
    server::Server,
};

/// Somebody who vouches for others.
struct Vouching {
    issuer: Issuer<'static, KeyPair>,
    root_pem: String,
}

/// A certificate and its key, as PEM.
struct Vouched {
    certificate: String,
    key: String,
}

impl Vouching {
    fn new() -> Self {
        let key = key();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), root_pem }
    }

    fn vouch(&self, name: &str) -> Vouched {
        let key = key();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Vouched { certificate, key: key.serialize_pem() }
    }
}

impl Vouched {
    fn shown(&self) -> ClientCertificate {
        ClientCertificate::from_pem(self.certificate.as_bytes(), self.key.as_bytes()).unwrap()
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

/// A server that speaks TLS, and the files by which it does.
struct Encrypted {
    server: Server,
    files: TempDir,
}

impl Encrypted {
    /// One with a certificate for this name; it asks for those of its clients if somebody vouches for them.
    fn start(name: &str, by: &Vouching, clients: Option<&Vouching>) -> Self {
        let files = tempfile::tempdir().unwrap();
        let path = |file: &str| files.path().join(file);
        put_certificate(files.path(), &by.vouch(name));
        let verify = clients.map_or(String::new(), |clients| {
            fs::write(path("clients.pem"), &clients.root_pem).unwrap();
            format!("ca_file: {:?}\nverify: true", path("clients.pem"))
        });
        let tls =
            format!("tls {{ cert_file: {:?}\nkey_file: {:?}\n{verify} }}", path("server.pem"), path("server.key"));
        Self { server: Server::start("", &tls), files }
    }

    /// How it is reached by somebody who believes `by`.
    fn options(&self, by: &Vouching, shown: Option<&Vouched>) -> NatsOptions {
        self.options_within(by, shown, Duration::from_secs(5))
    }

    fn options_within(&self, by: &Vouching, shown: Option<&Vouched>, within: Duration) -> NatsOptions {
        let url = self.server.url().replace("nats://", "tls://");
        let broker = Broker {
            roots_pem: Some(by.root_pem.clone().into_bytes()),
            certificate: shown.map(Vouched::shown),
            within,
            ..Broker::of_mediator(url.parse().unwrap(), None, &layout())
        };
        NatsOptions { broker, ..options(&self.server) }
    }
}

fn put_certificate(folder: &Path, vouched: &Vouched) {
    fs::write(folder.join("server.pem"), &vouched.certificate).unwrap();
    fs::write(folder.join("server.key"), &vouched.key).unwrap();
}

async fn is_not_reached(options: NatsOptions) {
    let fault = Nats::connect(options).await.unwrap_err();
    assert!(matches!(fault, BusFault::Unreached { .. }), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_parcels_and_lines_come_as_they_do_without() {
    let by = Vouching::new();
    let encrypted = Encrypted::start("127.0.0.1", &by, None);
    let nats = process(encrypted.options(&by, None)).await;
    assert_eq!(nats.put(&request(1)).await, Ok(Promise::Stored));
    assert_eq!(awaited(&*nats).await.parcel, request(1));

    let mut lines = nats.lines().await.unwrap();
    let intake: maso_core::AgentName = "intake".parse().unwrap();
    let broker = Broker { inbox: layout().inbox(&intake), ..encrypted.options(&by, None).broker };
    let caller = Caller::connect(&broker, layout(), intake).await.unwrap();
    let (near, far) = tokio::join!(caller.call(), lines.next());
    let (mut near, mut far) = (near.unwrap(), far.unwrap().line);
    near.write_all(b"ask").await.unwrap();
    let mut heard = [0; 3];
    far.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"ask");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_for_which_somebody_else_vouches_is_none() {
    let (by, other) = (Vouching::new(), Vouching::new());
    let encrypted = Encrypted::start("127.0.0.1", &by, None);
    is_not_reached(encrypted.options(&other, None)).await;
    // Nor those of the system, which know neither.
    let mut of_the_system = encrypted.options(&by, None);
    of_the_system.broker.roots_pem = None;
    assert!(Nats::connect(of_the_system).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_for_another_name_is_another_s() {
    let by = Vouching::new();
    let encrypted = Encrypted::start("nats.example", &by, None);
    is_not_reached(encrypted.options(&by, None)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_none_where_tls_is_asked_for() {
    let by = Vouching::new();
    let plain = Encrypted { server: Server::start("", ""), files: tempfile::tempdir().unwrap() };
    is_not_reached(plain.options(&by, None)).await;
}

/// Whoever sits in between says that the server has no TLS, to hear what follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_said_in_plain_to_who_says_that_it_has_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tls://{}", listener.local_addr().unwrap());
    let heard = tokio::task::spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let info = r#"{"server_id":"x","version":"2.15.1","max_payload":1048576,"headers":true,"tls_required":false}"#;
        stream.write_all(format!("INFO {info}\r\n").as_bytes()).unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        first[0]
    });
    let broker = Broker {
        roots_pem: Some(Vouching::new().root_pem.into_bytes()),
        ..Broker::of_mediator(url.parse().unwrap(), None, &layout())
    };
    is_not_reached(NatsOptions::new(broker, layout(), super::seal())).await;
    const HANDSHAKE: u8 = 0x16;
    assert_eq!(heard.await.unwrap(), HANDSHAKE, "the first that is said is a TLS handshake");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_wants_tls_is_not_reached_in_plain() {
    let by = Vouching::new();
    let encrypted = Encrypted::start("127.0.0.1", &by, None);
    let options = options(&encrypted.server);
    let fault = Nats::connect(options).await.unwrap_err();
    assert!(fault.help().contains("`tls://`"), "{}", fault.help());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_verifies_takes_nobody_without_a_certificate_that_it_believes() {
    let (by, clients) = (Vouching::new(), Vouching::new());
    let encrypted = Encrypted::start("127.0.0.1", &by, Some(&clients));
    is_not_reached(encrypted.options(&by, None)).await;
    is_not_reached(encrypted.options(&by, Some(&by.vouch("maso")))).await;
    let nats = process(encrypted.options(&by, Some(&clients.vouch("maso")))).await;
    nats.put(&request(1)).await.unwrap();
    assert_eq!(awaited(&*nats).await.parcel, request(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_back_in_the_server_s_place_is_not_taken_for_it() {
    let (by, other) = (Vouching::new(), Vouching::new());
    let mut encrypted = Encrypted::start("127.0.0.1", &by, None);
    process(encrypted.options(&by, None)).await;
    let nats = Nats::connect(encrypted.options_within(&by, None, Duration::from_secs(2))).await.unwrap();
    encrypted.server.kill();
    put_certificate(encrypted.files.path(), &other.vouch("127.0.0.1"));
    encrypted.server.start_again();
    // The first may have been under way when the connection went.
    assert!(matches!(nats.put(&request(1)).await, Err(NotPut::Unavailable(_) | NotPut::Unknown(_))));
    assert!(matches!(nats.put(&request(2)).await, Err(NotPut::Unavailable(_))));
}

#[test]
fn a_certificate_is_shown_with_its_own_key_or_not_at_all() {
    let by = Vouching::new();
    let (one, other) = (by.vouch("one"), by.vouch("other"));
    let read = |certificate: &str, key: &str| ClientCertificate::from_pem(certificate.as_bytes(), key.as_bytes());
    assert_eq!(read(&one.certificate, &other.key).unwrap_err(), CertificateError::Unusable);
    assert_eq!(read(&one.certificate, &one.certificate).unwrap_err(), CertificateError::NoKey);
    assert_eq!(read(&one.key, &one.key).unwrap_err(), CertificateError::NoCertificate);
    assert_eq!(read("", "").unwrap_err(), CertificateError::NoCertificate);
    assert_eq!(format!("{:?}", one.shown()), "ClientCertificate", "no key in what is logged");
}
