//! What `workflows/*.toml` means: solution mandates.

use std::collections::BTreeMap;

use maso_core::{DataSourceName, Digest, Risk, WorkflowName};
use maso_identity::{DataScope, Quota, Remit};
use serde_json::Value;

use super::{day::day_begins, history::Declared, oispec::oispec, value::json};
use crate::{
    Amendment, Bounds, Channel, ConflictTerms, ContentSchema, DataSource, FixedArgument, Grant, HaltCondition,
    HaltTerms, HardLimits, JudgePrecedence, MandateReview, OverrideRule, PlanAttempts, PreApproval, Problem,
    SolutionMandate, TaskPart,
    form::{
        AmendmentForm, At, ConflictForm, DataSourceForm, File, GrantForm, HaltForm, MessageForm, OverrideRuleForm,
        Pointer, PromptForm, ReviewForm, WorkflowForm,
    },
};

pub(super) fn solution(
    name: &WorkflowName,
    file: &File<'_, WorkflowForm>,
    problems: &mut Vec<Problem>,
) -> SolutionMandate {
    let form = &file.form;
    let text = |value: &Option<At<String>>| value.as_ref().map_or_else(String::new, |at| at.value.clone());
    let plan_attempts = PlanAttempts::default();
    SolutionMandate {
        id: form.id.value.clone(),
        digest: Digest::of(file.text.as_bytes()),
        version: form.version,
        history: Declared::from(form).history(),
        workflow: name.clone(),
        business_process: form.business_process.value.clone(),
        intent: form.intent.value.clone(),
        outcome: form.outcome.value.clone(),
        agents: form.agents.iter().map(|agent| agent.value.clone()).collect(),
        sequence: form.sequence.as_ref().map(|sequence| sequence.by.value),
        tools: form.tools.iter().map(|tool| tool.value.clone()).collect(),
        data_sources: data_sources(form),
        judges: form.judges.iter().map(|judge| judge.value.clone()).collect(),
        prohibited_actions: form.prohibited_actions.clone(),
        limits: HardLimits {
            max_transactions_per_batch: form.limits.max_transactions_per_batch,
            max_execution_ms: form.limits.max_execution.0,
            max_value_minor: form.limits.max_value_minor,
            max_cost_minor: form.limits.max_cost_minor,
            max_tokens: form.limits.max_tokens,
            currency: form.limits.currency.as_ref().map(|currency| currency.value.clone()),
        },
        bounds: bounds(form),
        constants: form
            .constants
            .iter()
            .map(|(constant, value)| {
                let start = file.find(constant);
                (constant.clone(), json(file, start, value, problems))
            })
            .collect(),
        grants: form
            .grants
            .iter()
            .map(|grant| Grant {
                from: grant.from.value.clone(),
                to: grant.to.value.clone(),
                request: grant.request.value.clone(),
                schema: ContentSchema::new(grant.schema.as_ref().map_or_else(
                    || Value::Object(serde_json::Map::new()),
                    |schema| json(file, grant.request.start, &toml::Value::Table(schema.clone()), problems),
                )),
                item_pointer: grant.item_pointer.as_ref().map(|at| at.value.0.clone()),
                queues: grant.queues,
                remit: remit(grant),
                fixed: fixed(grant),
                data: grant.data_scope.as_ref().map(|scope| {
                    DataScope::new(scope.iter().map(|(source, access)| (source.value.clone(), access.value)).collect())
                }),
                quota: Quota { calls: grant.max_calls, value_minor: grant.max_value_minor },
                depth: grant.depth,
                ttl_ms: grant.ttl.as_ref().map(|span| span.0),
                answer: grant.answer.as_ref().map(|schema| {
                    let schema = toml::Value::Table(schema.clone());
                    ContentSchema::new(json(file, grant.request.start, &schema, problems))
                }),
                extracted: pointers(&grant.extracted),
            })
            .collect(),
        channels: form.messages.iter().map(|message| channel(file, message, problems)).collect(),
        clarity: match &form.clarity.required {
            Some(parts) => parts.iter().map(|part| part.value).collect(),
            None => TaskPart::required_by_default(),
        },
        pre_approved: form
            .pre_approved
            .iter()
            .map(|form| PreApproval {
                tool: form.tool.value.clone(),
                asked_by: form.asked_by.iter().map(|phrase| phrase.value.clone()).collect(),
            })
            .collect(),
        plan_attempts: PlanAttempts {
            single_session: form.plan_attempts.single_session.unwrap_or(plan_attempts.single_session),
            rolling_7day: form.plan_attempts.rolling_7day.unwrap_or(plan_attempts.rolling_7day),
            rolling_30day: form.plan_attempts.rolling_30day.unwrap_or(plan_attempts.rolling_30day),
        },
        hard_stops: hard_stops(form),
        judge_precedence: judge_precedence(form),
        conflict_resolution: conflict_resolution(form),
        strategic_evaluation: form.strategic_evaluation.as_ref().map(|at| at.value),
        reviews: reviews(form),
        amendments: amendments(form),
        process_owner: text(&form.process_owner),
        technical_owner: text(&form.technical_owner),
        approved_by: form.approved_by.clone(),
        effective_date: text(&form.effective_date),
        effective_from: form.effective_date.as_ref().and_then(|date| day_begins(&date.value)),
        review_date: text(&form.review_date),
        oispec: oispec(&form.oispec),
    }
}

fn channel(file: &File<'_, WorkflowForm>, form: &MessageForm, problems: &mut Vec<Problem>) -> Channel {
    let schema = form.schema.clone().unwrap_or_default();
    Channel {
        from: form.from.value.clone(),
        to: form.to.value.clone(),
        contract: form.contract.value.clone(),
        schema: ContentSchema::new(json(file, form.contract.start, &toml::Value::Table(schema), problems)),
        extracted: pointers(&form.extracted),
    }
}

fn pointers(of: &[At<Pointer>]) -> Vec<String> {
    of.iter().map(|at| at.value.0.clone()).collect()
}

fn remit(grant: &GrantForm) -> Remit {
    Remit {
        tools: grant.tools.iter().flatten().map(|tool| tool.value.clone()).collect(),
        resources: grant.resources.iter().map(|term| (term.server.value.clone(), term.uri_prefix.clone())).collect(),
        prompts: grant.prompts.iter().map(PromptForm::term).collect(),
        arguments: Vec::new(),
    }
}

fn fixed(grant: &GrantForm) -> Vec<FixedArgument> {
    let of_tool = grant.arguments.iter().flat_map(|(tool, arguments)| arguments.iter().map(move |pair| (tool, pair)));
    let fixed = of_tool.map(|(tool, (argument, content))| FixedArgument {
        tool: tool.value.clone(),
        argument: argument.value.0.clone(),
        content: content.value.0.clone(),
    });
    fixed.collect()
}

fn bounds(form: &WorkflowForm) -> Bounds {
    let (form, usual) = (&form.limits, Bounds::default());
    Bounds {
        turns_max: form.turns_max.unwrap_or(usual.turns_max),
        delegations_max: form.delegations_max.unwrap_or(usual.delegations_max),
        delegations_per_hour_max: form.delegations_per_hour_max.unwrap_or(usual.delegations_per_hour_max),
        spawns_max: form.spawns_max.unwrap_or(usual.spawns_max),
        spawn_depth: form.spawn_depth.unwrap_or(usual.spawn_depth),
        retries_max: form.retries_max.unwrap_or(usual.retries_max),
        retry_cooldown_ms: form.retry_cooldown.as_ref().map_or(usual.retry_cooldown_ms, |span| span.0),
        decisions_kept_ms: form.decisions_kept.as_ref().map_or(usual.decisions_kept_ms, |span| span.0),
    }
}

fn data_sources(form: &WorkflowForm) -> BTreeMap<DataSourceName, DataSource> {
    let source = |source: &DataSourceForm| DataSource {
        access: source.access.value,
        through: source.through.iter().map(|tool| tool.value.clone()).collect(),
        confidentiality: source.confidentiality.as_ref().map(|at| at.value),
        description: source.description.as_ref().map(|text| text.value.clone()),
    };
    form.data_sources.iter().map(|(name, form)| (name.value.clone(), source(form))).collect()
}

fn hard_stops(form: &WorkflowForm) -> BTreeMap<HaltCondition, HaltTerms> {
    let terms = |halt: &HaltForm| HaltTerms {
        tell: halt.tell.value.clone(),
        preserve: halt.preserve.iter().map(|state| state.value.clone()).collect(),
        decision: halt.decision.value.clone(),
        resume: halt.resume.value,
    };
    form.hard_stops.iter().map(|(condition, form)| (condition.value, terms(form))).collect()
}

fn judge_precedence(form: &WorkflowForm) -> JudgePrecedence {
    let form = &form.judge_precedence;
    let rule = |rule: &OverrideRuleForm| OverrideRule {
        when: rule.when.iter().map(|(whose, verdict)| (whose.value.clone(), verdict.value)).collect(),
        action: rule.action.value,
        rationale: rule.rationale.value.clone(),
    };
    JudgePrecedence {
        order: form.order.iter().map(|judge| judge.value.clone()).collect(),
        override_rules: form.override_rules.iter().map(rule).collect(),
    }
}

fn conflict_resolution(form: &WorkflowForm) -> BTreeMap<Risk, ConflictTerms> {
    let terms = |conflict: &ConflictForm| ConflictTerms {
        window_ms: conflict.window.0,
        expiry: conflict.expiry.value,
        primary_action: conflict.primary_action.as_ref().map(|at| at.value),
        parallel_degraded: conflict.parallel_degraded,
        hold_max_ms: conflict.hold_max.as_ref().map(|span| span.0),
    };
    form.conflict_resolution.iter().map(|(risk, form)| (risk.value, terms(form))).collect()
}

fn reviews(form: &WorkflowForm) -> Vec<MandateReview> {
    let review = |review: &ReviewForm| MandateReview {
        date: review.date.value,
        trigger: review.trigger.value,
        outcome: review.outcome.value,
        reviewed_by: review.reviewed_by.iter().map(|who| who.value.clone()).collect(),
    };
    form.reviews.iter().map(review).collect()
}

fn amendments(form: &WorkflowForm) -> Vec<Amendment> {
    let amendment = |amendment: &AmendmentForm| Amendment {
        version: amendment.version,
        original: amendment.original.value.clone(),
        trigger: amendment.trigger.value.clone(),
        amendment: amendment.amendment.value.clone(),
        approved_by: amendment.approved_by.value.clone(),
    };
    form.amendments.iter().map(amendment).collect()
}
