//! A broker that carries what agents send each other, and what is expected of it.

use std::{fmt, net::IpAddr, str::FromStr};

use url::{Host, Url};

/// A broker between processes, and what it must promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusSettings {
    /// Where it is.
    pub server: BusServer,
    /// The file with the key of maso's own user, from the deployment's folder on; `None` for a server that asks for none.
    pub credentials: Option<String>,
    /// The file with the certificates that the broker's must come from; those of the system where it is absent.
    pub roots: Option<String>,
    /// What being put must mean.
    pub promise: Durability,
    /// On how many of the broker's machines each mailbox lies.
    pub replicas: Replicas,
}

/// Where a NATS server is: `nats://HOST:PORT`, or `tls://HOST:PORT` where the connection must be encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusServer(Url);

impl BusServer {
    /// As text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether nobody on the way can read along, or pretend to be it.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == ENCRYPTED
    }

    /// Whether it is on this machine, as far as the address itself says.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            // The host of a scheme that the web does not know is text, whatever it is.
            Some(Host::Domain(name)) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }
}

impl fmt::Display for BusServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BusServer {
    type Err = String;

    /// A password in an address would be one in the deployment's files, and in every error that names the address.
    fn from_str(text: &str) -> Result<Self, String> {
        let bare = |url: &Url| {
            url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && matches!(url.path(), "" | "/")
                && url.query().is_none()
                && url.fragment().is_none()
        };
        match text.parse::<Url>() {
            Ok(url) if matches!(url.scheme(), PLAIN | ENCRYPTED) && bare(&url) => Ok(Self(url)),
            // It may hold a password: it is not repeated.
            _ => Err("not a NATS server such as `nats://127.0.0.1:4222` or `tls://nats.example:4222`".to_owned()),
        }
    }
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
        ] {
            let server: BusServer = text.parse().unwrap();
            assert_eq!((server.is_encrypted(), server.is_loopback()), (encrypted, loopback), "{text}");
        }
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
        ] {
            let error = text.parse::<BusServer>().unwrap_err();
            assert!(!error.contains("hunter2"), "{text}: {error}");
        }
    }
}
