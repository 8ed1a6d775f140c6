//! A broker that carries what agents send each other, and what is expected of it.

use std::{fmt, net::IpAddr, str::FromStr};

use url::{Host, Url};

use crate::CertificateFiles;

/// A broker between processes, and what it must promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusSettings {
    /// Where it is.
    pub servers: BusServers,
    /// The file with the key of maso's own user, from the deployment's folder on; `None` for a server that asks for none.
    pub credentials: Option<String>,
    /// The file with the certificates that the broker's must come from; those of the system where it is absent.
    pub roots: Option<String>,
    /// The certificate by which the broker knows maso's connections; for one that asks for none, none.
    pub certificate: Option<CertificateFiles>,
    /// What being put must mean.
    pub promise: Durability,
    /// On how many of the broker's machines each mailbox lies.
    pub replicas: Replicas,
}

/// Where a NATS server is, or the servers of one cluster: `nats://HOST:PORT,HOST:PORT`, or `tls://…` where each connection must
/// be encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusServers {
    // INVARIANT: at least one, no two alike, all of one scheme: no connection is plain because another server is reached.
    addresses: Vec<Url>,
}

impl BusServers {
    /// The address of each, with its scheme.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(Url::as_str)
    }

    /// Whether nobody on the way can read along, or pretend to be one of them.
    pub fn is_encrypted(&self) -> bool {
        self.addresses.iter().all(|address| address.scheme() == ENCRYPTED)
    }

    /// Whether they are on this machine, as far as the addresses themselves say.
    pub fn is_loopback(&self) -> bool {
        self.addresses.iter().all(|address| match address.host() {
            // The host of a scheme that the web does not know is text, whatever it is.
            Some(Host::Domain(name)) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        })
    }
}

impl fmt::Display for BusServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n_before, address) in self.addresses().enumerate() {
            if n_before > 0 {
                f.write_str(",")?;
            }
            f.write_str(address)?;
        }
        Ok(())
    }
}

impl FromStr for BusServers {
    type Err = String;

    /// The first names the scheme of all. A password in an address would be one in the deployment's files, and in every error
    /// that names the address.
    fn from_str(text: &str) -> Result<Self, String> {
        // What is refused may hold a password: it is not repeated.
        let none = || {
            "not a NATS server such as `nats://127.0.0.1:4222`, or those of a cluster such as `tls://a.example:4222,b.example:4222`"
                .to_owned()
        };
        let (scheme, hosts) = text.split_once("://").ok_or_else(none)?;
        let mut addresses: Vec<Url> = Vec::new();
        for host in hosts.split(',') {
            // Each may say it once more: lists are often copied together of whole addresses.
            let address = if host.contains("://") { host.to_owned() } else { format!("{scheme}://{host}") };
            let address = address.parse::<Url>().ok().filter(is_bare).ok_or_else(none)?;
            if addresses.first().is_some_and(|first| first.scheme() != address.scheme()) {
                return Err("the connection to some of these servers would be encrypted, and to others not".to_owned());
            }
            if addresses.contains(&address) {
                return Err("one of these servers stands here twice".to_owned());
            }
            addresses.push(address);
        }
        if addresses.len() > SERVERS_MAX {
            return Err(format!("more than {SERVERS_MAX} servers"));
        }
        Ok(Self { addresses })
    }
}

/// Whether it says where a NATS server is, and nothing beside.
fn is_bare(url: &Url) -> bool {
    matches!(url.scheme(), PLAIN | ENCRYPTED)
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
}

/// What has to be so of what was put, before whoever put it is told so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// The broker wrote it to its file, and need not have waited for the disk.
    #[default]
    Stored,
    /// It survives that any one machine loses power.
    Synced,
}

impl Durability {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::Stored, Self::Synced];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Synced => "synced",
        }
    }

    /// What has this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// On how many of a broker's machines something lies. An even number adds machines and no safety.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replicas {
    /// On one.
    #[default]
    One,
    /// On three: one may be gone.
    Three,
    /// On five: two may be gone.
    Five,
}

impl Replicas {
    /// All that there are.
    pub const ALL: [Self; 3] = [Self::One, Self::Three, Self::Five];

    /// How many.
    pub const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Three => 3,
            Self::Five => 5,
        }
    }

    /// That many.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|known| i64::from(known.number()) == number)
    }
}

const PLAIN: &str = "nats";
const ENCRYPTED: &str = "tls";
/// How many servers may be named. Clusters have three or five; one may be moved from one to another.
const SERVERS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_server_can_be() {
        for (text, encrypted, loopback) in [
            ("nats://127.0.0.1:4222", false, true),
            ("nats://[::1]:4222", false, true),
            ("nats://localhost", false, true),
            ("tls://nats.example:4222", true, false),
            ("nats://10.0.0.1:4222", false, false),
            ("nats://localhost.example", false, false),
            ("nats://127.0.0.1:1,127.0.0.1:2,[::1]:3", false, true),
            ("nats://127.0.0.1:1,10.0.0.1:1", false, false),
            ("tls://a.example:4222,b.example:4222", true, false),
        ] {
            let servers: BusServers = text.parse().unwrap();
            assert_eq!((servers.is_encrypted(), servers.is_loopback()), (encrypted, loopback), "{text}");
            assert_eq!(servers.to_string().parse(), Ok(servers), "{text}");
        }
    }

    #[test]
    fn all_servers_of_a_cluster_have_the_scheme_of_the_first() {
        let of = |text: &str| {
            text.parse().map(|servers: BusServers| servers.addresses().map(str::to_owned).collect::<Vec<_>>())
        };
        let three = ["tls://a:1", "tls://b:2", "tls://c"].map(str::to_owned).to_vec();
        assert_eq!(of("tls://a:1,b:2,c"), Ok(three.clone()));
        assert_eq!(of("tls://a:1,tls://b:2,tls://c"), Ok(three));
        for text in [
            "tls://a,nats://b",
            "nats://a,tls://b",
            "tls://a,tls://b,nats://c",
            "nats://a,a",
            "nats://a,,b",
            "nats://a,",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
        let many = |n: usize| format!("nats://{}", (1..=n).map(|n| format!("n{n}")).collect::<Vec<_>>().join(","));
        assert!(of(&many(SERVERS_MAX)).is_ok());
        assert!(of(&many(SERVERS_MAX + 1)).is_err());
    }

    #[test]
    fn what_is_no_server_is_not_repeated() {
        for text in [
            "",
            "127.0.0.1:4222",
            "http://127.0.0.1:4222",
            "ws://127.0.0.1:4222",
            "nats://user:hunter2@127.0.0.1:4222",
            "nats://hunter2@127.0.0.1",
            "nats://",
            "nats:hunter2",
            "nats://127.0.0.1/hunter2",
            "nats://127.0.0.1?hunter2",
            "nats://127.0.0.1#hunter2",
            "nats://a,user:hunter2@b",
            "nats://a,http://hunter2",
        ] {
            let error = text.parse::<BusServers>().unwrap_err();
            assert!(!error.contains("hunter2"), "{text}: {error}");
        }
    }
}
