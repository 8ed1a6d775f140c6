//! What agents read and wrote lies encrypted in the deployment's state, and is erased by dropping keys.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::{Value, json};

use crate::{
    client::text,
    decisions::{Scene, scene},
    deployment::{Deployment, MASO, Wanted},
};

/// Stands in a note, and nowhere else.
const CANARY: &str = "canary-7f3a-in-the-coal-mine";

/// The files below a folder in which these bytes stand.
fn holding(folder: &Path, what: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, what));
        } else if fs::read(&path).unwrap().windows(what.len()).any(|window| window == what) {
            found.push(path);
        }
    }
    found
}

/// A deployment whose agent has read a note, killed before it could tidy up.
async fn that_was_killed() -> Deployment {
    let Scene { deployment, up, client, .. } = scene(&Wanted::default()).await;
    deployment.put_note("today", CANARY);
    assert_eq!(text(&client.call("read_note", json!({ "note": "today" })).await), CANARY);
    // What follows is durable before it is answered, and so is what was read before it.
    client.call("write_note", json!({ "text": "it was read" })).await;
    up.kill().await;
    deployment
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn verified(deployment: &Deployment) -> Value {
    let output = deployment.run(&["log", "verify", "--json"]).await;
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn nothing_that_an_agent_read_or_wrote_lies_in_the_clear() {
    let deployment = that_was_killed().await;
    let state = deployment.path().join(".maso");
    assert_eq!(holding(&state, CANARY.as_bytes()), Vec::<PathBuf>::new());
    assert_ne!(holding(&state, b"hop-decided"), Vec::<PathBuf>::new(), "what is in the clear is found");
    assert_eq!(holding(&state, &deployment.payload_key()), Vec::<PathBuf>::new());
    let report = verified(&deployment).await;
    assert!(report["payloads"].as_u64().unwrap() >= 4 && report["payloads_locked"] == 0, "{report}");
}

#[tokio::test]
async fn without_its_payload_key_nothing_starts_and_the_record_still_verifies() {
    let deployment = that_was_killed().await;
    let key = deployment.path().join(".maso/payload.key");
    let right = fs::read(&key).unwrap();
    let n_payloads = verified(&deployment).await["payloads"].clone();

    fs::remove_file(&key).unwrap();
    let refused = deployment.run(&["tasks", "list"]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("is missing, and the record's payloads were encrypted with it"), "{refused:?}");
    assert!(!key.exists(), "no other key takes its place");
    let report = verified(&deployment).await;
    assert_eq!((&report["payloads"], &report["payloads_locked"]), (&json!(0), &n_payloads));
    let shown = deployment.run(&["log", "verify"]).await;
    assert!(String::from_utf8_lossy(&shown.stdout).contains("were not looked into"), "{shown:?}");

    fs::write(&key, "11".repeat(32)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    for command in [["tasks", "list"], ["log", "verify"]] {
        let refused = deployment.run(&command).await;
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(said(&refused).contains("the payload key is not the one"), "{refused:?}");
    }
    // The kill switch needs no key.
    assert!(deployment.run(&["kill"]).await.status.success());

    fs::write(&key, right).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    for command in [["tasks", "list"], ["log", "verify"]] {
        let refused = deployment.run(&command).await;
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(said(&refused).contains("may be read by others"), "{refused:?}");
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(deployment.run(&["tasks", "list"]).await.status.success());
}

#[tokio::test]
async fn what_a_task_said_is_erased_by_a_command_and_by_nothing_while_it_is_open() {
    let Scene { deployment, up, operator, .. } = scene(&Wanted::default()).await;
    let order = async |args: &[&str]| {
        let mut command = tokio::process::Command::new(MASO);
        command.args(args).arg(deployment.path()).env("MASO_PASSPHRASE", "quite a long passphrase");
        command.output().await.unwrap()
    };
    assert!(order(&["operators", "passphrase", "--operator", "owner"]).await.status.success());
    let (task, _) = operator.open_task("read the note").await;
    let erase = ["log", "erase", "--task", &task, "--reason", "its retention is over", "--as", "owner", "--json"];
    let refused = order(&erase).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("is open"), "{refused:?}");
    operator.close_task(&task).await;
    let erased = order(&erase).await;
    assert!(erased.status.success(), "{erased:?}");
    let recorded = deployment.bodies("payloads-erased").await;
    assert_eq!(recorded.len(), 1);
    assert_eq!((&recorded[0]["task"], &recorded[0]["by"]), (&json!(task), &json!("operator:owner")));
    up.stop().await;
    deployment.verify().await;
}
