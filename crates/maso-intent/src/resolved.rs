//! Stage 3: the effective authority, the task, the mandate in force.

use std::sync::{Arc, OnceLock};

use maso_core::{
    Act, AgentName, Digest, Finding, Hop, Mode, Phase, Principal, Refusal, Refused, Timestamp, Turn, Word,
};
use maso_identity::{Identified, TaskClaim};
use serde_json::Value;

use crate::{
    AgentMandate, Authority, Clarifying, Deployment, ServerManifest, SolutionMandate, TaskKind, TaskSpec, ToolManifest,
    delegated::within,
};

/// What is true around a hop at the moment it is resolved.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// The moment at which it is resolved.
    pub now: Timestamp,
    /// The deployment in force.
    pub deployment: Arc<Deployment>,
    /// The task that the hop's token names, or the agent's standing task; `None` if the token names no open task.
    pub task: Option<Arc<TaskSpec>>,
    /// The PACE phase of the agent alone.
    pub agent_phase: Phase,
    /// The worst PACE phase of its workflow and deployment.
    pub around_phase: Phase,
    /// Whether the tool's definition is the one that was approved; for anything but a tool call, `Pinned`.
    pub pin: PinState,
    /// Whether the agent calls a tool that it has not carried out before, so that nothing is known of how it uses it
    /// (EC-2.7a).
    pub is_first: bool,
    /// Whether decisions bind.
    pub mode: Mode,
}

/// How a tool's published definition stands to the one that a person approved (SC-2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinState {
    /// It is the approved one.
    Pinned,
    /// Nobody approved it yet.
    Unapproved {
        /// Digest of the published definition.
        published: Digest,
    },
    /// It changed since it was approved.
    Drifted {
        /// Digest of the approved definition.
        approved: Digest,
        /// Digest of the published definition.
        published: Digest,
    },
}

/// A hop together with the authority under which it is looked at.
#[derive(Clone, Debug)]
pub struct Resolved {
    identified: Identified,
    circumstances: Circumstances,
    task: Arc<TaskSpec>,
    mandate: Arc<AgentMandate>,
    solution: Arc<SolutionMandate>,
    server: Option<Arc<ServerManifest>>,
    tool: Option<Arc<ToolManifest>>,
    /// Shared by all clones, because stages 8 to 10 each ask for it and going through a payload is dear.
    // INVARIANT: what it is taken from never changes.
    once: Arc<Once>,
}

/// What is found out about a hop's payload at most once.
#[derive(Debug, Default)]
struct Once {
    action: OnceLock<Digest>,
    deed: OnceLock<Digest>,
    context_bytes: OnceLock<u64>,
}

impl Resolved {
    /// The hop.
    pub fn hop(&self) -> &Hop {
        self.identified.hop()
    }

    /// The hop with the proof of its sender.
    pub fn identified(&self) -> &Identified {
        &self.identified
    }

    /// What was true around it.
    pub fn circumstances(&self) -> &Circumstances {
        &self.circumstances
    }

    /// The deployment in force.
    pub fn deployment(&self) -> &Deployment {
        &self.circumstances.deployment
    }

    /// The task.
    pub fn task(&self) -> &Arc<TaskSpec> {
        &self.task
    }

    /// The mandate of the agent that the hop concerns.
    pub fn mandate(&self) -> &Arc<AgentMandate> {
        &self.mandate
    }

    /// The mandate of its workflow.
    pub fn solution(&self) -> &Arc<SolutionMandate> {
        &self.solution
    }

    /// The server that the hop concerns, if any.
    pub fn server(&self) -> Option<&Arc<ServerManifest>> {
        self.server.as_ref()
    }

    /// The manifest of the tool that is called or answers, if there is one.
    pub fn tool(&self) -> Option<&Arc<ToolManifest>> {
        self.tool.as_ref()
    }

    /// What the agent that the hop concerns may do now: its mandate, its workflow's mandate and the posture together.
    pub fn authority(&self) -> Authority {
        let Circumstances { agent_phase, around_phase, .. } = self.circumstances;
        self.deployment().authority(&self.mandate.agent).under(agent_phase, around_phase)
    }

    /// The digest to which approvals and verdicts are bound: what is done, and what its sender says beside it. Whoever
    /// approved the one with the other approved neither with anything else.
    pub fn action_digest(&self) -> Digest {
        *self.once.action.get_or_init(|| match self.identified.said() {
            None => self.deed_digest(),
            Some((_, beside)) => {
                let deed = Value::String(self.deed_digest().to_string());
                Digest::of_members([("deed", &deed), ("beside", &beside.written())])
            }
        })
    }

    /// The digest of what is done, whatever is said beside it. By this repetitions are counted: other words about it make it
    /// nothing else.
    pub fn deed_digest(&self) -> Digest {
        *self.once.deed.get_or_init(|| self.hop().deed_digest(self.task.id))
    }

    pub(crate) fn context_bytes_once(&self) -> &OnceLock<u64> {
        &self.once.context_bytes
    }
}

/// Stage 3.
///
/// # Errors
/// When the hop lies outside the effective authority, or its agent is stopped.
pub fn resolve(identified: Identified, circumstances: Circumstances) -> Result<Resolved, Box<Refused<Identified>>> {
    match ground(identified.hop(), identified.task(), &circumstances) {
        Ok(ground) => Ok(Resolved {
            task: ground.task,
            mandate: ground.mandate,
            solution: ground.solution,
            server: ground.server,
            tool: ground.tool,
            identified,
            circumstances,
            once: Arc::default(),
        }),
        Err((refusal, finding)) => Err(Box::new(Refused::new(identified, refusal, finding))),
    }
}

/// Whether a finding is a plan attempt: a call of a tool that does not exist for the agent (AT-1.6, AT-2.8).
pub fn is_plan_attempt(finding: &Finding) -> bool {
    finding.control.as_str() == PLAN_ATTEMPT.0 && finding.reason.starts_with(PLAN_ATTEMPT.1)
}

/// What a hop stands on.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) task: Arc<TaskSpec>,
    pub(crate) mandate: Arc<AgentMandate>,
    pub(crate) solution: Arc<SolutionMandate>,
    pub(crate) server: Option<Arc<ServerManifest>>,
    pub(crate) tool: Option<Arc<ToolManifest>>,
}

/// Who a hop is of, and in which task it works, whatever it asks for.
#[derive(Clone, Debug)]
pub struct Seat {
    /// The task.
    pub task: Arc<TaskSpec>,
    /// The mandate of its agent.
    pub mandate: Arc<AgentMandate>,
    /// The mandate of its workflow.
    pub solution: Arc<SolutionMandate>,
}

/// Who a hop is of, and in which task it works: all of stage 3 but what it asks for.
///
/// # Errors
/// When its agent has no mandate or is stopped, or its task is not open.
pub fn seat(identified: &Identified, circumstances: &Circumstances) -> Result<Seat, (Refusal, Finding)> {
    seat_of(identified.hop(), identified.task(), circumstances)
}

fn seat_of(hop: &Hop, claim: Option<&TaskClaim>, circumstances: &Circumstances) -> Result<Seat, (Refusal, Finding)> {
    let deployment = &circumstances.deployment;
    let agent = party(hop)?;
    let Some(mandate) = deployment.agents.get(agent) else {
        return Err(outside("AT-1.2", format!("agent `{agent}` has no mandate")));
    };
    let Some(solution) = deployment.workflows.get(&mandate.workflow) else {
        return Err(outside("AT-1.1", format!("workflow `{}` of agent `{agent}` has no mandate", mandate.workflow)));
    };
    if !solution.agents.contains(agent) {
        return Err(outside("AT-1.1", format!("workflow `{}` does not name agent `{agent}`", mandate.workflow)));
    }
    in_force(solution, circumstances.now)?;
    posture(hop, agent, circumstances)?;
    let task = task(hop, claim, agent, (mandate, solution), circumstances)?;
    Ok(Seat { task, mandate: mandate.clone(), solution: solution.clone() })
}

/// Looks for firm ground under a hop. The order is that of a reader: who, may it now, for which task, may it at all.
pub(crate) fn ground(
    hop: &Hop,
    claim: Option<&TaskClaim>,
    circumstances: &Circumstances,
) -> Result<Ground, (Refusal, Finding)> {
    let deployment = &circumstances.deployment;
    let Seat { task, mandate, solution } = seat_of(hop, claim, circumstances)?;
    let server = match hop.act.server() {
        None => None,
        Some(name) => match deployment.servers.get(name) {
            Some(server) => Some(server.clone()),
            None => return Err(outside("SC-2.3", format!("server `{name}` is not declared"))),
        },
    };
    let is_permitted = deployment.authorities.get(&mandate.agent).is_some_and(|authority| authority.permits(&hop.act));
    if !is_permitted && Clarifying::of(hop, &solution).is_none() {
        return Err(match &hop.act {
            Act::CallTool(tool) if mandate.tools.contains_key(tool) && !mandate.role.holds_tools() => outside(
                "IA-2.5",
                format!("agent `{}` hands out work and calls no tool itself: `{tool}`", mandate.agent),
            ),
            Act::CallTool(tool) if hop.turn == Turn::Ask => {
                let why = if mandate.prohibited.contains(tool) {
                    "prohibited by"
                } else if mandate.tools.contains_key(tool) {
                    "granted beyond the parent of"
                } else {
                    "not in"
                };
                let reason = format!("{} tool `{tool}` is {why} the mandate `{}`", PLAN_ATTEMPT.1, mandate.id);
                outside(PLAN_ATTEMPT.0, reason)
            }
            act => outside(control_of(act), format!("`{act}` is not in the mandate `{}`", mandate.id)),
        });
    }
    within(hop, claim, (&mandate, &solution), deployment)?;
    if hop.turn == Turn::Ask && hop.act.tool().is_some() {
        pinned(hop, circumstances.pin)?;
    }
    let tool = hop.act.tool().and_then(|tool| deployment.tool(tool)).cloned();
    Ok(Ground { task, mandate, solution, server, tool })
}

/// The agent whose mandate counts: the one that asks, is answered, or whose client a server turns to. A hop between
/// the wrong parties has none.
fn party(hop: &Hop) -> Result<&AgentName, (Refusal, Finding)> {
    let from_server = matches!(hop.act, Act::AskClient { .. } | Act::Notify { .. });
    // An answer travels the way of its question backwards.
    let (asks, asked) = match hop.turn {
        Turn::Ask => (&hop.from, &hop.to),
        Turn::Answer { .. } => (&hop.to, &hop.from),
    };
    let agent = match (&hop.act, asks, asked) {
        (Act::Request { agent: named, .. }, Principal::Agent(agent), Principal::Agent(other)) if named == other => {
            agent
        }
        (Act::Request { agent: named, .. }, Principal::Agent(agent), Principal::Operator(_)) if named == agent => agent,
        (Act::Tell { agent: named, .. }, Principal::Agent(agent), Principal::Agent(other))
            if named == other && hop.turn == Turn::Ask =>
        {
            agent
        }
        (Act::Request { .. } | Act::Tell { .. }, ..) => return Err(outside("IA-2.4", misdirected(hop))),
        (act, Principal::Server(server), Principal::Agent(agent)) if from_server && act.server() == Some(server) => {
            agent
        }
        (act, Principal::Agent(agent), Principal::Server(server)) if !from_server && act.server() == Some(server) => {
            agent
        }
        (Act::Report { .. } | Act::Spawn { .. }, Principal::Agent(agent), maso)
            if hop.turn == Turn::Ask && maso.is_itself() =>
        {
            agent
        }
        _ => return Err(outside("EC-1.2", misdirected(hop))),
    };
    Ok(agent)
}

/// Before the day on which it takes effect a mandate grants nothing, and neither do those of its agents.
fn in_force(solution: &SolutionMandate, now: Timestamp) -> Result<(), (Refusal, Finding)> {
    match solution.effective_from {
        Some(from) if now >= from => Ok(()),
        Some(from) => Err(outside("AT-1.1", format!("the mandate `{}` takes effect at {from}", solution.id))),
        None => Err(outside("AT-1.1", format!("the mandate `{}` does not say from when on it holds", solution.id))),
    }
}

fn posture(hop: &Hop, agent: &AgentName, circumstances: &Circumstances) -> Result<(), (Refusal, Finding)> {
    let suspended = |control, reason| Err((Refusal::Suspended, Finding::new(control, Word::NoGo, reason)));
    let Circumstances { agent_phase, around_phase, .. } = circumstances;
    if *around_phase >= Phase::Emergency {
        return suspended("ENV-21", "everything is stopped: PACE phase `emergency`".to_owned());
    }
    if *agent_phase >= Phase::Alternate {
        return suspended("EC-2.4", format!("agent `{agent}` is isolated: PACE phase `{agent_phase}`"));
    }
    if *around_phase >= Phase::Contingency
        && matches!(hop.act, Act::Request { .. } | Act::Tell { .. } | Act::Spawn { .. })
    {
        return suspended("EC-2.10", format!("bus between agents off: PACE phase `{around_phase}`"));
    }
    Ok(())
}

fn task(
    hop: &Hop,
    claim: Option<&TaskClaim>,
    agent: &AgentName,
    (mandate, solution): (&AgentMandate, &SolutionMandate),
    circumstances: &Circumstances,
) -> Result<Arc<TaskSpec>, (Refusal, Finding)> {
    let Some(task) = &circumstances.task else {
        return Err(outside(
            "PG-2.2",
            claim.map_or_else(
                || "the hop belongs to no task".to_owned(),
                |claim| format!("the task token names {}, which is not open", claim.task),
            ),
        ));
    };
    match (claim, &task.kind) {
        (Some(claim), _) if claim.task != task.id => {
            return Err(outside(
                "PG-2.2",
                format!("the task token names {}, the hop came for {}", claim.task, task.id),
            ));
        }
        (Some(claim), _) => {
            let specification = task.digest();
            if claim.specification != specification {
                let reason = format!(
                    "the task token is bound to {}, the specification of {} is {specification}",
                    claim.specification, task.id
                );
                return Err(outside("PG-2.2", reason));
            }
        }
        // Only who asks as an agent must carry the token: an answer or a server's own word comes for a hop that did.
        (None, TaskKind::Opened) if hop.turn == Turn::Ask && matches!(hop.from, Principal::Agent(_)) => {
            return Err(outside("PG-2.2", format!("agent `{agent}` shows no token for {}", task.id)));
        }
        (None, _) => {}
    }
    let box_ms = solution.limits.max_execution_ms;
    if matches!(task.kind, TaskKind::Opened) && hop.at >= task.opened_at.plus_ms(box_ms) {
        let reason = format!("{} has run for the {box_ms} ms that the mandate `{}` allows", task.id, solution.id);
        return Err((Refusal::LimitReached, Finding::new("EC-3.4", Word::NoGo, reason)));
    }
    if hop.at >= task.expires_at {
        return Err(outside("PG-2.2", format!("{} ended at {}", task.id, task.expires_at)));
    }
    if let TaskKind::Standing(owner) = &task.kind
        && owner != agent
    {
        return Err(outside(
            "IA-2.4",
            format!("{} is the standing task of agent `{owner}`, not of `{agent}`", task.id),
        ));
    }
    if task.workflow != mandate.workflow {
        let reason =
            format!("{} is a run of `{}`, agent `{agent}` belongs to `{}`", task.id, task.workflow, mandate.workflow);
        return Err(outside("AT-1.1", reason));
    }
    if let Some(under) = &task.under
        && circumstances.deployment.mandates_of(&task.workflow) != Some(under.mandates)
    {
        let reason = format!(
            "{} was opened under version {}, whose mandates for `{}` are not those of now: open it anew",
            task.id, under.version, task.workflow
        );
        return Err(outside("AT-1.3", reason));
    }
    Ok(task.clone())
}

fn pinned(hop: &Hop, pin: PinState) -> Result<(), (Refusal, Finding)> {
    let object = hop.act.object();
    match pin {
        PinState::Pinned => Ok(()),
        PinState::Unapproved { published } => Err(outside(
            "SC-2.2",
            format!("nobody approved the definition of `{object}`: published {published}, approved none"),
        )),
        PinState::Drifted { approved, published } => Err(outside(
            "SC-2.2",
            format!("the definition of `{object}` changed: published {published}, approved {approved}"),
        )),
    }
}

/// The control that an act outside the mandate runs into.
const fn control_of(act: &Act) -> &'static str {
    match act {
        Act::CallTool(_) | Act::Report { .. } => "EC-1.2",
        Act::ReadResource { .. } | Act::GetPrompt { .. } => "IA-1.4",
        Act::Complete { .. } | Act::List { .. } | Act::Notify { .. } | Act::AskClient { .. } => "SC-2.3",
        Act::Request { .. } => "IA-2.4",
        Act::Tell { .. } => "PG-1.4",
        Act::Spawn { .. } => "EC-1.5a",
    }
}

fn misdirected(hop: &Hop) -> String {
    format!("`{}` cannot go from {} to {}", hop.act, hop.from, hop.to)
}

pub(crate) fn outside(control: &'static str, reason: String) -> (Refusal, Finding) {
    (Refusal::OutOfMandate, Finding::new(control, Word::NoGo, reason))
}

/// The control of a plan attempt, and how its reason begins.
const PLAN_ATTEMPT: (&str, &str) = ("AT-1.6", "plan attempt:");
