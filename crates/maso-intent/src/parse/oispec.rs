//! What `[oispec]` means.

use crate::{Evaluation, OiSpec, form::OiSpecForm};

pub(super) fn oispec(form: &OiSpecForm) -> OiSpec {
    let risk = form.risk_classification.value;
    OiSpec {
        goal: form.goal.value.clone(),
        success_criteria: form.success_criteria.iter().map(|criterion| criterion.text.value.clone()).collect(),
        criterion_ids: form
            .success_criteria
            .iter()
            .enumerate()
            .map(|(index, criterion)| criterion.id.clone().unwrap_or_else(|| format!("criterion-{}", index + 1)))
            .collect(),
        deciders: form
            .success_criteria
            .iter()
            .map(|criterion| criterion.decided_by.as_ref().map(|decider| decider.value.clone()))
            .collect(),
        covers: form.covers.iter().map(|id| id.value.clone()).collect(),
        failure_criteria: form.failure_criteria.iter().map(|criterion| criterion.value.clone()).collect(),
        prohibited_actions: form.prohibited_actions.clone(),
        required_fields: form.required_fields.iter().map(|pointer| pointer.value.0.clone()).collect(),
        prohibited_content: form.prohibited_content.clone(),
        max_confidence_without_source: form.max_confidence_without_source.map(|share| share.0),
        risk_classification: risk,
        evaluation: form.evaluation.as_ref().map_or(Evaluation::due(risk), |at| at.value),
    }
}
