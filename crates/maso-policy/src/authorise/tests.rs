//! What policy permits, forbids, and cannot be talked into.

use maso_core::{Act, Confidentiality, Digest, Findings, Integrity, Label, Phase, Principal, Tier, Wants, Word};
use maso_intent::{Bound, PinState};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Policies, judge};
use crate::fixture::{Scene, label, tool};

fn findings(scene: &Scene) -> Findings {
    judge(&Policies::compile(&scene.deployment).unwrap(), scene.view(), Label::NEUTRAL)
}

#[track_caller]
fn permits(scene: &Scene) {
    assert_eq!(findings(scene), Findings::none());
}

#[track_caller]
fn refuses(scene: &Scene, control: &str, part: &str) {
    let findings = findings(scene);
    let said = findings.iter().any(|finding| {
        finding.word == Word::NoGo && finding.control.as_str() == control && finding.reason.contains(part)
    });
    assert!(said, "no {control} with `{part}` in {findings:#?}");
}

fn agent(name: &str) -> Principal {
    Principal::Agent(name.parse().unwrap())
}

fn server(name: &str) -> Principal {
    Principal::Server(name.parse().unwrap())
}

fn read(uri: &str) -> Scene {
    let act = Act::ReadResource { server: "documents".parse().unwrap(), uri: uri.into() };
    Scene::ask(agent("intake"), server("documents"), act, json!({}))
}

#[test]
fn the_mandate_permits_what_it_names() {
    permits(&Scene::payment());
    permits(&Scene::call("intake", "documents:read_document", json!({"name": "a.txt"})));
    permits(&read("file:///claims/1042/report.txt"));
    let listing = Act::List { server: "claims-db".parse().unwrap(), listing: maso_core::Listing::Tools };
    permits(&Scene::ask(agent("payment"), server("claims-db"), listing, json!({})));
    let prompt = Act::GetPrompt { server: "documents".parse().unwrap(), prompt: "summary".into() };
    permits(&Scene::ask(agent("intake"), server("documents"), prompt, json!({})));
    let asks = Act::AskClient { server: "documents".parse().unwrap(), wants: Wants::Sample };
    permits(&Scene::ask(server("documents"), agent("intake"), asks, json!({})));
    let request = Act::Request { agent: "payment".parse().unwrap(), request: "assess".parse().unwrap() };
    permits(&Scene::ask(agent("intake"), agent("payment"), request, json!({})));
    let sighting = Act::Tell { agent: "payment".parse().unwrap(), contract: "sighting".parse().unwrap() };
    permits(&Scene::ask(agent("intake"), agent("payment"), sighting, json!({})));
}

#[test]
fn what_no_mandate_names_is_not_permitted() {
    refuses(&Scene::call("intake", "claims-db:pay_claim", json!({"amount": 1})), "EC-1.2", "`intake` call_tool");
    refuses(&Scene::call("intake", "claims-db:drop_table", json!({})), "EC-1.2", "drop_table");
    refuses(&read("file:///etc/passwd"), "IA-1.4", "file:///etc/passwd");
    let prompt = Act::GetPrompt { server: "documents".parse().unwrap(), prompt: "other".into() };
    refuses(&Scene::ask(agent("intake"), server("documents"), prompt, json!({})), "IA-1.4", "documents:other");
    let asks = Act::AskClient { server: "documents".parse().unwrap(), wants: Wants::Sample };
    refuses(&Scene::ask(server("documents"), agent("payment"), asks, json!({})), "IA-1.4", "ask_client");
    let listing = Act::List { server: "mail".parse().unwrap(), listing: maso_core::Listing::Tools };
    refuses(&Scene::ask(agent("intake"), server("mail"), listing, json!({})), "IA-1.4", "mail:tools");
    let request = |from, to: &str| {
        let act = Act::Request { agent: to.parse().unwrap(), request: "assess".parse().unwrap() };
        Scene::ask(agent(from), agent(to), act, json!({}))
    };
    refuses(&request("payment", "intake"), "IA-1.4", "request");
    refuses(&request("intake", "communication"), "IA-1.4", "request");
    let sighting = Act::Tell { agent: "intake".parse().unwrap(), contract: "sighting".parse().unwrap() };
    refuses(&Scene::ask(agent("payment"), agent("intake"), sighting, json!({})), "IA-1.4", "tell");
}

#[test]
fn an_empty_policy_set_permits_nothing() {
    let scene = Scene::payment();
    let mut empty = scene.deployment.clone();
    empty.agents.clear();
    empty.workflows.clear();
    let policies = Policies::compile(&empty).unwrap();
    assert!(policies.is_empty());
    assert_eq!(judge(&policies, scene.view(), Label::NEUTRAL).word(), Word::NoGo);
}

#[test]
fn a_tool_that_the_workflow_does_not_grant_is_not_permitted_by_the_agents_mandate() {
    let mut scene = Scene::payment();
    let workflow = scene.deployment.workflows.get_mut(&"claims".parse().unwrap()).unwrap();
    std::sync::Arc::make_mut(workflow).tools.remove(&tool("claims-db:pay_claim"));
    refuses(&scene, "EC-1.2", "pay_claim");
}

#[test]
fn a_prohibited_tool_is_forbidden_although_it_is_listed() {
    let scene = Scene::payment().with_mandate("payment", |mandate| {
        mandate.prohibited.insert(tool("claims-db:pay_claim"));
    });
    refuses(&scene, "EC-2.1", "`agents/payment.toml#prohibited/claims-db:pay_claim`");
}

#[test]
fn compiled_policies_are_named_for_file_and_term_and_fit_the_schema() {
    let policies = Policies::compile(&Scene::payment().deployment).unwrap();
    let texts: Vec<_> = policies.texts().collect();
    let pay = texts.iter().find(|(id, _)| id == "agents/payment.toml#claims-db:pay_claim").unwrap();
    expect_test::expect![[
        r#"permit (principal == Agent::"payment", action == Action::"call_tool", resource == Tool::"claims-db:pay_claim");"#
    ]]
    .assert_eq(&pay.1);
    assert!(texts.iter().any(|(id, _)| id == "workflows/claims.toml#grant/intake>payment:assess"));
    let set = cedar_policy::PolicySet::from_policies(policies.slices.policies().cloned()).unwrap();
    let (schema, _) = cedar_policy::Schema::from_cedarschema_str(Policies::schema()).unwrap();
    let checked = cedar_policy::Validator::new(schema).validate(&set, cedar_policy::ValidationMode::Strict);
    assert!(checked.validation_passed(), "{checked}");
}

#[test]
fn an_odd_prefix_is_taken_literally() {
    let with = |prefix: &str, uri: &str| {
        let mut scene = read(uri);
        scene = scene.with_mandate("intake", |mandate| mandate.resources[0].uri_prefix = prefix.into());
        findings(&scene).word()
    };
    assert_eq!(with("file:///a*b\"\\ü/", "file:///a*b\"\\ü/x"), Word::Go);
    assert_eq!(with("file:///a*b\"\\ü/", "file:///aXXb\"\\ü/x"), Word::NoGo);
    assert_eq!(with("", "anything"), Word::Go);
}

#[test]
fn an_address_cannot_climb_out_of_its_prefix() {
    for uri in [
        "file:///claims/../etc/passwd",
        "file:///claims/%2e%2E/etc/passwd",
        "file:///claims/..%2fetc",
        "file:///claims/..\\etc",
    ] {
        refuses(&read(uri), "EC-2.15", "`..`");
    }
    permits(&read("file:///claims/a..b/c"));
}

const LIMIT: &str = r#"
// Nobody pays more than 1000 without being told.
@id("small-payments")
forbid (principal, action == Action::"call_tool", resource == Tool::"claims-db:pay_claim")
unless { context.number.hasTag("/amount") && context.number.getTag("/amount") <= 1000 };
"#;

fn paying(amount: Value) -> Scene {
    let mut scene = Scene::payment();
    scene.hop.payload["amount"] = amount;
    scene
}

#[test]
fn a_hand_written_policy_speaks_of_arguments_and_forbid_wins() {
    permits(&paying(json!(1000)).with_policies(LIMIT));
    for amount in [json!(1001), json!(1000.01), json!(4e3), json!("10"), json!(null), json!(true), json!([10])] {
        refuses(&paying(amount).with_policies(LIMIT), "EC-2.1", "`policies/extra.cedar#small-payments`");
    }
    // The pair: without the policy the same payment is permitted.
    permits(&paying(json!(1001)));
}

#[test]
fn a_hand_written_policy_speaks_of_what_is_true_around_the_hop() {
    let check = |condition: &str, scene: Scene, seen: Label| {
        let text = format!("forbid (principal, action, resource) when {{ {condition} }};");
        let scene = scene.with_policies(&text);
        judge(&Policies::compile(&scene.deployment).unwrap(), scene.view(), seen).word()
    };
    let yes = |condition, scene| assert_eq!(check(condition, scene, Label::NEUTRAL), Word::NoGo, "{condition}");
    let no = |condition, scene| assert_eq!(check(condition, scene, Label::NEUTRAL), Word::Go, "{condition}");
    yes("context.tier < 3", Scene::payment());
    no("context.tier < 3", Scene::payment().with_tier(Tier::Autonomous));
    yes(r#"context.class == "transfer""#, Scene::payment());
    yes("context.risk_level >= 2", Scene::payment());
    yes(r#"context.task == "opened""#, Scene::payment());
    no("context.phase_level > 0", Scene::payment());
    let mut alternate = Scene::payment();
    alternate.phase = Phase::Alternate;
    yes(r#"context.phase == "alternate""#, alternate);
    let seen = label(Integrity::External, Confidentiality::Restricted);
    assert_eq!(check(r#"context.seen.integrity == "external""#, Scene::payment(), seen), Word::NoGo);
    assert_eq!(check("context.seen.confidentiality_level < 3", Scene::payment(), seen), Word::Go);
    yes(r#"context.text.hasTag("/payee_iban") && context.text.getTag("/payee_iban") like "DE*""#, Scene::payment());
}

#[test]
fn a_hand_written_policy_reaches_agents_tools_servers_and_workflows() {
    for (scope, reached) in [
        (r#"principal == Agent::"payment", action, resource"#, true),
        (r#"principal in Workflow::"claims", action, resource"#, true),
        (r#"principal is Agent, action, resource is Tool"#, true),
        (r#"principal is Agent in Workflow::"claims", action, resource is Tool in Server::"claims-db""#, true),
        (r#"principal, action in [Action::"call_tool", Action::"list"], resource in Server::"claims-db""#, true),
        (r#"principal == Agent::"intake", action, resource"#, false),
        (r#"principal in Workflow::"other", action, resource"#, false),
        (r#"principal, action == Action::"list", resource"#, false),
        (r#"principal, action, resource in Server::"mail""#, false),
    ] {
        let scene = Scene::payment().with_policies(&format!("forbid ({scope});"));
        assert_eq!(findings(&scene).word() == Word::NoGo, reached, "{scope}");
    }
    let scope = r#"forbid (principal, action == Action::"request", resource in Agent::"payment");"#;
    let request = Act::Request { agent: "payment".parse().unwrap(), request: "assess".parse().unwrap() };
    let scene = Scene::ask(agent("intake"), agent("payment"), request, json!({}));
    refuses(&scene.clone().with_policies(scope), "EC-2.1", "policies/extra.cedar#1");
    let around = r#"forbid (principal, action == Action::"request", resource in Workflow::"claims");"#;
    refuses(&scene.with_policies(around), "EC-2.1", "policies/extra.cedar#1");
    let told = r#"forbid (principal, action == Action::"tell", resource == Message::"payment:sighting");"#;
    let sighting = Act::Tell { agent: "payment".parse().unwrap(), contract: "sighting".parse().unwrap() };
    let scene = Scene::ask(agent("intake"), agent("payment"), sighting, json!({}));
    refuses(&scene.with_policies(told), "EC-2.1", "policies/extra.cedar#1");
    let by_address = r#"forbid (principal, action, resource is Resource) when { resource.uri like "*secret*" };"#;
    refuses(&read("file:///claims/secret.txt").with_policies(by_address), "EC-2.1", "policies/extra.cedar#1");
    permits(&read("file:///claims/open.txt").with_policies(by_address));
    let named = r#"forbid (principal, action, resource == Resource::"documents:file:///claims/one.txt");"#;
    let scene = read("file:///claims/two.txt").with_policies(named);
    permits(&scene);
    refuses(&read("file:///claims/one.txt").with_policies(named), "EC-2.1", "policies/extra.cedar#1");
}

#[test]
fn a_policy_that_cannot_be_evaluated_forbids() {
    let text = "forbid (principal, action, resource) when { context.risk_level + 9223372036854775807 < 0 };";
    refuses(&Scene::payment().with_policies(text), "EC-2.1", "could not be evaluated");
}

#[test]
fn more_arguments_than_a_policy_could_see_are_refused() {
    let mut scene = Scene::payment().with_policies(LIMIT);
    scene.hop.payload = json!({"amount": 1, "items": vec![1; super::arguments::LEAVES_MAX]});
    refuses(&scene, "EC-2.1", "too many to show");
    scene.hop.payload = json!({"amount": 1, "items": vec![1; super::arguments::LEAVES_MAX - 1]});
    permits(&scene);
}

#[test]
fn what_is_wrong_with_a_policy_file_is_told_with_its_line() {
    let check = |text: &str, expected: &[(usize, &str)]| {
        let errors = Policies::compile(&Scene::payment().with_policies(text).deployment).unwrap_err();
        let told: Vec<_> = errors.iter().map(|error| (error.line, error.cause.as_str())).collect();
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for ((line, cause), (expected_line, part)) in told.iter().zip(expected) {
            assert_eq!((line, cause.contains(part)), (expected_line, true), "{told:#?}");
        }
        assert!(errors.iter().all(|error| error.path == "policies/extra.cedar"));
    };
    check("\n\nforbid (principal, action resource);", &[(3, "unexpected token")]);
    check("forbid (principal, action, resource);\npermit (principal, action, resource);", &[(2, "can only forbid")]);
    check("\nforbid (principal, action, resource)\nwhen { context.teir == 2 };", &[(3, "teir")]);
    check("forbid (principal == ?principal, action, resource);", &[(1, "template")]);
    check("// a\n// b\nforbid (principal == User::\"x\", action, resource);", &[(3, "User")]);
}

#[test]
fn a_bound_that_is_not_met_is_refused() {
    let check = |bound: Bound, good: &[Value], bad: &[Value]| {
        for (values, holds) in [(good, true), (bad, false)] {
            for value in values {
                let mut scene = Scene::payment().with_mandate("payment", |mandate| {
                    let terms = mandate.tools.get_mut(&tool("claims-db:pay_claim")).unwrap();
                    terms.bounds = [("/amount".to_owned(), bound.clone())].into();
                });
                scene.hop.payload["amount"] = value.clone();
                assert_eq!(findings(&scene).word() == Word::Go, holds, "{bound:?} {value}");
            }
        }
    };
    let matches = |pattern| Bound::Matches(regex::Regex::new(pattern).unwrap());
    check(Bound::AtMost(5.0), &[json!(5), json!(-1), json!(4.9)], &[json!(5.01), json!("5"), json!(null), json!([1])]);
    check(Bound::AtLeast(5.0), &[json!(5), json!(5.0)], &[json!(4), json!(true)]);
    check(
        Bound::OneOf(vec![json!("EUR"), json!(1)]),
        &[json!("EUR"), json!(1.0)],
        &[json!("eur"), json!(2), json!({})],
    );
    check(
        Bound::Prefix("/data/".into()),
        &[json!("/data/x"), json!("/data/x..y")],
        &[json!("/etc"), json!("/data/../etc"), json!("/data/%2e%2e/etc"), json!(3)],
    );
    check(matches("^CLM-[0-9]+$"), &[json!("CLM-1")], &[json!("CLM-1; drop"), json!("xCLM-1"), json!(1)]);
    check(matches("[a-z]+"), &[json!("abc")], &[json!("abc1"), json!("1abc"), json!("")]);
    let mut absent = Scene::payment();
    absent.hop.payload = json!({"claim": "CLM-1042"});
    refuses(&absent, "ENV-3", "`/amount` is absent");
    refuses(&paying(json!(5001)), "ENV-3", "at most 5000");
}

#[test]
fn an_unapproved_or_changed_definition_is_not_called() {
    let mut scene = Scene::payment();
    let published = Digest::of(b"new");
    scene.pin = PinState::Unapproved { published };
    refuses(&scene, "SC-2.2", "nobody approved");
    scene.pin = PinState::Drifted { approved: Digest::of(b"old"), published };
    refuses(&scene, "SC-2.2", "changed since");
}

#[test]
fn an_answer_is_looked_at_for_whether_its_agent_still_holds_what_it_asked_with() {
    permits(&Scene::payment().answered(json!({"content": []})));
    permits(&Scene::payment().with_policies(LIMIT).answered(json!({"content": []})));
    permits(&read("file:///claims/one.txt").answered(json!({"contents": []})));
    let revoked = Scene::payment().with_mandate("payment", |mandate| mandate.tools.clear());
    refuses(&revoked.answered(json!({"content": []})), "EC-1.2", "pay_claim");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The slice says what the whole set says: nothing that could concern a hop is left out.
    #[test]
    fn a_slice_decides_as_the_whole_set_does(
        scopes in prop::collection::vec((0..5usize, 0..4usize, 0..5usize), 0..12),
        who in prop::sample::select(vec!["intake", "payment", "communication"]),
        what in prop::sample::select(vec!["claims-db:pay_claim", "claims-db:read_claim", "mail:send"]),
    ) {
        const PRINCIPALS: [&str; 5] = ["principal", r#"principal == Agent::"payment""#,
            r#"principal in Workflow::"claims""#, "principal is Agent", r#"principal == Agent::"intake""#];
        const ACTIONS: [&str; 4] = ["action", r#"action == Action::"call_tool""#, r#"action == Action::"list""#,
            r#"action in [Action::"call_tool", Action::"request"]"#];
        const RESOURCES: [&str; 5] = ["resource", r#"resource == Tool::"claims-db:pay_claim""#,
            r#"resource in Server::"claims-db""#, "resource is Tool", r#"resource is Tool in Server::"mail""#];
        let text: String = scopes.iter().enumerate().map(|(index, (principal, action, resource))| format!(
            "forbid ({}, {}, {}) when {{ context.number.hasTag(\"/amount\") && context.number.getTag(\"/amount\") != {index} }};\n",
            PRINCIPALS[*principal], ACTIONS[*action], RESOURCES[*resource])).collect();
        // Some of these policies cannot apply to anything and are refused at compile time: nothing to compare then.
        let scene = Scene::call(who, what, json!({"amount": 3})).with_policies(&text);
        if let Ok(policies) = Policies::compile(&scene.deployment) {
            let sliced = policies.slices.rule(scene.view(), Label::NEUTRAL);
            let whole = policies.slices.rule_whole(scene.view(), Label::NEUTRAL);
            prop_assert_eq!(sliced, whole);
        }
    }
}
