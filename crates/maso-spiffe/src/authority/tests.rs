//! What the authority signs, looked at by readers that are not ours.

use std::{
    io::{Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
};

use proptest::prelude::*;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, ServerConfig,
    ServerConnection, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::{ParsedCertificate, WebPkiClientVerifier},
};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::*;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

fn domain() -> TrustDomain {
    "notes.example".parse().unwrap()
}

fn agent(name: &str) -> SpiffeId {
    SpiffeId { trust_domain: domain(), agent: name.parse().unwrap() }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

fn open(folder: &tempfile::TempDir) -> Authority {
    Authority::open(folder.path(), domain(), now()).unwrap()
}

fn uris(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().unwrap().unwrap();
    let uri = |name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => (*uri).to_owned(),
        other => panic!("{other:?} beside the identity"),
    };
    names.value.general_names.iter().map(uri).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_issued_stays_within_its_ceiling_and_has_one_identity(
        name in "[a-z][a-z0-9-]{0,20}[a-z0-9]",
        ttl_ms in 3_000_u64..3 * DAY_MS,
        later_ms in 0..29 * DAY_MS,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let authority = open(&folder);
        let at = now().plus_ms(later_ms);
        let svid = authority.issue_x509(agent(&name), ttl_ms, at).unwrap();
        let (rest, certificate) = X509Certificate::from_der(&svid.certificate).unwrap();
        prop_assert!(rest.is_empty());
        prop_assert_eq!(uris(&certificate), [format!("spiffe://notes.example/agent/{name}")]);
        prop_assert!(!certificate.is_ca());
        let usage = certificate.key_usage().unwrap().unwrap().value;
        prop_assert!(usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign());
        let extended = certificate.extended_key_usage().unwrap().unwrap().value;
        prop_assert!(extended.server_auth && extended.client_auth && !extended.any);
        let (from, until) = (certificate.validity().not_before.timestamp(), certificate.validity().not_after.timestamp());
        prop_assert!(u64::try_from(until - from).unwrap() * 1000 <= ttl_ms.min(DAY_MS));
        prop_assert_eq!(until * 1000, svid.not_after.as_millis());
        let bundle = authority.x509_bundle(at);
        let (_, by) = X509Certificate::from_der(&bundle[0]).unwrap();
        prop_assert!(until <= by.validity().not_after.timestamp());
        prop_assert!(certificate.verify_signature(Some(by.public_key())).is_ok());
        prop_assert_eq!(hex::encode(certificate.raw_serial()), svid.serial);

        let audience = vec!["peer".to_owned()];
        let token = authority.issue_jwt(agent(&name), &audience, ttl_ms, at).unwrap();
        let valid = authority.validate_jwt(token.expose(), "peer", at).unwrap();
        let life = valid.claims["exp"].as_i64().unwrap() - valid.claims["iat"].as_i64().unwrap();
        prop_assert!(u64::try_from(life).unwrap() * 1000 <= ttl_ms.min(DAY_MS));
        prop_assert_eq!(valid.spiffe_id, agent(&name));
    }

    #[test]
    fn no_text_is_a_token_by_accident(text in "(?s).{0,200}") {
        let folder = tempfile::tempdir().unwrap();
        prop_assert!(open(&folder).validate_jwt(&text, "peer", now()).is_err());
    }
}

#[test]
fn the_authority_signs_agents_and_nothing_below_them() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = open(&folder).x509_bundle(now());
    let (_, certificate) = X509Certificate::from_der(&bundle[0]).unwrap();
    assert_eq!(uris(&certificate), ["spiffe://notes.example"]);
    let basic = certificate.basic_constraints().unwrap().unwrap().value;
    assert_eq!((basic.ca, basic.path_len_constraint), (true, Some(0)));
    let usage = certificate.key_usage().unwrap().unwrap().value;
    assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
}

#[test]
fn what_was_signed_before_a_restart_is_believed_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let token = open(&folder).issue_jwt(agent("writer"), &["peer".to_owned()], MINUTE_MS, now()).unwrap();
    let before = open(&folder).x509_bundle(now());
    let again = open(&folder);
    assert_eq!(again.x509_bundle(now()), before);
    assert!(again.validate_jwt(token.expose(), "peer", now()).is_ok());
}

#[test]
fn of_two_processes_that_begin_at_once_one_makes_the_authority() {
    let folder = tempfile::tempdir().unwrap();
    let bundles: Vec<_> = std::thread::scope(|scope| {
        let opened: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&folder).x509_bundle(now()))).collect();
        opened.into_iter().map(|opened| opened.join().unwrap()).collect()
    });
    assert!(bundles.iter().all(|bundle| bundle.len() == 1 && bundle == &bundles[0]));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_key_that_others_may_read_signs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&folder));
    let file = folder.path().join("svid-authority-1.pem");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o660] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let refused = Authority::open(folder.path(), domain(), now()).unwrap_err();
        assert!(
            matches!(refused, AuthorityFault::Generation(GenerationFault::Exposed { mode: found, .. }) if found == mode)
        );
    }
}

#[test]
fn a_file_that_was_tampered_with_signs_nothing() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop((open(&folder), open(&other)));
    let file = folder.path().join("svid-authority-1.pem");
    let text = std::fs::read_to_string(&file).unwrap();
    let foreign = std::fs::read_to_string(other.path().join("svid-authority-1.pem")).unwrap();
    let split = |text: &str| text.split_at(text.find("-----BEGIN CERTIFICATE").unwrap()).1.to_owned();
    let swapped = text.replace(&split(&text), &split(&foreign));
    for bad in [swapped.as_str(), "", &text[..text.len() / 2]] {
        std::fs::write(&file, bad).unwrap();
        assert!(matches!(
            Authority::open(folder.path(), domain(), now()),
            Err(AuthorityFault::Generation(GenerationFault::Malformed(_) | GenerationFault::Key(_)))
        ));
    }
}

#[test]
fn a_deployment_with_another_name_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let token = open(&folder).issue_jwt(agent("writer"), &["peer".to_owned()], MINUTE_MS, now()).unwrap();
    let other = Authority::open(folder.path(), "other.example".parse().unwrap(), now()).unwrap();
    assert_eq!(other.x509_bundle(now()).len(), 1);
    assert_eq!(other.validate_jwt(token.expose(), "peer", now()), Err(SvidError::Forged));
}

#[test]
fn the_next_authority_is_known_before_it_signs_and_the_former_one_after() {
    let folder = tempfile::tempdir().unwrap();
    let authority = open(&folder);
    let by = |at: Timestamp| {
        authority.rotate(at).unwrap();
        let token = authority.issue_jwt(agent("writer"), &["peer".to_owned()], DAY_MS, at).unwrap();
        (token, authority.x509_bundle(at).len())
    };
    let (first, alone) = by(now());
    let (same, both) = by(now().plus_ms(15 * DAY_MS));
    assert_eq!((alone, both), (1, 2));
    assert_eq!(same.key, first.key, "the next one is only known yet");
    let switched = now().plus_ms(16 * DAY_MS + MINUTE_MS);
    let (next, still) = by(switched);
    assert_ne!(next.key, first.key);
    assert_eq!(still, 2);
    // What the former one signed last is believed to its end, and then the former one is not.
    let (last, _) = by(switched.plus_ms(1));
    assert!(authority.validate_jwt(same.expose(), "peer", now().plus_ms(16 * DAY_MS - MINUTE_MS)).is_ok());
    let (_, after) = by(switched.plus_ms(2 * DAY_MS));
    assert_eq!(after, 1);
    assert_eq!(authority.validate_jwt(first.expose(), "peer", switched.plus_ms(2 * DAY_MS)), Err(SvidError::Forged));
    drop(last);
}

#[test]
fn a_token_counts_for_its_audience_in_its_time_and_as_it_was_signed() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hour_ago = Timestamp::from_millis(now().as_millis() - 3_600_000);
    let authority = Authority::open(folder.path(), domain(), hour_ago).unwrap();
    let foreign = open(&other);
    let audience = ["peer".to_owned(), "third".to_owned()];
    let token = authority.issue_jwt(agent("writer"), &audience, MINUTE_MS, now()).unwrap();
    let check = |token: &str, audience: &str, at: Timestamp| authority.validate_jwt(token, audience, at).map(|_| ());
    assert_eq!(check(token.expose(), "peer", now()), Ok(()));
    assert_eq!(check(token.expose(), "third", now()), Ok(()));
    assert_eq!(check(token.expose(), "somebody-else", now()), Err(SvidError::Audience));
    assert_eq!(check(token.expose(), "peer", now().plus_ms(MINUTE_MS)), Err(SvidError::Expired));
    assert_eq!(
        check(token.expose(), "peer", Timestamp::from_millis(now().as_millis() - 60_000)),
        Err(SvidError::Expired)
    );
    let forged = foreign.issue_jwt(agent("writer"), &audience, MINUTE_MS, now()).unwrap();
    assert_eq!(check(forged.expose(), "peer", now()), Err(SvidError::Forged));

    let parts: Vec<_> = token.expose().split('.').collect();
    let encode = |value: &str| {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        URL_SAFE_NO_PAD.encode(value)
    };
    let other_claims =
        encode(r#"{"sub":"spiffe://notes.example/agent/root","aud":["peer"],"iat":1,"exp":99999999999}"#);
    assert_eq!(check(&format!("{}.{other_claims}.{}", parts[0], parts[2]), "peer", now()), Err(SvidError::Forged));
    for header in [
        r#"{"alg":"none","typ":"JWT"}"#.to_owned(),
        format!(r#"{{"alg":"HS256","kid":"{}","typ":"JWT"}}"#, token.key),
        r#"{"alg":"ES256","typ":"JWT"}"#.to_owned(),
        format!(r#"{{"alg":"ES256","kid":"{}","typ":"maso-agent+jwt"}}"#, token.key),
    ] {
        let changed = format!("{}.{}.{}", encode(&header), parts[1], parts[2]);
        assert_eq!(check(&changed, "peer", now()), Err(SvidError::Malformed), "{header}");
        assert_eq!(check(&format!("{}.{}.", encode(&header), parts[1]), "peer", now()), Err(SvidError::Malformed));
    }
}

#[test]
fn nothing_that_is_printed_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let authority = open(&folder);
    let token = authority.issue_jwt(agent("writer"), &["peer".to_owned()], MINUTE_MS, now()).unwrap();
    let svid = authority.issue_x509(agent("writer"), MINUTE_MS, now()).unwrap();
    let printed = format!("{authority:?} {token:?} {svid:?}");
    assert!(!printed.contains(token.expose()) && printed.len() < 300, "{printed}");
}

/// Looks at a server as a SPIFFE peer does: who it is stands in the certificate, and where it is does not matter.
#[derive(Debug)]
struct Peers {
    roots: RootCertStore,
    expected: String,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Peers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        rustls::client::verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        let (_, certificate) = X509Certificate::from_der(end_entity).unwrap();
        if uris(&certificate) == [self.expected.as_str()] {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::NotValidForName.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// One end of a connection: its SVID, and the bundle in which it believes.
struct End<'a> {
    svid: &'a X509Svid,
    bundle: Vec<CertificateDer<'static>>,
}

/// Lets two ends shake hands, and one word pass. What stood in the way, if something did.
fn handshake(client: &End<'_>, server: &End<'_>, expected: &str) -> Result<(), rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let roots = |bundle: &[CertificateDer<'static>]| {
        let mut roots = RootCertStore::empty();
        bundle.iter().for_each(|certificate| roots.add(certificate.clone()).unwrap());
        roots
    };
    let identity =
        |end: &End<'_>| (vec![end.svid.certificate.clone()], PrivateKeyDer::Pkcs8(end.svid.expose_key().into()));
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&server.bundle)), Arc::clone(&provider));
    let (chain, key) = identity(server);
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let config = config.with_client_cert_verifier(verifier.build().unwrap()).with_single_cert(chain, key)?;
    let mut server_end = ServerConnection::new(Arc::new(config))?;
    let peers = Peers { roots: roots(&client.bundle), expected: expected.to_owned(), provider: Arc::clone(&provider) };
    let (chain, key) = identity(client);
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(peers));
    let config = config.with_client_auth_cert(chain, key)?;
    let mut client_end = ClientConnection::new(Arc::new(config), "agent.invalid".try_into().unwrap())?;
    client_end.writer().write_all(b"hello").unwrap();
    for _ in 0..8 {
        let mut wire = Vec::new();
        while client_end.wants_write() {
            client_end.write_tls(&mut wire).unwrap();
        }
        server_end.read_tls(&mut wire.as_slice()).unwrap();
        server_end.process_new_packets()?;
        let mut wire = Vec::new();
        while server_end.wants_write() {
            server_end.write_tls(&mut wire).unwrap();
        }
        client_end.read_tls(&mut wire.as_slice()).unwrap();
        client_end.process_new_packets()?;
    }
    let mut word = [0; 5];
    server_end.reader().read_exact(&mut word).unwrap();
    assert_eq!(&word, b"hello");
    Ok(())
}

#[test]
fn two_agents_meet_by_their_svids_and_a_stranger_meets_nobody() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (authority, foreign) = (open(&folder), open(&other));
    let issue = |by: &Authority, name: &str| by.issue_x509(agent(name), 10 * MINUTE_MS, now()).unwrap();
    let (writer, reader) = (issue(&authority, "writer"), issue(&authority, "reader"));
    let bundle = || authority.x509_bundle(now());
    let end = |svid| End { svid, bundle: bundle() };
    let expected = "spiffe://notes.example/agent/reader";
    assert_eq!(handshake(&end(&writer), &end(&reader), expected), Ok(()));

    // Another agent in its place is not taken for it.
    let wrong = handshake(&end(&writer), &end(&writer), expected).unwrap_err();
    assert!(matches!(wrong, rustls::Error::InvalidCertificate(CertificateError::NotValidForName)), "{wrong}");

    // Who has the same name from another authority is nobody, on either side.
    let (false_writer, false_reader) = (issue(&foreign, "writer"), issue(&foreign, "reader"));
    let refused = handshake(&end(&writer), &end(&false_reader), expected).unwrap_err();
    assert!(matches!(refused, rustls::Error::InvalidCertificate(_)), "{refused}");
    assert!(handshake(&end(&false_writer), &end(&reader), expected).is_err());
}

#[test]
fn an_svid_whose_time_is_over_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let past = Timestamp::from_millis(now().as_millis() - 3_600_000);
    let authority = Authority::open(folder.path(), domain(), past).unwrap();
    let ended = authority.issue_x509(agent("writer"), 10 * MINUTE_MS, past).unwrap();
    let reader = authority.issue_x509(agent("reader"), 10 * MINUTE_MS, now()).unwrap();
    let end = |svid| End { svid, bundle: authority.x509_bundle(now()) };
    assert!(handshake(&end(&ended), &end(&reader), "spiffe://notes.example/agent/reader").is_err());
}

#[test]
fn we_are_known_by_a_certificate_that_names_us_and_where_we_are_reached_and_no_agent() {
    let folder = tempfile::tempdir().unwrap();
    let authority = open(&folder);
    let names = ["maso.notes.example".parse().unwrap(), "10.0.0.5".parse().unwrap()];
    let own = authority.issue_own(&names, now()).unwrap();
    let (_, certificate) = X509Certificate::from_der(&own.certificate).unwrap();
    let told = certificate.subject_alternative_name().unwrap().unwrap();
    assert_eq!(
        told.value.general_names,
        [
            GeneralName::URI("spiffe://notes.example/maso"),
            GeneralName::DNSName("maso.notes.example"),
            GeneralName::IPAddress(&[10, 0, 0, 5]),
        ]
    );
    assert_eq!(own.spiffe_id.agent(), None);
    assert!(!certificate.is_ca());
    let bundle = authority.x509_bundle(now());
    let (_, by) = X509Certificate::from_der(&bundle[0]).unwrap();
    assert!(certificate.verify_signature(Some(by.public_key())).is_ok());
    assert!(own.not_after <= now().plus_ms(60 * MINUTE_MS));
}

#[test]
fn the_bundle_that_others_fetch_counts_up_with_each_change_and_holds_no_private_key() {
    let folder = tempfile::tempdir().unwrap();
    let authority = open(&folder);
    let document =
        |at: Timestamp| -> serde_json::Value { serde_json::from_str(&authority.bundle_document(at)).unwrap() };
    let (mut before, mut sequence) = (document(now()), 1);
    assert_eq!(before["spiffe_sequence"], 1);
    // Four months, day by day: each change counts, and nothing else does.
    for day in 1..120 {
        let at = now().plus_ms(day * DAY_MS);
        authority.rotate(at).unwrap();
        let after = document(at);
        let has_changed = before["keys"] != after["keys"];
        let counted = after["spiffe_sequence"].as_u64().unwrap();
        assert_eq!(counted > sequence, has_changed, "on day {day}");
        assert!(counted >= sequence, "on day {day}");
        let keys = after["keys"].as_array().unwrap();
        assert!(keys.iter().all(|key| key.get("d").is_none()));
        let n_of = |what: &str| keys.iter().filter(|key| key["use"] == what).count();
        assert_eq!(n_of("x509-svid"), authority.x509_bundle(at).len());
        assert_eq!(n_of("jwt-svid"), authority.x509_bundle(at).len());
        (before, sequence) = (after, counted);
    }
    assert!(sequence > 8, "{sequence}");
}
