//! Listing tools: what the server publishes, less what the agent's mandate does not have and nobody has approved.

use std::{collections::BTreeSet, sync::Arc};

use maso_core::{Mode, ToolName, ToolRef};
use maso_intent::{PinState, ToolDefinition};
use maso_wire::{
    UnverifiedToken,
    mcp::{self, Code, Members, Method, Reply},
};
use serde_json::{Value, json, value::RawValue};

use crate::{
    calls::Call,
    gateway::Gateway,
    room::Room,
    upstream::{LegFault, stateless_meta},
};

/// How many pages of a listing are fetched.
pub(crate) const PAGES_MAX: usize = 32;

impl Gateway {
    /// All pages at once, each definition that is shown exactly as the server wrote it.
    pub(crate) async fn list_tools(
        &self,
        call: &Arc<Call>,
        room: &Arc<Room>,
        (params, task): (&Value, Option<&UnverifiedToken>),
    ) -> Result<Reply, LegFault> {
        if params.get("cursor").is_some_and(|cursor| !cursor.is_null()) {
            // All pages are given at once, so no cursor was ever given out.
            return Ok(mcp::error(Code::InvalidParams, "unknown cursor", None));
        }
        let leg = room.leg().await?;
        let stateless = leg.met().revision.is_stateless();
        let mut published: Vec<(ToolRef, Box<RawValue>, Value)> = Vec::new();
        let mut first_page: Option<Members> = None;
        let mut cursor: Option<Box<RawValue>> = None;
        for _ in 0..PAGES_MAX {
            let mut page_params = Members::new();
            if let Some(cursor) = &cursor {
                page_params.set("cursor", cursor.clone());
            }
            if stateless {
                page_params.set_value("_meta", &stateless_meta(room.capabilities()));
            }
            let id = leg.fresh_id();
            call.sent(&leg, id);
            let answer = leg.ask(id, Method::ToolsList, &page_params, None).await?;
            let Reply::Result(result) = &answer.reply else { return Ok(answer.reply) };
            let mut page = Members::of(result).unwrap_or_default();
            let tools: Vec<Box<RawValue>> =
                page.named("tools").and_then(|tools| serde_json::from_str(tools.get()).ok()).unwrap_or_default();
            let values = answer.frame.value()["result"]["tools"].as_array().cloned().unwrap_or_default();
            for (definition, value) in tools.into_iter().zip(values) {
                let Some(name) = value.get("name").and_then(Value::as_str) else { continue };
                // A name that no mandate can hold belongs to a tool that nobody can be granted.
                let Ok(name) = name.parse::<ToolName>() else { continue };
                let schema = &value["inputSchema"];
                if stateless && mcp::parameter_headers(schema, &json!({})).is_err() {
                    tracing::warn!(server = %room.server, tool = %name, "a tool's header annotations cannot be followed");
                    continue;
                }
                leg.learn_schema(name.as_str(), schema);
                let tool = ToolRef::new(room.server.clone(), name);
                self.mirrors.learn(&tool, schema);
                published.push((tool, definition, value));
            }
            cursor = page.take("nextCursor").filter(|cursor| cursor.get() != "null");
            first_page.get_or_insert(page);
            if cursor.is_none() {
                break;
            }
        }
        let noted =
            published.iter().map(|(tool, _, value)| (tool.clone(), ToolDefinition::new(value.clone()))).collect();
        let mut states = self.decider.published(noted).await;
        if states.iter().any(|(_, state)| *state != PinState::Pinned) {
            // What a person approved through another process may not have come here yet: it is waited for before anything
            // is hidden.
            self.decider.hear().await;
            states.iter_mut().for_each(|(tool, state)| *state = self.decider.pin(tool));
        }
        let visible: BTreeSet<ToolRef> =
            self.decider.visible_tools(&room.agent, &room.server, task).into_iter().collect();
        let observes = self.decider.mode() == Mode::Observe;
        let shown: Vec<&RawValue> = published
            .iter()
            .zip(&states)
            .filter(|((tool, _, _), (of, state))| {
                observes || (tool == of && *state == PinState::Pinned && visible.contains(tool))
            })
            .map(|((_, definition, _), _)| &**definition)
            .collect();
        let mut result = first_page.unwrap_or_default();
        result.set_value("tools", &shown);
        Ok(Reply::Result(result.to_raw()))
    }
}
