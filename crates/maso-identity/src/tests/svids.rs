//! Certificates of workloads: each way to be believed by one, and each way not to be.

use maso_wire::PeerCertificates;
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;

use super::*;

/// An authority, and whom it signs for.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

impl Authority {
    fn of(domain: &str) -> Self {
        let (params, key) = Self::parts(domain);
        let certificate = params.self_signed(&key).unwrap().into();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// One that this one vouches for.
    fn below(&self, domain: &str) -> Self {
        let (params, key) = Self::parts(domain);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().into();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    fn parts(domain: &str) -> (CertificateParams, KeyPair) {
        let mut params = params(&[&format!("spiffe://{domain}")], 24 * HOUR_MS);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, domain);
        (params, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
    }

    fn signs(&self, leaf: &Leaf) -> Vec<u8> {
        leaf.params.signed_by(&leaf.key, &self.issuer).unwrap().der().to_vec()
    }
}

/// What somebody would like to have signed.
struct Leaf {
    params: CertificateParams,
    key: KeyPair,
}

impl Leaf {
    fn of(uris: &[&str]) -> Self {
        let mut params = params(uris, HOUR_MS);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(SerialNumber::from_slice(&SERIAL));
        Self { params, key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap() }
    }

    fn with(mut self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        change(&mut self.params);
        self
    }
}

/// From a minute before now on, for this long.
fn params(uris: &[&str], life_ms: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = at(NOW.as_millis() - MINUTE_MS);
    params.not_after = at(NOW.as_millis() - MINUTE_MS + i64::try_from(life_ms).unwrap());
    params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    params
}

fn at(ms: i64) -> time::OffsetDateTime {
    rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(u64::try_from(ms / 1000).unwrap())
}

const MINUTE_MS: i64 = 60_000;
const SERIAL: [u8; 16] = [0x4a; 16];
const INTAKE: &str = "spiffe://claims.example/agent/intake";
const ABROAD: &str = "spiffe://prod.example/ns/claims/sa/intake";

/// Trust that knows the agents `intake`, who may have credentials for an hour, and `writer`, for a minute; the first is a
/// workload of another trust domain too.
fn trust_in(authorities: &[(&str, &Authority)]) -> Trust {
    let svids = SvidSettings {
        ms_max: [("intake".parse().unwrap(), HOUR_MS), ("writer".parse().unwrap(), 60_000)].into(),
        workloads: [(ABROAD.parse().unwrap(), "intake".parse().unwrap())].into(),
    };
    let trust = Trust::new(TrustSettings { svids, bearer_on_loopback: true, ..settings() });
    for (domain, authority) in authorities {
        trust.vouch(domain.parse().unwrap(), [authority.certificate.clone()]);
    }
    trust
}

fn shown(certificates: &[&[u8]]) -> Credential {
    let certificates = PeerCertificates::new(certificates.iter().copied()).unwrap();
    Credential::Certificate { certificates, beside: None }
}

fn beside(shown: Credential, other: Credential) -> Credential {
    let Credential::Certificate { certificates, .. } = shown else { unreachable!("a certificate is shown") };
    Credential::Certificate { certificates, beside: Some(Box::new(other)) }
}

/// Why it is not believed.
fn why(credential: Credential, trust: &Trust, now: Timestamp) -> (String, String) {
    let refused = identify_at(credential, trust, now).expect_err("it is refused");
    assert_eq!(refused.refusal, maso_core::Refusal::Unauthentic);
    (refused.finding.control.to_string(), refused.finding.reason.clone())
}

fn told(control: &str, reason: &str) -> (String, String) {
    (control.to_owned(), reason.to_owned())
}

#[test]
fn whoever_has_a_certificate_of_the_trust_domain_is_the_agent_that_it_names() {
    let authority = Authority::of("claims.example");
    let trust = trust_in(&[("claims.example", &authority)]);
    let certificate = authority.signs(&Leaf::of(&[INTAKE]));
    let identified = identify_at(shown(&[&certificate]), &trust, NOW).unwrap();
    assert_eq!(identified.hop().from, Principal::Agent("intake".parse().unwrap()));
    assert!(matches!(identified.proof(), Proof::Certificate { .. }));
    // As often as it is shown: the connection proves the key, and nobody else can write on it.
    identify_at(shown(&[&certificate]), &trust, NOW).unwrap();
}

#[test]
fn a_certificate_that_is_no_svid_names_nobody() {
    let authority = Authority::of("claims.example");
    let trust = trust_in(&[("claims.example", &authority)]);
    let try_out = |leaf: Leaf| why(shown(&[&authority.signs(&leaf)]), &trust, NOW);
    let names = told("IA-2.1", "the certificate does not name exactly one workload");
    let usage = told("IA-2.1", "the certificate is not for a workload: it may sign certificates, or nothing");
    assert_eq!(try_out(Leaf::of(&[INTAKE, ABROAD])), names);
    assert_eq!(try_out(Leaf::of(&[INTAKE, "https://claims.example"])), names);
    assert_eq!(try_out(Leaf::of(&[])), names);
    assert_eq!(try_out(Leaf::of(&["spiffe://claims.example"])), names);
    assert_eq!(try_out(Leaf::of(&["https://claims.example/agent/intake"])), names);
    assert_eq!(try_out(Leaf::of(&[INTAKE]).with(|leaf| leaf.key_usages.clear())), usage);
    let signer = |leaf: &mut CertificateParams| leaf.key_usages.push(KeyUsagePurpose::KeyCertSign);
    assert_eq!(try_out(Leaf::of(&[INTAKE]).with(signer)), usage);
    let is_ca = |leaf: &mut CertificateParams| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(try_out(Leaf::of(&[INTAKE]).with(is_ca)), usage);
    let for_mail =
        |leaf: &mut CertificateParams| leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
    assert_eq!(
        try_out(Leaf::of(&[INTAKE]).with(for_mail)),
        told("IA-2.1", "the certificate is not vouched for by its trust domain")
    );
    let other_kind = Leaf { key: KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(), ..Leaf::of(&[INTAKE]) };
    assert_eq!(try_out(other_kind), told("IA-2.1", "the certificate has a key that is neither P-256 nor Ed25519"));
    let nobody = why(shown(&[&authority.signs(&Leaf::of(&["spiffe://claims.example/agent/ghost"]))]), &trust, NOW);
    assert_eq!(
        nobody,
        told("IA-2.1", "the certificate is of `spiffe://claims.example/agent/ghost`, which is no agent here")
    );
    assert_eq!(why(shown(&[b"not one"]), &trust, NOW), told("IA-2.1", "the certificate cannot be read"));
}

#[test]
fn names_of_hosts_beside_the_identity_say_nothing() {
    let authority = Authority::of("claims.example");
    let trust = trust_in(&[("claims.example", &authority)]);
    let host = SanType::DnsName("intake.internal".try_into().unwrap());
    let leaf = Leaf::of(&[INTAKE]).with(|leaf| leaf.subject_alt_names.push(host));
    identify_at(shown(&[&authority.signs(&leaf)]), &trust, NOW).unwrap();
}

#[test]
fn a_certificate_counts_in_its_time_alone_and_for_no_longer_than_its_agent_may_have() {
    let authority = Authority::of("claims.example");
    let trust = trust_in(&[("claims.example", &authority)]);
    let certificate = authority.signs(&Leaf::of(&[INTAKE]));
    identify_at(shown(&[&certificate]), &trust, NOW).unwrap();
    // It was believed before, and that does not help.
    for moment in [NOW.plus_ms(HOUR_MS), Timestamp::from_millis(NOW.as_millis() - 2 * MINUTE_MS)] {
        let (control, reason) = why(shown(&[&certificate]), &trust, moment);
        assert_eq!(control, "IA-2.2");
        assert!(reason.contains("expired at") || reason.contains("valid only from"), "{reason}");
    }
    let writer = authority.signs(&Leaf::of(&["spiffe://claims.example/agent/writer"]));
    let (control, reason) = why(shown(&[&writer]), &trust, NOW);
    assert_eq!((control.as_str(), reason.contains("60000 ms is the most")), ("IA-2.2", true), "{reason}");
}

#[test]
fn an_authority_that_the_trust_domain_does_not_know_vouches_for_nobody() {
    let (authority, forger) = (Authority::of("claims.example"), Authority::of("claims.example"));
    let trust = trust_in(&[("claims.example", &authority)]);
    let forged = told("IA-2.1", "the certificate is not vouched for by its trust domain");
    let certificate = forger.signs(&Leaf::of(&[INTAKE]));
    assert_eq!(why(shown(&[&certificate]), &trust, NOW), forged);
    // Bringing it along does not help.
    assert_eq!(why(shown(&[&certificate, &forger.certificate]), &trust, NOW), forged);
    // Neither does a certificate of the trust domain that may not sign others.
    let leaf = Leaf::of(&[INTAKE]);
    let own = authority.signs(&leaf);
    let below = Issuer::new(leaf.params, leaf.key);
    let another = Leaf::of(&[INTAKE]);
    let signed = another.params.signed_by(&another.key, &below).unwrap();
    assert_eq!(why(shown(&[signed.der(), &own]), &trust, NOW), forged);
    // Nor vouching for oneself.
    let alone = another.params.self_signed(&another.key).unwrap();
    assert_eq!(why(shown(&[alone.der()]), &trust, NOW), forged);
    let nobody = trust_in(&[]);
    let unknown = told("IA-2.1", "the certificate is of a trust domain that is not known here");
    assert_eq!(why(shown(&[&own]), &nobody, NOW), unknown);
}

#[test]
fn no_byte_of_a_certificate_can_be_another() {
    let authority = Authority::of("claims.example");
    let trust = trust_in(&[("claims.example", &authority)]);
    let certificate = authority.signs(&Leaf::of(&[INTAKE]));
    for index in 0..certificate.len() {
        let mut other = certificate.clone();
        other[index] ^= 1;
        identify_at(shown(&[&other]), &trust, NOW).expect_err("another certificate");
    }
}

proptest! {
    #[test]
    fn no_bytes_are_a_certificate_by_accident(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        cut in 0_usize..400,
        more in proptest::collection::vec(any::<u8>(), 1..20),
    ) {
        let authority = Authority::of("claims.example");
        let trust = trust_in(&[("claims.example", &authority)]);
        let certificate = authority.signs(&Leaf::of(&[INTAKE]));
        let longer = [certificate.as_slice(), &more].concat();
        for wrong in [bytes.as_slice(), &certificate[..cut.min(certificate.len() - 1)], &longer] {
            prop_assert!(identify_at(shown(&[wrong]), &trust, NOW).is_err());
        }
        // What nobody needs to vouch for it changes nothing, whatever it is.
        prop_assert!(identify_at(shown(&[&certificate]), &trust, NOW).is_ok());
    }
}

#[test]
fn a_chain_that_nobody_needs_is_not_followed() {
    let authority = Authority::of("claims.example");
    let trust = trust_in(&[("claims.example", &authority)]);
    let certificate = authority.signs(&Leaf::of(&[INTAKE]));
    let more = authority.certificate.as_ref();
    assert_eq!(
        why(shown(&[&certificate, more, more, more, more, more]), &trust, NOW),
        told("IA-2.1", "the certificate cannot be read")
    );
    identify_at(shown(&[&certificate, more, more, more, more]), &trust, NOW).unwrap();
}

#[test]
fn a_workload_of_another_trust_domain_is_the_agent_that_a_mandate_says() {
    let (own, other) = (Authority::of("claims.example"), Authority::of("prod.example"));
    let trust = trust_in(&[("claims.example", &own), ("prod.example", &other)]);
    let below = other.below("prod.example");
    let certificate = below.signs(&Leaf::of(&[ABROAD]));
    let identified = identify_at(shown(&[&certificate, &below.certificate]), &trust, NOW).unwrap();
    assert_eq!(identified.hop().from, Principal::Agent("intake".parse().unwrap()));
    // Without what vouches for it in between, nobody does.
    let fresh = below.signs(&Leaf::of(&[ABROAD]));
    let forged = told("IA-2.1", "the certificate is not vouched for by its trust domain");
    assert_eq!(why(shown(&[&fresh]), &trust, NOW), forged);
    // Being called like one of our agents does not make it one.
    let called = other.signs(&Leaf::of(&["spiffe://prod.example/agent/intake"]));
    let nobody = "the certificate is of `spiffe://prod.example/agent/intake`, which is no agent here";
    assert_eq!(why(shown(&[&called]), &trust, NOW), told("IA-2.1", nobody));
}

#[test]
fn no_trust_domain_vouches_for_another() {
    let (own, other) = (Authority::of("claims.example"), Authority::of("prod.example"));
    let trust = trust_in(&[("claims.example", &own), ("prod.example", &other)]);
    let forged = told("IA-2.1", "the certificate is not vouched for by its trust domain");
    assert_eq!(why(shown(&[&other.signs(&Leaf::of(&[INTAKE]))]), &trust, NOW), forged);
    assert_eq!(why(shown(&[&own.signs(&Leaf::of(&[ABROAD]))]), &trust, NOW), forged);
}

#[test]
fn what_is_revoked_counts_no_more_though_it_was_believed_before() {
    let authority = Authority::of("claims.example");
    let leaf = Leaf::of(&[INTAKE]);
    let point = leaf.key.public_key_raw().to_vec();
    let key = PublicKey::P256 { x: point[1..33].try_into().unwrap(), y: point[33..].try_into().unwrap() };
    let certificate = authority.signs(&leaf);
    for (revocation, reason) in [
        (Revocation::Token(Uuid::from_bytes(SERIAL)), "the certificate, or its key, is revoked"),
        (Revocation::Key(key.thumbprint()), "the certificate, or its key, is revoked"),
        (Revocation::Agent("intake".parse().unwrap()), "agent `intake` is revoked"),
    ] {
        let trust = trust_in(&[("claims.example", &authority)]);
        let identified = identify_at(shown(&[&certificate]), &trust, NOW).unwrap();
        trust.bears(identified.basis()).unwrap();
        trust.revoke(revocation, NOW);
        trust.bears(identified.basis()).unwrap_err();
        assert_eq!(why(shown(&[&certificate]), &trust, NOW), told("IA-2.1", reason));
    }
}

#[test]
fn an_authority_that_left_the_bundle_vouches_for_nobody_though_it_did_before() {
    let (former, next) = (Authority::of("claims.example"), Authority::of("claims.example"));
    let trust = trust_in(&[("claims.example", &former)]);
    let certificate = former.signs(&Leaf::of(&[INTAKE]));
    identify_at(shown(&[&certificate]), &trust, NOW).unwrap();
    trust.vouch(domain(), [former.certificate.clone(), next.certificate.clone()]);
    identify_at(shown(&[&certificate]), &trust, NOW).unwrap();
    trust.vouch(domain(), [next.certificate.clone()]);
    let forged = told("IA-2.1", "the certificate is not vouched for by its trust domain");
    assert_eq!(why(shown(&[&certificate]), &trust, NOW), forged);
}

#[test]
fn a_token_beside_a_certificate_must_be_the_same_agents_and_both_must_count() {
    let authority = Authority::of("claims.example");
    let trust = trust_in(&[("claims.example", &authority)]);
    let certificate = shown(&[&authority.signs(&Leaf::of(&[INTAKE]))]);
    let token = bound_token();
    let both = |n| beside(certificate.clone(), bound(&token, &proof(&token, n)));
    let identified = identify_at(both(1), &trust, NOW).unwrap();
    assert!(matches!(identified.proof(), Proof::Key { .. }));
    // The proof is used up as it would be alone.
    identify_at(both(1), &trust, NOW).expect_err("a proof that was used");

    let writer = SpiffeId { trust_domain: domain(), agent: "writer".parse().unwrap() };
    let others = self::authority().issue_agent_token(&writer, None, Uuid::from_u128(3), NOW, HOUR_MS);
    let two = told("IA-2.3", "the certificate is of one agent, and what came with the request of another");
    let contradicting = beside(certificate.clone(), bearer(&others, true));
    assert_eq!(why(contradicting.clone(), &trust, NOW), two);
    trust.named_agent(&contradicting, NOW).unwrap_err();
    assert_eq!(why(beside(certificate.clone(), bearer("no token", true)), &trust, NOW).0, "IA-2.1");
    // With the certificate goes what was shown beside it, and the other way round.
    trust.revoke(Revocation::Token(Uuid::from_bytes(SERIAL)), NOW);
    trust.bears(identified.basis()).unwrap_err();
    identify_at(both(2), &trust, NOW).expect_err("its certificate is revoked");
}

#[test]
fn a_message_is_signed_with_the_key_of_the_certificate_that_it_comes_with() {
    let authority = Authority::of("claims.example");
    let trust = trust_in(&[("claims.example", &authority)]);
    let key = KeyPair::from_pem(&agent_key().expose_pem()).unwrap();
    let own = shown(&[&authority.signs(&Leaf { key, ..Leaf::of(&[INTAKE]) })]);
    let others = shown(&[&authority.signs(&Leaf::of(&[INTAKE]))]);
    let envelope = super::messages::sealed(&super::messages::message());
    let messages = Messages::new(4, START);
    let take = |credential| messages.take(&envelope, credential, Addressee::Anyone, &trust, NOW);
    assert_eq!(take(&others).unwrap_err(), MessageError::Forged);
    assert_eq!(*take(&own).unwrap().key(), agent_key().thumbprint());
}
