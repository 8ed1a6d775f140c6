//! `maso up` serves the Workload API to a client that is not ours, and the command line says who was issued what.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use serde_json::Value;
use spiffe::{WorkloadApiClient, WorkloadApiError};

use crate::deployment::{Deployment, Wanted};

/// A deployment whose agent is a process of this user.
fn deployment() -> Deployment {
    let deployment = Deployment::new(&Wanted {
        edits: vec![("maso.toml", "[identity]", "[workload_api]\nsocket = \"api.sock\"\n\n[identity]")],
        ..Wanted::default()
    });
    let uid = std::fs::metadata("/proc/self").unwrap().uid();
    let agent = deployment.path().join("agents/writer.toml");
    let text = std::fs::read_to_string(&agent).unwrap();
    std::fs::write(agent, format!("{text}\n[process]\nuid = {uid}\n")).unwrap();
    deployment
}

async fn lineage(deployment: &Deployment, args: &[&str]) -> Vec<Value> {
    let told = deployment.run(&[&["agents", "lineage", "--json"], args].concat()).await;
    assert!(told.status.success(), "{told:?}");
    let mut told: Value = serde_json::from_slice(&told.stdout).unwrap();
    serde_json::from_value(told["credentials"].take()).unwrap()
}

#[tokio::test]
async fn a_process_fetches_its_identity_and_an_auditor_sees_whence_it_came() {
    let deployment = deployment();
    let up = deployment.up().await;
    let socket = deployment.path().join("api.sock");
    let client = WorkloadApiClient::connect_to(format!("unix://{}", socket.display())).await.unwrap();
    let svid = client.fetch_x509_svid().await.unwrap();
    assert_eq!(svid.spiffe_id().to_string(), "spiffe://notes.example/agent/writer");
    client.fetch_jwt_svid(["peer"], None).await.unwrap();
    let operator = up.operator().await;
    operator.token("writer", None).await;
    let authority = deployment.path().join(".maso/svid-authority-1.pem");
    assert_eq!(std::fs::metadata(&authority).unwrap().permissions().mode() & 0o777, 0o600);

    let valid = lineage(&deployment, &[]).await;
    let told: Vec<_> =
        valid.iter().map(|one| [&one["kind"], &one["way"], &one["agent"]].map(|it| it.as_str().unwrap())).collect();
    assert_eq!(
        told,
        [
            ["x509", "attested-process", "writer"],
            ["jwt", "attested-process", "writer"],
            ["token", "operator-token", "writer"],
        ]
    );
    assert_eq!(valid[2]["by"], "operator:owner");
    let shown = deployment.run(&["agents", "lineage"]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("writer  token  valid  "), "for people, and nothing of it escaped: {shown}");

    // From its revocation on it has nothing, and nothing of what it had counts.
    let order = serde_json::json!({ "what": "agent", "subject": "writer", "reason": "drill" });
    operator.post("/api/v1/revocations", &order).await;
    assert!(matches!(client.fetch_x509_svid().await, Err(WorkloadApiError::NoIdentityIssued)));
    assert_eq!(lineage(&deployment, &[]).await.len(), 0);
    let all = lineage(&deployment, &["--all", "--agent", "writer"]).await;
    assert!(all.len() == 3 && all.iter().all(|one| one["stands"] == "revoked"), "{all:?}");

    up.stop().await;
    assert!(!socket.exists(), "the socket outlives the program");
    deployment.verify().await;
}

#[tokio::test]
async fn a_program_joins_by_a_token_once_and_is_an_agent_then() {
    let deployment = Deployment::new(&Wanted::default());
    let order = |args: &[&str]| {
        let mut command = tokio::process::Command::new(crate::deployment::MASO);
        command.args(args).arg(deployment.path()).env("MASO_PASSPHRASE", "quite a long passphrase");
        command
    };
    assert!(order(&["operators", "passphrase", "--operator", "owner"]).status().await.unwrap().success());
    let up = deployment.up().await;
    let invited = order(&["agents", "join-token", "--agent", "writer", "--as", "owner"]).output().await.unwrap();
    assert!(invited.status.success(), "{invited:?}");
    let token = String::from_utf8(invited.stdout).unwrap();
    let (url, key) = (format!("http://{}", up.address), deployment.path().join("writer.pem"));
    let join = || {
        let mut command = tokio::process::Command::new(crate::deployment::MASO);
        command.args(["agents", "join", &url, "--json", "--token", token.trim(), "--key"]).arg(&key);
        command
    };
    let joined = join().output().await.unwrap();
    assert!(joined.status.success(), "{joined:?}");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!join().output().await.unwrap().status.success(), "it works once");
    let valid = lineage(&deployment, &[]).await;
    assert_eq!((valid.len(), &valid[0]["way"], &valid[0]["by"]), (1, &"join-token".into(), &"operator:owner".into()));
    up.stop().await;
    deployment.verify().await;
}
