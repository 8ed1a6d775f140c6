//! What is unsound about the people of a deployment.

use maso_core::Risk;

use super::{Found, Lint, LintRule};
use crate::{
    Role,
    form::{File, MasoForm},
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    let Some(maso) = &lint.folder.maso else { return };
    accountable_human(lint, maso, found);
    roles(lint, maso, found);
    second_supervisor(lint, maso, found);
}

fn accountable_human(lint: Lint<'_>, maso: &File<'_, MasoForm>, found: &mut Found) {
    let human = &maso.form.accountable_human;
    if !lint.deployment.operators.contains_key(&human.value) {
        let message = format!("accountable human `{}` is not an operator", human.value);
        found.add(
            LintRule::AccountableHumanUnknown,
            maso,
            human.start,
            message,
            lint.operator_suggestion(human.value.as_str()),
        );
    }
}

fn roles(lint: Lint<'_>, maso: &File<'_, MasoForm>, found: &mut Found) {
    let start = maso.find("[[operators]]");
    if n_with(lint, Role::Supervisor) == 0 {
        let message = "nobody may approve a held action, so each one will be denied when its wait ends";
        found.add(LintRule::SupervisorMissing, maso, start, message, "give an operator the role `supervisor`");
    }
    if n_with(lint, Role::IncidentCommander) == 0 {
        let message = "nobody may pull the kill switch or end an emergency";
        let remedy = "give an operator the role `incident-commander`";
        found.add(LintRule::IncidentCommanderMissing, maso, start, message, remedy);
    }
}

fn second_supervisor(lint: Lint<'_>, maso: &File<'_, MasoForm>, found: &mut Found) {
    let mut tools = lint.deployment.authorities.values().flat_map(|authority| authority.tools());
    let critical =
        tools.find(|tool| lint.deployment.tool(tool).is_some_and(|manifest| manifest.risk == Risk::Critical));
    if let (Some(tool), 1) = (critical, n_with(lint, Role::Supervisor)) {
        let message = format!("`{tool}` is critical and needs two people, and only one may approve: it will be denied");
        let remedy = "give a second operator the role `supervisor`, or lower the risk with good reason";
        found.add(LintRule::SecondSupervisorMissing, maso, maso.find("[[operators]]"), message, remedy);
    }
}

fn n_with(lint: Lint<'_>, role: Role) -> usize {
    lint.deployment.operators.values().filter(|operator| operator.roles.contains(&role)).count()
}
