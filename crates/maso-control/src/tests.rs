//! Tests of the desk.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
    response::Response,
};
use futures::StreamExt as _;
use maso_api::{Clarify, EvaluationView, OpenTask};
use maso_core::{Mode, OperatorName, TaskId, Timestamp};
use maso_guard::Scanner;
use maso_identity::{AuthorityKey, Passphrase, Trust, TrustSettings};
use maso_judge::Panel;
use maso_log::v1;
use maso_path::{Clock as _, Path, Signers, Sources, SystemClock, SystemIds};
use maso_seal::LocalKey;
use maso_verify::PayloadKey;
use maso_wire::KnownHosts;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::{Desk, OrderFault, Secrets, SignInFault, SignedIn, http};

const RIGHT: &str = "quite a long passphrase";

mod erasing;
mod joining;
mod map;

/// A desk at which the deployment's accountable human may sign in.
async fn desk() -> (Arc<Desk>, OperatorName, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (desk, operator) = desk_over(folder.path()).await;
    (desk, operator, folder)
}

/// The same, over the record in this folder.
async fn desk_over(folder: &std::path::Path) -> (Arc<Desk>, OperatorName) {
    let deployment = Arc::new(maso_intent::parse(&maso_intent::minimal()).unwrap());
    let authority = AuthorityKey::from_seed([7; 32]);
    let settings = TrustSettings::new(deployment.trust_domain.clone(), authority.public(), SystemClock.now());
    let sources = Sources {
        panel: Panel::from_deployment(&deployment, &|_| None).unwrap(),
        deployment: Arc::clone(&deployment),
        trust: Arc::new(Trust::new(settings)),
        scanner: Arc::new(Scanner::new()),
        mode: Mode::Enforce,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        role: "test",
        signers: Signers::AsBefore,
        payload_key: Arc::new(LocalKey::new(&[7; 32])),
    };
    let path = Arc::new(Path::open(&folder.join("log.db"), sources).await.unwrap());
    let operator = deployment.accountable_human.clone();
    let hash = Passphrase::new(RIGHT).unwrap().hash([1; 16]).unwrap();
    let passphrases = BTreeMap::from([(operator.clone(), hash)]);
    (
        Arc::new(Desk::new(
            path,
            folder.join("log.db"),
            Secrets { authority, passphrases, payload_key: PayloadKey::new(&[7; 32]) },
        )),
        operator,
    )
}

async fn sign_in(desk: &Desk, operator: &OperatorName, passphrase: &str, at_ms: i64) -> Result<(), SignInFault> {
    desk.sign_in(operator.as_str(), passphrase.to_owned(), Timestamp::from_millis(at_ms)).await.map(|_| ())
}

/// A session of the accountable human, as a command line shows it.
async fn bearer(desk: &Desk, operator: &OperatorName) -> (SignedIn, String) {
    let now = desk.path().clock().now();
    let signed_in = desk.sign_in(operator.as_str(), RIGHT.to_owned(), now).await.unwrap();
    let secret = desk.open_session(&signed_in, [1; 32], now).unwrap();
    (signed_in, format!("Bearer {}", secret.expose()))
}

/// What a request for something is answered.
async fn get(desk: &Arc<Desk>, uri: &str, authorization: &str) -> Response {
    let request = Request::builder().uri(uri).header(header::HOST, "localhost");
    let request = request.header(header::AUTHORIZATION, authorization).body(Body::empty()).unwrap();
    http::router(Arc::clone(desk), &Arc::new(KnownHosts::loopback())).oneshot(request).await.unwrap()
}

async fn open(desk: &Desk, by: &SignedIn, words: &str) -> TaskId {
    let order = OpenTask {
        workflow: desk.path().world().deployment().workflows.keys().next().unwrap().to_string(),
        words: words.to_owned(),
        success_criteria: vec!["it is filed".to_owned()],
        scope: None,
        out_of_scope: Vec::new(),
        ttl_ms: None,
        agents: Vec::new(),
    };
    desk.open_task(by, &order).await.unwrap().0.id
}

#[tokio::test]
async fn after_five_wrong_passphrases_even_the_right_one_waits() {
    let (desk, operator, _folder) = desk().await;
    for at_ms in 0..5 {
        assert_eq!(sign_in(&desk, &operator, "wrong", at_ms).await, Err(SignInFault::Wrong));
    }
    assert_eq!(sign_in(&desk, &operator, RIGHT, 5).await, Err(SignInFault::TooMany));
    assert_eq!(sign_in(&desk, &operator, RIGHT, 5 * 60_000).await, Ok(()));
}

#[tokio::test]
async fn right_passphrases_are_not_counted() {
    let (desk, operator, _folder) = desk().await;
    for at_ms in 0..6 {
        assert_eq!(sign_in(&desk, &operator, RIGHT, at_ms).await, Ok(()));
    }
}

#[tokio::test]
async fn wrong_passphrases_at_once_are_no_more_than_one_after_the_other() {
    let (desk, operator, _folder) = desk().await;
    let tries = (0..20).map(|_| sign_in(&desk, &operator, "wrong", 0));
    let refused = futures::future::join_all(tries).await;
    assert_eq!(refused.iter().filter(|refused| **refused == Err(SignInFault::Wrong)).count(), 5);
}

#[tokio::test]
async fn what_finds_no_place_to_wait_is_turned_away_unchecked() {
    let (desk, operator, _folder) = desk().await;
    let n_places = u32::try_from(desk.checks_queued.available_permits()).unwrap();
    let all = Arc::clone(&desk.checks_queued).try_acquire_many_owned(n_places).unwrap();
    let nobody: OperatorName = "nobody".parse().unwrap();
    assert_eq!(sign_in(&desk, &nobody, "wrong", 0).await, Err(SignInFault::TooMany));
    drop(all);
    assert_eq!(sign_in(&desk, &operator, RIGHT, 0).await, Ok(()));
}

#[tokio::test]
async fn a_name_that_was_pointed_at_this_machine_opens_nothing() {
    let (desk, _, _folder) = desk().await;
    let hosts = Arc::new(KnownHosts::loopback().and_host("maso.example"));
    let status = async |host: &str, path: &str| {
        let request = Request::builder().uri(path).header(header::HOST, host).body(Body::empty()).unwrap();
        http::router(Arc::clone(&desk), &hosts).oneshot(request).await.unwrap().status()
    };
    for host in ["evil.example:7680", "127.0.0.1.evil.example", ""] {
        // Whether or not the path exists, and before anybody looks for a session.
        for path in ["/api/v1/status", "/metrics", "/nowhere"] {
            assert_eq!(status(host, path).await, StatusCode::FORBIDDEN, "{host}{path}");
        }
    }
    for host in ["localhost:7680", "127.0.0.1", "[::1]:1", "maso.example"] {
        assert_eq!(status(host, "/api/v1/status").await, StatusCode::UNAUTHORIZED, "{host}");
    }
}

#[tokio::test]
async fn a_probe_is_answered_by_whatever_address_it_comes() {
    let (desk, _, _folder) = desk().await;
    let hosts = Arc::new(KnownHosts::loopback());
    for path in ["/healthz", "/readyz"] {
        for host in ["10.1.2.3:7680", "[fd00::1]:7680", "localhost"] {
            let request = Request::builder().uri(path).header(header::HOST, host).body(Body::empty()).unwrap();
            let answer = http::router(Arc::clone(&desk), &hosts).oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{host}{path}");
        }
        let order = Request::builder().method("POST").uri(path).header(header::ORIGIN, "http://evil.example");
        let answer = http::router(Arc::clone(&desk), &hosts).oneshot(order.body(Body::empty()).unwrap()).await.unwrap();
        assert!(answer.status().is_client_error(), "{path}");
    }
}

#[tokio::test]
async fn the_record_is_checked_as_it_stands_one_check_at_a_time() {
    let (desk, operator, _folder) = desk().await;
    assert_eq!(desk.verification(), None);
    sign_in(&desk, &operator, RIGHT, 0).await.unwrap();
    let busy = Arc::clone(&desk.verifier.running).try_acquire_owned().unwrap();
    assert!(matches!(desk.verify().await, Err(OrderFault::NotVerified(_))));
    drop(busy);
    let checked = desk.verify().await.unwrap();
    assert!(checked.verified, "{checked:?}");
    assert_eq!(checked.records, desk.path().recorder().last_sequence());
    assert_eq!(desk.verification(), Some(checked));
}

#[tokio::test]
async fn a_check_whose_asker_hangs_up_is_the_latest_all_the_same() {
    let (desk, _, _folder) = desk().await;
    let mut asked = Box::pin(desk.verify());
    assert!(futures::poll!(&mut asked).is_pending());
    drop(asked);
    // The place is free again when the check has ended.
    drop(desk.verifier.running.acquire().await.unwrap());
    assert!(desk.verification().unwrap().verified);
}

#[tokio::test]
async fn what_is_on_the_record_about_a_task_is_shown_page_by_page_to_whoever_signed_in() {
    let (desk, operator, _folder) = desk().await;
    let (signed_in, bearer) = bearer(&desk, &operator).await;
    let task = open(&desk, &signed_in, "read").await;
    desk.close_task(&signed_in, task, "read").await.unwrap();
    let ask = async |page: &str, authorization: &str| {
        let response = get(&desk, &format!("/api/v1/records/about/{task}{page}"), authorization).await;
        let (status, body) = (response.status(), axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap());
        (status, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    };
    assert_eq!(ask("", "Bearer guess").await.0, StatusCode::UNAUTHORIZED);
    let (status, all) = ask("", &bearer).await;
    assert_eq!((status, &all["next"]), (StatusCode::OK, &Value::Null));
    let records = all["records"].as_array().unwrap();
    let kinds: Vec<_> = records.iter().map(|record| record["body"]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["task-opened", "task-closed"]);
    let (_, first) = ask("?limit=1", &bearer).await;
    assert_eq!(first["records"].as_array().unwrap()[..], records[..1]);
    let (_, rest) = ask(&format!("?from={}", first["next"]), &bearer).await;
    assert_eq!(rest["records"].as_array().unwrap()[..], records[1..]);
}

#[tokio::test]
async fn the_latest_verdicts_are_listed_with_what_was_to_be_done_the_latest_first() {
    let (desk, operator, _folder) = desk().await;
    let (signed_in, bearer) = bearer(&desk, &operator).await;
    let mut tasks = Vec::new();
    for (words, class) in [("file it", "creative-substitution"), ("file it again", "undecided")] {
        let task = open(&desk, &signed_in, words).await;
        let criterion = v1::CriterionEvaluated {
            id: "task-1".to_owned(),
            is_failure: false,
            is_met: (class != "undecided").then_some(true),
            decided_by: None,
        };
        let evaluated = v1::TaskEvaluated {
            task: task.to_string(),
            workflow: "notes".to_owned(),
            agent: "writer".to_owned(),
            mandate: "writer".to_owned(),
            class: class.to_owned(),
            means: "wrong".to_owned(),
            outcome: "right".to_owned(),
            departures: Vec::new(),
            criteria: vec![criterion],
            plan_attempts: Vec::new(),
            patterns: Vec::new(),
            recommends: "contain".to_owned(),
            confidence: 100,
        };
        desk.path().recorder().record(v1::Body::TaskEvaluated(Box::new(evaluated))).await.unwrap();
        tasks.insert(0, task.to_string());
    }
    let uri = "/api/v1/evaluations";
    assert_eq!(get(&desk, uri, "Bearer guess").await.status(), StatusCode::UNAUTHORIZED);
    let answer = get(&desk, uri, &bearer).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let listed: Vec<EvaluationView> = serde_json::from_slice(&body).unwrap();
    assert_eq!(listed.iter().map(|it| it.task.clone()).collect::<Vec<_>>(), tasks);
    let [undecided, substitution] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((undecided.words.as_deref(), undecided.class.as_str()), (Some("file it again"), "undecided"));
    assert_eq!((undecided.criteria[0].text.as_deref(), undecided.criteria[0].is_met), (Some("it is filed"), None));
    assert_eq!((substitution.words.as_deref(), substitution.criteria[0].is_met), (Some("file it"), Some(true)));
    assert!(substitution.at.is_some() && substitution.at <= undecided.at);
}

#[tokio::test]
async fn whoever_follows_the_stream_learns_that_something_about_the_tasks_changed() {
    let (desk, operator, _folder) = desk().await;
    let (signed_in, bearer) = bearer(&desk, &operator).await;
    let mut stream = get(&desk, "/api/v1/events", &bearer).await.into_body().into_data_stream();
    let task = open(&desk, &signed_in, "file it").await;
    let order = Clarify { question: None, about: Some("scope".to_owned()), answer: "the notes of today".to_owned() };
    desk.clarify(&signed_in, task, &order).await.unwrap();
    desk.close_task(&signed_in, task, "done").await.unwrap();
    let mut told = String::new();
    while told.matches(r#"data: {"event":"tasks"}"#).count() < 3 {
        let more = stream.next().await.unwrap().unwrap();
        told.push_str(std::str::from_utf8(&more).unwrap());
    }
}
