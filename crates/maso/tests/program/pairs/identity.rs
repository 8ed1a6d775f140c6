//! Who sends: not a control that could be switched off, so each pair is the same attack on a credential that counts.

use maso_identity::AgentKey;

use super::*;

#[tokio::test]
async fn a_proof_that_was_seen_before() {
    // Bound to a key, what somebody overheard is worth nothing.
    let stage = scene(&Wanted::default()).await;
    let Scene { up, operator, client: bearer, .. } = &stage;
    let key = AgentKey::from_seed([7; 32]);
    let token = operator.token("writer", Some(&key.thumbprint().to_string())).await;
    let client = Client::new(up.address, None);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let now = maso_core::Timestamp::from_millis(i64::try_from(now).unwrap());
    let proof = key.prove("POST", &client.url, &token, uuid::Uuid::new_v4(), now);
    let mut overheard = stateless_headers("read_note");
    overheard.insert("authorization", format!("DPoP {token}").parse().unwrap());
    overheard.insert("dpop", proof.parse().unwrap());
    let frame = client.stateless_frame("read_note", json!({ "note": "x" }));
    assert_eq!(text(&answer(client.post(&frame, &overheard).await).await), "an empty note");
    assert_eq!(client.post(&frame, &overheard).await.status(), 401);
    // The token alone is worth nothing either.
    let mut alone = HeaderMap::new();
    alone.extend(stateless_headers("read_note"));
    alone.insert("authorization", format!("Bearer {token}").parse().unwrap());
    assert_eq!(client.post(&frame, &alone).await.status(), 401);
    // Without a key, what somebody overheard works as often as they like.
    let thief = Client::new(up.address, bearer.token.as_deref());
    for _ in 0..2 {
        let frame = thief.stateless_frame("read_note", json!({ "note": "x" }));
        let answered = answer(thief.post(&frame, &stateless_headers("read_note")).await).await;
        assert_eq!(text(&answered), "an empty note");
    }
    let hops = stage.deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["decision"] == "deny" && names(hop, "IA-2.3")), "{hops:?}");
}

#[tokio::test]
async fn a_bearer_token_where_none_is_accepted() {
    let stage = scene(&Wanted::default()).await;
    let token = stage.client.token.clone();
    assert_eq!(text(&stage.client.call("read_note", json!({ "note": "x" })).await), "an empty note");
    stage.up.stop().await;
    // The same token, once the deployment accepts no more of its kind.
    stage.deployment.edit(("maso.toml", "bearer_on_loopback = true", "bearer_on_loopback = false"));
    let up = stage.deployment.up().await;
    let thief = Client::new(up.address, token.as_deref());
    let frame = thief.stateless_frame("read_note", json!({ "note": "x" }));
    assert_eq!(thief.post(&frame, &stateless_headers("read_note")).await.status(), 401);
    let hops = stage.deployment.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["decision"] == "deny" && names(hop, "IA-1.2")), "{hops:?}");
}

#[tokio::test]
async fn a_token_that_has_ended() {
    let short =
        Wanted { edits: vec![("maso.toml", "[identity]", "[identity]\ntoken_ttl = \"1s\"")], ..Wanted::default() };
    let (short, long) = (Deployment::new(&short), scene(&Wanted::default()).await);
    let up = short.up().await;
    let thief = Client::new(up.address, Some(&up.operator().await.token("writer", None).await));
    // Used without a pause until it is refused; one that lives longer still works then.
    let status = loop {
        let frame = thief.stateless_frame("read_note", json!({ "note": "x" }));
        let status = thief.post(&frame, &stateless_headers("read_note")).await.status();
        if !status.is_success() {
            break status;
        }
    };
    assert_eq!(status, 401);
    assert_eq!(text(&long.client.call("read_note", json!({ "note": "x" })).await), "an empty note");
    let hops = short.bodies("hop-decided").await;
    assert!(hops.iter().any(|hop| hop["decision"] == "deny" && names(hop, "IA-2.2")), "{hops:?}");
}
