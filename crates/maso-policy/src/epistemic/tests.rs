//! What a chain of messages may claim, held against an evaluator that goes through all that was said each time.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{AgentName, Digest, HopId, MessageId, Word};
use maso_wire::envelope::{Confidence, Input, Reach};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn agent(n: usize) -> AgentName {
    ["intake", "analysis", "audit", "payments"][n].parse().unwrap()
}

fn id(n: u128) -> MessageId {
    MessageId::from_uuid(Uuid::from_u128(n))
}

fn hop(n: u128) -> HopId {
    HopId::from_uuid(Uuid::from_u128(n))
}

fn message(n: u128) -> Input {
    Input::Message(id(n))
}

fn source(n: u128) -> Input {
    Input::Hop(hop(n))
}

fn sure(percent: u32) -> Option<Confidence> {
    Confidence::from_millionths(percent * 10_000)
}

fn text(n: u8) -> Digest {
    Digest::of(&[n])
}

const CHECKED: Stance = Stance::Claim { made_up: false };
const MADE_UP: Stance = Stance::Claim { made_up: true };

/// What one agent says to another, as sure as can be.
fn says(n: u128, (from, to): (usize, usize), stance: Stance, inputs: &[Input]) -> Statement {
    Statement {
        id: id(n),
        from: agent(from),
        to: agent(to),
        stance,
        confidence: sure(100).filter(|_| stance.is_evidence()),
        extracted: None,
        assumptions: BTreeMap::new(),
        unknowns: BTreeSet::new(),
        constraints: BTreeMap::new(),
        inputs: inputs.iter().copied().collect(),
    }
}

/// A task in which each agent saw one source, of its own number.
fn lineage() -> Lineage {
    let mut lineage = Lineage::default();
    (0..4).for_each(|n| lineage.saw(&agent(n), hop(n as u128), "notes:lookup"));
    lineage
}

fn told(statements: &[Statement]) -> Lineage {
    let mut lineage = lineage();
    statements.iter().for_each(|statement| lineage.take(statement));
    lineage
}

/// The controls that speak against a statement, and nothing does without them.
fn against(lineage: &Lineage, statement: &Statement) -> Vec<(String, Word)> {
    let findings = lineage.judge(statement, |_| true);
    let controls: Vec<_> = findings.iter().map(|finding| finding.control.to_string()).collect();
    let without = lineage.judge(statement, |control| !controls.iter().any(|known| known == control));
    assert!(without.is_empty(), "{without:?}");
    findings.iter().map(|finding| (finding.control.to_string(), finding.word)).collect()
}

fn check(lineage: &Lineage, statement: &Statement, expected: &[(&str, Word)]) {
    let expected: Vec<_> = expected.iter().map(|(control, word)| ((*control).to_owned(), *word)).collect();
    assert_eq!(against(lineage, statement), expected);
}

#[test]
fn a_claim_from_what_its_sender_saw_stands() {
    check(&lineage(), &says(1, (0, 1), CHECKED, &[source(0)]), &[]);
}

#[test]
fn a_claim_without_a_primary_source_is_refused() {
    check(&lineage(), &says(1, (0, 1), CHECKED, &[]), &[("PG-2.6", Word::NoGo)]);
}

#[test]
fn agents_that_confirm_each_other_are_no_evidence() {
    let mut first = says(1, (0, 1), MADE_UP, &[]);
    let lineage = told(std::slice::from_ref(&first));
    check(&lineage, &says(2, (1, 0), MADE_UP, &[message(1)]), &[("PG-2.6", Word::NoGo)]);
    first.inputs = [source(0)].into();
    check(&told(&[first]), &says(2, (1, 0), MADE_UP, &[message(1)]), &[]);
}

#[test]
fn what_nobody_gave_to_its_sender_is_nothing_to_rest_on() {
    let lineage = told(&[says(1, (0, 1), CHECKED, &[source(0)])]);
    for other in [message(1), message(9), source(1), source(9)] {
        let statement = says(2, (2, 3), CHECKED, &[source(2), other]);
        check(&lineage, &statement, &[("PG-2.6", Word::NoGo)]);
    }
}

#[test]
fn what_was_made_up_is_no_fact_for_the_next() {
    let lineage = told(&[says(1, (0, 1), MADE_UP, &[source(0)])]);
    check(&lineage, &says(2, (1, 2), CHECKED, &[message(1)]), &[("PG-2.5", Word::NoGo)]);
    check(&lineage, &says(2, (1, 2), Stance::Data { made_up: false }, &[message(1)]), &[("PG-2.5", Word::NoGo)]);
    check(&lineage, &says(2, (1, 2), Stance::Work, &[message(1)]), &[("PG-2.5", Word::Escalate)]);
    // It may go on as what it is, and as a fact from what somebody looked at.
    check(&lineage, &says(2, (1, 2), MADE_UP, &[message(1)]), &[]);
    check(&lineage, &says(2, (1, 2), CHECKED, &[message(1), source(1)]), &[]);
}

#[test]
fn nobody_is_surer_than_what_it_rests_on() {
    let mut first = says(1, (0, 1), CHECKED, &[source(0)]);
    first.confidence = sure(70);
    let lineage = told(&[first]);
    let next = |percent, inputs: &[Input]| {
        let mut next = says(2, (1, 2), CHECKED, inputs);
        next.confidence = sure(percent);
        next
    };
    check(&lineage, &next(70, &[message(1)]), &[]);
    check(&lineage, &next(71, &[message(1)]), &[("PG-2.7", Word::NoGo)]);
    check(&lineage, &next(95, &[message(1), source(1)]), &[]);
    // Data that does not say how sure it is carries the ceiling on.
    let mut silent = says(2, (1, 2), Stance::Data { made_up: false }, &[message(1)]);
    silent.confidence = None;
    let mut lineage = lineage;
    lineage.take(&silent);
    let mut last = says(3, (2, 3), CHECKED, &[message(2)]);
    last.confidence = sure(71);
    check(&lineage, &last, &[("PG-2.7", Word::NoGo)]);
}

#[test]
fn a_value_is_no_surer_than_it_was_read() {
    let mut statement = says(1, (0, 1), CHECKED, &[source(0)]);
    (statement.confidence, statement.extracted) = (sure(95), sure(82));
    check(&lineage(), &statement, &[("EI-2.6", Word::NoGo)]);
    statement.confidence = sure(82);
    check(&lineage(), &statement, &[]);
}

#[test]
fn what_is_unknown_and_assumed_goes_on() {
    let mut first = says(1, (0, 1), CHECKED, &[source(0)]);
    first.unknowns = [text(1)].into();
    first.assumptions = [(text(2), Reach::Task), (text(3), Reach::Global)].into();
    let lineage = told(std::slice::from_ref(&first));
    let mut next = Statement {
        unknowns: first.unknowns,
        assumptions: first.assumptions,
        ..says(2, (1, 2), CHECKED, &[message(1)])
    };
    check(&lineage, &next, &[]);
    next.assumptions.insert(text(2), Reach::Global);
    check(&lineage, &next, &[("PG-2.8", Word::NoGo)]);
    next.assumptions.remove(&text(2));
    check(&lineage, &next, &[("PG-2.7", Word::NoGo)]);
    next.assumptions.insert(text(2), Reach::Task);
    next.unknowns.clear();
    check(&lineage, &next, &[("PG-2.7", Word::NoGo)]);
}

#[test]
fn a_local_assumption_does_not_leave_its_agent() {
    let mut statement = says(1, (0, 1), CHECKED, &[source(0)]);
    statement.assumptions = [(text(1), Reach::Local)].into();
    check(&lineage(), &statement, &[("PG-2.8", Word::NoGo)]);
    // Where it was let go all the same it binds nobody.
    let lineage = told(&[statement]);
    check(&lineage, &says(2, (1, 2), CHECKED, &[message(1)]), &[]);
}

#[test]
fn agents_that_agree_on_one_document_escalate() {
    let from = |n: u128, agent: usize, inputs: &[Input]| says(n, (agent, 3), CHECKED, inputs);
    let handed_on = [says(1, (0, 1), CHECKED, &[source(0)]), says(2, (0, 2), CHECKED, &[source(0)])];
    let mut shared = told(&handed_on);
    [from(3, 0, &[source(0)]), from(4, 1, &[message(1)]), from(5, 2, &[message(2)])]
        .iter()
        .for_each(|s| shared.take(s));
    let all = [message(3), message(4), message(5)];
    check(&shared, &says(6, (3, 0), CHECKED, &all), &[("PG-2.4", Word::Escalate)]);
    check(&shared, &says(6, (3, 0), Stance::Work, &all), &[("PG-2.4", Word::Escalate)]);
    check(&shared, &says(6, (3, 0), CHECKED, &[message(3)]), &[]);
    // Two that looked at different things are two.
    shared.take(&from(7, 1, &[source(1)]));
    check(&shared, &says(8, (3, 0), CHECKED, &[message(3), message(7)]), &[]);
}

#[test]
fn five_constraints_survive_five_agents_and_a_weakened_one_is_seen() {
    let constraints: BTreeMap<_, _> = (0..5).map(|n| (format!("constraint-{n}").parse().unwrap(), text(n))).collect();
    let way = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)];
    for broken in 0..=way.len() {
        let mut lineage = lineage();
        for (n, way) in way.into_iter().enumerate() {
            let mut order = says(n as u128 + 1, way, Stance::Work, &[]);
            order.constraints.clone_from(&constraints);
            if n == broken && n > 0 {
                let name = format!("constraint-{}", n - 1).parse().unwrap();
                let mut lost = order.clone();
                lost.constraints.remove(&name);
                check(&lineage, &lost, &[("PG-3.3", Word::Escalate)]);
                order.constraints.insert(name, text(9));
                check(&lineage, &order, &[("PG-3.3", Word::Escalate)]);
                break;
            }
            check(&lineage, &order, &[]);
            lineage.take(&order);
        }
    }
}

#[test]
fn a_message_is_said_once() {
    let statement = says(1, (0, 1), CHECKED, &[source(0)]);
    let mut lineage = told(std::slice::from_ref(&statement));
    check(&lineage, &statement, &[("IA-2.3", Word::NoGo)]);
    let before = lineage.clone();
    lineage.take(&Statement { confidence: sure(1), ..statement });
    assert_eq!(lineage, before, "what was said stays as it was said");
}

#[test]
fn what_is_too_much_to_follow_may_not_be_said() {
    let mut lineage = Lineage::default();
    let wide: Vec<_> = (0..=Lineage::ROOTS_MAX as u128)
        .inspect(|n| lineage.saw(&agent(0), hop(*n), "notes:lookup"))
        .map(source)
        .collect();
    check(&lineage, &says(1, (0, 1), CHECKED, &wide[1..]), &[]);
    check(&lineage, &says(1, (0, 1), CHECKED, &wide), &[("PG-2.6", Word::NoGo)]);
    let mut order = says(1, (0, 1), Stance::Work, &[]);
    order.constraints = (0..Lineage::BOUND_MAX).map(|n| (format!("c-{n}").parse().unwrap(), text(0))).collect();
    check(&lineage, &order, &[]);
    lineage.take(&order);
    let mut more = says(2, (2, 1), Stance::Work, &[]);
    check(&lineage, &more, &[]);
    more.constraints = [("one-more".parse().unwrap(), text(0))].into();
    check(&lineage, &more, &[("PG-3.3", Word::NoGo)]);
}

#[test]
fn what_is_forgotten_is_nothing_to_rest_on() {
    let mut lineage = Lineage::default();
    lineage.saw(&agent(1), hop(0), "notes:lookup");
    lineage.take(&says(0, (0, 1), Stance::Work, &[]));
    for n in 1..Lineage::MESSAGES_MAX as u128 {
        lineage.take(&says(n, (2, 3), Stance::Work, &[]));
    }
    for n in 1..Lineage::SOURCES_MAX as u128 {
        lineage.saw(&agent(1), hop(n), "notes:lookup");
    }
    let next = says(u128::MAX, (1, 2), CHECKED, &[source(0), source(1), message(0)]);
    check(&lineage, &next, &[]);
    lineage.saw(&agent(1), hop(u128::MAX), "notes:lookup");
    check(&lineage, &next, &[("PG-2.6", Word::NoGo)]);
    let next = says(u128::MAX, (1, 2), CHECKED, &[source(1), message(0)]);
    lineage.take(&says(u128::MAX - 1, (2, 3), Stance::Work, &[]));
    check(&lineage, &next, &[("PG-2.6", Word::NoGo)]);
}

/// All that was said, and the rules in the words of the framework, over all of it each time.
struct Book<'a> {
    said: &'a [Statement],
}

impl Book<'_> {
    /// What a statement rests on that was said before it, to its sender or by it.
    fn messages(&self, of: &Statement) -> Vec<&Statement> {
        let before = self.said.iter().position(|said| said.id == of.id).unwrap_or(self.said.len());
        let rests_on = |said: &&Statement| {
            of.inputs.contains(&Input::Message(said.id)) && (said.to == of.from || said.from == of.from)
        };
        self.said[..before].iter().filter(rests_on).collect()
    }

    /// The sources that it names: each agent saw the one of its own number.
    fn sources(&self, of: &Statement) -> BTreeSet<usize> {
        (0..4).filter(|n| of.from == agent(*n) && of.inputs.contains(&source(*n as u128))).collect()
    }

    fn inherited(&self, of: &Statement) -> BTreeSet<usize> {
        self.messages(of).into_iter().flat_map(|said| self.roots(said)).collect()
    }

    fn roots(&self, of: &Statement) -> BTreeSet<usize> {
        self.sources(of).union(&self.inherited(of)).copied().collect()
    }

    fn is_new(&self, of: &Statement) -> bool {
        self.sources(of).iter().any(|source| !self.inherited(of).contains(source))
    }

    /// How sure one may be of a statement: no surer than it says, than it was read, and than each thing it rests on, unless
    /// it looked somewhere new and says how sure that made it.
    fn worth(&self, of: &Statement) -> u32 {
        let own = [of.confidence, of.extracted].into_iter().flatten().map(Confidence::as_millionths);
        let looked = of.confidence.is_some() && self.is_new(of);
        let below = self.messages(of).into_iter().filter(|_| !looked).map(|said| self.worth(said));
        own.chain(below).min().unwrap_or(1_000_000)
    }

    fn is_fact(&self, said: &Statement) -> bool {
        said.stance.is_evidence() && !said.stance.is_made_up() && !self.roots(said).is_empty()
    }

    fn against(&self, next: &Statement) -> BTreeSet<&'static str> {
        let messages = self.messages(next);
        let is_claim = matches!(next.stance, Stance::Claim { .. });
        let named = messages.len() + self.sources(next).len();
        let evidence: Vec<_> = messages.iter().filter(|said| said.stance.is_evidence()).collect();
        let mut broken = BTreeSet::new();
        if named < next.inputs.len() || is_claim && self.roots(next).is_empty() {
            broken.insert("PG-2.6");
        }
        let on_words = !evidence.is_empty() && self.sources(next).is_empty();
        if on_words && !next.stance.is_made_up() && !evidence.iter().any(|said| self.is_fact(said)) {
            broken.insert("PG-2.5");
        }
        if let Some(confidence) = next.confidence.map(Confidence::as_millionths) {
            if !self.is_new(next) && messages.iter().any(|said| self.worth(said) < confidence) {
                broken.insert("PG-2.7");
            }
            if next.extracted.is_some_and(|read| read.as_millionths() < confidence) {
                broken.insert("EI-2.6");
            }
        }
        for said in &messages {
            if !said.unknowns.is_subset(&next.unknowns) {
                broken.insert("PG-2.7");
            }
            for (text, reach) in said.assumptions.iter().filter(|(_, reach)| **reach != Reach::Local) {
                match next.assumptions.get(text) {
                    None => drop(broken.insert("PG-2.7")),
                    Some(now) if *now == Reach::Global && *reach == Reach::Task => drop(broken.insert("PG-2.8")),
                    Some(_) => {}
                }
            }
        }
        if next.assumptions.values().any(|reach| *reach == Reach::Local) {
            broken.insert("PG-2.8");
        }
        let claims: Vec<_> = messages.iter().filter(|said| matches!(said.stance, Stance::Claim { .. })).collect();
        let agree = claims.iter().any(|one| claims.iter().any(|other| one.from != other.from));
        let apart = claims.iter().any(|one| {
            claims.iter().any(|other| {
                let (mine, theirs) = (self.roots(one), self.roots(other));
                one.from != other.from && !mine.is_empty() && !theirs.is_empty() && mine.is_disjoint(&theirs)
            })
        });
        if (is_claim || next.stance == Stance::Work) && agree && !apart {
            broken.insert("PG-2.4");
        }
        let bound = self.said.iter().filter(|said| said.to == next.from).chain(messages.iter().copied());
        if bound.flat_map(|said| &said.constraints).any(|(name, text)| next.constraints.get(name) != Some(text)) {
            broken.insert("PG-3.3");
        }
        broken
    }
}

fn stances() -> impl Strategy<Value = Stance> {
    prop::sample::select(vec![
        CHECKED,
        CHECKED,
        MADE_UP,
        Stance::Data { made_up: false },
        Stance::Data { made_up: true },
        Stance::Work,
    ])
}

/// A chain of up to so many messages between four agents, each resting on some of what was said and seen before.
fn chains() -> impl Strategy<Value = Vec<Statement>> {
    let way = (0_usize..4, 0_usize..4);
    let numbers = (prop::option::of(0_u32..=4), prop::option::weighted(0.2, 0_u32..=4));
    let reaches = prop::sample::select(Reach::ALL.to_vec());
    let beside = (
        prop::collection::btree_map(0_u8..2, reaches, 0..2),
        prop::collection::btree_set(0_u8..2, 0..2),
        prop::collection::btree_map(0_u8..2, 0_u8..2, 0..2),
    );
    let inputs =
        (prop::collection::vec(any::<prop::sample::Index>(), 0..4), prop::collection::btree_set(0_u128..4, 0..2));
    // Whether its sender is honest with what it rests on, so that long chains of good messages are tried as well.
    let one = (way, stances(), numbers, beside, inputs, any::<bool>());
    prop::collection::vec(one, 1..14).prop_map(|chain| {
        let mut said: Vec<Statement> = Vec::new();
        for (n, (way, stance, numbers, beside, inputs, is_honest)) in chain.into_iter().enumerate() {
            let mut next = says(n as u128 + 1, way, stance, &[]);
            let percent = |fifth: u32| sure(fifth * 25).unwrap();
            next.confidence = numbers.0.map(percent).filter(|_| stance.is_evidence());
            next.extracted = numbers.1.map(percent).filter(|_| stance.is_evidence());
            next.assumptions = beside.0.into_iter().map(|(n, reach)| (text(n), reach)).collect();
            next.unknowns = beside.1.into_iter().map(text).collect();
            next.constraints =
                beside.2.into_iter().map(|(n, says)| (format!("c-{n}").parse().unwrap(), text(says))).collect();
            // Also what is never said: one past the end.
            next.inputs = inputs.0.into_iter().map(|place| message(place.index(n + 2) as u128 + 1)).collect();
            next.inputs.extend(inputs.1.into_iter().map(source));
            next.inputs.remove(&message(n as u128 + 1));
            if is_honest {
                let book = Book { said: &said };
                let messages: Vec<Statement> = book.messages(&next).into_iter().cloned().collect();
                let own: BTreeSet<_> = book.sources(&next).into_iter().map(|n| source(n as u128)).collect();
                next.inputs = messages.iter().map(|said| Input::Message(said.id)).chain(own).collect();
                next.assumptions.retain(|_, reach| *reach != Reach::Local);
                for before in &messages {
                    next.unknowns.extend(&before.unknowns);
                    next.assumptions.extend(before.assumptions.iter().filter(|(_, reach)| **reach != Reach::Local));
                }
                let bound = said.iter().filter(|before| before.to == next.from);
                next.constraints.extend(bound.flat_map(|before| before.constraints.clone()));
            }
            said.push(next);
        }
        said
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn each_word_of_a_chain_is_judged_as_the_whole_chain_would_be(chain in chains()) {
        let mut lineage = lineage();
        for (n, next) in chain.iter().enumerate() {
            let findings = lineage.judge(next, |_| true);
            let found: BTreeSet<_> = findings.iter().map(|finding| finding.control.as_str()).collect();
            prop_assert_eq!(found, Book { said: &chain[..n] }.against(next), "{:?}", next);
            lineage.take(next);
        }
    }

    #[test]
    fn of_what_is_let_pass_nobody_is_surer_than_all_it_comes_from(chain in chains()) {
        let mut lineage = lineage();
        let mut passed = Vec::new();
        for next in chain {
            if lineage.judge(&next, |_| true).word() < Word::NoGo {
                lineage.take(&next);
                passed.push(next);
            }
        }
        let book = Book { said: &passed };
        for said in &passed {
            let is_claim = matches!(said.stance, Stance::Claim { .. });
            prop_assert!(!is_claim || !book.roots(said).is_empty());
            prop_assert!(said.assumptions.values().all(|reach| *reach > Reach::Local));
            for before in book.messages(said) {
                prop_assert!(before.unknowns.is_subset(&said.unknowns));
                let worth = said.confidence.map_or(0, Confidence::as_millionths);
                prop_assert!(worth <= book.worth(before) || book.is_new(said));
            }
        }
    }
}
