//! The cards of the deployment's agents, signed with its key. In public a card says how the agent is reached and nothing of what
//! it can do; that is told to whoever shows who they are, each as far as its own grants go.

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maso_core::AgentName;
use maso_intent::{Deployment, Grant};
use maso_wire::a2a::Card;
use serde_json::{Value, json};

use crate::{client::http, gateway::Gateway};

/// The public card of an agent. Of one that nobody outside may ask, nobody is told that it is there.
pub(super) async fn card(State(gateway): State<Arc<Gateway>>, Path(agent): Path<String>, request: Request) -> Response {
    if !http::host_is_ours(&gateway, request.headers(), request.uri().host()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let deployment = gateway.decider.deployment();
    let Some(agent) = agent.parse::<AgentName>().ok().filter(|agent| is_shown(&deployment, agent)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    http::json(StatusCode::OK, of(&gateway, &agent, None).to_string())
}

/// The key by which the deployment's cards are believed, as a set of JWKs. Whoever configures it compares its thumbprint by another
/// way first.
pub(super) async fn keys(State(gateway): State<Arc<Gateway>>, request: Request) -> Response {
    if !http::host_is_ours(&gateway, request.headers(), request.uri().host()) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let key = gateway.decider.card_key();
    let mut jwk = key.to_jwk();
    for (name, value) in [("kid", key.thumbprint().to_string()), ("alg", "EdDSA".to_owned()), ("use", "sig".to_owned())]
    {
        jwk[name] = json!(value);
    }
    http::json(StatusCode::OK, json!({ "keys": [jwk] }).to_string())
}

/// The card of an agent, for this client or for anybody.
pub(super) fn of(gateway: &Gateway, agent: &AgentName, client: Option<&AgentName>) -> Value {
    let deployment = gateway.decider.deployment();
    let skills: Vec<(String, String)> = client
        .into_iter()
        .flat_map(|client| grants(&deployment, client, agent))
        .map(|grant| (grant.request.to_string(), grant.schema.to_string()))
        .collect();
    let skills: Vec<(&str, &str)> = skills.iter().map(|(id, schema)| (id.as_str(), schema.as_str())).collect();
    let description =
        format!("An agent of {}. Its skills are told to whoever shows who they are.", deployment.trust_domain);
    let url = format!("{}/a2a/{agent}", gateway.doors.base_url.trim_end_matches('/'));
    gateway.decider.sign_card(Card::write(agent.as_str(), &description, &url, &skills))
}

/// What one agent may ask another.
pub(super) fn grants<'d>(
    deployment: &'d Deployment,
    from: &'d AgentName,
    to: &'d AgentName,
) -> impl Iterator<Item = &'d Grant> {
    let grants = deployment.workflows.values().flat_map(|workflow| &workflow.grants);
    grants.filter(move |grant| grant.from == *from && grant.to == *to)
}

fn is_shown(deployment: &Deployment, agent: &AgentName) -> bool {
    let mut grants = deployment.workflows.values().flat_map(|workflow| &workflow.grants);
    grants.any(|grant| grant.to == *agent && deployment.is_outside(&grant.from))
}
