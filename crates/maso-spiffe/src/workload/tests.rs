//! The Workload API as a client that is not ours sees it, and as an attacker would.

mod rig;

use std::{io::Write as _, process::Stdio};

use futures::StreamExt as _;
use spiffe::{JwtSvid, WorkloadApiError};
use tonic::{Code, Status};

use self::rig::{Rig, Who};
use super::{messages::X509SvidResponse, *};
use crate::Peer;

fn is_nobody<T>(answer: Result<T, WorkloadApiError>) -> bool {
    matches!(answer, Err(WorkloadApiError::NoIdentityIssued))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_fetches_the_identity_of_its_agent_and_it_is_on_the_record_first() {
    let rig = Rig::serving(Who::This).await;
    let client = rig.client().await;
    let context = client.fetch_x509_context().await.unwrap();
    let svid = context.default_svid().unwrap();
    assert_eq!(svid.spiffe_id().to_string(), "spiffe://notes.example/agent/writer");
    let trust_domain = spiffe::TrustDomain::new("notes.example").unwrap();
    assert_eq!(context.bundle_set().get(&trust_domain).unwrap().authorities().len(), 1);

    let token = client.fetch_jwt_svid(["peer"], None).await.unwrap();
    assert_eq!(token.spiffe_id(), svid.spiffe_id());
    assert_eq!(token.audience(), ["peer"]);
    let bundles = client.fetch_jwt_bundles().await.unwrap();
    JwtSvid::parse_and_validate(token.token(), &bundles, &["peer"]).unwrap();
    let valid = client.validate_jwt_token("peer", token.token()).await.unwrap();
    assert_eq!(valid.spiffe_id(), svid.spiffe_id());

    let issued = rig.issued().await;
    let told: Vec<_> = issued.iter().map(|issued| (issued.agent.as_str(), issued.svid.as_str())).collect();
    assert_eq!(told, [("agent:writer", "x509"), ("agent:writer", "jwt")]);
    assert_eq!(issued[1].audience, ["peer"]);
    assert_eq!(issued[0].attested.pid, i32::try_from(std::process::id()).unwrap());
    assert!(issued[0].attested.executable.as_ref().unwrap().starts_with("sha256:"));
    // What was given out stands nowhere on the record.
    let record = rig.record().await;
    assert!(record.iter().all(|body| !serde_json::to_string(body).unwrap().contains(token.token())));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_the_declared_process_is_nobody() {
    for who in [Who::OtherUser, Who::OtherProgram, Who::OtherGroup, Who::Undeclared] {
        let rig = Rig::serving(who).await;
        let client = rig.client().await;
        assert!(is_nobody(client.fetch_x509_svid().await), "{who:?}");
        assert!(is_nobody(client.fetch_x509_bundles().await), "{who:?}");
        assert!(is_nobody(client.fetch_jwt_svid(["peer"], None).await), "{who:?}");
        assert!(is_nobody(client.fetch_jwt_bundles().await), "{who:?}");
        let token = rig.authority.issue_jwt(rig.writer(), &["peer".to_owned()], 60_000, rig.now()).unwrap();
        assert!(client.validate_jwt_token("peer", token.expose()).await.is_err(), "{who:?}");
        assert_eq!(rig.issued().await.len(), 0, "{who:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_could_be_two_agents_is_neither() {
    let rig = Rig::serving(Who::Both).await;
    assert!(is_nobody(rig.client().await.fetch_x509_svid().await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_does_not_say_what_it_is_for_is_refused() {
    let rig = Rig::serving(Who::This).await;
    for (metadata, expected) in [(None, Code::InvalidArgument), (Some("false"), Code::InvalidArgument)] {
        let refused = rig.raw("FetchX509SVID", metadata).await.unwrap_err();
        assert_eq!(refused.code(), expected);
    }
    assert!(rig.raw("FetchX509SVID", Some("true")).await.is_ok());
    assert_eq!(rig.raw("FetchEverything", Some("true")).await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_needs_an_audience_and_counts_for_no_other() {
    let rig = Rig::serving(Who::This).await;
    let client = rig.client().await;
    let nobody: [&str; 0] = [];
    assert!(client.fetch_jwt_svid(nobody, None).await.is_err());
    assert!(client.fetch_jwt_svid(["x".repeat(257)], None).await.is_err());
    assert!(client.fetch_jwt_svid((0..17).map(|n| n.to_string()), None).await.is_err());
    let other = spiffe::SpiffeId::new("spiffe://notes.example/agent/reader").unwrap();
    assert!(is_nobody(client.fetch_jwt_svid(["peer"], Some(&other)).await));
    assert_eq!(rig.issued().await.len(), 0);
    let token = client.fetch_jwt_svid(["peer"], None).await.unwrap();
    assert!(client.validate_jwt_token("somebody-else", token.token()).await.is_err());
    // Its time is up: the deployment's clock says so.
    rig.pass(6 * 60_000);
    assert!(client.validate_jwt_token("peer", token.token()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_agent_loses_its_stream_and_gets_nothing_more() {
    let rig = Rig::serving(Who::This).await;
    let client = rig.client().await;
    let token = client.fetch_jwt_svid(["peer"], None).await.unwrap();
    let mut svids = client.stream_x509_svids().await.unwrap();
    let mut bundles = client.stream_x509_bundles().await.unwrap();
    assert!(svids.next().await.unwrap().is_ok() && bundles.next().await.unwrap().is_ok());
    rig.revoke("agent", "writer").await;
    assert!(is_nobody(svids.next().await.unwrap()));
    assert!(is_nobody(bundles.next().await.unwrap()));
    assert!(svids.next().await.is_none());
    assert!(is_nobody(client.fetch_x509_svid().await));
    assert!(is_nobody(client.fetch_jwt_svid(["peer"], None).await));
    assert!(client.validate_jwt_token("peer", token.token()).await.is_err());
    assert_eq!(rig.issued().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_agent_loses_its_stream_whoever_stopped_it() {
    for scope in ["agent:writer", "deployment"] {
        let rig = Rig::serving(Who::This).await;
        let client = rig.client().await;
        let mut svids = client.stream_x509_svids().await.unwrap();
        assert!(svids.next().await.unwrap().is_ok());
        rig.kill_from_another_process(scope).await;
        assert!(is_nobody(svids.next().await.unwrap()), "{scope}");
        assert!(is_nobody(client.fetch_x509_svid().await), "{scope}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_before_the_commit_is_not_issued() {
    let rig = Rig::serving(Who::This).await;
    let attested = rig.api.attest(rig.this()).await.unwrap();
    rig.revoke("agent", "writer").await;
    // Attested before, asked again inside the commit.
    assert_eq!(rig.api.issue_x509(&attested).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(rig.api.issue_jwt(&attested, &["peer".to_owned()]).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(rig.issued().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_comes_when_the_old_one_is_revoked_and_when_half_of_its_time_is_over() {
    let rig = Rig::serving(Who::This).await;
    let client = rig.client().await;
    let mut svids = client.stream_x509_svids().await.unwrap();
    let first = svids.next().await.unwrap().unwrap();
    let issued = rig.issued().await;
    rig.revoke("key", &issued[0].key).await;
    let second = svids.next().await.unwrap().unwrap();
    assert_ne!(first.private_key().as_bytes(), second.private_key().as_bytes());
    drop(svids);

    let brief = Rig::living(Who::This, "4s").await;
    let mut svids = brief.client().await.stream_x509_svids().await.unwrap();
    let first = svids.next().await.unwrap().unwrap();
    let second = svids.next().await.unwrap().unwrap();
    assert_ne!(first.cert_chain(), second.cert_chain());
    assert_eq!(brief.issued().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_authority_reaches_everybody_who_listens() {
    let rig = Rig::serving(Who::This).await;
    let client = rig.client().await;
    let trust_domain = spiffe::TrustDomain::new("notes.example").unwrap();
    let mut bundles = client.stream_x509_bundles().await.unwrap();
    let mut keys = client.stream_jwt_bundles().await.unwrap();
    assert_eq!(bundles.next().await.unwrap().unwrap().get(&trust_domain).unwrap().authorities().len(), 1);
    assert_eq!(keys.next().await.unwrap().unwrap().get(&trust_domain).unwrap().jwt_authorities().count(), 1);
    rig.pass(15 * 24 * 3_600_000);
    let api = Arc::clone(&rig.api);
    tokio::task::spawn_blocking(move || api.rotate()).await.unwrap().unwrap();
    assert_eq!(bundles.next().await.unwrap().unwrap().get(&trust_domain).unwrap().authorities().len(), 2);
    assert_eq!(keys.next().await.unwrap().unwrap().get(&trust_domain).unwrap().jwt_authorities().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_runs_another_program_loses_its_stream() {
    // A shell is the agent, until it becomes another program.
    let mut child = std::process::Command::new("/bin/sh")
        .args(["-c", "read line; exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let rig = Rig::serving(Who::Shell).await;
    let peer = rig.peer(&child);
    let mut svids = Box::pin(rig.api.x509_svids(peer).await.unwrap());
    assert!(svids.next().await.unwrap().is_ok());
    child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    let ended: Result<X509SvidResponse, Status> = svids.next().await.unwrap();
    assert_eq!(ended.unwrap_err().code(), Code::PermissionDenied);
    assert!(rig.api.x509_svids(peer).await.is_err());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ended_is_nobody_though_its_number_is_known() {
    let mut child =
        std::process::Command::new("/bin/sh").args(["-c", "read line"]).stdin(Stdio::piped()).spawn().unwrap();
    let rig = Rig::serving(Who::Shell).await;
    let peer: Peer = rig.peer(&child);
    assert!(rig.api.attest(peer).await.is_ok());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(rig.api.attest(peer).await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lifetime_is_never_longer_than_the_deployment_and_the_tier_say() {
    for (tier, ttl, most_ms) in [(2, "24h", 3_600_000), (3, "1h", 900_000), (3, "5m", 300_000)] {
        let rig = Rig::at_tier(tier, ttl).await;
        let before = rig.now();
        rig.client().await.fetch_x509_svid().await.unwrap();
        let issued = rig.issued().await;
        let left_ms = u64::try_from(issued[0].not_after - before.as_millis()).unwrap();
        assert!(left_ms <= most_ms && left_ms > most_ms - 60_000, "tier {tier}, {ttl}: {left_ms} ms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_taken_over_from_the_dead_and_from_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    std::fs::write(&path, "a file").unwrap();
    assert!(matches!(listen(&path), Err(ServeFault::Taken { .. })));
    std::fs::remove_file(&path).unwrap();
    let served = listen(&path).unwrap();
    assert!(matches!(listen(&path), Err(ServeFault::Taken { .. })));
    drop(served);
    assert!(!path.exists());
    // Left by a process that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(listen(&path).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_does_not_get_all_connections() {
    let rig = Rig::serving(Who::This).await;
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(tokio::net::UnixStream::connect(&rig.socket).await.unwrap());
    }
    // One more is closed at once; when one has gone there is a place again.
    let mut refused = tokio::net::UnixStream::connect(&rig.socket).await.unwrap();
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut refused, &mut byte).await;
    assert!(matches!(read, Ok(0) | Err(_)));
}
