//! Whoever does not get in: each certificate is nearly that of an agent.

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use time::{Duration, OffsetDateTime};

use super::*;

/// What somebody would like to have signed.
fn wanted(uris: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    let now = now();
    params.not_before = now - Duration::minutes(5);
    params.not_after = now + Duration::minutes(30);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    params
}

fn now() -> OffsetDateTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    rcgen::date_time_ymd(1970, 1, 1) + since
}

fn with(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = wanted(&[WRITER]);
    change(&mut params);
    params
}

/// Key and certificate, signed by this authority.
fn signed(params: &CertificateParams, by: &Issuer<'_, KeyPair>) -> String {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    key.serialize_pem() + &params.signed_by(&key, by).unwrap().pem()
}

fn authority(deployment: &Deployment) -> Issuer<'static, KeyPair> {
    let text = std::fs::read_to_string(deployment.path().join(".maso/svid-authority-1.pem")).unwrap();
    // The first of its keys signs certificates.
    let key = KeyPair::from_pem(&text).unwrap();
    Issuer::from_ca_cert_der(&root(deployment).into(), key).unwrap()
}

const WRITER: &str = "spiffe://notes.example/agent/writer";

#[tokio::test]
async fn whoever_shows_a_certificate_that_does_not_count_does_not_get_in() {
    let deployment = deployment("required");
    let up = deployment.up().await;
    let (root, own) = (root(&deployment), authority(&deployment));
    let other = {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.subject_alt_names = vec![SanType::URI("spiffe://notes.example".try_into().unwrap())];
        Issuer::new(params, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
    };
    let shows = |pem: String| client(&up, http(&root, Some(pem)), None);
    // The same certificate that counts: what follows differs from it in one thing each.
    assert_eq!(read(&shows(signed(&wanted(&[WRITER]), &own))).await.status(), 200);
    for (what, pem) in [
        ("another authority of the same name", signed(&wanted(&[WRITER]), &other)),
        ("expired", signed(&with(|it| it.not_after = now() - Duration::minutes(1)), &own)),
        ("not yet valid", signed(&with(|it| it.not_before = now() + Duration::minutes(10)), &own)),
        ("longer than the tier allows", signed(&with(|it| it.not_after = now() + Duration::hours(25)), &own)),
        ("another trust domain", signed(&wanted(&["spiffe://prod.example/agent/writer"]), &own)),
        ("nobody's", signed(&wanted(&["spiffe://notes.example/agent/ghost"]), &own)),
        ("maso itself", signed(&wanted(&["spiffe://notes.example/maso"]), &own)),
        ("two identities", signed(&wanted(&[WRITER, "spiffe://notes.example/agent/reader"]), &own)),
        ("no identity", signed(&wanted(&[]), &own)),
        ("an authority", signed(&with(|it| it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)), &own)),
        ("may sign others", signed(&with(|it| it.key_usages.push(KeyUsagePurpose::KeyCertSign)), &own)),
        (
            "for another purpose",
            signed(&with(|it| it.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning]), &own),
        ),
    ] {
        assert!(is_kept_out(&shows(pem)).await, "{what}");
    }
    // A certificate without its key does not get as far.
    assert!(is_kept_out(&client(&up, http(&root, None), None)).await, "none");
    let old = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_der(&root).unwrap()])
        .identity(reqwest::Identity::from_pem(signed(&wanted(&[WRITER]), &own).as_bytes()).unwrap())
        .tls_version_max(reqwest::tls::Version::TLS_1_2);
    assert!(is_kept_out(&client(&up, old.build().unwrap(), None)).await, "TLS 1.2");
    up.stop().await;
    deployment.verify().await;
}
