//! X.509-SVIDs: certificates that say who an agent is, as the X509-SVID standard has them.

use maso_core::{SpiffeId, Timestamp, TrustDomain, WorkloadId};
use maso_intent::HostName;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use uuid::Uuid;

use crate::{
    KeyFault, SigningKey,
    key::{ForCertificates, thumbprint},
    rotation::Span,
};

/// A certificate for an agent, or for maso itself, with the key that was made for it. The key is kept nowhere else.
pub struct X509Svid {
    /// Whose it is.
    pub spiffe_id: WorkloadId,
    /// The certificate, in DER.
    pub certificate: CertificateDer<'static>,
    /// Its serial number, in hexadecimal digits.
    pub serial: String,
    /// Thumbprint of its key.
    pub key: maso_identity::Thumbprint,
    /// When it ends.
    pub not_after: Timestamp,
    private_key: KeyPair,
}

impl X509Svid {
    /// The private key in PKCS#8 DER, for the process that it was made for.
    pub fn expose_key(&self) -> Vec<u8> {
        self.private_key.serialize_der()
    }
}

impl std::fmt::Debug for X509Svid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "X509Svid({}, {})", self.spiffe_id, self.serial)
    }
}

/// Whom a certificate is for.
pub(crate) struct Subject {
    id: WorkloadId,
    common_name: String,
    hosts: Vec<SanType>,
}

impl Subject {
    pub(crate) fn agent(id: &SpiffeId) -> Self {
        Self { id: id.into(), common_name: id.agent.to_string(), hosts: Vec::new() }
    }

    /// maso itself, which is no agent, where it is reached by these names.
    pub(crate) fn ourselves(domain: &TrustDomain, names: &[HostName]) -> Result<Self, KeyFault> {
        let cannot = KeyFault::Refused("name that host");
        let host = |name: &HostName| match name {
            HostName::Dns(name) => name.as_str().try_into().ok().map(SanType::DnsName),
            HostName::Ip(ip) => Some(SanType::IpAddress(*ip)),
        };
        let hosts = names.iter().map(host).collect::<Option<_>>().ok_or(cannot)?;
        let id = format!("spiffe://{domain}/maso").parse().map_err(|_| KeyFault::Refused("name that identity"))?;
        Ok(Self { id, common_name: "maso".to_owned(), hosts })
    }
}

/// Makes an SVID with a key of its own, which lives as long as `span` says.
pub(crate) fn issue(
    subject: Subject,
    by: &dyn SigningKey,
    authority: &CertificateDer<'_>,
    span: Span,
) -> Result<X509Svid, KeyFault> {
    let refused = |_| KeyFault::Refused("sign a certificate");
    let private_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|_| KeyFault::Refused("be made"))?;
    let issuer = Issuer::from_ca_cert_der(authority, ForCertificates(by)).map_err(refused)?;
    let (mut params, serial) = certificate(&subject.id.to_string(), span)?;
    params.subject_alt_names.extend(subject.hosts);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params.distinguished_name.push(DnType::CommonName, subject.common_name);
    let certificate = params.signed_by(&private_key, &issuer).map_err(refused)?;
    Ok(X509Svid {
        serial,
        key: thumbprint(private_key.public_key_raw())?,
        not_after: whole_second(span.until),
        certificate: certificate.into(),
        spiffe_id: subject.id,
        private_key,
    })
}

/// Makes the certificate of an authority: signed by itself, over SVIDs and nothing below them.
pub(crate) fn authority(
    domain: &TrustDomain,
    key: &dyn SigningKey,
    span: Span,
) -> Result<CertificateDer<'static>, KeyFault> {
    let (mut params, _) = certificate(&format!("spiffe://{domain}"), span)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, domain.as_str());
    let certificate = params.self_signed(&ForCertificates(key));
    certificate.map(Into::into).map_err(|_| KeyFault::Refused("sign its own certificate"))
}

/// What all certificates have: one URI, a random serial number, a time.
fn certificate(uri: &str, span: Span) -> Result<(CertificateParams, String), KeyFault> {
    let mut serial = *Uuid::new_v4().as_bytes();
    // Positive, and of the same length always.
    serial[0] = serial[0] & 0x7f | 0x40;
    let mut params = CertificateParams::default();
    params.not_before = moment(span.from);
    params.not_after = moment(span.until);
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.subject_alt_names = vec![SanType::URI(uri.try_into().map_err(|_| KeyFault::Refused("name that identity"))?)];
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "maso");
    Ok((params, hex::encode(serial)))
}

/// A moment as certificates have it: in whole seconds, rounded down. An end may so come earlier than asked for and never
/// later.
fn moment(at: Timestamp) -> time::OffsetDateTime {
    let seconds = u64::try_from(at.as_millis().div_euclid(1000)).unwrap_or(0);
    rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(seconds)
}

pub(crate) fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis().div_euclid(1000) * 1000)
}
