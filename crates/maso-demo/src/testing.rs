//! What the tests share: a seeded folder, servers at the other end of a pipe, and mediators in between.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use rmcp::{
    ErrorData, Json, RoleClient, RoleServer, ServerHandler, Service, ServiceExt as _,
    handler::server::{router::tool::ToolRouter, wrapper::Parameters},
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientConfig,
        GetPromptRequestParams, GetPromptResponse, Implementation, ListToolsResult, PaginatedRequestParams,
        ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig,
    },
    schemars,
    service::{RequestContext, RunningService},
    tool, tool_handler, tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::{
    DATABASE_FILE, DOCUMENTS_FOLDER, DemoServer, seed,
    servers::{ClaimsDb, Documents, Mail, Store},
};

pub(crate) type Client = RunningService<RoleClient, ClientConfig>;

pub(crate) fn seeded() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    seed(folder.path()).unwrap();
    folder
}

/// A client of one of the example's servers, at the other end of a pipe.
pub(crate) async fn client_of(which: DemoServer, data: &TempDir) -> Client {
    let store = || Store::open(&data.path().join(DATABASE_FILE)).unwrap();
    match which {
        DemoServer::ClaimsDb => connect(ClaimsDb::new(store())).await,
        DemoServer::Documents => connect(Documents::new(data.path().join(DOCUMENTS_FOLDER))).await,
        DemoServer::Mail => connect(Mail::new(store())).await,
    }
}

pub(crate) async fn connect<S: Service<RoleServer>>(server: S) -> Client {
    let (near, far) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move { server.serve(far).await.unwrap().waiting().await.unwrap() });
    let identity = Implementation::new("tests", "0");
    ClientConfig::new(ClientCapabilities::default(), identity).serve(near).await.unwrap()
}

pub(crate) async fn call(client: &Client, tool: &str, arguments: Value) -> CallToolResult {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    client.call_tool(CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments)).await.unwrap()
}

/// What a mediator says to a call: nothing, or what stands under `maso` in the answer.
pub(crate) type Rule = Arc<dyn Fn(&str, &Map<String, Value>) -> Option<Value> + Send + Sync>;

/// Stands between an agent and a server, and answers in the server's place where its rule says so.
pub(crate) struct Mediator {
    pub inner: Client,
    pub rule: Rule,
}

impl ServerHandler for Mediator {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build())
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(self.inner.list_tools(request).await.unwrap())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.clone().unwrap_or_default();
        let result = match (self.rule)(&request.name, &arguments) {
            Some(maso) => CallToolResult::structured_error(json!({ "maso": maso })),
            None => self.inner.call_tool(request).await.unwrap(),
        };
        Ok(result.into())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(self.inner.read_resource(request).await.unwrap().into())
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Ok(self.inner.get_prompt(request).await.unwrap().into())
    }
}

/// Requests that wait, by agent.
pub(crate) type Waiting = Arc<Mutex<BTreeMap<String, VecDeque<Value>>>>;

/// Carries requests between agents and looks at none of them.
#[derive(Clone)]
pub(crate) struct Bus {
    agent: String,
    waiting: Waiting,
    tool_router: ToolRouter<Self>,
}

#[tool_handler(router = self.tool_router)]
impl ServerHandler for Bus {}

#[tool_router]
impl Bus {
    pub(crate) fn new(agent: &str, waiting: &Waiting) -> Self {
        Self { agent: agent.to_owned(), waiting: Arc::clone(waiting), tool_router: Self::tool_router() }
    }

    #[tool(description = "Ask another agent for something.")]
    async fn send_request(&self, Parameters(sent): Parameters<Sent>) -> Json<Received> {
        let mut waiting = self.waiting.lock().unwrap();
        let queue = waiting.entry(sent.to).or_default();
        let request = json!({ "id": queue.len().to_string(), "from": self.agent, "request": sent.request, "content": sent.content });
        queue.push_back(request);
        Json(Received { requests: Vec::new() })
    }

    #[tool(description = "What other agents ask.")]
    async fn receive_requests(&self, Parameters(_): Parameters<Wait>) -> Json<Received> {
        let requests = self.waiting.lock().unwrap().remove(&self.agent).unwrap_or_default();
        Json(Received { requests: requests.into() })
    }

    #[tool(description = "Say what became of a request.")]
    async fn complete_request(&self, Parameters(_): Parameters<Completed>) -> Json<Received> {
        Json(Received { requests: Vec::new() })
    }
}

#[derive(Deserialize, JsonSchema)]
struct Sent {
    to: String,
    request: String,
    content: Value,
}

#[derive(Deserialize, JsonSchema)]
struct Wait {
    #[expect(dead_code, reason = "nothing waits here")]
    wait_ms: u64,
}

#[derive(Deserialize, JsonSchema)]
struct Completed {
    #[expect(dead_code, reason = "nothing is kept here")]
    id: String,
    #[expect(dead_code, reason = "nothing is kept here")]
    result: Value,
}

#[derive(Serialize, JsonSchema)]
struct Received {
    requests: Vec<Value>,
}
