//! What is shown: the record and the world, as the API's types.

mod map;

use std::collections::{BTreeMap, btree_map::Entry};

use maso_api as api;
use maso_core::{AgentName, Class, Digest, Phase, Principal, Scope, Tier, Timestamp, ToolRef, Word};
use maso_intent::{AgentMandate, Bound, Matter, PinState, SolutionMandate, TaskSpec};
use maso_log::{LogFault, Record, v1};
use maso_path::{Answer, Assignment, Assumption, Clarification, ContextUse, Path, Pin, Question, TicketState, World};
use maso_posture::Office;
use maso_wire::envelope::Reach;
use serde_json::Value;

pub use map::map;

use crate::{amount::amount, silence};

/// How the latest tasks were done, the latest first, with what each was to do.
///
/// # Errors
/// When the record cannot be read.
pub fn evaluations(path: &Path) -> Result<Vec<api::EvaluationView>, LogFault> {
    // Several agents may have a part in one task, which is read once.
    let mut tasks: BTreeMap<String, Option<Assignment>> = BTreeMap::new();
    let mut views = Vec::new();
    for found in path.world().conduct().evaluations().latest() {
        let mut view = evaluation(&found.evaluated);
        view.at = Some(found.at.as_millis());
        let task = match tasks.entry(view.task.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let assignment = match free.key().parse() {
                    Ok(task) => path.assignment(task)?,
                    Err(_) => None,
                };
                free.insert(assignment)
            }
        };
        if let Some(task) = task {
            view.words = Some(task.words.clone());
            for criterion in &mut view.criteria {
                let known = task.criteria.iter().find(|known| known.id == criterion.id);
                criterion.text = known.map(|known| known.text.clone());
            }
        }
        views.push(view);
    }
    Ok(views)
}

/// How an agent's part in a task was done.
pub fn evaluation(evaluated: &v1::TaskEvaluated) -> api::EvaluationView {
    api::EvaluationView {
        task: evaluated.task.clone(),
        workflow: evaluated.workflow.clone(),
        agent: evaluated.agent.clone(),
        mandate: evaluated.mandate.clone(),
        at: None,
        words: None,
        class: evaluated.class.clone(),
        means: evaluated.means.clone(),
        outcome: evaluated.outcome.clone(),
        departures: evaluated
            .departures
            .iter()
            .map(|departure| api::DepartureView {
                hop: departure.hop.clone(),
                tool: departure.tool.clone(),
                what: departure.what.clone(),
                detail: departure.detail.clone(),
            })
            .collect(),
        criteria: evaluated
            .criteria
            .iter()
            .map(|criterion| api::CriterionView {
                id: criterion.id.clone(),
                text: None,
                is_failure: criterion.is_failure,
                is_met: criterion.is_met,
                decided_by: criterion.decided_by.clone(),
            })
            .collect(),
        plan_attempts: evaluated.plan_attempts.iter().map(|it| (it.tool.clone(), it.n_attempts)).collect(),
        patterns: evaluated.patterns.clone(),
        recommends: evaluated.recommends.clone(),
        confidence: evaluated.confidence,
    }
}

/// A decided hop; `None` for any other record.
pub fn hop(record: &Record) -> Option<api::HopView> {
    match &record.body {
        v1::Body::HopDecided(decided) => Some(decided_hop(record.sequence, record.at, decided)),
        _ => None,
    }
}

/// A decided hop.
pub fn decided_hop(sequence: u64, at: Timestamp, decided: &v1::HopDecided) -> api::HopView {
    let mut findings: Vec<_> = decided.findings.iter().map(finding).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(Word::parse(&finding.word)));
    api::HopView {
        sequence,
        at: at.as_millis(),
        hop: decided.hop.clone(),
        answers: decided.answers.clone(),
        kind: decided.hop_kind.clone(),
        from: decided.from.clone(),
        to: decided.to.clone(),
        verb: decided.verb.clone(),
        object: decided.object.clone(),
        task: decided.task.clone(),
        chain: decided.chain.clone(),
        decision: decided.decision.clone(),
        enforced: decided.enforced,
        refusal: decided.refusal.clone(),
        ticket: decided.ticket.clone(),
        risk: decided.risk.clone(),
        reversibility: decided.reversibility.clone(),
        reversible_ms: decided.reversible_ms,
        review: decided.review.map(review),
        label: decided.label.clone(),
        phase: decided.pace_phase.clone(),
        findings,
        origins: decided
            .origins
            .iter()
            .map(|origin| api::OriginView {
                pointer: origin.pointer.clone(),
                authority: origin.authority,
                source: origin.source.clone(),
                integrity: origin.integrity.clone(),
                needed: origin.needed.clone(),
                excerpt: origin.excerpt.as_ref().map(excerpt),
            })
            .collect(),
        dry_run: decided.dry_run.as_ref().map(tried),
        verdicts: decided
            .verdicts
            .iter()
            .map(|verdict| api::VerdictView {
                judge: verdict.judge.clone(),
                opinion: verdict.opinion.clone(),
                reasoning: verdict.reasoning.clone(),
            })
            .collect(),
        approvals: decided
            .approvals
            .iter()
            .map(|approval| api::ApprovalView { ticket: approval.ticket.clone(), by: approval.by.clone() })
            .collect(),
        accountable_human: decided.accountable_human.clone(),
        payload: decided.payload.clone(),
    }
}

fn excerpt(excerpt: &v1::Excerpt) -> api::ExcerptView {
    let v1::Excerpt { field, before, value, after } = excerpt.clone();
    api::ExcerptView { field, before, value, after }
}

fn tried(tried: &v1::TriedOut) -> api::DryRunView {
    api::DryRunView {
        tool: tried.tool.clone(),
        at: tried.at,
        succeeded: tried.outcome == "succeeded",
        fault: tried.fault.clone(),
        says: tried.says.clone(),
    }
}

fn finding(finding: &v1::Finding) -> api::FindingView {
    api::FindingView {
        control: finding.control.clone(),
        word: finding.word.clone(),
        reason: finding.reason.clone(),
        pointer: finding.pointer.clone(),
        excerpt: finding.excerpt.clone(),
    }
}

fn review(review: v1::Review) -> api::ReviewView {
    api::ReviewView { judges: review.judges, people: review.people, dry_run: review.dry_run }
}

/// A held action, with the exact parameters where they are at hand.
pub fn ticket(world: &World, state: &TicketState, payload: Option<serde_json::Value>) -> api::TicketView {
    let deployment = world.deployment();
    let held_at = Timestamp::from_millis(state.decided.received_at);
    api::TicketView {
        ticket: state.id.to_string(),
        action: state.action.to_string(),
        state: match state.answer {
            Answer::Open => "open",
            Answer::Approved => "approved",
            Answer::Rejected { .. } => "rejected",
            Answer::Expired => "expired",
            Answer::Spent => "spent",
        }
        .to_owned(),
        n_people: state.n_people,
        approvals: state
            .approvals
            .iter()
            .map(|approval| api::ApprovalView { ticket: approval.ticket.to_string(), by: approval.by.to_string() })
            .collect(),
        rejected: match &state.answer {
            Answer::Rejected { by, reason } => Some((by.to_string(), reason.clone())),
            Answer::Open | Answer::Approved | Answer::Expired | Answer::Spent => None,
        },
        expires_at: state.expires_at.as_millis(),
        hop: decided_hop(0, held_at, &state.decided),
        amount: payload.as_ref().and_then(|payload| amount(deployment, &state.decided, payload)),
        payload,
        asked_because: silence::asked_because(
            &state.decided,
            state.n_people,
            class(world, &state.decided),
            deployment.tier,
        ),
        if_unanswered: silence::if_unanswered(state),
    }
}

/// What kind of action it is: a tool that nobody classified executes, and whatever calls no tool changes nothing.
fn class(world: &World, decided: &v1::HopDecided) -> Class {
    if decided.verb != "call_tool" {
        return Class::Read;
    }
    let tool = decided.object.parse::<ToolRef>().ok();
    let manifest = tool.as_ref().and_then(|tool| world.deployment().servers.get(&tool.server)?.tools.get(&tool.tool));
    manifest.map_or(Class::Execute, |manifest| manifest.class)
}

/// A task.
pub fn task(world: &World, task: &TaskSpec) -> api::TaskView {
    api::TaskView {
        task: task.id.to_string(),
        workflow: task.workflow.to_string(),
        words: task.words.clone(),
        success_criteria: task.success_criteria.clone(),
        scope: task.scope.clone(),
        out_of_scope: task.out_of_scope.clone(),
        unclear: world.clarity().missing(task.id).iter().map(ToString::to_string).collect(),
        vague: task.vague_word().map(str::to_owned),
        accountable_human: task.accountable_human.to_string(),
        opened_at: task.opened_at.as_millis(),
        expires_at: task.expires_at.as_millis(),
        specification: task.digest().to_string(),
    }
}

/// A question about what is meant.
pub fn clarification(clarification: &Clarification) -> api::ClarificationView {
    let Clarification { question, asked, answer } = clarification;
    let words = asked.as_ref().and_then(|asked| asked.get("question")).and_then(Value::as_str);
    let options = asked.as_ref().and_then(|asked| asked.get("options")).and_then(Value::as_array);
    api::ClarificationView {
        question: question.hop.to_string(),
        task: question.task.to_string(),
        specification: question.specification.clone(),
        asked_at: question.at.as_millis(),
        asked_by: question.by.to_string(),
        asked_of: question.of.to_string(),
        about: match question.about {
            Matter::Task(part) => part.to_string(),
            Matter::Request(request) => request.to_string(),
        },
        words: words.map(str::to_owned),
        options: options.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        answered_by: question.answer.as_ref().map(|said| said.by.to_string()),
        answer: answer.clone(),
    }
}

/// The questions that people see: those that a person was asked and, from the second tier, those that agents ask each
/// other.
pub fn clarifications(path: &Path) -> Vec<api::ClarificationView> {
    let among_agents = path.tier() > Tier::Supervised;
    let wanted = |question: &Question| among_agents || is_asked_of_a_person(question);
    path.clarifications(wanted).iter().map(clarification).collect()
}

/// Something that an agent assumes.
pub fn assumption(assumption: &Assumption) -> api::AssumptionView {
    let Assumption { assumed, task, text, reach } = assumption;
    api::AssumptionView {
        assumption: assumed.hop.to_string(),
        task: task.to_string(),
        made_at: assumed.at.as_millis(),
        made_by: assumed.by.to_string(),
        words: text.clone(),
        inputs: assumed.inputs.iter().map(ToString::to_string).collect(),
        scope: match reach {
            Reach::Local => api::AssumptionScope::Local,
            Reach::Task => api::AssumptionScope::Task,
            Reach::Global => api::AssumptionScope::Global,
        },
        answered_by: assumed.answer.as_ref().map(|said| said.by.to_string()),
    }
}

/// What agents assume in all tasks that are not closed.
pub fn assumptions(path: &Path) -> Vec<api::AssumptionView> {
    path.assumptions(|_, _| true).iter().map(assumption).collect()
}

/// How many questions wait for a person.
pub fn n_open_questions(world: &World) -> usize {
    let waits = |question: &&Question| question.answer.is_none() && is_asked_of_a_person(question);
    world.clarity().questions().iter().filter(waits).count()
}

fn is_asked_of_a_person(question: &Question) -> bool {
    matches!(question.of, Principal::Operator(_))
}

/// How everything stands.
pub fn posture(world: &World, now: Timestamp) -> api::PostureView {
    let scopes = world.standing().summary(now).scopes;
    api::PostureView {
        scopes: scopes
            .into_iter()
            .map(|scope| api::ScopeView {
                scope: scope.scope.to_string(),
                phase: scope.phase.to_string(),
                since: scope.standing.as_ref().map(|standing| standing.since.as_millis()),
                trigger: scope.standing.as_ref().map(|standing| standing.trigger.clone()),
                by: scope.standing.as_ref().map(|standing| standing.by.to_string()),
                moves: moves(scope.phase),
            })
            .collect(),
    }
}

const PHASES: [Phase; 4] = [Phase::Primary, Phase::Alternate, Phase::Contingency, Phase::Emergency];

/// Where a person may move a scope that stands here.
fn moves(from: Phase) -> Vec<api::MoveView> {
    PHASES
        .into_iter()
        .filter(|to| *to != from)
        .map(|to| api::MoveView {
            to: to.to_string(),
            role: Office::needed(from, to).to_string(),
            review: from == Phase::Emergency,
        })
        .collect()
}

/// The agents and their mandates.
pub fn agents(world: &World, now: Timestamp) -> Vec<api::AgentView> {
    let summary = world.standing().summary(now);
    let deployment = world.deployment();
    let settings = &deployment.settings;
    deployment
        .agents
        .values()
        .map(|mandate| {
            let solution = deployment.workflows.get(&mandate.workflow);
            let counted = summary.agents.iter().find(|counted| counted.agent == mandate.agent);
            api::AgentView {
                agent: mandate.agent.to_string(),
                spiffe_id: format!("spiffe://{}/agent/{}", deployment.trust_domain, mandate.agent),
                mandate: mandate.id.clone(),
                digest: mandate.digest.to_string(),
                workflow: mandate.workflow.to_string(),
                sequence_position: mandate.sequence_position,
                intent: mandate.intent.clone(),
                outcome: mandate.outcome.clone(),
                clearance: mandate.clearance.to_string(),
                dates: solution.map(|solution| dates(solution, now)),
                tools: tools(world, mandate),
                grants: grants(world, &mandate.agent),
                oispec: api::OiSpecView {
                    goal: mandate.oispec.goal.clone(),
                    success_criteria: mandate.oispec.success_criteria.clone(),
                    failure_criteria: mandate.oispec.failure_criteria.clone(),
                    prohibited_actions: mandate.oispec.prohibited_actions.clone(),
                    risk_classification: mandate.oispec.risk_classification.to_string(),
                },
                phase: world.standing().phase_of(&Scope::Agent(mandate.agent.clone())).to_string(),
                around_phase: world.phase(&mandate.agent).to_string(),
                n_calls_in_hour: counted.map_or(0, |counted| counted.n_calls_in_hour),
                calls_per_hour_max: mandate.calls_per_hour_max,
                n_guardrail_blocks: counted.map_or(0, |counted| counted.n_guardrail_blocks),
                guardrail_blocks_max: settings.breaker_blocks_max,
                guardrail_window_ms: settings.breaker_window_ms,
                n_plan_attempts: counted.map_or(0, |counted| counted.n_plan_attempts_in_month),
                plan_attempts_max: solution.map_or(0, |solution| solution.plan_attempts.rolling_30day),
                context: world.fullest_context(&mandate.agent, now).map(|context| self::context(&context)),
            }
        })
        .collect()
}

fn context(context: &ContextUse) -> api::ContextView {
    let ContextUse { task, terms, used, n_rotations, .. } = context;
    api::ContextView {
        task: task.to_string(),
        tokens: terms.tokens,
        used: *used,
        percent: terms.percent(*used),
        level: terms.level(*used).map(|level| level.to_string()),
        n_rotations: *n_rotations,
    }
}

/// From when to when a mandate holds without a review.
fn dates(solution: &SolutionMandate, now: Timestamp) -> api::MandateDates {
    api::MandateDates {
        effective: solution.effective_date.clone(),
        review: solution.review_date.clone(),
        in_force: solution.effective_from.is_some_and(|from| now >= from),
        review_overdue: solution.review_is_overdue(now),
    }
}

fn tools(world: &World, mandate: &AgentMandate) -> Vec<api::ToolView> {
    mandate
        .tools
        .iter()
        .map(|(tool, terms)| {
            let manifest = world.deployment().servers.get(&tool.server).and_then(|server| server.tools.get(&tool.tool));
            api::ToolView {
                tool: tool.to_string(),
                class: manifest.map(|manifest| manifest.class.to_string()),
                risk: manifest.map_or(maso_core::Risk::Critical, |manifest| manifest.risk).to_string(),
                reversibility: manifest
                    .map_or(maso_core::Reversibility::Irreversible, |manifest| manifest.reversibility)
                    .to_string(),
                bounds: terms
                    .bounds
                    .iter()
                    .map(|(pointer, bound)| format!("{pointer} {}", bound_words(bound)))
                    .collect(),
                pin: pin_word(world, tool).to_owned(),
            }
        })
        .collect()
}

fn pin_word(world: &World, tool: &ToolRef) -> &'static str {
    match world.pins().state(tool) {
        PinState::Pinned => "pinned",
        PinState::Unapproved { published } if published == Digest::of(b"") => "not seen yet",
        PinState::Unapproved { .. } => "unapproved",
        PinState::Drifted { .. } => "drifted",
    }
}

fn bound_words(bound: &Bound) -> String {
    match bound {
        Bound::OneOf(values) => {
            let values: Vec<_> = values.iter().map(ToString::to_string).collect();
            format!("is one of {}", values.join(", "))
        }
        Bound::AtMost(most) => format!("is at most {most}"),
        Bound::AtLeast(least) => format!("is at least {least}"),
        Bound::Prefix(prefix) => format!("begins with `{prefix}`"),
        Bound::Matches(pattern) => format!("matches `{pattern}`"),
    }
}

fn grants(world: &World, agent: &AgentName) -> Vec<api::GrantView> {
    world
        .deployment()
        .workflows
        .values()
        .flat_map(|solution| &solution.grants)
        .filter(|grant| grant.from == *agent)
        .map(|grant| api::GrantView { to: grant.to.to_string(), request: grant.request.to_string() })
        .collect()
}

/// A tool definition that waits, with its difference to the approved one.
pub fn waiting_tool(tool: &ToolRef, pin: &Pin, findings: &[v1::Finding]) -> Option<api::WaitingTool> {
    let (digest, definition) = pin.waiting.as_ref()?;
    let approved = pin.approved.as_ref().map(|(_, definition)| definition);
    Some(api::WaitingTool {
        tool: tool.to_string(),
        digest: digest.to_string(),
        definition: definition.clone(),
        approved: approved.cloned(),
        difference: difference(approved, definition),
        findings: findings.iter().map(finding).collect(),
    })
}

/// The difference between two definitions, line by line.
fn difference(before: Option<&serde_json::Value>, after: &serde_json::Value) -> Vec<String> {
    let text = |value: &serde_json::Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let (before, after) = (before.map_or_else(String::new, text), text(after));
    similar::TextDiff::from_lines(&before, &after)
        .iter_all_changes()
        .map(|change| {
            let sign = match change.tag() {
                similar::ChangeTag::Delete => '-',
                similar::ChangeTag::Insert => '+',
                similar::ChangeTag::Equal => ' ',
            };
            format!("{sign}{}", change.value().trim_end_matches('\n'))
        })
        .collect()
}
