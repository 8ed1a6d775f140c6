//! What is unsound about the numbers of a deployment, and about where it listens.

use maso_core::Risk;

use super::{Found, Lint, LintRule};
use crate::{
    ClientCertificates, Settings, TlsSettings,
    form::{File, MasoForm},
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    let Some(maso) = &lint.folder.maso else { return };
    let settings = &lint.deployment.settings;
    zeros(settings, maso, found);
    shares(lint, maso, found);
    token_life(settings, maso, found);
    approval_wait(settings, maso, found);
    public_url(settings, maso, found);
    listen(settings, maso, found);
}

fn zeros(settings: &Settings, maso: &File<'_, MasoForm>, found: &mut Found) {
    let numbers = [
        ("calls_per_hour_max", u64::from(settings.calls_per_hour_max), LintRule::RateZero),
        ("held_actions_max", settings.held_actions_max as u64, LintRule::RateZero),
        ("sessions_per_agent_max", settings.open.sessions_per_agent_max as u64, LintRule::RateZero),
        ("sessions_max", settings.open.sessions_max as u64, LintRule::RateZero),
        ("session_idle", settings.open.session_idle_ms, LintRule::RateZero),
        ("connections_per_agent_max", settings.open.connections_per_agent_max as u64, LintRule::RateZero),
        ("connections_max", settings.open.connections_max as u64, LintRule::RateZero),
        ("bodies_max", settings.open.bodies_max as u64, LintRule::RateZero),
        ("server_wait", settings.server_wait_ms, LintRule::WaitZero),
        ("alive_within", settings.alive_within_ms, LintRule::WaitZero),
        ("blocks_max", u64::from(settings.breaker_blocks_max), LintRule::BreakerZero),
        ("window", settings.breaker_window_ms, LintRule::BreakerZero),
        ("token_ttl", settings.token_ttl_ms, LintRule::TokenLifeZero),
        ("proof_window", settings.proof_window_ms, LintRule::ProofWindowZero),
        ("frame_bytes_max", settings.limits.frame_bytes_max as u64, LintRule::FrameLimitZero),
        ("depth_max", settings.limits.depth_max as u64, LintRule::FrameLimitZero),
        ("nodes_max", settings.limits.nodes_max as u64, LintRule::FrameLimitZero),
    ];
    for (key, _, rule) in numbers.into_iter().filter(|(_, number, _)| *number == 0) {
        let message = format!("`{key}` is zero, so nothing can pass");
        found.add(rule, maso, maso.find(key), message, "leave it out or raise it");
    }
}

fn shares(lint: Lint<'_>, maso: &File<'_, MasoForm>, found: &mut Found) {
    let open = &lint.deployment.settings.open;
    for (key, share, total) in [
        ("sessions_per_agent_max", open.sessions_per_agent_max, open.sessions_max),
        ("connections_per_agent_max", open.connections_per_agent_max, open.connections_max),
    ] {
        if share >= total && total > 0 && lint.deployment.agents.len() > 1 {
            let message = format!("`{key}` leaves nothing to others: one agent may have all {total}");
            let remedy = "lower it, so that a compromised agent cannot keep the others out";
            found.add(LintRule::ShareTooLarge, maso, maso.find(key), message, remedy);
        }
    }
}

fn token_life(settings: &Settings, maso: &File<'_, MasoForm>, found: &mut Found) {
    let start = maso.find("token_ttl");
    if settings.token_ttl_ms > DAY_MS {
        let message = "agent tokens live longer than 24 hours";
        let remedy = "at most `1h` for agents with high privilege, `24h` for readers";
        found.add(LintRule::TokenLifeTooLong, maso, start, message, remedy);
    } else if settings.token_ttl_ms > HOUR_MS {
        let message = "agent tokens live longer than an hour";
        found.add(LintRule::TokenLifeOverAnHour, maso, start, message, "write `token_ttl = \"1h\"`, or less");
    }
}

fn approval_wait(settings: &Settings, maso: &File<'_, MasoForm>, found: &mut Found) {
    if settings.approval_wait(Risk::Critical) > DAY_MS || settings.approval_wait(Risk::High) > DAY_MS {
        let message = "an action of high or critical risk may wait longer than a day for a person";
        let remedy = "shorten the wait; unanswered is denied and can be asked again";
        found.add(LintRule::ApprovalWaitTooLong, maso, maso.find("[approvals"), message, remedy);
    }
}

fn public_url(settings: &Settings, maso: &File<'_, MasoForm>, found: &mut Found) {
    let Some(url) = &settings.public_url else { return };
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        let message = format!("`{url}` is not the address of a door");
        let remedy = "write scheme, host and port alone, as in `https://maso.example`";
        found.add(LintRule::PublicUrlInvalid, maso, maso.find("public_url"), message, remedy);
    }
}

fn listen(settings: &Settings, maso: &File<'_, MasoForm>, found: &mut Found) {
    if !settings.listen.ip().is_loopback() && settings.bearer_on_loopback {
        let message = format!("maso listens on `{}`, beyond this machine", settings.listen);
        let remedy = "put TLS in front of it, or listen on `127.0.0.1`";
        found.add(LintRule::ListenExposed, maso, maso.find("[listen]"), message, remedy);
    }
    let has_tls_before_it = settings.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    if !settings.listen.ip().is_loopback() && !has_tls_before_it {
        let message = format!("maso listens on `{}` without encryption", settings.listen);
        let remedy =
            "listen on `127.0.0.1`, and beyond it at `[listen.tls]` or behind an `https` address of `public_url`";
        found.add(LintRule::ListenPlain, maso, maso.find("[listen]"), message, remedy);
    }
    let lets_in_anybody = |tls: &TlsSettings| tls.client_certificates == ClientCertificates::Optional;
    if settings.tls.as_ref().is_some_and(lets_in_anybody) {
        let message = "whoever comes over TLS need not show a certificate";
        let remedy = "write `client_certificates = \"required\"`, so that a stolen token is worth nothing there";
        found.add(LintRule::TlsOptional, maso, maso.find("[listen.tls]"), message, remedy);
    }
}

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
