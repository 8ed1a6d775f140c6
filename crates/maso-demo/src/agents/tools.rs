//! An agent's view of the tools: MCP over the gateway, and nothing else.

use std::{collections::BTreeMap, time::Duration};

use rmcp::{
    RoleClient, ServiceExt as _,
    model::{
        CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, GetPromptRequestParams,
        Implementation, ReadResourceRequestParams, ResourceContents,
    },
    service::{RunningService, ServiceError},
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::{Map, Value, json};

use super::{Because, Event, Reply, Teller, bound::BoundClient};
use crate::DemoError;

/// The tools that an agent can reach. Tells of each call and of what came of it.
pub(super) struct Tools {
    agent: String,
    base_url: String,
    client: BoundClient,
    standing_task: Option<String>,
    connections: BTreeMap<String, Connection>,
    claim_id: Option<String>,
    teller: Teller,
}

struct Connection {
    service: RunningService<RoleClient, ClientConfig>,
    tools: Vec<String>,
}

impl Tools {
    pub(super) fn new(
        agent: &str,
        base_url: &str,
        client: BoundClient,
        task_token: Option<String>,
        teller: Teller,
    ) -> Self {
        client.work_in(task_token.clone());
        Self {
            agent: agent.to_owned(),
            base_url: base_url.trim_end_matches('/').to_owned(),
            client,
            standing_task: task_token,
            connections: BTreeMap::new(),
            claim_id: None,
            teller,
        }
    }

    /// Tools that are reached over connections that were made before, without a gateway.
    #[cfg(test)]
    pub(super) async fn over(
        agent: &str,
        services: Vec<(&str, RunningService<RoleClient, ClientConfig>)>,
        teller: Teller,
    ) -> Self {
        let http = reqwest::Client::new();
        let key = maso_identity::AgentKey::from_seed([7; 32]);
        let mut tools = Self::new(agent, "http://127.0.0.1:1", BoundClient::new(http, key, ""), None, teller);
        for (server, service) in services {
            let seen = service
                .list_all_tools()
                .await
                .expect("the server answers")
                .into_iter()
                .map(|tool| tool.name.into_owned())
                .collect();
            tools.connections.insert(server.to_owned(), Connection { service, tools: seen });
        }
        tools
    }

    /// Tells what the agent did.
    pub(super) fn tell(&mut self, event: &Event) -> Result<(), DemoError> {
        (self.teller)(event)
    }

    /// The agent that uses them.
    pub(super) fn agent(&self) -> &str {
        &self.agent
    }

    /// All calls from now on are about this claim, and belong to its task if it has one of its own.
    pub(super) fn work_on(&mut self, claim_id: Option<&str>, task_token: Option<&str>) {
        self.claim_id = claim_id.map(str::to_owned);
        self.client.work_in(task_token.map(str::to_owned).or_else(|| self.standing_task.clone()));
    }

    /// Whether the server shows this agent that tool.
    pub(super) async fn sees(&mut self, server: &str, tool: &str) -> bool {
        self.connect(server).await.is_ok_and(|connection| connection.tools.iter().any(|seen| seen == tool))
    }

    /// Calls a tool and tells of it. A held call is repeated unchanged until it is decided.
    pub(super) async fn call(
        &mut self,
        server: &str,
        tool: &str,
        arguments: Value,
        because: Because,
    ) -> Result<Reply, DemoError> {
        let reply = self.call_quietly(server, tool, arguments.clone()).await?;
        self.tell_call(server, tool, arguments, because, reply)
    }

    /// Calls a tool as [`Tools::call`] does, and tells only of being held.
    pub(super) async fn call_quietly(
        &mut self,
        server: &str,
        tool: &str,
        arguments: Value,
    ) -> Result<Reply, DemoError> {
        let Value::Object(arguments) = arguments else { unreachable!("arguments are always written as an object") };
        let mut told_of = None;
        for _ in 0..HELD_ROUNDS_MAX {
            match self.call_once(server, tool, arguments.clone()).await {
                Answer::Final(reply) => return Ok(reply),
                Answer::Held { ticket, retry_after } => {
                    if told_of.as_ref() != Some(&ticket) {
                        let event = Event::Held {
                            agent: self.agent.clone(),
                            server: server.to_owned(),
                            item: tool.to_owned(),
                            claim_id: self.claim_id.clone(),
                            ticket: ticket.clone(),
                        };
                        self.tell(&event)?;
                        told_of = Some(ticket);
                    }
                    tokio::time::sleep(retry_after).await;
                }
            }
        }
        Ok(Reply::Failed { message: "held for too long".to_owned() })
    }

    /// Reads a resource as text and tells of it.
    pub(super) async fn read_resource(&mut self, server: &str, uri: &str) -> Result<Reply, DemoError> {
        let reply = match self.connect(server).await {
            Ok(connection) => match connection.service.read_resource(ReadResourceRequestParams::new(uri)).await {
                Ok(read) => {
                    let text = read.contents.iter().find_map(|contents| match contents {
                        ResourceContents::TextResourceContents { text, .. } => Some(text.clone()),
                        _ => None,
                    });
                    Reply::Done { result: json!({ "text": text.unwrap_or_default() }) }
                }
                Err(error) => reply_of_error(&error),
            },
            Err(reply) => reply,
        };
        self.tell_call(server, uri, json!({ "uri": uri }), Because::Duty, reply)
    }

    /// Gets a prompt and tells of it.
    pub(super) async fn read_prompt(
        &mut self,
        server: &str,
        prompt: &str,
        arguments: Map<String, Value>,
    ) -> Result<Reply, DemoError> {
        let told = Value::Object(arguments.clone());
        let reply = match self.connect(server).await {
            Ok(connection) => {
                let params = GetPromptRequestParams::new(prompt).with_arguments(arguments);
                match connection.service.get_prompt(params).await {
                    Ok(prompt) => Reply::Done { result: json!({ "n_messages": prompt.messages.len() }) },
                    Err(error) => reply_of_error(&error),
                }
            }
            Err(reply) => reply,
        };
        self.tell_call(server, prompt, told, Because::Duty, reply)
    }

    fn tell_call(
        &mut self,
        server: &str,
        item: &str,
        arguments: Value,
        because: Because,
        reply: Reply,
    ) -> Result<Reply, DemoError> {
        let event = Event::Called {
            agent: self.agent.clone(),
            server: server.to_owned(),
            item: item.to_owned(),
            arguments,
            claim_id: self.claim_id.clone(),
            because,
            reply: reply.clone(),
        };
        self.tell(&event)?;
        Ok(reply)
    }

    async fn call_once(&mut self, server: &str, tool: &str, arguments: Map<String, Value>) -> Answer {
        let connection = match self.connect(server).await {
            Ok(connection) => connection,
            Err(reply) => return Answer::Final(reply),
        };
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        match connection.service.call_tool(params).await {
            Ok(result) => answer_of(result),
            Err(error) => Answer::Final(reply_of_error(&error)),
        }
    }

    async fn connect(&mut self, server: &str) -> Result<&Connection, Reply> {
        if !self.connections.contains_key(server) {
            let url = format!("{}/mcp/{server}", self.base_url);
            let config = StreamableHttpClientTransportConfig::with_uri(url);
            let transport = StreamableHttpClientTransport::with_client(self.client.clone(), config);
            let identity = Implementation::new(self.agent.clone(), env!("CARGO_PKG_VERSION"));
            let service = ClientConfig::new(ClientCapabilities::default(), identity)
                .serve(transport)
                .await
                .map_err(|error| Reply::Failed { message: error.to_string() })?;
            let listed = service.list_all_tools().await.unwrap_or_default();
            let tools = listed.into_iter().map(|tool| tool.name.into_owned()).collect();
            self.connections.insert(server.to_owned(), Connection { service, tools });
        }
        Ok(&self.connections[server])
    }
}

enum Answer {
    Final(Reply),
    Held { ticket: String, retry_after: Duration },
}

fn answer_of(result: CallToolResult) -> Answer {
    let structured = result.structured_content.unwrap_or_default();
    if result.is_error != Some(true) {
        return Answer::Final(Reply::Done { result: structured });
    }
    let maso = &structured["maso"];
    if maso["held"] == true {
        let retry_after_ms = maso["retry_after_ms"].as_u64().unwrap_or(RETRY_MS_MIN);
        return Answer::Held {
            ticket: maso["ticket"].as_str().unwrap_or_default().to_owned(),
            retry_after: Duration::from_millis(retry_after_ms.clamp(RETRY_MS_MIN, RETRY_MS_MAX)),
        };
    }
    if let Some(code) = maso["refused"].as_str() {
        return Answer::Final(Reply::Refused { code: code.to_owned() });
    }
    let text = result.content.iter().find_map(|content| Some(content.as_text()?.text.clone()));
    Answer::Final(Reply::Failed { message: text.unwrap_or_default() })
}

fn reply_of_error(error: &ServiceError) -> Reply {
    if let ServiceError::McpError(data) = error
        && let Some(code) = data.data.as_ref().and_then(|data| data["maso"]["refused"].as_str())
    {
        return Reply::Refused { code: code.to_owned() };
    }
    Reply::Failed { message: error.to_string() }
}

// Repeating costs the gateway little; together with the longest pause this outlasts any approval's own time limit.
const HELD_ROUNDS_MAX: usize = 10_000;
const RETRY_MS_MIN: u64 = 100;
const RETRY_MS_MAX: u64 = 5_000;
