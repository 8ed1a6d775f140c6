//! Becoming an agent by a token that works once, and staying one.

use axum::http::Method;
use maso_core::AgentName;
use maso_identity::AgentKey;
use maso_log::v1::Body as Recorded;
use serde_json::json;
use uuid::Uuid;

use super::*;

const BASE: &str = "http://127.0.0.1:7680";
const MINUTE_MS: u64 = 60_000;

fn writer() -> AgentName {
    "writer".parse().unwrap()
}

fn key(seed: u8) -> AgentKey {
    AgentKey::from_seed([seed; 32])
}

/// The status, and the answer where it is a token.
async fn post(desk: &Arc<Desk>, path: &str, headers: &[(&str, String)], body: Value) -> (StatusCode, Value) {
    let mut request = Request::builder().method(Method::POST).uri(path).header(header::HOST, "127.0.0.1:7680");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap();
    let hosts = Arc::new(KnownHosts::loopback());
    let answer = http::joining_router(Arc::clone(desk), &hosts, BASE).oneshot(request).await.unwrap();
    let status = answer.status();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 16).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// Joins with a token and a key, proven by another.
async fn join_as(desk: &Arc<Desk>, token: &str, key: &AgentKey, by: &AgentKey) -> (StatusCode, Value) {
    let proof = by.prove("POST", &format!("{BASE}/v1/join"), token, Uuid::new_v4(), SystemClock.now());
    let body = json!({ "token": token, "key": key.public().to_jwk() });
    post(desk, "/v1/join", &[("dpop", proof)], body).await
}

async fn join(desk: &Arc<Desk>, token: &str, key: &AgentKey) -> (StatusCode, Value) {
    join_as(desk, token, key, key).await
}

async fn renew(desk: &Arc<Desk>, token: &str, by: &AgentKey) -> (StatusCode, Value) {
    let proof = by.prove("POST", &format!("{BASE}/v1/identity/renew"), token, Uuid::new_v4(), SystemClock.now());
    let headers = [("authorization", format!("DPoP {token}")), ("dpop", proof)];
    post(desk, "/v1/identity/renew", &headers, Value::Null).await
}

async fn revoke(desk: &Desk, by: &SignedIn, what: &str, subject: &str) {
    let [what, subject, reason] = [what, subject, "drill"].map(str::to_owned);
    desk.revoke(by, &maso_api::Revoke { what, subject, reason }).await.unwrap();
}

async fn invited(desk: &Desk, by: &SignedIn) -> String {
    desk.invite(by, &writer(), 10 * MINUTE_MS).await.unwrap().token
}

async fn record(desk: &Desk) -> Vec<Recorded> {
    desk.path().recorder().flush().await.unwrap();
    let last = usize::try_from(desk.path().recorder().last_sequence()).unwrap();
    desk.path().recorder().tail(1).take(last).map(|record| record.body.clone()).collect().await
}

#[tokio::test]
async fn a_program_joins_once_and_renews_what_it_was_given() {
    let (desk, operator, _folder) = desk().await;
    let (by, _) = bearer(&desk, &operator).await;
    let token = invited(&desk, &by).await;
    let (status, given) = join(&desk, &token, &key(1)).await;
    assert_eq!(status, StatusCode::CREATED);
    let first = given["token"].as_str().unwrap();
    let (status, given) = renew(&desk, first, &key(1)).await;
    assert_eq!(status, StatusCode::CREATED);
    let fresh = given["token"].as_str().unwrap();
    assert_ne!(fresh, first);
    assert!(
        u64::try_from(given["expires_at"].as_i64().unwrap() - SystemClock.now().as_millis()).unwrap() <= 60 * MINUTE_MS
    );
    assert_eq!(join(&desk, &token, &key(1)).await.0, StatusCode::UNAUTHORIZED, "it works once");

    let record = record(&desk).await;
    let by = record.iter().filter_map(|body| match body {
        Recorded::TokenIssued(token) => token.by.clone(),
        _ => None,
    });
    let by: Vec<_> = by.collect();
    assert!(by.len() == 2 && by[0].starts_with("join:") && by[1].starts_with("token:"), "{by:?}");
    // Nothing that could be shown again stands on the record.
    let text = serde_json::to_string(&record).unwrap();
    assert!([&*token, first, fresh].iter().all(|secret| !text.contains(secret)));
}

#[tokio::test]
async fn a_guess_a_stranger_and_a_borrowed_key_join_nothing() {
    let (desk, operator, _folder) = desk().await;
    let (by, _) = bearer(&desk, &operator).await;
    let token = invited(&desk, &by).await;
    let (id, _) = token.rsplit_once('.').unwrap();
    let guess = format!("{id}.{}", "A".repeat(43));
    let stranger = format!("maso-join.{}.{}", Uuid::new_v4().simple(), "A".repeat(43));
    for wrong in [guess.as_str(), &stranger, "", "maso-join", &token[..token.len() - 1]] {
        assert_eq!(join(&desk, wrong, &key(1)).await.0, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    // The key of somebody else, whose proof nobody but they can make; and no proof at all.
    assert_eq!(join_as(&desk, &token, &key(1), &key(2)).await.0, StatusCode::UNAUTHORIZED);
    let body = json!({ "token": token, "key": key(1).public().to_jwk() });
    assert_eq!(post(&desk, "/v1/join", &[], body.clone()).await.0, StatusCode::UNAUTHORIZED);
    // A proof for another request, and one that was used before.
    let elsewhere = key(1).prove("POST", &format!("{BASE}/v1/other"), &token, Uuid::new_v4(), SystemClock.now());
    assert_eq!(post(&desk, "/v1/join", &[("dpop", elsewhere)], body).await.0, StatusCode::UNAUTHORIZED);
    // None of that used it up.
    assert_eq!(join(&desk, &token, &key(1)).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_token_is_used_once_whichever_process_is_first() {
    let (one, operator, folder) = desk().await;
    let (by, _) = bearer(&one, &operator).await;
    let (other, _) = desk_over(folder.path()).await;
    for _ in 0..8 {
        let token = invited(&one, &by).await;
        // The other process has heard of it.
        other.path().recorder().flush().await.unwrap();
        let ((here, _), (there, _)) = {
            let (mine, theirs) = (key(1), key(2));
            tokio::join!(join(&one, &token, &mine), join(&other, &token, &theirs))
        };
        let n_joined = [here, there].iter().filter(|status| **status == StatusCode::CREATED).count();
        assert_eq!(n_joined, 1, "{here} {there}");
    }
    let used = record(&one).await.iter().filter(|body| matches!(body, Recorded::JoinTokenUsed(_))).count();
    assert_eq!(used, 8);
}

#[tokio::test]
async fn what_has_ended_or_was_revoked_joins_and_renews_nothing() {
    let (desk, operator, _folder) = desk().await;
    let (by, _) = bearer(&desk, &operator).await;
    for ttl_ms in [0, 25 * 60 * MINUTE_MS] {
        assert!(matches!(desk.invite(&by, &writer(), ttl_ms).await, Err(OrderFault::Bad(_))));
    }
    assert!(matches!(desk.invite(&by, &"nobody".parse().unwrap(), 1).await, Err(OrderFault::Unknown { .. })));
    let brief = desk.invite(&by, &writer(), 1).await.unwrap();
    while SystemClock.now().as_millis() < brief.expires_at {
        tokio::task::yield_now().await;
    }
    assert_eq!(join(&desk, &brief.token, &key(1)).await.0, StatusCode::UNAUTHORIZED);

    // A revoked key joins nothing, and its token is renewed no more.
    let (_, given) = join(&desk, &invited(&desk, &by).await, &key(1)).await;
    let token = given["token"].as_str().unwrap().to_owned();
    let (_, other) = join(&desk, &invited(&desk, &by).await, &key(3)).await;
    revoke(&desk, &by, "key", &key(1).thumbprint().to_string()).await;
    assert_eq!(renew(&desk, &token, &key(1)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(join(&desk, &invited(&desk, &by).await, &key(1)).await.0, StatusCode::UNAUTHORIZED);

    // A revoked token is not renewed, nor one by somebody else's key, nor one that is bound to none.
    let held = other["token"].as_str().unwrap();
    assert_eq!(renew(&desk, held, &key(4)).await.0, StatusCode::UNAUTHORIZED);
    revoke(&desk, &by, "token", other["token_id"].as_str().unwrap()).await;
    assert_eq!(renew(&desk, held, &key(3)).await.0, StatusCode::UNAUTHORIZED);
    let unbound = desk.issue_agent_token(&by, &writer(), &maso_api::IssueToken::default()).await.unwrap();
    assert_eq!(renew(&desk, &unbound.token, &key(3)).await.0, StatusCode::UNAUTHORIZED);

    // Whoever was invited before its agent was revoked stays outside.
    let waiting = invited(&desk, &by).await;
    let (_, given) = join(&desk, &invited(&desk, &by).await, &key(5)).await;
    revoke(&desk, &by, "agent", "writer").await;
    assert_eq!(join(&desk, &waiting, &key(6)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(renew(&desk, given["token"].as_str().unwrap(), &key(5)).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_stopped_agent_joins_and_renews_nothing() {
    let (desk, operator, _folder) = desk().await;
    let (by, _) = bearer(&desk, &operator).await;
    let waiting = invited(&desk, &by).await;
    let (_, given) = join(&desk, &invited(&desk, &by).await, &key(1)).await;
    let [scope, by, reason] = ["agent:writer", "operator:owner", "drill"].map(str::to_owned);
    desk.path().recorder().record(Recorded::Killed(v1::Killed { scope, by, reason })).await.unwrap();
    assert_eq!(join(&desk, &waiting, &key(2)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(renew(&desk, given["token"].as_str().unwrap(), &key(1)).await.0, StatusCode::UNAUTHORIZED);
}

/// Rotation in bulk: nobody is left out, nothing is given twice, and each is on the record.
#[tokio::test]
async fn a_thousand_identities_are_renewed_at_once_without_an_error() {
    const N: usize = 1_000;
    let (desk, operator, _folder) = desk().await;
    let (by, _) = bearer(&desk, &operator).await;
    let (_, given) = join(&desk, &invited(&desk, &by).await, &key(1)).await;
    let first = given["token"].as_str().unwrap();
    let key = key(1);
    let renewed = futures::stream::iter(0..N).map(|_| renew(&desk, first, &key)).buffer_unordered(64);
    let tokens: std::collections::BTreeSet<String> = renewed
        .map(|(status, given)| {
            assert_eq!(status, StatusCode::CREATED, "{given}");
            given["token"].as_str().unwrap().to_owned()
        })
        .collect()
        .await;
    assert_eq!(tokens.len(), N);
    let issued = record(&desk).await.iter().filter(|body| matches!(body, Recorded::TokenIssued(_))).count();
    assert_eq!(issued, N + 1);
}
