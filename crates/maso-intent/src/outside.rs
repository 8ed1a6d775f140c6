//! Whoever is outside the deployment: which addresses of theirs may be spoken to, and by which keys they are believed.

use std::collections::BTreeMap;

use maso_identity::CardKeys;
use url::{Host, Url};

/// The beginning of addresses: a scheme, a host, a port, and a path that ends with a `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlPrefix(Url);

impl UrlPrefix {
    /// The addresses that begin with this one.
    ///
    /// # Errors
    /// When it is no such beginning: what is wrong with it.
    pub fn new(url: Url) -> Result<Self, &'static str> {
        if !is_secret_to_others(&url) {
            return Err("it is neither `https` nor on this machine");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it names a user");
        }
        if url.query().is_some() || url.fragment().is_some() || !url.path().ends_with('/') {
            return Err("its path does not end with `/`");
        }
        Ok(Self(url))
    }

    /// Whether this address begins so, and leads nowhere else by what else it says.
    pub fn covers(&self, url: &Url) -> bool {
        is_same_origin(&self.0, url) && url.path().starts_with(self.0.path()) && url.fragment().is_none()
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// An agent outside that is asked over A2A: where its card is, and who may have signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerTerms {
    /// The address of its card.
    pub card: Url,
    /// The keys by which the card is believed.
    pub keys: CardKeys,
    /// Where it may be spoken to besides the origin of its card.
    pub addresses: Vec<UrlPrefix>,
    /// Header names, each with the environment variable that holds its value.
    pub headers_from_env: BTreeMap<String, String>,
}

impl PeerTerms {
    /// Whether the card may send us to this address.
    pub fn allows(&self, url: &Url) -> bool {
        url.fragment().is_none()
            && (is_same_origin(&self.card, url) || self.addresses.iter().any(|prefix| prefix.covers(url)))
    }
}

/// An agent that is outside: it asks over A2A alone, holds nothing here, and nothing that it says is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalTerms {
    /// Where it may be called back.
    pub push: Vec<UrlPrefix>,
}

impl ExternalTerms {
    /// Whether it may be called back at this address.
    pub fn may_be_called_at(&self, url: &Url) -> bool {
        self.push.iter().any(|prefix| prefix.covers(url))
    }
}

/// Whether nobody between here and there can read along.
pub(crate) fn is_secret_to_others(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => match url.host() {
            Some(Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        },
        _ => false,
    }
}

fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
        && other.username().is_empty()
        && other.password().is_none()
}

#[cfg(test)]
mod tests {
    use maso_identity::PublicKey;
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn what_begins_otherwise_is_not_covered() {
        let prefix = UrlPrefix::new(url("https://partner.example/hooks/")).unwrap();
        for (address, covered) in [
            ("https://partner.example/hooks/", true),
            ("https://partner.example/hooks/a?b=c", true),
            ("https://partner.example:443/hooks/a", true),
            ("https://partner.example/hooks", false),
            ("https://partner.example/hooks-of-others/", false),
            ("https://partner.example/hooks/../admin", false),
            ("https://partner.example/hooks/%2e%2e/admin", false),
            ("https://partner.example:8443/hooks/a", false),
            ("https://partner.example.evil.example/hooks/a", false),
            ("https://partner.example@evil.example/hooks/a", false),
            ("https://user@partner.example/hooks/a", false),
            ("http://partner.example/hooks/a", false),
            ("https://partner.example/hooks/a#b", false),
        ] {
            assert_eq!(prefix.covers(&url(address)), covered, "{address}");
        }
    }

    #[test]
    fn a_beginning_is_one_that_others_cannot_read_or_share() {
        for (address, fine) in [
            ("https://partner.example/", true),
            ("http://127.0.0.1:9/hooks/", true),
            ("http://[::1]:9/", true),
            ("http://partner.example/", false),
            ("https://partner.example/hooks", false),
            ("https://partner.example/?a=/", false),
            ("https://user@partner.example/", false),
            ("ftp://partner.example/", false),
        ] {
            assert_eq!(UrlPrefix::new(url(address)).is_ok(), fine, "{address}");
        }
    }

    #[test]
    fn a_card_leads_to_its_own_origin_or_where_the_declaration_says() {
        let key = maso_identity::AgentKey::from_seed([1; 32]).public();
        let peer = PeerTerms {
            card: url("https://partner.example/.well-known/agent-card.json"),
            keys: CardKeys::new(vec![key]).unwrap(),
            addresses: vec![UrlPrefix::new(url("https://api.partner.example/a2a/")).unwrap()],
            headers_from_env: BTreeMap::new(),
        };
        for (address, allowed) in [
            ("https://partner.example/a2a", true),
            ("https://api.partner.example/a2a/v1", true),
            ("https://api.partner.example/other", false),
            ("http://partner.example/a2a", false),
            ("https://169.254.169.254/latest", false),
            ("https://elsewhere.example/a2a", false),
        ] {
            assert_eq!(peer.allows(&url(address)), allowed, "{address}");
        }
        assert!(matches!(peer.keys.keys(), [PublicKey::Ed25519(_)]));
    }

    proptest! {
        #[test]
        fn what_is_covered_begins_so(path in "[a-z./%0-9]{0,20}", host in "(a|b)(\\.a|\\.b)?") {
            let prefix = UrlPrefix::new(url("https://a.b/x/")).unwrap();
            if let Ok(address) = format!("https://{host}/{path}").parse::<Url>() {
                prop_assert!(!prefix.covers(&address) || address.as_str().starts_with("https://a.b/x/"));
            }
        }
    }
}
