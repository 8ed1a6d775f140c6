//! An HTTP client that proves with each request that it holds the agent's key (DPoP, RFC 9449).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use futures::stream::BoxStream;
use maso_core::Timestamp;
use maso_identity::AgentKey;
use reqwest::{
    Client,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use rmcp::{
    model::ClientJsonRpcMessage,
    transport::streamable_http_client::{
        SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse, StreamableHttpResponseLimits,
    },
};
use sse_stream::Sse;
use uuid::Uuid;

type Headers = HashMap<HeaderName, HeaderValue>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

/// rmcp's own HTTP client, with a fresh proof of possession and the current task's token on each request.
#[derive(Clone)]
pub(super) struct BoundClient {
    http: Client,
    key: Arc<AgentKey>,
    token: Arc<str>,
    // Agents do one thing at a time, so there is one current task; all connections share it.
    task_token: Arc<Mutex<Option<String>>>,
}

impl BoundClient {
    pub(super) fn new(http: Client, key: AgentKey, token: &str) -> Self {
        Self { http, key: Arc::new(key), token: token.into(), task_token: Arc::default() }
    }

    /// All requests from now on belong to this task.
    pub(super) fn work_in(&self, task_token: Option<String>) {
        *self.task_token.lock().unwrap_or_else(PoisonError::into_inner) = task_token;
    }

    fn sign(&self, method: &str, url: &str, mut headers: Headers) -> Headers {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let now = Timestamp::from_millis(i64::try_from(now).unwrap_or(i64::MAX));
        let proof = self.key.prove(method, url, &self.token, Uuid::new_v4(), now);
        let mut put = |name: HeaderName, text: &str| {
            // A token that is no header value cannot be sent; the gateway then refuses the request.
            if let Ok(mut value) = HeaderValue::from_str(text) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        };
        put(AUTHORIZATION, &format!("DPoP {}", self.token));
        put(HeaderName::from_static("dpop"), &proof);
        if let Some(task) = &*self.task_token.lock().unwrap_or_else(PoisonError::into_inner) {
            put(HeaderName::from_static("maso-task"), task);
        }
        headers
    }
}

impl StreamableHttpClient for BoundClient {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<StreamableHttpPostResponse, StreamableHttpError<Self::Error>> {
        let headers = self.sign("POST", &uri, custom_headers);
        self.http.post_message(uri, message, session_id, auth_header, headers).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, StreamableHttpError<Self::Error>> {
        let headers = self.sign("POST", &uri, custom_headers);
        self.http.post_message_with_response_limits(uri, message, session_id, auth_header, headers, limits).await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<(), StreamableHttpError<Self::Error>> {
        let headers = self.sign("DELETE", &uri, custom_headers);
        self.http.delete_session(uri, session_id, auth_header, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: Headers,
    ) -> Result<Events, StreamableHttpError<Self::Error>> {
        let headers = self.sign("GET", &uri, custom_headers);
        self.http.get_stream(uri, session_id, last_event_id, auth_header, headers).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: Headers,
        max_sse_event_size: usize,
    ) -> Result<Events, StreamableHttpError<Self::Error>> {
        let headers = self.sign("GET", &uri, custom_headers);
        let size = max_sse_event_size;
        self.http.get_stream_with_max_sse_event_size(uri, session_id, last_event_id, auth_header, headers, size).await
    }
}
