//! What was said in one task, on what it rests, and what that makes of the next word.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use maso_core::{AgentName, ConstraintName, Digest, Finding, Findings, HopId, MessageId, Word};
use maso_wire::envelope::{Confidence, Input, Reach};

use super::{Stance, Statement};

/// What was said in one task. Bounded: what is oldest is forgotten, and nobody can rest on what is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    said: BTreeMap<MessageId, Said>,
    in_order_said: VecDeque<MessageId>,
    /// What came from outside the orchestration.
    seen: BTreeMap<HopId, Seen>,
    in_order_seen: VecDeque<HopId>,
    /// What binds each agent by what it was told.
    bound: BTreeMap<AgentName, BTreeMap<ConstraintName, BTreeSet<Digest>>>,
}

/// Something that came from outside the orchestration.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    by: AgentName,
    of: String,
}

/// On what an agent may rest what it says in a task: all of it was given to it there. The newest come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// What servers returned to it, and by what it asked them.
    pub sources: Vec<(HopId, String)>,
    /// What it was told, and by whom, and what it said itself.
    pub messages: Vec<(MessageId, AgentName)>,
}

/// A message that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    from: AgentName,
    to: AgentName,
    stance: Stance,
    /// The most that anybody may be sure of who rests on it alone.
    ceiling: Confidence,
    /// The primary sources from which it comes.
    roots: BTreeSet<HopId>,
    /// Those that do not stay with their agent.
    assumptions: BTreeMap<Digest, Reach>,
    unknowns: BTreeSet<Digest>,
    constraints: BTreeMap<ConstraintName, Digest>,
}

/// On what a statement rests, as far as that is known.
struct Ground<'a> {
    messages: Vec<&'a Said>,
    /// Primary sources that it names itself.
    sources: BTreeSet<HopId>,
    /// Those of the messages.
    inherited: BTreeSet<HopId>,
    /// What nobody told its sender.
    unknown: Vec<Input>,
}

impl Lineage {
    /// Messages of one task that are remembered, the newest of them.
    pub const MESSAGES_MAX: usize = 4_096;
    /// Primary sources of one task that are remembered, the newest of them.
    pub const SOURCES_MAX: usize = 10_000;
    /// Primary sources from which one message may come.
    pub const ROOTS_MAX: usize = 256;
    /// Constraints that bind one agent. None of them is ever forgotten, so past that it may be told no more.
    pub const BOUND_MAX: usize = 1_024;

    /// Notes that an agent saw what came from outside the orchestration: what a server returned when it was asked by this.
    pub fn saw(&mut self, agent: &AgentName, source: HopId, of: &str) {
        if self.seen.contains_key(&source) {
            return;
        }
        self.seen.insert(source, Seen { by: agent.clone(), of: of.to_owned() });
        self.in_order_seen.push_back(source);
        if self.in_order_seen.len() > Self::SOURCES_MAX
            && let Some(oldest) = self.in_order_seen.pop_front()
        {
            self.seen.remove(&oldest);
        }
    }

    /// On what this agent may rest what it says, as much of each as there is room for.
    pub fn grounds(&self, agent: &AgentName, n_max: usize) -> Grounds {
        let seen = self.in_order_seen.iter().rev().filter_map(|id| Some((*id, self.seen.get(id)?)));
        let said = self.in_order_said.iter().rev().filter_map(|id| Some((*id, self.said.get(id)?)));
        Grounds {
            sources: seen
                .filter(|(_, seen)| seen.by == *agent)
                .map(|(id, seen)| (id, seen.of.clone()))
                .take(n_max)
                .collect(),
            messages: said
                .filter(|(_, said)| said.is_known_to(agent))
                .map(|(id, said)| (id, said.from.clone()))
                .take(n_max)
                .collect(),
        }
    }

    /// The first of these that an agent was never given in this task, so that it can rest nothing on it.
    pub fn not_given<'a>(&self, agent: &AgentName, inputs: impl IntoIterator<Item = &'a Input>) -> Option<&'a Input> {
        inputs.into_iter().find(|input| match input {
            Input::Message(id) => self.said.get(id).is_none_or(|said| !said.is_known_to(agent)),
            Input::Hop(id) => self.seen.get(id).is_none_or(|seen| seen.by != *agent),
        })
    }

    /// What the rules say of a statement. `applies` says of a control whether it counts.
    pub fn judge(&self, statement: &Statement, applies: impl Fn(&str) -> bool) -> Findings {
        let ground = self.ground(statement);
        let mut findings = vec![self.is_followed(statement, &ground)];
        findings.push(self.can_be_bound(statement));
        findings.push(knows_its_inputs(&ground));
        findings.push(rests_on_facts(statement, &ground));
        findings.push(has_a_root(statement, &ground));
        findings.push(is_no_surer(statement, &ground));
        findings.push(is_no_surer_than_what_was_read(statement));
        findings.push(keeps_unknowns(statement, &ground));
        findings.extend(keeps_assumptions(statement, &ground));
        findings.push(keeps_local_what_is_local(statement));
        findings.push(is_no_echo(statement, &ground));
        findings.push(self.keeps_constraints(statement, &ground));
        findings.into_iter().flatten().filter(|finding| applies(finding.control.as_str())).collect()
    }

    /// Takes in what was said. A second message of the same id is none.
    pub fn take(&mut self, statement: &Statement) {
        if self.said.contains_key(&statement.id) {
            return;
        }
        let ground = self.ground(statement);
        let said = Said {
            from: statement.from.clone(),
            to: statement.to.clone(),
            stance: statement.stance,
            ceiling: ceiling(statement, &ground),
            roots: ground.roots().take(Self::ROOTS_MAX).collect(),
            assumptions: travelling(statement).collect(),
            unknowns: statement.unknowns.clone(),
            constraints: statement.constraints.clone(),
        };
        let bound = self.bound.entry(said.to.clone()).or_default();
        for (name, digest) in &said.constraints {
            bound.entry(name.clone()).or_default().insert(*digest);
        }
        self.said.insert(statement.id, said);
        self.in_order_said.push_back(statement.id);
        if self.in_order_said.len() > Self::MESSAGES_MAX
            && let Some(oldest) = self.in_order_said.pop_front()
        {
            self.said.remove(&oldest);
        }
    }

    fn ground(&self, statement: &Statement) -> Ground<'_> {
        let mut ground =
            Ground { messages: Vec::new(), sources: BTreeSet::new(), inherited: BTreeSet::new(), unknown: Vec::new() };
        for input in &statement.inputs {
            match input {
                Input::Message(id) => match self.said.get(id) {
                    Some(said) if said.is_known_to(&statement.from) => {
                        ground.inherited.extend(&said.roots);
                        ground.messages.push(said);
                    }
                    _ => ground.unknown.push(*input),
                },
                Input::Hop(id) if self.seen.get(id).is_some_and(|seen| seen.by == statement.from) => {
                    ground.sources.insert(*id);
                }
                Input::Hop(_) => ground.unknown.push(*input),
            }
        }
        ground
    }

    fn is_followed(&self, statement: &Statement, ground: &Ground<'_>) -> Option<Finding> {
        if self.said.contains_key(&statement.id) {
            return Some(no("IA-2.3", format!("{} was said before", statement.id)));
        }
        let too_many = ground.roots().count() > Self::ROOTS_MAX;
        too_many.then(|| no("PG-2.6", format!("it rests on more than {} primary sources", Self::ROOTS_MAX)))
    }

    /// What binds an agent is never forgotten, so it can only be so much.
    fn can_be_bound(&self, statement: &Statement) -> Option<Finding> {
        let n_bound = self.bound.get(&statement.to).map_or(0, |bound| bound.values().map(BTreeSet::len).sum());
        (n_bound + statement.constraints.len() > Self::BOUND_MAX).then(|| {
            no("PG-3.3", format!("agent `{}` is bound by {n_bound} constraints and can take no more", statement.to))
        })
    }

    /// What binds whoever was told it, and whoever goes on from it, is passed on word for word (PG-3.3).
    fn keeps_constraints(&self, statement: &Statement, ground: &Ground<'_>) -> Option<Finding> {
        let told = self.bound.get(&statement.from).into_iter().flatten();
        let told = told.flat_map(|(name, digests)| digests.iter().map(move |digest| (name, digest)));
        let named = ground.messages.iter().flat_map(|said| &said.constraints);
        let weakened = told.chain(named).find(|(name, digest)| statement.constraints.get(*name) != Some(*digest));
        weakened.map(|(name, _)| {
            let how = if statement.constraints.contains_key(name) { "changed" } else { "left out" };
            Finding::new("PG-3.3", Word::Escalate, format!("the constraint `{name}` is {how}"))
        })
    }
}

impl Ground<'_> {
    fn roots(&self) -> impl Iterator<Item = HopId> {
        self.sources.union(&self.inherited).copied()
    }

    /// Whether it names a primary source from which none of its messages comes.
    fn is_new(&self) -> bool {
        !self.sources.is_subset(&self.inherited)
    }

    /// The most that any of its messages lets anybody be sure of.
    fn ceiling(&self) -> Confidence {
        self.messages.iter().map(|said| said.ceiling).min().unwrap_or(Confidence::FULL)
    }
}

impl Said {
    /// Whether this agent said it or was told it.
    fn is_known_to(&self, agent: &AgentName) -> bool {
        self.to == *agent || self.from == *agent
    }

    /// Whether others may act on it: somebody verified it, and it comes from somewhere.
    fn is_fact(&self) -> bool {
        self.stance.is_evidence() && !self.stance.is_made_up() && !self.roots.is_empty()
    }
}

/// The most that anybody may be sure of who rests on this alone.
fn ceiling(statement: &Statement, ground: &Ground<'_>) -> Confidence {
    let own = statement.confidence.unwrap_or(Confidence::FULL).min(statement.extracted.unwrap_or(Confidence::FULL));
    // Whoever does not say how sure it is has checked nothing either.
    if statement.confidence.is_some() && ground.is_new() { own } else { own.min(ground.ceiling()) }
}

/// What was said to nobody cannot be rested on, and what nobody returned neither.
fn knows_its_inputs(ground: &Ground<'_>) -> Option<Finding> {
    let unknown = ground.unknown.first()?;
    Some(no("PG-2.6", format!("it rests on {unknown}, which its sender was never given in this task")))
}

/// What an agent made up and nobody verified is no fact for whoever goes on from it alone (PG-2.5).
fn rests_on_facts(statement: &Statement, ground: &Ground<'_>) -> Option<Finding> {
    let mut evidence = ground.messages.iter().filter(|said| said.stance.is_evidence()).peekable();
    let rests_on_words = evidence.peek().is_some() && ground.sources.is_empty();
    if !rests_on_words || evidence.any(|said| said.is_fact()) || statement.stance.is_made_up() {
        return None;
    }
    let reason = "it goes on as from a fact from what an agent made up and nobody verified".to_owned();
    Some(match statement.stance {
        // A person may know better; a claim that looks verified stays one for all who read it.
        Stance::Work => Finding::new("PG-2.5", Word::Escalate, reason),
        Stance::Data { .. } | Stance::Claim { .. } => no("PG-2.5", reason),
    })
}

/// Agents are no primary sources for agents (PG-2.6).
fn has_a_root(statement: &Statement, ground: &Ground<'_>) -> Option<Finding> {
    let is_claim = matches!(statement.stance, Stance::Claim { .. });
    (is_claim && ground.roots().next().is_none())
        .then(|| no("PG-2.6", "the claim rests on nothing from outside the orchestration".to_owned()))
}

/// Nobody is surer than what it rests on, unless it has looked where nobody looked before (PG-2.7).
fn is_no_surer(statement: &Statement, ground: &Ground<'_>) -> Option<Finding> {
    let (confidence, ceiling) = (statement.confidence?, ground.ceiling());
    (confidence > ceiling && !ground.is_new())
        .then(|| no("PG-2.7", format!("a confidence of {confidence} rests on one of {ceiling}")))
}

/// A value is not surer than it was read (EI-2.6).
fn is_no_surer_than_what_was_read(statement: &Statement) -> Option<Finding> {
    let (confidence, extracted) = (statement.confidence?, statement.extracted?);
    (confidence > extracted)
        .then(|| no("EI-2.6", format!("a confidence of {confidence} rests on a value that was read with {extracted}")))
}

/// What one does not know, nobody knows who goes on from it (PG-2.7).
fn keeps_unknowns(statement: &Statement, ground: &Ground<'_>) -> Option<Finding> {
    let known: BTreeSet<_> = ground.messages.iter().flat_map(|said| &said.unknowns).collect();
    let n_lost = known.into_iter().filter(|unknown| !statement.unknowns.contains(*unknown)).count();
    (n_lost > 0).then(|| no("PG-2.7", format!("{n_lost} unknowns of what it rests on are left out")))
}

/// What one took for granted, everybody does who goes on from it, and for no more than that (PG-2.7, PG-2.8).
fn keeps_assumptions(statement: &Statement, ground: &Ground<'_>) -> [Option<Finding>; 2] {
    let made: BTreeSet<_> = ground.messages.iter().flat_map(|said| &said.assumptions).collect();
    let n_lost = made.iter().filter(|(text, _)| !statement.assumptions.contains_key(*text)).count();
    let n_raised =
        made.iter().filter(|(text, reach)| statement.assumptions.get(*text).is_some_and(|now| now > *reach)).count();
    [
        (n_lost > 0).then(|| no("PG-2.7", format!("{n_lost} assumptions of what it rests on are left out"))),
        (n_raised > 0).then(|| no("PG-2.8", format!("{n_raised} assumptions hold for more than who made them said"))),
    ]
}

/// What an agent assumes for itself stays with it (PG-2.8).
fn keeps_local_what_is_local(statement: &Statement) -> Option<Finding> {
    let n_local = statement.assumptions.values().filter(|reach| **reach == Reach::Local).count();
    (n_local > 0).then(|| no("PG-2.8", format!("{n_local} assumptions are for its sender alone")))
}

/// Agents that agree are worth no more than what they have looked at: two of them at least must have seen different things
/// (PG-2.4).
fn is_no_echo(statement: &Statement, ground: &Ground<'_>) -> Option<Finding> {
    if matches!(statement.stance, Stance::Data { .. }) {
        return None;
    }
    let claims: Vec<_> = ground.messages.iter().filter(|said| matches!(said.stance, Stance::Claim { .. })).collect();
    let agents: BTreeSet<_> = claims.iter().map(|said| &said.from).collect();
    let are_independent = |one: &Said, other: &Said| {
        one.from != other.from
            && !one.roots.is_empty()
            && !other.roots.is_empty()
            && one.roots.is_disjoint(&other.roots)
    };
    let mut pairs = claims.iter().enumerate().flat_map(|(n, one)| claims[..n].iter().map(move |other| (one, other)));
    (agents.len() > 1 && !pairs.any(|(one, other)| are_independent(one, other))).then(|| {
        let reason = format!("{} agents agree on what none of them saw apart from the others", agents.len());
        Finding::new("PG-2.4", Word::Escalate, reason)
    })
}

/// What of a statement does not stay with its agent.
fn travelling(statement: &Statement) -> impl Iterator<Item = (Digest, Reach)> {
    statement.assumptions.iter().map(|(text, reach)| (*text, *reach)).filter(|(_, reach)| *reach > Reach::Local)
}

fn no(control: &'static str, reason: String) -> Finding {
    Finding::new(control, Word::NoGo, reason)
}
