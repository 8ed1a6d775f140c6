//! The web console: pages and their assets, over the HTTP API.
//!
//! The server's half serves empty shells; everything that is shown is fetched by the pages' own modules from
//! `/api/v1`, with the session of whoever looks. So the console can show nothing that the API would not.
//!
//! It must never know what lies behind the API, and must never serve anything but the sign-in page to anyone who is
//! signed out. Text from agents reaches a page as text: no module writes markup, and the content security policy
//! forbids what would interpret it.

mod assets;
mod headers;
mod pages;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use assets::Asset;
use pages::Page;

/// The console's routes: `/` and everything under `/console`.
///
/// `is_signed_in` says whether a request with these headers comes from an operator. Whoever is not one gets the sign-in
/// page, the style and the module that it needs, and redirections to it.
pub fn router<F>(is_signed_in: F) -> Router
where
    F: Fn(&HeaderMap) -> bool + Clone + Send + Sync + 'static,
{
    let door = Door(Arc::new(is_signed_in));
    let behind = Router::new()
        .route("/console/assets/{name}", get(asset))
        .route("/console/{page}", get(page))
        .route("/console", get(|| async { pages::shell(Page::Live) }))
        .route("/console/", get(|| async { Redirect::permanent("/console") }))
        .fallback(|| async { (StatusCode::NOT_FOUND, pages::not_found()) })
        .layer(axum::middleware::from_fn_with_state(door, signed_in_only));
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/console") }))
        .route("/console/sign-in", get(|| async { pages::sign_in() }))
        .route("/console/sign-in.css", get(|headers: HeaderMap| async move { assets::SIGN_IN_CSS.serve(&headers) }))
        .route("/console/sign-in.js", get(|headers: HeaderMap| async move { assets::SIGN_IN_JS.serve(&headers) }))
        .merge(behind)
        .layer(axum::middleware::from_fn(headers::harden))
}

/// Who may pass.
#[derive(Clone)]
struct Door(Arc<dyn Fn(&HeaderMap) -> bool + Send + Sync>);

async fn signed_in_only(State(door): State<Door>, request: Request, next: Next) -> Response {
    if (door.0)(request.headers()) {
        return next.run(request).await;
    }
    // Only the console's own pages are remembered, by name: a redirection never carries what a stranger wrote.
    let wanted = request.uri().path().strip_prefix("/console/").and_then(Page::named);
    let to =
        wanted.map_or_else(|| "/console/sign-in".to_owned(), |page| format!("/console/sign-in?next={}", page.name()));
    Redirect::to(&to).into_response()
}

async fn page(Path(name): Path<String>) -> Response {
    match Page::named(&name) {
        Some(page) => pages::shell(page).into_response(),
        None => (StatusCode::NOT_FOUND, pages::not_found()).into_response(),
    }
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match Asset::named(&name) {
        Some(asset) => asset.serve(&headers),
        None => (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain")], "no such asset").into_response(),
    }
}
