//! What `judges/*.toml` means.

use maso_core::JudgeName;

use super::history::Declared;
use crate::{
    Calibration, JudgeKind, JudgeOiSpec, JudgeSpec, Problem, Severity,
    form::{File, JudgeForm, KindForm},
};

pub(super) fn judge(name: &JudgeName, file: &File<'_, JudgeForm>, problems: &mut Vec<Problem>) -> Option<JudgeSpec> {
    let form = &file.form;
    authority(file, problems);
    let mut error = |start: usize, message: &str, remedy: &str| {
        problems.push(file.problem(start, Severity::Error, "", message, remedy));
    };
    let kind = match (form.kind, &form.endpoint, &form.model) {
        (KindForm::Rules, None, None) => JudgeKind::Rules,
        (KindForm::Rules, endpoint, model) => {
            let start = endpoint.as_ref().map(|at| at.start).or(model.as_ref().map(|at| at.start)).unwrap_or(0);
            error(
                start,
                "a judge of kind `rules` has no model",
                "remove `endpoint` and `model`, or write `kind = \"model\"`",
            );
            return None;
        }
        (KindForm::Model, Some(endpoint), Some(model)) => JudgeKind::Model {
            endpoint: endpoint.value.clone(),
            model: model.value.clone(),
            api_key_env: form.api_key_env.as_ref().map(|at| at.value.clone()),
            context_tokens: form.context_tokens,
        },
        (KindForm::Model, ..) => {
            error(0, "a judge of kind `model` needs `endpoint` and `model`", "add both");
            return None;
        }
    };
    Some(JudgeSpec {
        name: name.clone(),
        kind,
        criteria: form.criteria.iter().map(|criterion| criterion.value.clone()).collect(),
        exclusions: form.exclusions.clone(),
        max_evaluation_latency_ms: form.max_evaluation_latency.as_ref().map_or(5_000, |at| at.0),
        oispec: oispec(form),
    })
}

fn oispec(form: &JudgeForm) -> JudgeOiSpec {
    JudgeOiSpec {
        version: form.version,
        history: Declared::from(form).history(),
        role: form.role.as_ref().map(|at| at.value),
        goal: form.goal.as_ref().map(|goal| goal.value.clone()),
        scope: form.scope.iter().map(|agent| agent.value.clone()).collect(),
        permitted_actions: form
            .permitted_actions
            .as_ref()
            .map(|actions| actions.iter().map(|action| action.value).collect()),
        prohibited_actions: form.prohibited_actions.iter().map(|action| action.value).collect(),
        provider: form.provider.as_ref().map(|provider| provider.value.clone()),
        false_positive_target: form.false_positive_target.map(|share| share.0),
        false_negative_target: form.false_negative_target.map(|share| share.0),
        can_trigger_pace_escalation: form.authority.can_trigger_pace_escalation.as_ref().map(|can| *can.get_ref()),
        calibration: form.calibration.as_ref().map(|calibration| Calibration {
            every_ms: calibration.every.0,
            monitored_by: calibration.monitored_by.as_ref().map(|who| who.value.clone()),
            drift_threshold: calibration.drift_threshold.map(|share| share.0),
        }),
    }
}

/// What follows from being a judge, written or not. A file that says otherwise is refused, so that none promises it.
fn authority(file: &File<'_, JudgeForm>, problems: &mut Vec<Problem>) {
    let form = &file.form.authority;
    for (key, given, always, why) in [
        ("can_block_output", &form.can_block_output, true, "every judge's objection counts"),
        ("can_terminate_agent", &form.can_terminate_agent, false, "no judge ends an agent"),
        ("can_modify_agent_oispec", &form.can_modify_agent_oispec, false, "no judge changes a specification"),
    ] {
        if let Some(given) = given.as_ref().filter(|given| *given.get_ref() != always) {
            let message = format!("`{key}` cannot be {}: {why}", !always);
            let remedy = format!("write `{always}`, or leave it out");
            problems.push(file.problem(given.span().start, Severity::Error, "OI-2.3", message, remedy));
        }
    }
}
