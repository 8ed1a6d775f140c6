//! What a deployment has of each control, and which tier its record carries.

use serde_json::{Value, json};

use crate::deployment::{Deployment, Wanted};

/// What a command prints as JSON, and its exit code.
async fn answer(deployment: &Deployment, args: &[&str]) -> (Value, i32) {
    let output = deployment.run(args).await;
    let said = String::from_utf8_lossy(&output.stdout);
    let value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{args:?}: {output:?}"));
    (value, output.status.code().unwrap())
}

async fn controls(deployment: &Deployment, args: &[&str]) -> Vec<Value> {
    let args = [&["controls", "--json"], args].concat();
    let (value, code) = answer(deployment, &args).await;
    assert_eq!(code, 0);
    value.as_array().unwrap().clone()
}

/// A control's entry.
fn of<'a>(controls: &'a [Value], id: &str) -> &'a Value {
    controls.iter().find(|control| control["id"] == id).unwrap_or_else(|| panic!("no control `{id}`"))
}

fn day(n_from_today: i64) -> String {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    today.checked_add(jiff::Span::new().days(n_from_today)).unwrap().to_string()
}

fn attest(deployment: &Deployment, name: &str, about: &str, on: &str, due: &str) {
    let folder = deployment.path().join("evidence");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!("{about}\nwhat = \"looked at it\"\nby = \"owner\"\non = \"{on}\"\ndue = \"{due}\"\n");
    std::fs::write(folder.join(format!("{name}.toml")), text).unwrap();
}

#[tokio::test]
async fn each_control_is_shown_with_its_state_and_what_speaks_for_it() {
    let deployment = Deployment::new(&Wanted { deselected: vec!["EC-2.12"], ..Wanted::default() });
    attest(&deployment, "sample", "control = \"OB-1.3\"", &day(-1), &day(6));
    attest(&deployment, "sources", "control = \"SC-1.4\"", &day(-200), &day(-100));
    let all = controls(&deployment, &[]).await;
    assert_eq!(all.len(), 262);
    for (id, state) in [
        ("EC-1.1", "enforced"),
        ("AT-1.6", "detected"),
        ("OI-1.5", "detected"),
        ("OB-1.3", "evidence"),
        ("EC-2.12", "deselected"),
        ("EC-3.1", "not-applicable"),
        ("SC-1.4", "missing"),
        ("DP-1.5", "missing"),
        ("EC-1.7", "enforced"),
    ] {
        assert_eq!(of(&all, id)["state"], state, "{}", of(&all, id));
        assert!(!of(&all, id)["title"].as_str().unwrap().is_empty());
    }
    let proven = |control: &&Value| matches!(control["state"].as_str(), Some("enforced" | "detected"));
    for control in all.iter().filter(proven).filter(|control| control["through"].is_null()) {
        assert!(!control["proof"].as_array().unwrap().is_empty(), "{control}");
    }
    let deselected = of(&all, "EC-2.12");
    assert!(!deselected["reason"].as_str().unwrap().is_empty() && deselected["owner"].is_string(), "{deselected}");
    assert_eq!((&of(&all, "OB-1.3")["due"], &of(&all, "OB-1.3")["by"]), (&json!(day(6)), &json!("owner")));
    let overdue = of(&all, "SC-1.4")["reason"].as_str().unwrap();
    assert!(overdue.ends_with(&format!("overdue since {}", of(&all, "SC-1.4")["due"].as_str().unwrap())), "{overdue}");
    // What attests nothing any more is told by `maso check` too.
    let (checked, _) = answer(&deployment, &["check", "--json"]).await;
    let problems = checked["problems"].as_array().unwrap();
    assert!(problems.iter().any(|problem| problem["file"] == "evidence/sources.toml"), "{checked}");
}

/// Every control of intent, mandates, execution and goals that the tier of the claims example requires is there, but for
/// those that take what this version does not have, and those that say so.
#[tokio::test]
async fn the_claims_example_has_every_control_of_its_tier_or_says_what_it_takes() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/claims");
    let output = tokio::process::Command::new(crate::deployment::MASO).args(["controls", example, "--json"]).output();
    let all: Vec<Value> = serde_json::from_slice(&output.await.unwrap().stdout).unwrap();
    let concerned = all.iter().filter(|control| {
        let id = control["id"].as_str().unwrap();
        let domain = ["OI-", "AT-", "EC-1.", "EC-2.", "PG-1."].iter().any(|domain| id.starts_with(domain));
        domain && control["tier"].as_u64() <= Some(2) && control["kind"] != "evidence"
    });
    let missing = concerned.filter(|control| control["state"] == "missing");
    let unexplained: Vec<_> =
        missing.filter(|control| !control["reason"].as_str().unwrap().starts_with("it takes ")).collect();
    assert_eq!(unexplained, Vec::<&Value>::new());
}

#[tokio::test]
async fn controls_are_found_by_domain_and_state_and_fit_a_terminal() {
    let deployment = Deployment::new(&Wanted { deselected: vec!["EC-2.12"], ..Wanted::default() });
    let some = controls(&deployment, &["--domain", "ob", "--state", "missing"]).await;
    assert!(!some.is_empty());
    assert!(some.iter().all(|control| control["domain"] == "OB" && control["state"] == "missing"), "{some:?}");
    assert_eq!(controls(&deployment, &["--state", "deselected"]).await.len(), 1);
    for args in [&["controls"][..], &["controls", "--state", "missing"]] {
        let shown = deployment.run(args).await;
        let shown = String::from_utf8(shown.stdout).unwrap();
        assert!(shown.contains("OB   Observability"), "{shown}");
        assert!(shown.contains("tier 1 requires 76 of 262 controls"), "{shown}");
        let too_wide = shown.lines().find(|line| line.chars().count() > 100);
        assert_eq!(too_wide, None);
    }
    for args in [&["controls", "--domain", "XX"][..], &["controls", "--state", "perhaps"]] {
        assert_eq!(deployment.run(args).await.status.code(), Some(2), "{args:?}");
    }
}

#[tokio::test]
async fn a_record_carries_the_tier_that_it_shows() {
    let criterion = |answer: &Value, name: &str| {
        let tiers = answer["moving_up"].as_array().unwrap().iter();
        let all = tiers.flat_map(|tier| tier["criteria"].as_array().unwrap());
        let mut all = all.chain(answer["falling_back"].as_array().unwrap());
        all.find(|one| one["criterion"] == name).unwrap_or_else(|| panic!("no criterion `{name}`")).clone()
    };
    let deployment = Deployment::new(&Wanted::default());
    let (fresh, code) = answer(&deployment, &["tier", "--json"]).await;
    assert_eq!((code, &fresh["declared"], &fresh["carries"]), (0, &json!("supervised"), &json!("supervised")));
    assert_eq!(criterion(&fresh, "continuous-logs")["missing"], "90 days of records");
    assert_eq!(criterion(&fresh, "capacity")["state"], "unknown");

    assert!(deployment.run(&["kill"]).await.status.success());
    attest(&deployment, "capacity", "fact = \"capacity\"", &day(0), &day(100));
    let (stopped, _) = answer(&deployment, &["tier", "--json"]).await;
    assert_eq!(criterion(&stopped, "no-emergency")["state"], "missing", "{stopped}");
    assert_eq!(criterion(&stopped, "no-recent-emergency")["missing"], "60 more days");
    assert_eq!(criterion(&stopped, "continuous-logs")["missing"], "90 more days");
    assert_eq!(criterion(&stopped, "capacity")["state"], "met");

    attest(&deployment, "drill", "fact = \"kill-switch-drill\"", &day(0), &day(30));
    let (drilled, _) = answer(&deployment, &["tier", "--json"]).await;
    assert_eq!(criterion(&drilled, "no-emergency")["state"], "met", "{drilled}");

    // More is declared than the record carries.
    deployment.edit(("maso.toml", "tier = 1", "tier = 2"));
    let (declared, code) = answer(&deployment, &["tier", "--json"]).await;
    assert_eq!((code, &declared["declared"], &declared["carries"]), (1, &json!("managed"), &json!("supervised")));
}
