//! Workloads of another trust domain: agents where a mandate says so, as long as their own authority vouches for them.

use super::*;

/// A deployment that believes the workloads of `notes.example`, as they are known at this socket; its own trust domain is
/// another.
fn believing(socket: &std::path::Path) -> Deployment {
    let deployment = super::deployment("required");
    deployment.edit(("maso.toml", "trust_domain = \"notes.example\"", "trust_domain = \"desk.example\""));
    let text = std::fs::read_to_string(deployment.path().join("maso.toml")).unwrap();
    let federation = format!("\n[federation]\ntrust_domain = \"notes.example\"\nsocket = \"{}\"\n", socket.display());
    std::fs::write(deployment.path().join("maso.toml"), text + &federation).unwrap();
    let agent = deployment.path().join("agents/reader.toml");
    let text = std::fs::read_to_string(&agent).unwrap();
    let workload = "\n[identity]\nspiffe_id = \"spiffe://notes.example/agent/writer\"\n";
    std::fs::write(agent, text + workload).unwrap();
    deployment
}

#[tokio::test]
async fn a_workload_of_another_trust_domain_is_the_agent_that_its_mandate_says() {
    let there = super::deployment("required");
    let socket = there.path().join("api.sock");
    let here = believing(&socket);
    // Nobody says who vouches for whom: it does not start.
    let refused = here.run(&["up", "--listen", "127.0.0.1:0"]).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("nobody says who vouches for `notes.example`"), "{said}");

    let up_there = there.up().await;
    let up = here.up().await;
    let theirs = workload(&there).await.fetch_x509_svid().await.unwrap();
    let ours = workload(&here).await.fetch_x509_svid().await.unwrap();
    let shows = |svid: &X509Svid| client(&up, http(&root(&here), Some(identity(svid))), None);
    assert_eq!(text(&answer(read(&shows(&theirs)).await).await), "an empty note");
    assert_eq!(text(&answer(read(&shows(&ours)).await).await), "an empty note");
    let hops = here.bodies("hop-decided").await;
    for agent in ["agent:reader", "agent:writer"] {
        assert!(hops.iter().any(|hop| hop["from"] == agent && hop["decision"] == "allow"), "{agent}: {hops:?}");
    }
    // There, nobody believes what is issued here.
    let abroad = client(&up_there, http(&root(&there), Some(identity(&ours))), None);
    assert!(is_kept_out(&abroad).await);

    // What was known counts while nobody says anything new.
    up_there.stop().await;
    assert_eq!(text(&answer(read(&shows(&theirs)).await).await), "an empty note");
    // The agent is stopped here as any other.
    let order = json!({ "what": "agent", "subject": "reader", "reason": "drill" });
    up.operator().await.post("/api/v1/revocations", &order).await;
    assert!(is_kept_out(&shows(&theirs)).await);
    assert_eq!(read(&shows(&ours)).await.status(), 200);
    up.stop().await;
    here.verify().await;
}
