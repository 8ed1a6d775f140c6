//! From the text of a folder to a deployment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use maso_core::{AgentName, Digest, Integrity, JudgeName, Label, ServerName, Timestamp, ToolRef, WorkflowName};
use serde_json::Value;

use crate::{
    AgentMandate, Authority, AuthorityArgument, Below, Bound, Deployment, Deselection, Evaluation, Grant, HardLimits,
    JudgeKind, JudgeSpec, OiSpec, OpenLimits, Operator, PlanAttempts, PolicyFile, Problem, Problems, ResourceTerm,
    ResultLabels, ServerManifest, Settings, Severity, SolutionMandate, Source, ToolDefinition, ToolManifest, ToolTerms,
    Transport,
    controls::why_it_stays,
    form::{
        AgentForm, BoundForm, File, Folder, JudgeForm, KindForm, LabelForm, Lock, MasoForm, OiSpecForm, ServerForm,
        ToolForm, TransportForm, TransportKind, WorkflowForm,
    },
};

/// Reads a deployment. What it gives is well formed; whether it is also sound is for [`crate::lint`] to say.
///
/// # Errors
/// When a file is not well formed: every file that is not, each with the first thing that is wrong in it.
pub fn parse(source: &Source) -> Result<Deployment, Problems> {
    let (folder, mut problems) = Folder::read(source);
    let deployment = deployment(source, &folder, &mut problems);
    match deployment {
        Some(deployment) if problems.is_empty() => Ok(deployment),
        _ => Err(Problems::new(problems)),
    }
}

/// The deployment that the forms describe; `None` without a readable `maso.toml`.
fn deployment(source: &Source, folder: &Folder<'_>, problems: &mut Vec<Problem>) -> Option<Deployment> {
    let maso = folder.maso.as_ref()?;
    let settings = settings(&maso.form);
    let workflows: BTreeMap<_, _> =
        folder.workflows.iter().map(|(name, file)| (name.clone(), Arc::new(solution(name, file, problems)))).collect();
    let agents: BTreeMap<_, _> = folder
        .agents
        .iter()
        .map(|(name, file)| {
            let parent = workflows.get(&file.form.workflow.value).map(AsRef::as_ref);
            (name.clone(), Arc::new(agent(name, file, parent, &settings, problems)))
        })
        .collect();
    let judges =
        folder.judges.iter().filter_map(|(name, file)| Some((name.clone(), Arc::new(judge(name, file, problems)?))));
    let judges = judges.collect();
    let servers = servers(folder, problems);
    let authorities = agents
        .iter()
        .map(|(name, mandate)| {
            let parent = workflows.get(&mandate.workflow);
            (name.clone(), Arc::new(parent.map_or_else(Authority::none, |parent| Authority::of(mandate, parent))))
        })
        .collect();
    let form = &maso.form;
    Some(Deployment {
        name: form.name.value.clone(),
        digest: source.digest(),
        trust_domain: form.trust_domain.value.clone(),
        tier: form.tier.0,
        accountable_human: form.accountable_human.value.clone(),
        settings,
        workflows,
        agents,
        servers,
        judges,
        operators: operators(maso, problems),
        policies: folder
            .policies
            .iter()
            .map(|(path, text)| PolicyFile { path: (*path).to_owned(), text: (*text).to_owned() })
            .collect(),
        selected: form.controls.selected.iter().map(|control| control.value.clone()).collect(),
        deselected: deselections(maso, problems),
        authorities,
    })
}

/// The end of a day as it is written. What is no date has ended already; the lint says so.
fn end_of_day(date: &str) -> Timestamp {
    let day = date.parse::<jiff::civil::Date>().and_then(|date| date.tomorrow());
    let end = day.and_then(|next| next.to_zoned(jiff::tz::TimeZone::UTC));
    Timestamp::from_millis(end.map_or(0, |end| end.timestamp().as_millisecond()))
}

fn operators(maso: &File<'_, MasoForm>, problems: &mut Vec<Problem>) -> BTreeMap<maso_core::OperatorName, Operator> {
    let mut operators = BTreeMap::new();
    for form in &maso.form.operators {
        let roles: BTreeSet<_> = form.roles.iter().map(|role| role.value).collect();
        if roles.is_empty() {
            let message = format!("operator `{}` has no role", form.name.value);
            problems.push(maso.problem(form.name.start, Severity::Error, "", message, "add at least one to `roles`"));
        }
        if operators.insert(form.name.value.clone(), Operator { roles }).is_some() {
            let message = format!("operator `{}` is declared twice", form.name.value);
            problems.push(maso.problem(form.name.start, Severity::Error, "", message, "keep one of them"));
        }
    }
    operators
}

/// The controls that are switched off. One that cannot be is refused here, so that no deployment exists in which it is.
fn deselections(maso: &File<'_, MasoForm>, problems: &mut Vec<Problem>) -> Vec<Deselection> {
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

fn settings(form: &MasoForm) -> Settings {
    let defaults = Settings::default();
    let (limits, open) = (defaults.limits, defaults.open);
    let wait = &form.approvals.wait;
    let [low, medium, high, critical] = defaults.approval_wait_ms;
    let span =
        |given: &Option<crate::form::At<crate::form::Span>>, default: u64| given.as_ref().map_or(default, |at| at.0);
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
        proof_window_ms: span(&form.identity.proof_window, defaults.proof_window_ms),
        server_wait_ms: span(&form.limits.server_wait, defaults.server_wait_ms),
        calls_per_hour_max: form.limits.calls_per_hour_max.unwrap_or(defaults.calls_per_hour_max),
    }
}

fn solution(name: &WorkflowName, file: &File<'_, WorkflowForm>, problems: &mut Vec<Problem>) -> SolutionMandate {
    let form = &file.form;
    let text = |value: &Option<crate::form::At<String>>| value.as_ref().map_or_else(String::new, |at| at.value.clone());
    let plan_attempts = PlanAttempts::default();
    SolutionMandate {
        id: form.id.value.clone(),
        digest: Digest::of(file.text.as_bytes()),
        version: form.version,
        workflow: name.clone(),
        business_process: form.business_process.value.clone(),
        intent: form.intent.value.clone(),
        outcome: form.outcome.value.clone(),
        agents: form.agents.iter().map(|agent| agent.value.clone()).collect(),
        tools: form.tools.iter().map(|tool| tool.value.clone()).collect(),
        prohibited_actions: form.prohibited_actions.clone(),
        limits: HardLimits {
            max_transactions_per_batch: form.limits.max_transactions_per_batch,
            max_execution_ms: form.limits.max_execution.0,
            max_value_minor: form.limits.max_value_minor,
            currency: form.limits.currency.as_ref().map(|currency| currency.value.clone()),
        },
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
                schema: Arc::new(grant.schema.as_ref().map_or_else(
                    || Value::Object(serde_json::Map::new()),
                    |schema| json(file, grant.request.start, &toml::Value::Table(schema.clone()), problems),
                )),
            })
            .collect(),
        plan_attempts: PlanAttempts {
            single_session: form.plan_attempts.single_session.unwrap_or(plan_attempts.single_session),
            rolling_7day: form.plan_attempts.rolling_7day.unwrap_or(plan_attempts.rolling_7day),
            rolling_30day: form.plan_attempts.rolling_30day.unwrap_or(plan_attempts.rolling_30day),
        },
        process_owner: text(&form.process_owner),
        technical_owner: text(&form.technical_owner),
        approved_by: form.approved_by.clone(),
        effective_date: text(&form.effective_date),
        effective_from: form.effective_date.as_ref().and_then(|date| day_begins(&date.value)),
        review_date: text(&form.review_date),
        oispec: oispec(&form.oispec),
    }
}

/// The moment at which a day begins in UTC.
pub(crate) fn day_begins(date: &str) -> Option<Timestamp> {
    let day = date.parse::<jiff::civil::Date>().ok()?;
    let begins = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_millis(begins.timestamp().as_millisecond()))
}

/// Whether a whole day has passed, in UTC.
pub(crate) fn day_is_over(date: &str, now: Timestamp) -> bool {
    const DAY_MS: u64 = 86_400_000;
    day_begins(date).is_some_and(|begins| now >= begins.plus_ms(DAY_MS))
}

fn agent(
    name: &AgentName,
    file: &File<'_, AgentForm>,
    parent: Option<&SolutionMandate>,
    settings: &Settings,
    problems: &mut Vec<Problem>,
) -> AgentMandate {
    let form = &file.form;
    let declared_position = || {
        let index = parent?.agents.iter().position(|agent| agent == name)?;
        u32::try_from(index + 1).ok()
    };
    AgentMandate {
        id: form.id.value.clone(),
        digest: Digest::of(file.text.as_bytes()),
        version: form.version,
        agent: name.clone(),
        workflow: form.workflow.value.clone(),
        sequence_position: form.sequence_position.or_else(declared_position).unwrap_or(0),
        intent: form.intent.value.clone(),
        outcome: form.outcome.value.clone(),
        logic: form.logic.clone(),
        tools: form
            .tools
            .iter()
            .map(|(tool, terms)| {
                let bounds = terms.bounds.iter().filter_map(|(pointer, form)| {
                    let bound = bound(file, pointer.start, form, problems)?;
                    Some((pointer.value.0.clone(), bound))
                });
                let bounds = bounds.collect();
                let justification = terms.justification.as_ref().map(|text| text.value.clone());
                (tool.value.clone(), ToolTerms { bounds, justification })
            })
            .collect(),
        prohibited: form.prohibited.iter().map(|tool| tool.value.clone()).collect(),
        resources: form
            .resources
            .iter()
            .map(|term| ResourceTerm { server: term.server.value.clone(), uri_prefix: term.uri_prefix.clone() })
            .collect(),
        prompts: form
            .prompts
            .iter()
            .map(|term| (term.server.value.clone(), term.prompt.clone().unwrap_or_else(|| "*".to_owned())))
            .collect(),
        may_be_asked_by: form.may_be_asked_by.iter().map(|server| server.value.clone()).collect(),
        clearance: form.clearance.as_ref().map_or(maso_core::Confidentiality::Internal, |at| at.value),
        calls_per_hour_max: form.calls_per_hour_max.unwrap_or(settings.calls_per_hour_max),
        escalation: form.escalation.value.to_string(),
        model: form.model.as_ref().map(|model| (model.provider.value.clone(), model.name.value.clone())),
        oispec: oispec(&form.oispec),
    }
}

fn oispec(form: &OiSpecForm) -> OiSpec {
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
        covers: form.covers.iter().map(|id| id.value.clone()).collect(),
        failure_criteria: form.failure_criteria.iter().map(|criterion| criterion.value.clone()).collect(),
        prohibited_actions: form.prohibited_actions.clone(),
        required_fields: form.required_fields.iter().map(|pointer| pointer.value.0.clone()).collect(),
        prohibited_content: form.prohibited_content.clone(),
        risk_classification: risk,
        evaluation: form.evaluation.as_ref().map_or(Evaluation::due(risk), |at| at.value),
    }
}

fn bound(file: &File<'_, AgentForm>, start: usize, form: &BoundForm, problems: &mut Vec<Problem>) -> Option<Bound> {
    let mut error = |message: String, remedy: &str| {
        problems.push(file.problem(start, Severity::Error, "", message, remedy));
        None
    };
    match form {
        BoundForm { one_of: Some(values), at_most: None, at_least: None, prefix: None, matches: None } => {
            let values = values.iter().map(|value| json(file, start, value, problems)).collect();
            Some(Bound::OneOf(values))
        }
        BoundForm { one_of: None, at_most: Some(most), at_least: None, prefix: None, matches: None } => {
            if most.is_finite() {
                Some(Bound::AtMost(*most))
            } else {
                error(format!("`{most}` is no bound"), "write a number")
            }
        }
        BoundForm { one_of: None, at_most: None, at_least: Some(least), prefix: None, matches: None } => {
            if least.is_finite() {
                Some(Bound::AtLeast(*least))
            } else {
                error(format!("`{least}` is no bound"), "write a number")
            }
        }
        BoundForm { one_of: None, at_most: None, at_least: None, prefix: Some(prefix), matches: None } => {
            Some(Bound::Prefix(prefix.clone()))
        }
        BoundForm { one_of: None, at_most: None, at_least: None, prefix: None, matches: Some(pattern) } => {
            // Checked alone first, so that a pattern cannot close the group that makes it match the whole string.
            let whole = regex::Regex::new(pattern).and_then(|_| {
                regex::RegexBuilder::new(&format!(r"\A(?:{pattern})\z")).size_limit(PATTERN_BYTES_MAX).build()
            });
            match whole {
                Ok(regex) => Some(Bound::Matches(regex)),
                Err(cause) => error(
                    format!("`{pattern}` is not a regular expression: {cause}"),
                    "see the syntax of the Rust crate `regex`",
                ),
            }
        }
        _ => error(
            "a bound must be exactly one of `one_of`, `at_most`, `at_least`, `prefix`, `matches`".to_owned(),
            "keep one",
        ),
    }
}

fn judge(name: &JudgeName, file: &File<'_, JudgeForm>, problems: &mut Vec<Problem>) -> Option<JudgeSpec> {
    let form = &file.form;
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
    })
}

fn servers(folder: &Folder<'_>, problems: &mut Vec<Problem>) -> BTreeMap<ServerName, Arc<ServerManifest>> {
    let mut servers = BTreeMap::new();
    for (name, file) in &folder.servers {
        let empty = Lock::new();
        let lock = folder.locks.get(name).map_or(&empty, |lock| &lock.form);
        if let Some(server) = server(name, file, lock, problems) {
            servers.insert(name.clone(), Arc::new(server));
        }
    }
    servers
}

fn server(
    name: &ServerName,
    file: &File<'_, ServerForm>,
    lock: &Lock,
    problems: &mut Vec<Problem>,
) -> Option<ServerManifest> {
    let unknown = Label { integrity: Integrity::External, confidentiality: maso_core::Confidentiality::Internal };
    let label = label(&file.form.label, unknown);
    let mut tools: BTreeMap<_, _> = file
        .form
        .tools
        .iter()
        .map(|(tool, form)| (tool.value.clone(), manifest(ToolRef::new(name.clone(), tool.value.clone()), form, label)))
        .collect();
    for (tool, definition) in lock {
        let unclassified = || ToolManifest::unclassified(ToolRef::new(name.clone(), tool.clone()), label);
        tools.entry(tool.clone()).or_insert_with(unclassified).definition =
            Some(Arc::new(ToolDefinition::new(definition.clone())));
    }
    Some(ServerManifest {
        name: name.clone(),
        transport: transport(file, &file.form.transport, problems)?,
        label,
        tools: tools.into_iter().map(|(tool, manifest)| (tool, Arc::new(manifest))).collect(),
    })
}

fn manifest(tool: ToolRef, form: &ToolForm, server: Label) -> ToolManifest {
    let worst = ToolManifest::unclassified(tool, label(&form.result, server));
    let default = worst.result.default;
    ToolManifest {
        class: form.class.as_ref().map_or(worst.class, |at| at.value),
        reversibility: form.reversibility.as_ref().map_or(worst.reversibility, |at| at.value),
        reversible_window_ms: form.reversible_window.as_ref().map(|at| at.0),
        risk: form.risk.as_ref().map_or(worst.risk, |at| at.value),
        result: ResultLabels {
            default,
            fields: form
                .result_fields
                .iter()
                .map(|(pointer, field)| (pointer.value.0.clone(), label(field, default)))
                .collect(),
        },
        authority: form
            .authority
            .iter()
            .map(|(pointer, argument)| {
                let argument = AuthorityArgument {
                    role: argument.role.as_str().to_owned(),
                    integrity_min: argument.integrity_min.as_ref().map_or(Integrity::Internal, |at| at.value),
                    below: argument.below.as_ref().map_or(Below::Escalate, |at| at.value),
                };
                (pointer.value.0.clone(), argument)
            })
            .collect(),
        value_pointer: form.value_pointer.as_ref().map(|at| at.value.0.clone()),
        idempotency_pointer: form.idempotency_pointer.as_ref().map(|at| at.value.0.clone()),
        compensated_by: form.compensated_by.as_ref().map(|at| at.value.clone()),
        ..worst
    }
}

fn label(form: &LabelForm, otherwise: Label) -> Label {
    Label {
        integrity: form.integrity.as_ref().map_or(otherwise.integrity, |at| at.value),
        confidentiality: form.confidentiality.as_ref().map_or(otherwise.confidentiality, |at| at.value),
    }
}

fn transport(file: &File<'_, ServerForm>, form: &TransportForm, problems: &mut Vec<Problem>) -> Option<Transport> {
    let start = file.find("[transport]");
    let mut error = |message: &str, remedy: &str| {
        problems.push(file.problem(start, Severity::Error, "", message, remedy));
        None
    };
    match (form.kind, &form.command, &form.url) {
        (TransportKind::Stdio, Some(command), None) if form.headers_from_env.is_empty() => Some(Transport::Stdio {
            command: command.value.clone(),
            args: form.args.clone(),
            env: form.env.iter().map(|(name, value)| (name.value.clone(), value.clone())).collect(),
            env_from: form.env_from.clone(),
            cwd: form.cwd.clone(),
        }),
        (TransportKind::Stdio, _, _) => error(
            "a transport of kind `stdio` has a `command`, and neither `url` nor `headers_from_env`",
            "keep what fits the kind",
        ),
        (TransportKind::Http, None, Some(url))
            if form.args.is_empty() && form.env.is_empty() && form.env_from.is_empty() && form.cwd.is_none() =>
        {
            Some(Transport::Http { url: url.value.clone(), headers_from_env: form.headers_from_env.clone() })
        }
        (TransportKind::Http, _, _) => error(
            "a transport of kind `http` has a `url`, and none of `command`, `args`, `env`, `env_from`, `cwd`",
            "keep what fits the kind",
        ),
    }
}

/// A TOML value as JSON; dates become text. What JSON cannot say is a problem.
fn json<T>(file: &File<'_, T>, start: usize, value: &toml::Value, problems: &mut Vec<Problem>) -> Value {
    match value {
        toml::Value::String(text) => text.clone().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(*number).map_or_else(
            || {
                let message = format!("`{number}` has no place in JSON");
                problems.push(file.problem(start, Severity::Error, "", message, "write a finite number"));
                Value::Null
            },
            Value::Number,
        ),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(values) => values.iter().map(|value| json(file, start, value, problems)).collect(),
        toml::Value::Table(table) => {
            table.iter().map(|(key, value)| (key.clone(), json(file, start, value, problems))).collect()
        }
    }
}

/// Bytes of one compiled pattern.
const PATTERN_BYTES_MAX: usize = 1 << 20;
