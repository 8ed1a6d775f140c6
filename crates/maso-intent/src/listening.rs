//! The door over TLS, and the trust domain whose workloads may come to it beside our own.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use maso_core::TrustDomain;

/// A door over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Where it is.
    pub listen: SocketAddr,
    /// Whether whoever comes has to show a certificate.
    pub client_certificates: ClientCertificates,
    /// The names by which it is reached, the first in addresses that are told to others.
    pub names: Vec<HostName>,
    /// The certificate by which maso is known there; `None` where it is an SVID of maso's own trust domain.
    pub certificate: Option<CertificateFiles>,
}

/// Files from the deployment's folder on, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and those that vouch for it.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

/// Whether whoever connects has to show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientCertificates {
    /// One that is shown must count; whoever shows none proves itself otherwise.
    Optional,
    /// Without one there is no connection.
    Required,
}

impl ClientCertificates {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::Optional, Self::Required];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Required => "required",
        }
    }

    /// What has this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// By what a machine is reached: the name of a host, in small letters, or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostName {
    /// A name.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

impl fmt::Display for HostName {
    /// As it stands in a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(ip) = text.parse() {
            return Ok(Self::Ip(ip));
        }
        let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(is_letter)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        // The last label of a name is no number: it would be an address that somebody reads otherwise.
        let is_number = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
        let last_is_word = text.rsplit('.').next().is_some_and(|label| !is_number(label));
        if text.len() <= NAME_BYTES_MAX && text.split('.').all(is_label) && last_is_word {
            Ok(Self::Dns(text.to_owned()))
        } else {
            Err(format!(
                "`{text}` is neither the name of a host in small letters, such as `maso.example`, nor an address"
            ))
        }
    }
}

/// Another trust domain, whose workloads are agents here where mandates say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Federation {
    /// Its name.
    pub trust_domain: TrustDomain,
    /// The Unix socket of a Workload API at which its bundle is fetched, from the deployment's folder on.
    pub socket: String,
}

/// The longest name of a host (RFC 1035).
const NAME_BYTES_MAX: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_a_host_or_an_address() {
        for (text, url) in
            [("maso.example", "maso.example"), ("localhost", "localhost"), ("10.0.0.5", "10.0.0.5"), ("::1", "[::1]")]
        {
            assert_eq!(text.parse::<HostName>().unwrap().to_string(), url);
        }
        for text in
            ["", "Maso.example", "*.example", "maso.example.", "-a.example", "a_b", "10.0.0", "maso:7443", "a b"]
        {
            text.parse::<HostName>().unwrap_err();
        }
    }
}
