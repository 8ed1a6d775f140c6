//! What people signed is what runs: the same edit, with signing required and without.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    client::{Client, is_done},
    deployment::{Deployment, Edit, Wanted},
};

/// The people who must sign.
const APPROVERS: [&str; 3] = ["process", "technical", "guard"];
const WIDER: Edit = ("agents/writer.toml", "", "\n[tools.\"notes:secret_tool\"]\n");
const REQUIRED: Edit = ("maso.toml", "[signing]\nrequired = false", "[signing]\nrequired = true");

/// A deployment whose owners and security have keys.
async fn keyed(required: bool) -> Deployment {
    let deployment = Deployment::new(&Wanted::default());
    for (name, role) in APPROVERS.into_iter().chain(["clerk"]).zip(["operator", "operator", "security", "operator"]) {
        let key = keygen(&deployment, name).await;
        let path = deployment.path().join("maso.toml");
        let operator = format!("\n[[operators]]\nname = \"{name}\"\nroles = [\"{role}\"]\nkey = \"{key}\"\n");
        fs::write(&path, fs::read_to_string(&path).unwrap() + &operator).unwrap();
    }
    deployment.edit(("workflows/notes.toml", "process_owner = \"owner\"", "process_owner = \"process\""));
    deployment.edit(("workflows/notes.toml", "technical_owner = \"owner\"", "technical_owner = \"technical\""));
    if required {
        deployment.edit(REQUIRED);
    }
    deployment
}

fn key_file(deployment: &Deployment, name: &str) -> PathBuf {
    deployment.data().join(format!("{name}.pem"))
}

/// Makes a key; gives its public half.
async fn keygen(deployment: &Deployment, name: &str) -> String {
    let file = key_file(deployment, name);
    let args = ["operators", "keygen", "--json", "--operator", name, "--key", file.to_str().unwrap()];
    let made = tokio::process::Command::new(crate::deployment::MASO).args(args).output().await.unwrap();
    assert!(made.status.success(), "{made:?}");
    serde_json::from_slice::<Value>(&made.stdout).unwrap()["key"].as_str().unwrap().to_owned()
}

async fn sign(deployment: &Deployment, people: &[&str]) {
    for name in people {
        let key = key_file(deployment, name);
        let signed = deployment.run(&["sign", "--as", name, "--key", key.to_str().unwrap()]).await;
        assert!(signed.status.success(), "{signed:?}");
    }
}

/// Whether it starts, and what it says if it does not.
async fn refused_to_start(deployment: &Deployment) -> Option<String> {
    let tried = deployment.run(&["tasks", "list"]).await;
    (!tried.status.success()).then(|| String::from_utf8_lossy(&tried.stderr).into_owned())
}

async fn verified(deployment: &Deployment) -> (bool, Value) {
    let said = deployment.run(&["sign", "--verify", "--json"]).await;
    (said.status.success(), serde_json::from_slice(&said.stdout).unwrap())
}

#[tokio::test]
async fn an_edited_mandate_starts_only_where_nobody_has_to_sign() {
    for required in [true, false] {
        let deployment = keyed(required).await;
        sign(&deployment, &APPROVERS).await;
        let up = deployment.up().await;
        up.stop().await;
        deployment.edit(WIDER);
        match refused_to_start(&deployment).await {
            Some(why) => {
                assert!(required, "{why}");
                for part in ["process owner of `notes` (`process`)", "`agents/writer.toml` changed", "maso sign"] {
                    assert!(why.contains(part), "{part}: {why}");
                }
            }
            None => assert!(!required, "an edited mandate started"),
        }
        let refused = deployment.bodies("start-refused").await;
        assert_eq!(refused.len(), usize::from(required), "what was tried is on the record: {refused:?}");
        assert!(refused.iter().all(|one| one["reason"].as_str().unwrap().contains("is missing")), "{refused:?}");
        let (is_well, said) = verified(&deployment).await;
        assert_eq!((is_well, &said["signers"]), (!required, &json!([])), "{said}");
        assert_eq!(said["changes"], json!([{ "change": "edited", "file": "agents/writer.toml" }]));
    }
}

#[tokio::test]
async fn who_has_no_part_in_it_signs_in_vain() {
    let deployment = keyed(true).await;
    sign(&deployment, &["process", "technical", "clerk"]).await;
    let why = refused_to_start(&deployment).await.unwrap();
    assert!(why.contains("security of `notes` (`guard`)"), "{why}");
    sign(&deployment, &["guard"]).await;
    assert_eq!(refused_to_start(&deployment).await, None);
}

#[tokio::test]
async fn the_key_of_another_does_not_sign() {
    let deployment = keyed(true).await;
    let other = key_file(&deployment, "clerk");
    let tried = deployment.run(&["sign", "--as", "guard", "--key", other.to_str().unwrap()]).await;
    assert!(!tried.status.success() && String::from_utf8_lossy(&tried.stderr).contains("not the key of `guard`"));
}

#[tokio::test]
async fn an_old_version_does_not_come_back_with_its_envelope() {
    let deployment = keyed(true).await;
    let agent = deployment.path().join("agents/writer.toml");
    let old = fs::read(&agent).unwrap();
    for _ in 0..2 {
        sign(&deployment, &APPROVERS).await;
        assert_eq!(refused_to_start(&deployment).await, None);
        deployment.edit(("agents/writer.toml", "", "# narrower\n"));
    }
    fs::write(&agent, &old).unwrap();
    assert!(verified(&deployment).await.0, "in the folder alone it is signed");
    let why = refused_to_start(&deployment).await.unwrap();
    assert!(why.contains("number 1") && why.contains("number 2"), "{why}");
    sign(&deployment, &APPROVERS).await;
    assert_eq!(refused_to_start(&deployment).await, None, "signed anew it counts");
}

#[tokio::test]
async fn whoever_edits_the_folder_can_neither_drop_the_demand_nor_take_the_keys_over() {
    let deployment = keyed(true).await;
    sign(&deployment, &APPROVERS).await;
    assert_eq!(refused_to_start(&deployment).await, None);
    deployment.edit(("maso.toml", REQUIRED.2, REQUIRED.1));
    assert!(refused_to_start(&deployment).await.is_some(), "the demand is dropped");
    // A person at the machine may say so.
    let args = ["up", "--accept-new-signers", "--listen", "127.0.0.1:0", "--json"];
    let child = tokio::process::Command::new(crate::deployment::MASO)
        .args(args)
        .arg(deployment.path())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = child.unwrap();
    let mut line = String::new();
    let mut output = tokio::io::BufReader::new(child.stdout.take().unwrap());
    tokio::io::AsyncBufReadExt::read_line(&mut output, &mut line).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["signers"], json!([]));
    child.kill().await.unwrap();
    assert_eq!(refused_to_start(&deployment).await, None, "the record has it");
}

#[tokio::test]
async fn the_record_says_which_version_ran_and_who_signed_it_and_a_task_stays_with_its_mandates() {
    let deployment = keyed(true).await;
    sign(&deployment, &APPROVERS).await;
    let up = deployment.up().await;
    let operator = up.operator().await;
    assert_eq!(operator.get("/api/v1/status").await["signers"], json!(["guard", "process", "technical"]));
    let (_, token) = operator.open_task("look after the notes").await;
    let agent = operator.token("writer", None).await;
    let read = async |address| {
        let client = Client::open_at(address, "notes", &agent).await;
        client.call_under(&token, "read_note", json!({ "note": "x" })).await
    };
    assert!(is_done(&read(up.address).await));
    // What runs is what was read when it started.
    deployment.edit(WIDER);
    assert!(is_done(&read(up.address).await));
    up.stop().await;
    sign(&deployment, &APPROVERS).await;
    let up = deployment.up().await;
    // Under other mandates the task lets nobody do anything: no tool is there.
    let answer = read(up.address).await;
    assert_eq!(answer["error"]["message"], "Unknown tool: read_note", "{answer}");
    up.stop().await;
    let starts = deployment.bodies("started").await;
    let approvals: Vec<_> = starts.iter().map(|start| (&start["approval"]["number"], &start["digest"])).collect();
    assert_eq!((approvals[0].0, approvals[1].0), (&json!(1), &json!(2)), "{starts:?}");
    assert_ne!(approvals[0].1, approvals[1].1);
    assert_eq!(starts[1]["approval"]["replaces"], starts[0]["digest"]);
    assert_eq!(starts[1]["approval"]["signers"], json!(["guard", "process", "technical"]));
    assert_eq!(deployment.bodies("task-opened").await[0]["version"], starts[0]["digest"]);
    let hops = deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["findings"].to_string().contains("AT-1.3")), "{hops:?}");
    deployment.verify().await;
}
