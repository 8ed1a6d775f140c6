//! Hosts: to whom an address on the web leads, whatever follows.

/// The host in a web address as people and programs write it, with or without its scheme. One that names somebody before
/// the host has none: `https://bank.example@evil.example` leads elsewhere than it seems.
pub(super) fn host_of(address: &str) -> Option<String> {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, address),
    };
    if scheme.is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.split_once(':').map_or(authority, |(host, port)| if is_port(port) { host } else { "" });
    let host = host.strip_prefix("www.").unwrap_or(host);
    let (_, top) = host.rsplit_once('.')?;
    let is_top = top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_lowercase());
    let named = host.split('.').all(|label| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'))
    });
    (is_top && named).then(|| host.to_owned())
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The key under which a host is found. No word contains whitespace, so no word can be taken for one.
pub(super) fn host_key(host: &str) -> String {
    format!("\n//{host}")
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn an_address_leads_to_its_host() {
        for (address, host) in [
            ("www.example.com", "example.com"),
            ("https://www.example.com/a?b=c#d", "example.com"),
            ("http://shop.example.com:8080/x", "shop.example.com"),
            ("example.com/path", "example.com"),
        ] {
            assert_eq!(host_of(address).as_deref(), Some(host), "{address}");
        }
        for address in [
            "https://bank.example@evil.example/",
            "someone@example.com",
            "ftp://example.com",
            "example",
            "1.5",
            "https://ex\u{430}mple.com",
            "example.com:evil",
            "https://example.com\\.evil.example",
        ] {
            assert_eq!(host_of(address), None, "{address}");
        }
    }
}
