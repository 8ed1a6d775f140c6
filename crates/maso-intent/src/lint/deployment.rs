//! What is unsound in `maso.toml`.

use maso_core::{ControlId, Risk};

use super::Lint;
use crate::{Control, Effect, Problem, Role, Severity, nearest::suggestion};

impl Lint<'_> {
    pub(super) fn deployment(self, problems: &mut Vec<Problem>) {
        let Some(maso) = &self.folder.maso else { return };
        let deployment = self.deployment;
        let form = &maso.form;

        if !deployment.operators.contains_key(&form.accountable_human.value) {
            let message = format!("accountable human `{}` is not an operator", form.accountable_human.value);
            let remedy = self.operator_suggestion(form.accountable_human.as_str());
            problems.push(maso.problem(form.accountable_human.start, Severity::Error, "OB-2.7", message, remedy));
        }
        let nobody_is = |role| !deployment.operators.values().any(|operator| operator.roles.contains(&role));
        if nobody_is(Role::Supervisor) {
            let message = "nobody may approve a held action, so each one will be denied when its wait ends";
            let remedy = "give an operator the role `supervisor`";
            problems.push(maso.problem(maso.find("[[operators]]"), Severity::Error, "EC-2.9", message, remedy));
        }
        if nobody_is(Role::IncidentCommander) {
            let message = "nobody may pull the kill switch or end an emergency";
            let remedy = "give an operator the role `incident-commander`";
            problems.push(maso.problem(maso.find("[[operators]]"), Severity::Warning, "ENV-21", message, remedy));
        }

        let n_supervisors =
            deployment.operators.values().filter(|operator| operator.roles.contains(&Role::Supervisor)).count();
        let critical = deployment
            .authorities
            .values()
            .flat_map(|authority| authority.tools())
            .find(|tool| deployment.tool(tool).is_some_and(|manifest| manifest.risk == Risk::Critical));
        if let (Some(tool), 1) = (critical, n_supervisors) {
            let message =
                format!("`{tool}` is critical and needs two people, and only one may approve: it will be denied");
            let remedy = "give a second operator the role `supervisor`, or lower the risk with good reason";
            problems.push(maso.problem(maso.find("[[operators]]"), Severity::Warning, "EC-2.9", message, remedy));
        }

        for selected in &form.controls.selected {
            let (message, remedy) = match Control::of(&selected.value).map(Control::effect) {
                Some(Some(_)) => continue,
                Some(None) => (
                    format!("`{}` is selected, and this version does nothing about it", selected.value),
                    "leave it out; docs/controls.md says what is in force".to_owned(),
                ),
                None => no_such_control(&selected.value),
            };
            problems.push(maso.problem(selected.start, Severity::Error, "", message, remedy));
        }
        for deselection in &form.controls.deselected {
            let control = &deselection.control;
            let odd = match Control::of(&control.value).map(Control::effect) {
                Some(Some(Effect::Switched)) => None,
                Some(Some(Effect::Checked)) => Some((
                    Severity::Note,
                    (
                        format!("`{}` is switched off, and `maso check` looks for it all the same", control.value),
                        "keep it if an auditor wants to read the reason".to_owned(),
                    ),
                )),
                Some(Some(Effect::Always)) => Some((
                    Severity::Error,
                    (
                        format!("`{}` cannot be switched off, and stays in force", control.value),
                        "leave it out; docs/controls.md says which controls can be, and which of them speak for it"
                            .to_owned(),
                    ),
                )),
                Some(None) => Some((
                    Severity::Note,
                    (
                        format!("`{}` is switched off, and this version does nothing about it anyway", control.value),
                        "keep it if an auditor wants to read the reason".to_owned(),
                    ),
                )),
                None => Some((Severity::Error, no_such_control(&control.value))),
            };
            if let Some((severity, (message, remedy))) = odd {
                problems.push(maso.problem(control.start, severity, "", message, remedy));
            }
            if !deployment.operators.contains_key(&deselection.owner.value) {
                let message = format!(
                    "`{}` answers for switching `{}` off and is not an operator",
                    deselection.owner.value, deselection.control.value
                );
                let remedy = self.operator_suggestion(deselection.owner.as_str());
                problems.push(maso.problem(deselection.owner.start, Severity::Error, "OB-2.7", message, remedy));
            }
            if let Some(until) = &deselection.until
                && until.parse::<jiff::civil::Date>().is_err()
            {
                let message = format!("`{}` is not a date", until.value);
                problems.push(maso.problem(
                    until.start,
                    Severity::Error,
                    "OB-2.7",
                    message,
                    "write it as `2027-01-31`",
                ));
            }
            if form.controls.selected.contains(&deselection.control) {
                let message = format!("`{}` is both selected and deselected", deselection.control.value);
                problems.push(maso.problem(deselection.control.start, Severity::Error, "OB-2.7", message, "keep one"));
            }
        }

        let settings = &deployment.settings;
        let zeros = [
            ("calls_per_hour_max", u64::from(settings.calls_per_hour_max), "EC-1.3"),
            ("held_actions_max", settings.held_actions_max as u64, "EC-1.3"),
            ("server_wait", settings.server_wait_ms, "EC-2.9"),
            ("blocks_max", u64::from(settings.breaker_blocks_max), "EC-2.4"),
            ("window", settings.breaker_window_ms, "EC-2.4"),
            ("token_ttl", settings.token_ttl_ms, "IA-2.2"),
            ("proof_window", settings.proof_window_ms, "IA-2.1"),
            ("frame_bytes_max", settings.limits.frame_bytes_max as u64, "EC-2.15"),
            ("depth_max", settings.limits.depth_max as u64, "EC-2.15"),
            ("nodes_max", settings.limits.nodes_max as u64, "EC-2.15"),
            ("sessions_per_agent_max", settings.open.sessions_per_agent_max as u64, "EC-1.3"),
            ("sessions_max", settings.open.sessions_max as u64, "EC-1.3"),
            ("session_idle", settings.open.session_idle_ms, "EC-1.3"),
            ("connections_per_agent_max", settings.open.connections_per_agent_max as u64, "EC-1.3"),
            ("connections_max", settings.open.connections_max as u64, "EC-1.3"),
            ("bodies_max", settings.open.bodies_max as u64, "EC-1.3"),
        ];
        for (key, _, control) in zeros.into_iter().filter(|(_, value, _)| *value == 0) {
            let message = format!("`{key}` is zero, so nothing can pass");
            problems.push(maso.problem(maso.find(key), Severity::Error, control, message, "leave it out or raise it"));
        }
        for (key, share, total) in [
            ("sessions_per_agent_max", settings.open.sessions_per_agent_max, settings.open.sessions_max),
            ("connections_per_agent_max", settings.open.connections_per_agent_max, settings.open.connections_max),
        ] {
            if share >= total && total > 0 && deployment.agents.len() > 1 {
                let message = format!("`{key}` leaves nothing to others: one agent may have all {total}");
                let remedy = "lower it, so that a compromised agent cannot keep the others out";
                problems.push(maso.problem(maso.find(key), Severity::Warning, "EC-1.3", message, remedy));
            }
        }
        if let Some(url) = &settings.public_url
            && (url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty())
        {
            let message = format!("`{url}` is not the address of a door");
            let remedy = "write scheme, host and port alone, as in `https://maso.example`";
            problems.push(maso.problem(maso.find("public_url"), Severity::Error, "IA-2.3", message, remedy));
        }
        if settings.token_ttl_ms > DAY_MS {
            let message = "agent tokens live longer than 24 hours";
            let remedy = "at most `1h` for agents with high privilege, `24h` for readers";
            problems.push(maso.problem(maso.find("token_ttl"), Severity::Error, "IA-2.2", message, remedy));
        }
        if settings.approval_wait(Risk::Critical) > DAY_MS || settings.approval_wait(Risk::High) > DAY_MS {
            let message = "an action of high or critical risk may wait longer than a day for a person";
            problems.push(maso.problem(
                maso.find("[approvals"),
                Severity::Warning,
                "EC-2.9",
                message,
                "shorten the wait; unanswered is denied and can be asked again",
            ));
        }
        if !settings.listen.ip().is_loopback() && settings.bearer_on_loopback {
            let message = format!("maso listens on `{}`, beyond this machine", settings.listen);
            let remedy = "put TLS in front of it, or listen on `127.0.0.1`";
            problems.push(maso.problem(maso.find("[listen]"), Severity::Warning, "IA-2.3", message, remedy));
        }
    }

    pub(super) fn operator_suggestion(self, given: &str) -> String {
        let operators = self.deployment.operators.keys().map(|operator| operator.as_str());
        suggestion(given, operators, || format!("add `[[operators]]` with `name = \"{given}\"` to maso.toml"))
    }
}

pub(super) fn no_such_control(control: &ControlId) -> (String, String) {
    let message = format!("the framework has no control `{control}`");
    (
        message,
        suggestion(control.as_str(), Control::all().map(|control| control.id.as_str()), || {
            "see docs/controls.md".to_owned()
        }),
    )
}

const DAY_MS: u64 = 24 * 3_600_000;
