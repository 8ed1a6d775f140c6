//! The map, as it is served.

use futures::StreamExt as _;
use maso_api::{AgentNode, DecidedView, EdgeView, Event, HopView, MapView, Status};
use maso_core::{HopId, InstanceId, TaskId};
use maso_log::v1::{self, Body};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Arc, Desk, StatusCode, bearer, desk, get};

fn hop(number: u128) -> String {
    HopId::from_uuid(Uuid::from_u128(number)).to_string()
}

/// Records a call by `writer`, but for what is said otherwise.
async fn decided(desk: &Desk, number: u128, more: Value) {
    let mut text = json!({
        "hop": hop(number), "received_at": 1, "hop_kind": "tool-call", "from": "agent:writer", "to": "server:notes",
        "verb": "call_tool", "object": "notes:read_note", "input_hash": "sha256:00", "decision": "allow",
        "enforced": true, "findings": [], "pace_phase": "primary",
    });
    text.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    record(desk, Body::HopDecided(Box::new(serde_json::from_value(text).unwrap()))).await;
}

async fn record(desk: &Desk, body: Body) {
    desk.path().recorder().record(body).await.unwrap();
}

async fn revoke(desk: &Desk, what: &str, subject: &str) {
    let (what, subject) = (what.to_owned(), subject.to_owned());
    record(
        desk,
        Body::Revoked(v1::Revoked { what, subject, by: "operator:owner".to_owned(), reason: "drill".to_owned() }),
    )
    .await;
}

async fn read<T: serde::de::DeserializeOwned>(desk: &Arc<Desk>, uri: &str, authorization: &str) -> T {
    let response = get(desk, uri, authorization).await;
    assert_eq!(response.status(), StatusCode::OK, "{uri}");
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn edge<'a>(map: &'a MapView, from: &str, to: &str) -> Option<&'a EdgeView> {
    map.edges.iter().find(|edge| edge.from == from && edge.to == to)
}

fn writer(map: &MapView) -> &AgentNode {
    map.nodes.iter().find(|node| node.party == "agent:writer").unwrap().agent.as_ref().unwrap()
}

#[tokio::test]
async fn the_map_shows_what_was_declared_and_what_went_over_it() {
    let (desk, operator, _folder) = desk().await;
    let (_, session) = bearer(&desk, &operator).await;
    let before: MapView = read(&desk, "/api/v1/map", &session).await;
    let parties: Vec<_> = before.nodes.iter().map(|node| (node.party.as_str(), node.kind.as_str())).collect();
    assert_eq!(parties, [("agent:writer", "agent"), ("server:notes", "server")]);
    let notes = edge(&before, "agent:writer", "server:notes").unwrap();
    assert!(notes.tools.contains(&"notes:read_note".to_owned()), "{:?}", notes.tools);
    assert!(!notes.tools.is_empty() && notes.resources.is_empty() && notes.grants.is_empty());
    assert_eq!((notes.decided, notes.last_at), (DecidedView::default(), None));

    decided(&desk, 1, json!({})).await;
    decided(&desk, 2, json!({ "decision": "hold" })).await;
    decided(&desk, 3, json!({ "from": null, "decision": "deny", "refusal": "UNAUTHENTIC" })).await;
    let after: MapView = read(&desk, "/api/v1/map", &session).await;
    let notes = edge(&after, "agent:writer", "server:notes").unwrap();
    assert_eq!(notes.decided, DecidedView { allowed: 1, held: 1, refused: 0 });
    assert!(notes.last_at.is_some());
    let stranger = edge(&after, "stranger", "server:notes").unwrap();
    assert_eq!((stranger.decided.refused, stranger.tools.len()), (1, 0));
    assert!(after.nodes.iter().any(|node| node.kind == "stranger"));
    assert!(after.sequence > before.sequence);
}

#[tokio::test]
async fn an_edge_and_a_node_lead_to_their_latest_hops() {
    let (desk, operator, _folder) = desk().await;
    let (_, session) = bearer(&desk, &operator).await;
    decided(&desk, 1, json!({})).await;
    decided(&desk, 2, json!({ "from": "server:notes", "to": "agent:writer", "answers": hop(1) })).await;
    decided(&desk, 3, json!({ "from": null, "decision": "deny" })).await;
    let found = async |place: &str| {
        let hops: Vec<HopView> = read(&desk, &format!("/api/v1/map/hops?{place}"), &session).await;
        hops.into_iter().map(|hop| hop.hop).collect::<Vec<_>>()
    };
    assert_eq!(found("from=agent:writer&to=server:notes").await, [hop(2), hop(1)]);
    assert_eq!(found("from=server:notes&to=agent:writer").await, [""; 0]);
    assert_eq!(found("of=server:notes").await, [hop(3), hop(2), hop(1)]);
    assert_eq!(found("of=stranger").await, [hop(3)]);
    for (place, status) in [
        ("of=nobody", StatusCode::NOT_FOUND),
        ("from=agent:writer", StatusCode::BAD_REQUEST),
        ("", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(get(&desk, &format!("/api/v1/map/hops?{place}"), &session).await.status(), status, "{place}");
    }
}

#[tokio::test]
async fn nobody_who_is_signed_out_sees_the_map() {
    let (desk, _, _folder) = desk().await;
    for uri in ["/api/v1/map", "/api/v1/map/hops?of=agent:writer"] {
        assert_eq!(get(&desk, uri, "Bearer x").await.status(), StatusCode::UNAUTHORIZED, "{uri}");
    }
}

#[tokio::test]
async fn a_chain_is_shown_with_its_revoked_links_and_the_stream_tells_of_them() {
    let (desk, operator, _folder) = desk().await;
    let (_, session) = bearer(&desk, &operator).await;
    let mut events = get(&desk, "/api/v1/events", &session).await.into_body().into_data_stream();
    let task = TaskId::from_uuid(Uuid::from_u128(9)).to_string();
    let request = |chain: Value| {
        let to = "agent:writer";
        json!({ "verb": "request", "object": "writer:write", "to": to, "task": task, "chain": chain })
    };
    decided(&desk, 1, request(json!([]))).await;
    decided(&desk, 2, request(json!([hop(1)]))).await;
    revoke(&desk, "delegation", &hop(2)).await;
    let map: MapView = read(&desk, "/api/v1/map", &session).await;
    let links: Vec<_> = map.chains[0].links.iter().map(|link| (link.chain.len(), link.revoked)).collect();
    assert_eq!((map.chains[0].task.as_str(), links), (task.as_str(), vec![(0, false), (1, true)]));
    let mut told = String::new();
    while told.matches("data:").count() < 3 {
        told += std::str::from_utf8(&events.next().await.unwrap().unwrap()).unwrap();
    }
    let told: Vec<Event> = told
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let [_, Event::Hop(second), Event::Revoked { what, subject }] = &told[..] else { panic!("{told:?}") };
    assert_eq!((&second.chain, what.as_str(), subject), (&vec![hop(1)], "delegation", &hop(2)));
}

#[tokio::test]
async fn an_agent_that_was_revoked_has_nothing_to_show() {
    let (desk, operator, _folder) = desk().await;
    let (_, session) = bearer(&desk, &operator).await;
    let expires_at = i64::MAX;
    record(
        &desk,
        Body::TokenIssued(v1::Token {
            token_id: Uuid::from_u128(1).to_string(),
            kind_of_token: "agent".to_owned(),
            subject: "spiffe://notes.example/agent/writer".to_owned(),
            thumbprint: None,
            by: None,
            expires_at,
        }),
    )
    .await;
    let map: MapView = read(&desk, "/api/v1/map", &session).await;
    assert_eq!(
        (writer(&map).n_credentials, writer(&map).credentials_until, writer(&map).revoked),
        (1, Some(expires_at), false)
    );
    revoke(&desk, "agent", "writer").await;
    let map: MapView = read(&desk, "/api/v1/map", &session).await;
    assert_eq!((writer(&map).n_credentials, writer(&map).credentials_until, writer(&map).revoked), (0, None, true));
}

#[tokio::test]
async fn what_waits_for_a_person_is_counted_with_how_it_stands() {
    let (desk, operator, _folder) = desk().await;
    let (signed_in, session) = bearer(&desk, &operator).await;
    let status: Status = read(&desk, "/api/v1/status", &session).await;
    assert_eq!(status.n_open_questions, 0);
    let task = super::open(&desk, &signed_in, "File the note.").await;
    for (number, of) in [(1, format!("operator:{operator}")), (2, "agent:writer".to_owned())] {
        let asked = v1::ClarificationAsked {
            question: hop(number),
            task: task.to_string(),
            specification: String::new(),
            by: "agent:writer".to_owned(),
            of,
            about: "scope".to_owned(),
            request_task: None,
            item: None,
        };
        record(&desk, Body::ClarificationAsked(asked)).await;
    }
    let status: Status = read(&desk, "/api/v1/status", &session).await;
    assert_eq!(status.n_open_questions, 1);
}

/// Records that the writer started an instance of an agent.
async fn spawned(desk: &Desk, number: u128, agent: &str) {
    let spawned = v1::AgentSpawned {
        instance: InstanceId::from_uuid(Uuid::from_u128(number)).to_string(),
        agent: format!("agent:{agent}"),
        by: "agent:writer".to_owned(),
        by_instance: None,
        hop: hop(number),
        task: TaskId::from_uuid(Uuid::from_u128(9)).to_string(),
        thumbprint: maso_identity::AgentKey::from_seed([7; 32]).thumbprint().to_string(),
        rests_on: Vec::new(),
        depth: 1,
        join_by: i64::MAX,
        until: i64::MAX,
    };
    record(desk, Body::AgentSpawned(Box::new(spawned))).await;
}

#[tokio::test]
async fn instances_stand_under_their_agent_and_the_stream_tells_of_them() {
    let (desk, operator, _folder) = desk().await;
    let (_, session) = bearer(&desk, &operator).await;
    let before: MapView = read(&desk, "/api/v1/map", &session).await;
    let mut events = get(&desk, "/api/v1/events", &session).await.into_body().into_data_stream();
    for number in [1, 2] {
        spawned(&desk, number, "writer").await;
    }
    let map: MapView = read(&desk, "/api/v1/map", &session).await;
    assert_eq!((writer(&map).instances.n_live, map.nodes.len()), (2, before.nodes.len()));
    assert!(writer(&map).instances.latest.iter().all(|it| it.by == "agent:writer" && it.joined.is_none()));
    let instance = InstanceId::from_uuid(Uuid::from_u128(2)).to_string();
    revoke(&desk, "instance", &instance).await;
    let map: MapView = read(&desk, "/api/v1/map", &session).await;
    let ended = writer(&map).instances.latest.iter().find(|it| it.instance == instance).unwrap().ended.as_ref();
    assert_eq!((writer(&map).instances.n_live, ended.unwrap().why.as_str()), (1, "revoked"));
    let told = std::str::from_utf8(&events.next().await.unwrap().unwrap()).unwrap().to_owned();
    assert!(told.contains(r#"{"event":"instances"}"#), "{told}");
}

#[tokio::test]
async fn nothing_that_is_started_makes_the_map_larger_than_what_is_declared() {
    let (desk, operator, _folder) = desk().await;
    let (_, session) = bearer(&desk, &operator).await;
    let before: MapView = read(&desk, "/api/v1/map", &session).await;
    for number in 0..40 {
        spawned(&desk, number, "writer").await;
        spawned(&desk, 100 + number, &format!("invented-{number}")).await;
        // Nor does whoever calls itself an instance: it is a stranger like all others.
        let from = format!("agent:writer/{}", InstanceId::from_uuid(Uuid::from_u128(number)));
        decided(&desk, 200 + number, json!({ "from": from, "decision": "deny" })).await;
    }
    let map: MapView = read(&desk, "/api/v1/map", &session).await;
    assert_eq!((map.nodes.len(), map.edges.len()), (before.nodes.len() + 1, before.edges.len() + 1));
    assert_eq!(writer(&map).instances.n_live, 40);
    assert!(writer(&map).instances.latest.len() < 40);
}
