//! `maso check` from outside: what it prints for people, for scripts and for CI systems.

use std::process::Output;

use serde_json::Value;

use crate::deployment::{Deployment, Wanted};

fn said(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"))
}

/// A deployment with an error in a mandate, one in a policy, and one in a file whose name needs escaping.
fn unsound() -> Deployment {
    let deployment = Deployment::new(&Wanted::default());
    deployment.edit(("maso.toml", "accountable_human = \"", "accountable_human = \"nobody-"));
    deployment.edit(("policies/a b.cedar", "", "forbid (principal, action, resource) when { context.nothing };"));
    deployment
}

#[tokio::test]
async fn a_sound_deployment_ends_well_and_an_unsound_one_does_not() {
    let sound = Deployment::new(&Wanted::default()).run(&["check", "--json"]).await;
    assert!(sound.status.success(), "{sound:?}");
    assert_eq!(said(&sound)["errors"], 0);
    let unsound = unsound().run(&["check", "--json"]).await;
    assert_eq!(unsound.status.code(), Some(1));
    let rules: Vec<Value> =
        said(&unsound)["problems"].as_array().unwrap().iter().map(|it| it["rule"].clone()).collect();
    assert!(
        rules.contains(&"accountable-human-unknown".into()) && rules.contains(&"policy-invalid".into()),
        "{rules:?}"
    );
}

#[tokio::test]
async fn sarif_names_its_rules_and_places_as_the_standard_wants_it() {
    let output = unsound().run(&["check", "--sarif"]).await;
    assert_eq!(output.status.code(), Some(1));
    let log = said(&output);
    assert_eq!((&log["version"], log["runs"].as_array().map(Vec::len)), (&"2.1.0".into(), Some(1)));
    let (driver, results) = (&log["runs"][0]["tool"]["driver"], log["runs"][0]["results"].as_array().unwrap());
    assert_eq!(driver["name"], "maso");
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        for text in ["shortDescription", "help"] {
            assert!(rule[text]["text"].as_str().is_some_and(|text| text.ends_with('.')), "{rule}");
        }
        let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
        assert!(["error", "warning", "note", "none"].contains(&level), "{rule}");
    }
    assert!(!results.is_empty());
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"], "{result}");
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()), "{result}");
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{result}");
        assert!(result["partialFingerprints"]["maso/v1"].is_string(), "{result}");
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.starts_with('/') && !uri.contains(':') && !uri.contains(' '), "{uri}");
        for number in ["startLine", "startColumn"] {
            assert!(place["region"][number].as_u64().is_some_and(|number| number >= 1), "{result}");
        }
    }
    let policy = results.iter().find(|result| result["ruleId"] == "policy-invalid").unwrap();
    assert_eq!(policy["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "policies/a%20b.cedar");
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_is_a_finding_too() {
    let deployment = Deployment::new(&Wanted::default());
    deployment.edit(("maso.toml", "tier = ", "tear = "));
    let output = deployment.run(&["check", "--sarif"]).await;
    assert_eq!(output.status.code(), Some(1));
    let log = said(&output);
    let rules: Vec<&Value> = log["runs"][0]["results"].as_array().unwrap().iter().map(|it| &it["ruleId"]).collect();
    assert_eq!(rules, ["malformed"]);
}

#[tokio::test]
async fn the_example_of_the_house_is_clean() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/claims");
    let output = tokio::process::Command::new(crate::deployment::MASO)
        .args(["check", "--json"])
        .arg(folder)
        .output()
        .await
        .unwrap();
    let found = said(&output);
    // What the day makes of its dates is no matter of the example, and nobody has to sign it so that anybody can run it.
    let problems = found["problems"].as_array().unwrap().iter();
    let apart = ["review-overdue", "not-yet-effective", "signing-not-required"].map(Value::from);
    let left: Vec<&Value> = problems.filter(|problem| !apart.contains(&problem["rule"])).collect();
    assert!(left.is_empty(), "{left:?}");
}
