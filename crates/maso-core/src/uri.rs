//! Where a resource lies.

/// Whether a URI lies under a prefix, and cannot climb out of it. An empty prefix is everything.
pub fn lies_within(uri: &str, prefix: &str) -> bool {
    if prefix.is_empty() {
        return true;
    }
    // Servers unescape once or more and treat `\` as `/`; what could mean `..` to any of them lies nowhere.
    let Some(rest) = uri.strip_prefix(prefix) else { return false };
    let mut plain = rest.to_ascii_lowercase().replace('\\', "/");
    for _ in 0..UNESCAPES {
        plain = plain.replace("%25", "%").replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    }
    // The last segment of the prefix goes on in the rest: `…/a` + `../b` is one segment `a..`, which climbs nowhere.
    let open = prefix.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    !format!("{open}{plain}").split(['/', '?', '#', ';']).any(|segment| segment == ".." || segment == ".")
        && !plain.contains(|c: char| c.is_control())
}

/// How often an escape may itself have been escaped before it stops being read.
const UNESCAPES: usize = 4;
