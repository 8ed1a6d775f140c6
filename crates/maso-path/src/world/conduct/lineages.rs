//! What agents told each other, task by task, and on what it rests (PG-2.4 to PG-2.8, PG-3.3).

use std::collections::{BTreeSet, HashMap};

use maso_core::{Act, AgentName, Digest, Finding, Findings, Principal, TaskId, Timestamp, Turn, Word};
use maso_intent::{Deployment, Resolved};
use maso_log::v1;
use maso_policy::{Grounds, Lineage, Stance, Statement};
use maso_wire::envelope::{Confidence, Contract, Input, Reach};
use parking_lot::Mutex;

/// The lineage of what was said, of each task in which anything was said or seen.
#[derive(Debug, Default)]
pub(super) struct Lineages(Mutex<HashMap<TaskId, Lineage>>);

impl Lineages {
    /// What the rules say of the message that is sent by this hop, if one is.
    pub(super) fn limits(&self, resolved: &Resolved, now: Timestamp) -> Findings {
        let hop = resolved.hop();
        let applies = |control: &str| resolved.deployment().applies(control, now);
        let unread = applies("EI-2.5").then(|| unread(resolved)).flatten();
        let Some((id, _)) = resolved.identified().said() else {
            return Findings::from(unread.into_iter().collect::<Vec<_>>());
        };
        let Some(statement) = statement_of(resolved) else {
            let reason = format!("{id} is not from {} to {}", hop.from, hop.to);
            return Findings::from(vec![Finding::new("IA-2.3", Word::NoGo, reason)]);
        };
        let mut findings = match self.0.lock().get(&resolved.task().id) {
            Some(lineage) => lineage.judge(&statement, applies),
            None => Lineage::default().judge(&statement, applies),
        };
        // Only a message says for which contract it was made; at the other door the call does.
        if let Some(message) = resolved.identified().message()
            && applies("EC-2.14")
        {
            contract(resolved, &message.contract).into_iter().for_each(|finding| findings.add(finding));
        }
        unread.into_iter().for_each(|finding| findings.add(finding));
        findings
    }

    /// On what an agent may rest what it says in this task.
    pub(super) fn grounds(&self, agent: &AgentName, task: TaskId) -> Grounds {
        self.0.lock().get(&task).map(|lineage| lineage.grounds(agent, GROUNDS_MAX)).unwrap_or_default()
    }

    /// The first of these that an agent was never given in this task.
    pub(super) fn not_given(&self, task: TaskId, agent: &AgentName, inputs: &BTreeSet<Input>) -> Option<Input> {
        let lineages = self.0.lock();
        match lineages.get(&task) {
            Some(lineage) => lineage.not_given(agent, inputs).copied(),
            None => inputs.first().copied(),
        }
    }

    /// Takes in what came from outside the orchestration: what a server returned to an agent that may tell others of it.
    pub(super) fn decided(&self, deployment: &Deployment, decided: &v1::HopDecided) {
        let is_source = decided.answers.is_some() && matches!(decided.verb.as_str(), "call_tool" | "read_resource");
        if decided.decision != "allow" || !is_source {
            return;
        }
        let (Some(Principal::Agent(agent)), Some(Ok(task)), Ok(hop)) =
            (Principal::parse(&decided.to), decided.task.as_deref().map(str::parse), decided.hop.parse())
        else {
            return;
        };
        let workflow = deployment.agents.get(&agent).and_then(|mandate| deployment.workflows.get(&mandate.workflow));
        if workflow.is_some_and(|workflow| workflow.lets_agents_talk()) {
            self.0.lock().entry(task).or_default().saw(&agent, hop, &decided.object);
        }
    }

    /// Takes in what was said.
    pub(super) fn said(&self, said: &v1::MessageSaid) {
        // Whoever wrote a record that cannot be read said nothing that anybody could rest on.
        if let (Ok(task), Some(statement)) = (said.task.parse(), read(said)) {
            self.0.lock().entry(task).or_default().take(&statement);
        }
    }

    pub(super) fn closed(&self, closed: &v1::TaskClosed) {
        if let Ok(task) = closed.task.parse() {
            self.0.lock().remove(&task);
        }
    }
}

/// A message is made for the edge along which it travels, as the mandate in force has it (EC-2.14).
fn contract(resolved: &Resolved, contract: &Contract) -> Option<Finding> {
    let edge = match &resolved.hop().act {
        Act::Request { request, .. } => request.as_str(),
        Act::Tell { contract, .. } => contract.as_str(),
        _ => return None,
    };
    let version = resolved.solution().version;
    (contract.name.as_str() != edge || contract.version != version).then(|| {
        let reason = format!("it is made for `{contract}`, and travels under `{edge} {version}`");
        Finding::new("EC-2.14", Word::NoGo, reason)
    })
}

/// A value that is read out of documents, as its edge declares, of which nobody says who read it, where, and how surely
/// (EI-2.5).
fn unread(resolved: &Resolved) -> Option<Finding> {
    let (hop, solution) = (resolved.hop(), resolved.solution());
    let declared = match (&hop.from, &hop.to, &hop.act, hop.turn) {
        (Principal::Agent(from), _, Act::Tell { agent, contract }, _) => {
            &solution.channel(from, agent, contract)?.extracted
        }
        (_, Principal::Agent(asked_by), Act::Request { agent, request }, Turn::Answer { .. }) => {
            &solution.grant(asked_by, agent, request)?.extracted
        }
        _ => return None,
    };
    let said = resolved.identified().said().and_then(|(_, beside)| beside.kind.evidence());
    let is_said =
        |pointer: &str| said.is_some_and(|evidence| evidence.extraction.iter().any(|field| field.pointer == *pointer));
    let is_there = |pointer: &str| hop.payload.pointer(pointer).is_some_and(|value| !value.is_null());
    let missing = declared.iter().find(|pointer| is_there(pointer) && !is_said(pointer))?;
    let reason = format!("`{missing}` is read out of a document, and nothing says of which, by whom and how surely");
    Some(Finding::new("EI-2.5", Word::NoGo, reason))
}

/// What must be recorded with the permit of a hop by which a message is sent.
pub(crate) fn write_statement(resolved: &Resolved) -> Option<v1::MessageSaid> {
    let statement = statement_of(resolved)?;
    let from = Principal::Agent(statement.from.clone()).to_string();
    let millionths = |confidence: Option<Confidence>| confidence.map(Confidence::as_millionths);
    let texts = |digests: &BTreeSet<Digest>| digests.iter().map(ToString::to_string).collect();
    Some(v1::MessageSaid {
        message: statement.id.to_string(),
        said: format!("{from} {}", statement.id),
        hop: resolved.hop().id.to_string(),
        task: resolved.task().id.to_string(),
        from,
        to: Principal::Agent(statement.to).to_string(),
        stance: match statement.stance {
            Stance::Data { .. } => DATA,
            Stance::Claim { .. } => CLAIM,
            Stance::Work => WORK,
        }
        .to_owned(),
        made_up: statement.stance.is_made_up(),
        confidence: millionths(statement.confidence),
        extracted: millionths(statement.extracted),
        assumptions: statement.assumptions.iter().map(|(text, reach)| (text.to_string(), reach.to_string())).collect(),
        unknowns: texts(&statement.unknowns),
        constraints: statement.constraints.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect(),
        inputs: statement.inputs.iter().map(ToString::to_string).collect(),
    })
}

/// What is stated by a hop, if anything is and it goes between two agents: those that a message names, where it is one.
fn statement_of(resolved: &Resolved) -> Option<Statement> {
    let hop = resolved.hop();
    let (id, beside) = resolved.identified().said()?;
    let (Principal::Agent(from), Principal::Agent(to)) = (&hop.from, &hop.to) else { return None };
    let message = resolved.identified().message();
    let is_of_its_hop =
        message.is_none_or(|message| message.claimed_sender.agent == *from && message.recipient.agent == *to);
    is_of_its_hop.then(|| Statement::of(id, (from.clone(), to.clone()), beside))
}

/// Reads back what [`write_statement`] wrote.
fn read(said: &v1::MessageSaid) -> Option<Statement> {
    let agent = |text: &str| match Principal::parse(text)? {
        Principal::Agent(agent) => Some(agent),
        Principal::Server(_) | Principal::Operator(_) => None,
    };
    // A number that is none is no confidence at all: nobody may rest on it as on a sure one.
    let confidence = |millionths: u32| Confidence::from_millionths(millionths);
    let input = |text: &String| {
        let message = text.parse().ok().map(Input::Message);
        message.or_else(|| text.parse().ok().map(Input::Hop))
    };
    let made_up = said.made_up;
    Some(Statement {
        id: said.message.parse().ok()?,
        from: agent(&said.from)?,
        to: agent(&said.to)?,
        stance: match said.stance.as_str() {
            DATA => Stance::Data { made_up },
            CLAIM => Stance::Claim { made_up },
            WORK => Stance::Work,
            _ => return None,
        },
        confidence: said.confidence.map_or(Some(None), |millionths| confidence(millionths).map(Some))?,
        extracted: said.extracted.map_or(Some(None), |millionths| confidence(millionths).map(Some))?,
        assumptions: said
            .assumptions
            .iter()
            .map(|(text, reach)| Some((Digest::parse(text)?, Reach::parse(reach)?)))
            .collect::<Option<_>>()?,
        unknowns: said.unknowns.iter().map(|text| Digest::parse(text)).collect::<Option<_>>()?,
        constraints: said
            .constraints
            .iter()
            .map(|(name, text)| Some((name.parse().ok()?, Digest::parse(text)?)))
            .collect::<Option<_>>()?,
        inputs: said.inputs.iter().map(input).collect::<Option<_>>()?,
    })
}

/// How much of what an agent may rest on it is shown, of each kind.
const GROUNDS_MAX: usize = 100;

const DATA: &str = "data";
const CLAIM: &str = "claim";
const WORK: &str = "work";
