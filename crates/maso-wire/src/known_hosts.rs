//! Which hosts and pages a request may name, so that no web page can speak to a server on this machine by way of a name
//! of its own (DNS rebinding).

use std::net::IpAddr;

/// The names under which a door is reached: this machine's, and those that were declared.
#[derive(Clone, Debug, Default)]
pub struct KnownHosts {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl KnownHosts {
    /// Loopback, by whatever name, and nothing else.
    pub fn loopback() -> Self {
        Self::default()
    }

    /// Also this host, without a port.
    #[must_use]
    pub fn and_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Also pages of this origin: scheme, host and, where it is not the scheme's own, port.
    #[must_use]
    pub fn and_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Whether a `Host` header, with or without a port, names one of them.
    pub fn has(&self, host: &str) -> bool {
        let host = without_port(host);
        is_loopback(host) || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    /// Whether an `Origin` header names a page of one of them.
    pub fn has_origin(&self, origin: &str) -> bool {
        let of_loopback = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"))
            .is_some_and(|host| is_loopback(without_port(host)));
        of_loopback || self.origins.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_what_was_declared_is_known() {
        let known = KnownHosts::loopback().and_host("maso.example").and_origin("https://maso.example");
        for host in
            ["localhost", "LOCALHOST:80", "127.0.0.1:7680", "127.9.9.9", "[::1]", "[::1]:7680", "maso.example:1"]
        {
            assert!(known.has(host), "{host}");
        }
        for host in
            ["", ":80", "evil.example", "127.0.0.1.evil.example", "localhost.", "10.0.0.1", "0.0.0.0", "[::2]:1"]
        {
            assert!(!known.has(host), "{host}");
        }
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:1", "https://maso.example"] {
            assert!(known.has_origin(origin), "{origin}");
        }
        let foreign = [
            "null",
            "localhost",
            "ftp://localhost",
            "http://maso.example",
            "https://maso.example:444",
            "http://localhost@evil.example",
            "http://127.0.0.1.evil.example",
            "http://localhost/path",
        ];
        for origin in foreign {
            assert!(!known.has_origin(origin), "{origin}");
        }
    }
}
