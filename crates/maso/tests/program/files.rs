//! `maso schema` and `maso fmt`.

use std::{fs, process::Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::deployment::{Deployment, MASO, Wanted};

async fn run(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(MASO).args(args).stdin(Stdio::null()).output().await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[tokio::test]
async fn a_schema_goes_to_standard_output_or_into_a_folder() {
    let (code, said) = run(&["schema", "agent"]).await;
    let schema: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &schema["title"]), (Some(0), &Value::from("agent")));
    let (code, said) = run(&["schema"]).await;
    let all: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &all["agent"]), (Some(0), &schema));

    let folder = TempDir::new().unwrap();
    let inside = folder.path().join("new/schemas");
    let (code, said) = run(&["schema", "--dir", inside.to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{said}");
    let mut names: Vec<_> =
        fs::read_dir(&inside).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        ["agent", "evidence", "judge", "maso", "rules", "tools", "workflow"].map(|kind| format!("{kind}.schema.json"))
    );
    let written: Value = serde_json::from_slice(&fs::read(inside.join("agent.schema.json")).unwrap()).unwrap();
    assert_eq!(written, schema);

    let (code, said) = run(&["schema", "agents"]).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("agent"), "{said}");
}

#[tokio::test]
async fn files_are_laid_out_once_and_only_where_something_is_to_do() {
    let deployment = Deployment::new(&Wanted::default());
    let folder = deployment.path().to_str().unwrap();
    assert_eq!(run(&["fmt", folder]).await.0, Some(0));
    let (code, said) = run(&["fmt", "--check", folder]).await;
    assert_eq!(code, Some(0), "{said}");

    let agent = deployment.path().join("agents/writer.toml");
    let before = fs::read_to_string(&agent).unwrap();
    let untidy = format!("\n# kept\n{}", before.replace(" = ", "   =  "));
    fs::write(&agent, &untidy).unwrap();
    let (code, said) = run(&["fmt", "--check", "--json", folder]).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, Some(1));
    assert_eq!(said["changed"], Value::from(vec![agent.to_str().unwrap()]));
    assert_eq!(fs::read_to_string(&agent).unwrap(), untidy);

    let (code, said) = run(&["fmt", agent.to_str().unwrap()]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("formatted") && said.contains("agents/writer.toml"), "{said}");
    assert_eq!(fs::read_to_string(&agent).unwrap(), format!("# kept\n{before}"));
    assert_eq!(fs::read_dir(deployment.path().join("agents")).unwrap().count(), 2);
}

#[tokio::test]
async fn a_file_that_is_no_toml_is_named_and_left_alone_and_the_others_are_laid_out() {
    let deployment = Deployment::new(&Wanted::default());
    let folder = deployment.path().to_str().unwrap();
    let agent = deployment.path().join("agents/writer.toml");
    fs::write(&agent, "id = \n").unwrap();
    let (code, said) = run(&["fmt", "--json", folder]).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(code, Some(1));
    assert_eq!((&said["problems"][0]["line"], &said["problems"][0]["column"]), (&1.into(), &6.into()), "{said}");
    assert_eq!(fs::read_to_string(&agent).unwrap(), "id = \n");
    let (code, said) = run(&["fmt", "--check", folder]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("agents/writer.toml:1:6") && !said.contains("would change /"), "{said}");
    let (code, said) = run(&["fmt", "/nowhere/at/all.toml"]).await;
    assert_eq!(code, Some(2), "{said}");
}
