//! How hard a hop must be reviewed.

use maso_core::{
    Act, AgentName, Class, Confidentiality, Finding, Findings, Integrity, Origin, Phase, Principal, Reversibility,
    Review, Risk, Source, Tier, Word,
};
use maso_intent::{Clarifying, DryRunCall, Phrase, PreApproval};
use proptest::prelude::*;
use serde_json::json;

use super::{Appraisal, appraise};
use crate::fixture::Scene;

fn weighed(scene: &Scene) -> Appraisal {
    appraise(scene.view(), &[], &Findings::none(), Findings::none())
}

fn acting(class: Class, risk: Risk, reversibility: Reversibility) -> Scene {
    Scene::payment().with_tool("claims-db:pay_claim", |tool| {
        (tool.class, tool.risk, tool.reversibility) = (class, risk, reversibility);
    })
}

#[track_caller]
fn needs(scene: &Scene, expected: &str) {
    assert_eq!(weighed(scene).review.to_string(), expected);
}

#[test]
fn risk_decides_the_review() {
    use {Class::*, Reversibility::*, Risk::*};
    for (class, risk, reversibility, expected) in [
        (Read, Low, Reversible, "layer 1"),
        (Write, Low, Reversible, "layer 1"),
        (Write, Medium, Reversible, "judge"),
        (Write, High, Reversible, "judge + person"),
        (Write, Critical, Reversible, "judge + 2 people + dry run"),
        // A class and an effect that cannot be undone count, whatever was declared.
        (Send, Low, Reversible, "judge"),
        (Delete, Low, TimeBounded, "judge"),
        (Transfer, Low, Reversible, "judge + person"),
        (Execute, Low, Reversible, "judge + person"),
        (Write, Low, Irreversible, "judge + person"),
        (Read, Low, Irreversible, "layer 1"),
    ] {
        needs(&acting(class, risk, reversibility), expected);
    }
}

#[test]
fn what_is_approved_in_advance_needs_no_person_where_the_task_asks_for_it() {
    use {Class::*, Reversibility::*, Risk::*};
    let approved = |scene: Scene, words: &str| {
        let tool = "claims-db:pay_claim".parse().unwrap();
        let asked_by = vec![Phrase::parse("pay* claim*").unwrap()];
        scene.with_tier(Tier::Autonomous).pre_approving(PreApproval { tool, asked_by }).saying(words)
    };
    let tried = |scene: Scene| {
        scene.with_tool("claims-db:pay_claim", |tool| {
            tool.dry_run = Some(DryRunCall { tool: tool.tool.clone(), set: Some(("dry_run".into(), json!(true))) });
        })
    };
    let payment = tried(acting(Transfer, High, Irreversible));
    needs(&payment.clone().with_tier(Tier::Autonomous), "2 judges + person + dry run");
    needs(&approved(payment.clone(), "Please pay claim C-1."), "2 judges + dry run");
    // Nobody asks for it, or for something else.
    needs(&approved(payment.clone(), "Look at claim C-1."), "2 judges + person + dry run");
    needs(&approved(payment.clone(), "Do not pay claim C-1."), "2 judges + person + dry run");
    // It counts at Tier 3, while nothing is wrong, and never for what is critical.
    needs(&approved(payment.clone(), "Pay claim C-1.").with_tier(Tier::Managed), "judge + person + dry run");
    needs(&approved(acting(Transfer, Critical, Irreversible), "Pay claim C-1."), "2 judges + 2 people + dry run");
    let mut alternate = approved(payment.clone(), "Pay claim C-1.");
    alternate.phase = Phase::Alternate;
    needs(&alternate, "2 judges + person + dry run");
    // What a control has against it still needs a person.
    let doubt = Findings::from(vec![Finding::new("PG-2.5", Word::Escalate, "it came from a letter")]);
    let scene = approved(payment, "Pay claim C-1.");
    assert_eq!(appraise(scene.view(), &[], &Findings::none(), doubt).review.n_people, 1);
}

#[test]
fn what_nobody_classified_is_critical_and_irreversible() {
    let scene = Scene::call("payment", "claims-db:unheard_of", json!({}));
    let appraisal = weighed(&scene);
    assert_eq!((appraisal.risk, appraisal.reversibility), (Risk::Critical, Reversibility::Irreversible));
    assert_eq!(appraisal.review.to_string(), "judge + 2 people + dry run");
}

#[test]
fn what_is_risky_or_new_is_tried_out_where_it_can_be_and_what_must_be_is_refused_where_it_cannot() {
    use {Class::*, Reversibility::*, Risk::*};
    let tried_by = |scene: Scene| {
        scene.with_tool("claims-db:pay_claim", |tool| {
            tool.dry_run = Some(DryRunCall { tool: tool.tool.clone(), set: Some(("dry_run".into(), json!(true))) });
        })
    };
    let first = |mut scene: Scene| {
        scene.is_first = true;
        scene
    };
    let seen = |scene: Scene| {
        let appraisal = weighed(&scene);
        let told = appraisal.findings.iter().any(|it| (it.control.as_str(), it.word) == ("EC-2.7a", Word::Escalate));
        (appraisal.review.dry_run, told)
    };
    let (spared, required, told, refused) = ((false, false), (true, false), (false, true), (true, true));
    for (class, risk, reversibility, known, new) in [
        (Read, Critical, Irreversible, (spared, spared), (spared, spared)),
        (Write, Low, Reversible, (spared, spared), (spared, spared)),
        (Write, Medium, Reversible, (spared, spared), (required, told)),
        (Write, High, Reversible, (required, told), (required, told)),
        (Write, Low, Irreversible, (required, told), (required, refused)),
        (Write, Critical, Reversible, (required, refused), (required, refused)),
    ] {
        let scene = acting(class, risk, reversibility);
        let both = |scene: Scene| (seen(tried_by(scene.clone())), seen(scene));
        assert_eq!(both(scene.clone()), known, "{class} {risk} {reversibility}");
        assert_eq!(both(first(scene.clone())), new, "{class} {risk} {reversibility}, for the first time");
        let scene = scene.with_tier(Tier::Supervised);
        assert!(!seen(first(scene)).0, "at tier 1 a person sees each write");
    }
}

#[test]
fn tier_and_phase_add_to_the_table() {
    use {Class::*, Reversibility::*, Risk::*};
    let low_write = acting(Write, Low, Reversible);
    needs(&low_write.clone().with_tier(Tier::Supervised), "person");
    needs(&acting(Read, Low, Reversible).with_tier(Tier::Supervised), "layer 1");
    needs(&acting(Write, Medium, Reversible).with_tier(Tier::Supervised), "judge + person");
    needs(&acting(Write, Medium, Reversible).with_tier(Tier::Autonomous), "2 judges");
    needs(&acting(Write, High, Reversible).with_tier(Tier::Autonomous), "2 judges + person");
    let in_phase = |mut scene: Scene, phase| {
        scene.phase = phase;
        scene
    };
    needs(&in_phase(low_write.clone(), Phase::Alternate), "person");
    needs(&in_phase(acting(Read, Low, Reversible), Phase::Alternate), "layer 1");
    needs(&in_phase(acting(Read, Low, Reversible), Phase::Contingency), "person");
    assert_eq!(weighed(&in_phase(acting(Read, Low, Reversible), Phase::Emergency)).findings.word(), Word::NoGo);
    let agent = |name: &str| Principal::Agent(name.parse().unwrap());
    let request = Act::Request { agent: "payment".parse().unwrap(), request: "assess".parse().unwrap() };
    let request = Scene::ask(agent("intake"), agent("payment"), request, json!({}));
    needs(&request, "layer 1");
    assert_eq!(weighed(&in_phase(request, Phase::Contingency)).findings.word(), Word::NoGo);
}

#[test]
fn without_judges_tier_1_relies_on_people_and_tier_2_counts_them_as_silent() {
    let mut scene = acting(Class::Write, Risk::High, Reversibility::Reversible);
    scene.deployment.judges.clear();
    needs(&scene.clone().with_tier(Tier::Supervised), "person");
    needs(&scene, "judge + person");
}

#[test]
fn an_escalation_brings_a_person_and_never_takes_one_away() {
    let escalation = Findings::from(vec![Finding::new("PG-2.5", Word::Escalate, "odd")]);
    let review = |scene: Scene| appraise(scene.view(), &[], &Findings::none(), escalation.clone()).review.to_string();
    assert_eq!(review(acting(Class::Read, Risk::Low, Reversibility::Reversible)), "person");
    assert_eq!(review(acting(Class::Write, Risk::Medium, Reversibility::Reversible)), "judge + person");
    assert_eq!(review(acting(Class::Write, Risk::Critical, Reversibility::Reversible)), "judge + 2 people + dry run");
    // An answer has happened already: findings can stop it from arriving, people are not asked.
    let answer = Scene::payment().answered(json!({}));
    assert_eq!(review(answer), "layer 1");
    // What is said of what was meant has not: it says what to do, as a request does.
    let [asked, delegator]: [AgentName; 2] = ["payment", "intake"].map(|name| name.parse().unwrap());
    let act = Act::Request { agent: delegator.clone(), request: Clarifying::request() };
    let question = Scene::ask(Principal::Agent(asked), Principal::Agent(delegator), act, json!({}));
    assert_eq!(review(question.clone()), "person");
    assert_eq!(review(question.clone().answered(json!("of June"))), "person");
    let unsuspicious = appraise(question.answered(json!("of June")).view(), &[], &Findings::none(), Findings::none());
    assert_eq!(unsuspicious.review.to_string(), "layer 1");
}

#[test]
fn a_value_believed_less_than_needed_raises_the_risk() {
    let origin = |integrity, needed| Origin {
        pointer: "/amount".into(),
        authority: true,
        source: Source::Unknown,
        integrity,
        confidentiality: Confidentiality::Internal,
        needed: Some(needed),
    };
    let risk = |class, origin| {
        let scene = acting(class, Risk::Low, Reversibility::Reversible);
        appraise(scene.view(), &[origin], &Findings::none(), Findings::none()).risk
    };
    assert_eq!(risk(Class::Write, origin(Integrity::External, Integrity::Verified)), Risk::Medium);
    assert_eq!(risk(Class::Write, origin(Integrity::Verified, Integrity::Verified)), Risk::Low);
    assert_eq!(risk(Class::Transfer, origin(Integrity::External, Integrity::Internal)), Risk::High);
    assert_eq!(risk(Class::Read, origin(Integrity::External, Integrity::Verified)), Risk::Low);
}

fn within(smaller: Review, larger: Review) -> bool {
    smaller.join(larger) == larger
}

proptest! {
    #[test]
    fn tightening_never_lessens_a_review(
        class in prop::sample::select(Class::ALL), risk in prop::sample::select(Risk::ALL),
        reversibility in prop::sample::select(Reversibility::ALL), tier in prop::sample::select(Tier::ALL),
        phase in prop::sample::select(Phase::ALL), worse in prop::sample::select(Phase::ALL),
        riskier in prop::sample::select(Risk::ALL),
    ) {
        let at = |tier, phase, risk| {
            let mut scene = acting(class, risk, reversibility).with_tier(tier);
            scene.phase = phase;
            weighed(&scene)
        };
        let before = at(tier, phase, risk);
        let after = at(tier, phase.max(worse), risk.max(riskier));
        prop_assert!(within(before.review, after.review) && before.findings.word() <= after.findings.word());
        prop_assert!(before.risk <= after.risk);
        for stricter in [Tier::Supervised, Tier::Autonomous] {
            // At tier 1 a person sees each write instead.
            let dry_run = at(Tier::Managed, phase, risk).review.dry_run && stricter > Tier::Managed;
            let managed = Review { dry_run, ..at(Tier::Managed, phase, risk).review };
            prop_assert!(within(managed, at(stricter, phase, risk).review));
        }
    }
}
