//! The door at which others fetch by what they can verify the trust domain's SVIDs: `/v1/identity/bundle`.
//!
//! It holds public keys alone, so nobody has to be signed in.

use std::sync::Arc;

use axum::{Router, http::header, response::IntoResponse as _, routing::get};
use maso_wire::KnownHosts;

use super::{harden, only_for};

/// The route, for requests to these hosts. `document` is asked with each request.
pub fn routes(hosts: &Arc<KnownHosts>, document: impl Fn() -> String + Clone + Send + Sync + 'static) -> Router {
    let show = move || {
        let document = document();
        async move { ([(header::CONTENT_TYPE, "application/json")], document).into_response() }
    };
    only_for(hosts, Router::new().route(BUNDLE, get(show)).layer(axum::middleware::from_fn(harden)))
}

const BUNDLE: &str = "/v1/identity/bundle";
