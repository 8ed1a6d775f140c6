//! What is served to whom.
#![allow(clippy::unwrap_used, reason = "a test says what it expects by unwrapping it")]

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use tower::ServiceExt as _;

use crate::{headers::CONTENT_SECURITY_POLICY, router};

const SIGNED_IN: &str = "session";

async fn fetch(path: &str, signed_in: bool) -> (StatusCode, axum::http::HeaderMap, String) {
    let app = router(|headers| headers.get(header::COOKIE).is_some_and(|cookie| cookie == SIGNED_IN));
    let mut request = Request::builder().uri(path);
    if signed_in {
        request = request.header(header::COOKIE, SIGNED_IN);
    }
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    (parts.status, parts.headers, text)
}

#[tokio::test]
async fn whoever_is_signed_out_gets_the_sign_in_page_and_nothing_else() {
    for path in [
        "/console",
        "/console/approvals",
        "/console/tasks",
        "/console/assets/live.js",
        "/console/assets/console.css",
        "/console/x",
    ] {
        let (status, headers, text) = fetch(path, false).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}");
        assert!(headers[header::LOCATION].to_str().unwrap().starts_with("/console/sign-in"), "{path}");
        assert_eq!(text, "", "{path}");
    }
    for path in ["/console/sign-in", "/console/sign-in.css", "/console/sign-in.js"] {
        assert_eq!(fetch(path, false).await.0, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_redirection_carries_nothing_that_a_stranger_wrote() {
    let (_, headers, _) = fetch("/console/%2F%2Felsewhere.example", false).await;
    assert_eq!(headers[header::LOCATION], "/console/sign-in");
}

#[tokio::test]
async fn an_operator_gets_every_page_and_every_module_that_it_names() {
    for page in ["", "/map", "/approvals", "/tasks", "/agents", "/posture", "/record"] {
        let (status, headers, text) = fetch(&format!("/console{page}"), true).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], CONTENT_SECURITY_POLICY);
        let module = text.split("/console/assets/").nth(2).unwrap().split('"').next().unwrap();
        let (status, _, code) = fetch(&format!("/console/assets/{module}"), true).await;
        assert_eq!(status, StatusCode::OK, "{module}");
        for imported in code.lines().filter_map(|line| line.split("from \"./").nth(1)) {
            let name = imported.split('"').next().unwrap();
            assert_eq!(fetch(&format!("/console/assets/{name}"), true).await.0, StatusCode::OK, "{name}");
        }
    }
    assert_eq!(fetch("/console/nowhere", true).await.0, StatusCode::NOT_FOUND);
}

#[test]
fn no_module_writes_markup() {
    for (name, text) in crate::assets::modules() {
        for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            assert!(!text.contains(forbidden), "{name} uses {forbidden}");
        }
    }
}
