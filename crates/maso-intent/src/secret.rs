//! What looks like a secret where none should be written.

/// Whether a variable of this name and value looks like a secret.
pub(crate) fn looks_secret(name: &str, value: &str) -> bool {
    if value.trim().is_empty() {
        return false;
    }
    let name = name.to_ascii_uppercase();
    let named_so = NAMES.iter().any(|part| name.contains(part)) && !INNOCENT.iter().any(|end| name.ends_with(end));
    named_so || shaped_so(value)
}

/// Whether a text has the form of a secret, whatever it is called.
pub(crate) fn shaped_so(value: &str) -> bool {
    let begins_so = PREFIXES.iter().any(|prefix| value.starts_with(prefix) && value.len() >= prefix.len() + 12);
    let holds_password = value
        .split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next()?.rsplit_once('@'))
        .is_some_and(|(user, _)| user.contains(':'));
    begins_so || holds_password || value.contains("-----BEGIN")
}

const NAMES: &[&str] =
    &["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "AUTHORIZATION", "COOKIE", "DSN"];
const INNOCENT: &[&str] = &["_FILE", "_PATH", "_DIR", "_MAX", "_LIMIT", "_TTL", "_URL", "_COUNT"];
const PREFIXES: &[&str] =
    &["sk-", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "AKIA", "eyJ", "Bearer "];
