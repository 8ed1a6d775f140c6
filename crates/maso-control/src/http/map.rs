//! The map, and the hops behind what is on it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Query, State},
};
use maso_api as api;
use maso_path::{Ends, Party};
use serde::Deserialize;

use super::{By, Failure};
use crate::{Desk, OrderFault, view};

/// Who may deal with whom, and what went between them so far.
pub(super) async fn map(State(desk): State<Arc<Desk>>, _: By) -> Json<api::MapView> {
    Json(view::map(desk.path(), desk.path().clock().now()))
}

/// What on the map is asked about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, untagged)]
pub(super) enum Place {
    /// An edge.
    Edge { from: String, to: String },
    /// Somebody.
    Node { of: String },
}

/// The latest hops that went over an edge or concern somebody, the last first.
pub(super) async fn hops(
    State(desk): State<Arc<Desk>>,
    _: By,
    Query(place): Query<Place>,
) -> Result<Json<Vec<api::HopView>>, Failure> {
    let party =
        |name: &str| Party::parse(name).ok_or_else(|| OrderFault::Unknown { what: "party", name: name.to_owned() });
    let traffic = desk.path().world().traffic();
    let latest = match place {
        Place::Edge { from, to } => traffic.latest_between(&Ends { from: party(&from)?, to: party(&to)? }),
        Place::Node { of } => traffic.latest_of(&party(&of)?),
    };
    let reader = desk.path().recorder().reader();
    let mut hops = Vec::new();
    for sequence in latest {
        hops.extend(reader.record(sequence)?.as_ref().and_then(view::hop));
    }
    Ok(Json(hops))
}
