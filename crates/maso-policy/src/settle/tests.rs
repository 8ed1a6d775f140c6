//! Who must have said what before anything happens.

use maso_core::{Digest, Finding, Findings, OperatorName, Refusal, Review, TicketId, Timestamp, Word};
use proptest::prelude::*;

use super::{Case, Heard, Ruling};
use crate::{Approval, Opinion, Rejection, Tried, Verdict, Verdicts};

const NOW: Timestamp = Timestamp::from_millis(10_000);
const LATER: Timestamp = Timestamp::from_millis(20_000);
const EARLIER: Timestamp = Timestamp::from_millis(9_999);

fn this() -> Digest {
    Digest::of(b"this action")
}

fn other() -> Digest {
    Digest::of(b"another action")
}

fn ticket() -> TicketId {
    TicketId::from_uuid(uuid::Uuid::from_u128(1))
}

fn verdict(judge: &str, opinion: Opinion, action: Digest, expires_at: Timestamp) -> Verdict {
    let judge = judge.parse().unwrap();
    Verdict { judge, opinion, reasoning: "because".into(), criteria: vec![], action, expires_at }
}

fn approval(by: &str, action: Digest, expires_at: Timestamp) -> Approval {
    Approval { ticket: ticket(), by: by.parse().unwrap(), action, expires_at }
}

fn rejection(by: &str, action: Digest) -> Rejection {
    Rejection { ticket: ticket(), by: by.parse().unwrap(), action, reason: "wrong account".into() }
}

fn review(n_judges: u8, n_people: u8) -> Review {
    Review { n_judges, n_people, dry_run: false }
}

fn rule(findings: &Findings, review: Review, verdicts: &Verdicts) -> Ruling {
    let may_approve = |person: &OperatorName| person.as_str() != "onlooker";
    Case { findings, review, now: NOW }.rule(&Heard::of(verdicts, this(), NOW, may_approve))
}

fn heard(judges: &[(&str, Opinion)], people: &[&str]) -> Verdicts {
    Verdicts {
        judges: judges.iter().map(|(judge, opinion)| verdict(judge, *opinion, this(), LATER)).collect(),
        approvals: people.iter().map(|person| approval(person, this(), LATER)).collect(),
        ..Verdicts::none()
    }
}

/// `allow`, `hold N`, or the refusal's code.
fn outcome(ruling: &Ruling) -> String {
    match ruling {
        Ruling::Allow => "allow".into(),
        Ruling::Hold { awaited } => format!("hold {}", awaited.n_people),
        Ruling::Deny { refusal, .. } => refusal.to_string(),
    }
}

#[test]
fn the_review_decides_who_must_have_agreed() {
    use Opinion::*;
    type Row = (Review, &'static [(&'static str, Opinion)], &'static [&'static str], &'static str);
    let table: &[Row] = &[
        (review(0, 0), &[], &[], "allow"),
        // medium: a judge, and without one a person
        (review(1, 0), &[("a", Approve)], &[], "allow"),
        (review(1, 0), &[], &[], "hold 1"),
        (review(1, 0), &[("a", Silent)], &[], "hold 1"),
        (review(1, 0), &[("a", Flag)], &[], "hold 1"),
        (review(1, 0), &[("a", Escalate)], &["one"], "allow"),
        (review(1, 0), &[("a", Block)], &["one", "two", "three"], "DENIED"),
        // high: a judge and a person; a judge that is missing is made up for by one more person
        (review(1, 1), &[("a", Approve)], &[], "hold 1"),
        (review(1, 1), &[("a", Approve)], &["one"], "allow"),
        (review(1, 1), &[], &["one"], "hold 1"),
        (review(1, 1), &[("a", Flag)], &["one"], "hold 1"),
        (review(1, 1), &[("a", Silent)], &["one", "two"], "allow"),
        // critical
        (review(1, 2), &[("a", Approve)], &["one"], "hold 1"),
        (review(1, 2), &[("a", Approve)], &["one", "one"], "hold 1"),
        (review(1, 2), &[("a", Approve)], &["one", "two"], "allow"),
        (review(1, 2), &[], &[], "hold 3"),
        // two judges are two different judges
        (review(2, 0), &[("a", Approve), ("a", Approve)], &[], "hold 1"),
        (review(2, 0), &[("a", Approve), ("b", Approve)], &[], "allow"),
        // a judge that said both did not approve, and one that doubts brings a person where none was needed
        (review(1, 0), &[("a", Approve), ("a", Flag)], &[], "hold 1"),
        (review(1, 0), &[("a", Approve), ("b", Flag)], &[], "hold 1"),
        (review(0, 0), &[("a", Flag)], &[], "hold 1"),
        // who is no supervisor approves nothing
        (review(0, 1), &[], &["onlooker"], "hold 1"),
    ];
    for (review, judges, people, expected) in table {
        let ruling = rule(&Findings::none(), *review, &heard(judges, people));
        assert_eq!(outcome(&ruling), *expected, "{review} {judges:?} {people:?}");
    }
}

#[test]
fn words_for_another_action_and_expired_words_are_not_heard() {
    let verdicts = |action, expires_at| Verdicts {
        judges: vec![verdict("a", Opinion::Approve, action, expires_at)],
        approvals: vec![approval("one", action, expires_at)],
        ..Verdicts::none()
    };
    let outcome = |action, expires_at| outcome(&rule(&Findings::none(), review(1, 1), &verdicts(action, expires_at)));
    assert_eq!(outcome(this(), LATER), "allow");
    assert_eq!(outcome(this(), NOW), "allow");
    assert_eq!(outcome(this(), EARLIER), "hold 2");
    assert_eq!(outcome(other(), LATER), "hold 2");
}

#[test]
fn a_person_who_says_no_and_a_wait_that_ended_deny() {
    let mut verdicts = heard(&[("a", Opinion::Approve)], &["one", "two"]);
    verdicts.rejections.push(rejection("three", other()));
    assert_eq!(rule(&Findings::none(), review(1, 2), &verdicts), Ruling::Allow);
    verdicts.rejections.push(rejection("three", this()));
    let Ruling::Deny { refusal, finding } = rule(&Findings::none(), review(1, 2), &verdicts) else { panic!() };
    assert_eq!(refusal, Refusal::NotApproved);
    assert_eq!(finding.unwrap().reason, "`three` rejected it: wrong account");
    let expired = Verdicts { expired: true, ..heard(&[], &["one"]) };
    assert_eq!(outcome(&rule(&Findings::none(), review(0, 1), &expired)), "NOT_APPROVED");
}

#[test]
fn a_finding_cannot_be_approved_away() {
    let everyone = heard(&[("a", Opinion::Approve)], &["one", "two", "three"]);
    let against = |control| Findings::from(vec![Finding::new(control, Word::NoGo, "no")]);
    assert_eq!(outcome(&rule(&against("PG-2.5"), review(1, 1), &everyone)), "DENIED");
    assert_eq!(outcome(&rule(&against("EC-1.2"), review(1, 1), &everyone)), "OUT_OF_MANDATE");
    assert_eq!(outcome(&rule(&against("IA-1.4"), Review::NONE, &Verdicts::none())), "OUT_OF_MANDATE");
}

#[test]
fn a_dry_run_counts_for_the_exact_action_and_not_for_ever() {
    let review = Review { dry_run: true, ..Review::NONE };
    let tried = |action, outcome: Result<(), &str>, expires_at| Tried {
        action,
        tool: "staging:pay".parse().unwrap(),
        at: EARLIER,
        outcome: outcome.map_err(ToOwned::to_owned),
        says: None,
        expires_at,
    };
    let with = |dry_run: Option<Tried>| Verdicts { dry_run: dry_run.map(Box::new), ..heard(&[], &["one"]) };
    for (dry_run, expected) in [
        (None, "DRY_RUN_FAILED"),
        (Some(tried(this(), Ok(()), LATER)), "allow"),
        (Some(tried(this(), Ok(()), EARLIER)), "DRY_RUN_FAILED"),
        (Some(tried(other(), Ok(()), LATER)), "DRY_RUN_FAILED"),
        (Some(tried(this(), Err("no such account"), LATER)), "DRY_RUN_FAILED"),
    ] {
        assert_eq!(outcome(&rule(&Findings::none(), review, &with(dry_run))), expected);
    }
    let failed = rule(&Findings::none(), review, &with(Some(tried(this(), Err("no such account"), LATER))));
    let Ruling::Deny { finding: Some(finding), .. } = failed else { panic!() };
    assert_eq!(finding.reason, "it did not succeed where it was tried out, by `staging:pay`: no such account");
}

fn opinions() -> impl Strategy<Value = Opinion> {
    prop::sample::select(vec![Opinion::Approve, Opinion::Flag, Opinion::Escalate, Opinion::Block, Opinion::Silent])
}

fn verdicts() -> impl Strategy<Value = Verdicts> {
    let digests = || prop::sample::select(vec![this(), other()]);
    let times = || prop::sample::select(vec![EARLIER, NOW, LATER]);
    let names = || prop::sample::select(vec!["one", "two", "three", "onlooker"]);
    let judges = prop::collection::vec((names(), opinions(), digests(), times()), 0..4);
    let approvals = prop::collection::vec((names(), digests(), times()), 0..4);
    (judges, approvals, prop::option::of((names(), digests())), prop::bool::weighted(0.1)).prop_map(
        |(judges, approvals, no, expired)| Verdicts {
            judges: judges
                .into_iter()
                .map(|(judge, opinion, action, at)| verdict(judge, opinion, action, at))
                .collect(),
            approvals: approvals.into_iter().map(|(person, action, at)| approval(person, action, at)).collect(),
            rejections: no.into_iter().map(|(person, action)| rejection(person, action)).collect(),
            expired,
            dry_run: None,
        },
    )
}

fn reviews() -> impl Strategy<Value = Review> {
    (0..3_u8, 0..4_u8).prop_map(|(n_judges, n_people)| review(n_judges, n_people))
}

/// From the least restrictive to the most.
fn strictness(ruling: &Ruling) -> (u8, u8) {
    match ruling {
        Ruling::Allow => (0, 0),
        Ruling::Hold { awaited } => (1, awaited.n_people),
        Ruling::Deny { .. } => (2, 0),
    }
}

proptest! {
    #[test]
    fn what_speaks_against_a_hop_never_helps_it(
        review in reviews(), verdicts in verdicts(), word in prop::sample::select(Word::ALL),
        more_word in prop::sample::select(Word::ALL), opinion in opinions(), judge in "[a-c]|one|two",
    ) {
        let mut findings = Findings::from(vec![Finding::new("PG-1.1", word, "said so")]);
        let before = strictness(&rule(&findings, review, &verdicts));
        let mut with_verdict = verdicts.clone();
        if opinion != Opinion::Approve {
            with_verdict.judges.push(verdict(&judge, opinion, this(), LATER));
        }
        prop_assert!(strictness(&rule(&findings, review, &with_verdict)) >= before);
        let mut with_no = verdicts.clone();
        with_no.rejections.push(rejection("one", this()));
        prop_assert!(strictness(&rule(&findings, review, &with_no)) >= before);
        let expired = Verdicts { expired: true, ..verdicts.clone() };
        prop_assert!(strictness(&rule(&findings, review, &expired)) >= before);
        findings.add(Finding::new("PG-1.2", more_word, "said more"));
        prop_assert!(strictness(&rule(&findings, review, &verdicts)) >= before);
    }

    #[test]
    fn words_for_another_action_change_nothing(review in reviews(), verdicts in verdicts(), opinion in opinions()) {
        let before = rule(&Findings::none(), review, &verdicts);
        let mut more = verdicts.clone();
        more.approvals.push(approval("three", other(), LATER));
        more.judges.push(verdict("c", opinion, other(), LATER));
        more.rejections.push(rejection("two", other()));
        prop_assert_eq!(rule(&Findings::none(), review, &more), before);
    }

    #[test]
    fn the_same_person_counts_once(review in reviews(), verdicts in verdicts()) {
        let mut twice = verdicts.clone();
        twice.approvals.extend(verdicts.approvals.clone());
        prop_assert_eq!(rule(&Findings::none(), review, &twice), rule(&Findings::none(), review, &verdicts));
    }

    #[test]
    fn a_larger_review_is_never_easier(smaller in reviews(), larger in reviews(), verdicts in verdicts()) {
        let before = strictness(&rule(&Findings::none(), smaller, &verdicts));
        prop_assert!(strictness(&rule(&Findings::none(), smaller.join(larger), &verdicts)) >= before);
    }

    #[test]
    fn nothing_that_needs_a_review_is_allowed_when_nobody_spoke(review in reviews()) {
        let allowed = rule(&Findings::none(), review, &Verdicts::none()) == Ruling::Allow;
        prop_assert_eq!(allowed, review == Review::NONE);
    }
}
