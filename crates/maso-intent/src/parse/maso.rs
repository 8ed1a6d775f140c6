//! What `maso.toml` means: numbers, people, controls.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::OperatorName;

use super::{bus, day::end_of_day, listening};
use crate::{
    Deselection, OpenLimits, Operator, Problem, Settings, Severity,
    controls::why_it_stays,
    form::{At, ContextForm, File, MasoForm, Span},
};

pub(super) fn operators(maso: &File<'_, MasoForm>, problems: &mut Vec<Problem>) -> BTreeMap<OperatorName, Operator> {
    let mut operators = BTreeMap::new();
    for form in &maso.form.operators {
        let roles: BTreeSet<_> = form.roles.iter().map(|role| role.value).collect();
        let key = form.key.as_ref().map(|key| key.value);
        if let Some(key) = &form.key
            && let Some(twin) = operators.iter().find(|(_, other): &(_, &Operator)| other.key == Some(key.value))
        {
            let message = format!("operators `{}` and `{}` have the same key", twin.0, form.name.value);
            let remedy = "make one for each person with `maso operators keygen`";
            problems.push(maso.problem(key.start, Severity::Error, "AT-1.3", message, remedy));
        }
        if roles.is_empty() {
            let message = format!("operator `{}` has no role", form.name.value);
            problems.push(maso.problem(form.name.start, Severity::Error, "", message, "add at least one to `roles`"));
        }
        if operators.insert(form.name.value.clone(), Operator { roles, key }).is_some() {
            let message = format!("operator `{}` is declared twice", form.name.value);
            problems.push(maso.problem(form.name.start, Severity::Error, "", message, "keep one of them"));
        }
    }
    operators
}

/// The controls that are switched off. One that cannot be is refused here, so that no deployment exists in which it is.
pub(super) fn deselections(maso: &File<'_, MasoForm>, problems: &mut Vec<Problem>) -> Vec<Deselection> {
    let mut deselections = Vec::new();
    for form in &maso.form.controls.deselected {
        let control = &form.control;
        if let Some((why, remedy)) = why_it_stays(control.value.as_str()) {
            let message = format!("`{}` cannot be switched off: {why}", control.value);
            let problem = maso.problem(control.start, Severity::Error, "", message, remedy);
            problems.push(Problem { control: Some(control.value.clone()), ..problem });
        }
        deselections.push(Deselection {
            control: control.value.clone(),
            reason: form.reason.value.clone(),
            owner: form.owner.value.clone(),
            until: form.until.as_ref().map(|until| end_of_day(until)),
        });
    }
    deselections
}

pub(super) fn settings(maso: &File<'_, MasoForm>, problems: &mut Vec<Problem>) -> Settings {
    let form = &maso.form;
    let defaults = Settings::default();
    let (limits, open) = (defaults.limits, defaults.open);
    let wait = &form.approvals.wait;
    let [low, medium, high, critical] = defaults.approval_wait_ms;
    let span = |given: &Option<At<Span>>, default: u64| given.as_ref().map_or(default, |at| at.0);
    Settings {
        listen: form.listen.address.as_ref().map_or(defaults.listen, |address| address.value),
        public_url: form.listen.public_url.as_ref().map(|url| url.value.clone()),
        drain_ms: span(&form.listen.drain, defaults.drain_ms),
        limits: maso_wire::Limits {
            frame_bytes_max: form.limits.frame_bytes_max.unwrap_or(limits.frame_bytes_max),
            depth_max: form.limits.depth_max.unwrap_or(limits.depth_max),
            nodes_max: form.limits.nodes_max.unwrap_or(limits.nodes_max),
            string_bytes_max: form.limits.string_bytes_max.unwrap_or(limits.string_bytes_max),
            keys_max: form.limits.keys_max.unwrap_or(limits.keys_max),
            ..limits
        },
        open: OpenLimits {
            sessions_per_agent_max: form.limits.sessions_per_agent_max.unwrap_or(open.sessions_per_agent_max),
            sessions_max: form.limits.sessions_max.unwrap_or(open.sessions_max),
            session_idle_ms: span(&form.limits.session_idle, open.session_idle_ms),
            connections_per_agent_max: form.limits.connections_per_agent_max.unwrap_or(open.connections_per_agent_max),
            connections_max: form.limits.connections_max.unwrap_or(open.connections_max),
            bodies_max: form.limits.bodies_max.unwrap_or(open.bodies_max),
        },
        approval_wait_ms: [
            span(&wait.low, low),
            span(&wait.medium, medium),
            span(&wait.high, high),
            span(&wait.critical, critical),
        ],
        held_actions_max: form.limits.held_actions_max.unwrap_or(defaults.held_actions_max),
        hold_open_ms: span(&form.approvals.hold_open, defaults.hold_open_ms),
        breaker_blocks_max: form.breakers.blocks_max.unwrap_or(defaults.breaker_blocks_max),
        breaker_window_ms: span(&form.breakers.window, defaults.breaker_window_ms),
        judge_blocks_max: form.breakers.judge_blocks_max.unwrap_or(defaults.judge_blocks_max),
        alternate_ms_max: span(&form.breakers.alternate_max, defaults.alternate_ms_max),
        token_ttl_ms: span(&form.identity.token_ttl, defaults.token_ttl_ms),
        bearer_on_loopback: form.identity.bearer_on_loopback.unwrap_or(defaults.bearer_on_loopback),
        workload_socket: form.workload_api.as_ref().map(|api| api.socket.value.clone()),
        tls: listening::tls(maso, problems),
        federation: listening::federation(maso, problems),
        proof_window_ms: span(&form.identity.proof_window, defaults.proof_window_ms),
        alive_within_ms: span(&form.limits.alive_within, defaults.alive_within_ms),
        server_wait_ms: span(&form.limits.server_wait, defaults.server_wait_ms),
        calls_per_hour_max: form.limits.calls_per_hour_max.unwrap_or(defaults.calls_per_hour_max),
        context: form.context.as_ref().map(ContextForm::terms).or(defaults.context),
        bus: bus::bus(maso, problems),
    }
}
