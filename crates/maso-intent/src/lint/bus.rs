//! What is unsound about the broker between processes.

use super::{Found, Lint, LintRule};
use crate::Durability;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    let (Some(maso), Some(bus)) = (&lint.folder.maso, &lint.deployment.settings.bus) else { return };
    let start = maso.find("[bus]");
    if !bus.servers.is_encrypted() && !bus.servers.is_loopback() {
        let message = format!("the connection to `{}` is not encrypted", bus.servers);
        let remedy = "write `tls://`, so that nobody on the way sees who speaks with whom, or answers in its place";
        found.add(LintRule::BusPlain, maso, start, message, remedy);
    }
    if bus.promise < Durability::Synced {
        let message = "what the bus has acknowledged may be lost with the power of one machine";
        let remedy = "write `promise = \"synced\"`, on three replicas or a server that waits for its disk";
        found.add(LintRule::BusUnsynced, maso, start, message, remedy);
    }
}
