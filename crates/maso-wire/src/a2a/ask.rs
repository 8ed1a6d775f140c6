//! What a client asks, read from the params of its request. A member that is not known is refused.

use std::num::NonZeroUsize;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::a2a::{Code, Method, TaskState};

/// What a client asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// To send a message, and how long to wait for what comes of it.
    Send(Box<SendMessage>),
    /// To send a message, and to follow its task.
    SendAndFollow(Box<SendMessage>),
    /// How a task stands.
    Task(WhichTask),
    /// Which tasks there are.
    Tasks(WhichTasks),
    /// To take a task back.
    Cancel(WhichTask),
    /// To follow a task.
    Follow(WhichTask),
    /// To be called back about a task.
    CallBack(WhichTask, PushTarget),
    /// Where one is called back.
    Callback(WhichConfig),
    /// All places where one is called back about a task.
    Callbacks(WhichTask),
    /// Not to be called back any more.
    NoCallback(WhichConfig),
    /// What the agent can do for whoever asks.
    Card,
}

/// A message to an agent.
#[derive(Clone, Debug, PartialEq)]
pub struct SendMessage {
    /// Its id, chosen by the client.
    pub message_id: String,
    /// The conversation that it belongs to, if the client names one.
    pub context: Option<String>,
    /// The task that it goes on with, if it is not the beginning of one.
    pub task: Option<String>,
    /// What it asks for, if it says so.
    pub skill: Option<String>,
    /// What it says.
    pub content: Content,
    /// When the answer is wanted.
    pub returns: Returns,
    /// Where to call back.
    pub push: Option<PushTarget>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Data, and where in the params it stands.
    Data {
        /// The pointer (RFC 6901) from the params on.
        pointer: String,
    },
    /// Words, of all parts together.
    Text(String),
}

/// When an answer to a message is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// As soon as there is a task.
    AtOnce,
    /// When the task is over, or needs something.
    WhenDone,
}

/// Where a client wants to be called.
#[derive(Clone, PartialEq, Eq)]
pub struct PushTarget {
    /// Its id, if the client chose one.
    pub id: Option<String>,
    /// The address.
    pub url: String,
    /// What is shown there, so that the client knows the call.
    pub token: Option<String>,
    /// A scheme and its credentials for the header `Authorization`.
    pub authentication: Option<(String, String)>,
}

impl std::fmt::Debug for PushTarget {
    // Token and credentials are the client's secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PushTarget").field("id", &self.id).field("url", &self.url).finish_non_exhaustive()
    }
}

/// The id of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhichTask(pub String);

/// A place where one is called back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhichConfig {
    /// The task.
    pub task: String,
    /// The place.
    pub id: String,
}

/// Which tasks are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhichTasks {
    /// Only of this conversation.
    pub context: Option<String>,
    /// Only in this state.
    pub state: Option<TaskState>,
    /// How many at most.
    pub n_max: NonZeroUsize,
    /// Where the last page ended.
    pub after: Option<String>,
    /// Whether with what came of them.
    pub with_artifacts: bool,
}

impl Asked {
    /// Reads the params of a request.
    ///
    /// # Errors
    /// When they are not the params of this method; the reason is for the client.
    pub fn read(method: Method, params: &Value) -> Result<Self, (Code, String)> {
        match method {
            Method::SendMessage => send(params).map(|send| Self::Send(Box::new(send))),
            Method::SendStreamingMessage => send(params).map(|send| Self::SendAndFollow(Box::new(send))),
            Method::GetTask => task(params).map(Self::Task),
            Method::CancelTask => task(params).map(Self::Cancel),
            Method::SubscribeToTask => task(params).map(Self::Follow),
            Method::ListTasks => tasks(params).map(Self::Tasks),
            Method::CreatePushConfig => {
                let form: PushForm = form(params)?;
                let task = form.task_id.clone().ok_or_else(|| wrong("`taskId` is missing"))?;
                Ok(Self::CallBack(WhichTask(named("taskId", task)?), form.read()?))
            }
            Method::GetPushConfig => config(params).map(Self::Callback),
            Method::DeletePushConfig => config(params).map(Self::NoCallback),
            Method::ListPushConfigs => {
                let ConfigsForm { tenant, task_id, .. } = form(params)?;
                no_tenant(tenant)?;
                Ok(Self::Callbacks(WhichTask(named("taskId", task_id)?)))
            }
            Method::GetExtendedCard => {
                let TenantForm { tenant } = form(params)?;
                no_tenant(tenant)?;
                Ok(Self::Card)
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SendForm {
    tenant: Option<String>,
    message: MessageForm,
    configuration: Option<ConfigurationForm>,
    metadata: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MessageForm {
    message_id: String,
    context_id: Option<String>,
    task_id: Option<String>,
    role: String,
    parts: Vec<PartForm>,
    metadata: Option<Map<String, Value>>,
    extensions: Option<Vec<String>>,
    reference_task_ids: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PartForm {
    text: Option<String>,
    raw: Option<String>,
    url: Option<String>,
    // Distinguishes data that is null from no data.
    #[serde(default, deserialize_with = "present")]
    data: Option<Value>,
    #[serde(rename = "metadata")]
    _metadata: Option<Map<String, Value>>,
    #[serde(rename = "filename")]
    _filename: Option<String>,
    media_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ConfigurationForm {
    accepted_output_modes: Option<Vec<String>>,
    task_push_notification_config: Option<PushForm>,
    #[serde(rename = "historyLength")]
    _history_length: Option<u32>,
    return_immediately: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PushForm {
    tenant: Option<String>,
    id: Option<String>,
    task_id: Option<String>,
    url: String,
    token: Option<String>,
    authentication: Option<AuthenticationForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct AuthenticationForm {
    scheme: String,
    credentials: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TaskForm {
    tenant: Option<String>,
    id: String,
    #[serde(rename = "historyLength")]
    _history_length: Option<u32>,
    #[serde(rename = "metadata")]
    _metadata: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TasksForm {
    tenant: Option<String>,
    context_id: Option<String>,
    status: Option<String>,
    page_size: Option<usize>,
    page_token: Option<String>,
    #[serde(rename = "historyLength")]
    _history_length: Option<u32>,
    status_timestamp_after: Option<String>,
    include_artifacts: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ConfigForm {
    tenant: Option<String>,
    task_id: String,
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ConfigsForm {
    tenant: Option<String>,
    task_id: String,
    // A task has few of them, and all are given at once.
    #[serde(rename = "pageSize")]
    _page_size: Option<u32>,
    #[serde(rename = "pageToken")]
    _page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TenantForm {
    tenant: Option<String>,
}

fn send(params: &Value) -> Result<SendMessage, (Code, String)> {
    let SendForm { tenant, message, configuration, metadata } = form(params)?;
    no_tenant(tenant)?;
    if message.role != "ROLE_USER" {
        return Err(wrong("a client's message has the role `ROLE_USER`"));
    }
    if message.extensions.is_some_and(|extensions| !extensions.is_empty()) {
        return Err((Code::UnsupportedOperation, "no extension of messages is known here".to_owned()));
    }
    if message.reference_task_ids.is_some_and(|tasks| !tasks.is_empty()) {
        return Err((Code::UnsupportedOperation, "a message refers to no other task here".to_owned()));
    }
    let skill = skill(message.metadata.as_ref())?.or(skill(metadata.as_ref())?);
    let configuration = configuration.map(ConfigurationForm::read).transpose()?;
    let (returns, push) = configuration.unwrap_or((Returns::WhenDone, None));
    Ok(SendMessage {
        message_id: named("messageId", message.message_id)?,
        context: given(message.context_id).map(|context| named("contextId", context)).transpose()?,
        task: given(message.task_id).map(|task| named("taskId", task)).transpose()?,
        skill,
        content: content(&message.parts)?,
        returns,
        push,
    })
}

/// What a message is about: one part of data, or words alone. Of both, nobody could say which of them counts.
fn content(parts: &[PartForm]) -> Result<Content, (Code, String)> {
    let unsupported = |why: &str| (Code::ContentTypeNotSupported, why.to_owned());
    let mut data = None;
    let mut texts = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        match part {
            PartForm { data: Some(_), text: None, raw: None, url: None, media_type, .. } => {
                if given(media_type.clone()).is_some_and(|of| !of.eq_ignore_ascii_case("application/json")) {
                    return Err(unsupported("data is `application/json`"));
                }
                if data.replace(index).is_some() {
                    return Err(wrong("a message has one part of data"));
                }
            }
            PartForm { text: Some(text), data: None, raw: None, url: None, .. } => texts.push(text.as_str()),
            PartForm { raw: Some(_), .. } | PartForm { url: Some(_), .. } => {
                return Err(unsupported("files are not taken"));
            }
            _ => return Err(wrong("a part is one of `data` and `text`")),
        }
    }
    match (data, texts.as_slice()) {
        (Some(index), []) => Ok(Content::Data { pointer: format!("/message/parts/{index}/data") }),
        (Some(_), _) => Err(wrong("a message has data, or text, and not both")),
        (None, []) => Err(wrong("a message has at least one part")),
        (None, texts) => Ok(Content::Text(texts.join("\n"))),
    }
}

fn skill(metadata: Option<&Map<String, Value>>) -> Result<Option<String>, (Code, String)> {
    match metadata.and_then(|metadata| metadata.get(SKILL)) {
        None => Ok(None),
        Some(Value::String(skill)) => named(SKILL, skill.clone()).map(Some),
        Some(_) => Err(wrong("`skill` in the metadata is a text")),
    }
}

impl ConfigurationForm {
    fn read(self) -> Result<(Returns, Option<PushTarget>), (Code, String)> {
        let modes = self.accepted_output_modes.unwrap_or_default();
        let takes_json = |mode: &String| matches!(mode.as_str(), "application/json" | "application/*" | "*/*");
        if !modes.is_empty() && !modes.iter().any(takes_json) {
            return Err((Code::ContentTypeNotSupported, "answers are `application/json`".to_owned()));
        }
        let returns = if self.return_immediately == Some(true) { Returns::AtOnce } else { Returns::WhenDone };
        Ok((returns, self.task_push_notification_config.map(PushForm::read).transpose()?))
    }
}

impl PushForm {
    fn read(self) -> Result<PushTarget, (Code, String)> {
        no_tenant(self.tenant)?;
        let authentication = match self.authentication {
            None => None,
            Some(AuthenticationForm { scheme, credentials: Some(credentials) }) if !credentials.is_empty() => {
                Some((bounded("scheme", scheme)?, bounded("credentials", credentials)?))
            }
            Some(_) => return Err(wrong("`authentication` has `credentials`")),
        };
        Ok(PushTarget {
            id: given(self.id).map(|id| named("id", id)).transpose()?,
            url: bounded("url", self.url)?,
            token: given(self.token).map(|token| bounded("token", token)).transpose()?,
            authentication,
        })
    }
}

fn task(params: &Value) -> Result<WhichTask, (Code, String)> {
    let form: TaskForm = form(params)?;
    no_tenant(form.tenant)?;
    Ok(WhichTask(named("id", form.id)?))
}

fn tasks(params: &Value) -> Result<WhichTasks, (Code, String)> {
    let form: TasksForm = form(params)?;
    no_tenant(form.tenant)?;
    if given(form.status_timestamp_after).is_some() {
        return Err((Code::UnsupportedOperation, "tasks are not listed by the time of their status".to_owned()));
    }
    let state = match given(form.status) {
        None => None,
        Some(state) if state == "TASK_STATE_UNSPECIFIED" => None,
        Some(state) => Some(TaskState::parse(&state).ok_or_else(|| wrong("`status` is no state of a task"))?),
    };
    let n_max = match form.page_size {
        None => PAGE,
        Some(size) => NonZeroUsize::new(size)
            .filter(|size| *size <= PAGE_MAX)
            .ok_or_else(|| wrong("`pageSize` is from 1 to 100"))?,
    };
    Ok(WhichTasks {
        context: given(form.context_id),
        state,
        n_max,
        after: given(form.page_token),
        with_artifacts: form.include_artifacts == Some(true),
    })
}

fn config(params: &Value) -> Result<WhichConfig, (Code, String)> {
    let ConfigForm { tenant, task_id, id } = form(params)?;
    no_tenant(tenant)?;
    Ok(WhichConfig { task: named("taskId", task_id)?, id: named("id", id)? })
}

fn form<'a, T: Deserialize<'a>>(params: &'a Value) -> Result<T, (Code, String)> {
    static EMPTY: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| Value::Object(Map::new()));
    let params = if params.is_null() { &*EMPTY } else { params };
    T::deserialize(params).map_err(|error| wrong(&error.to_string()))
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// In the JSON of protocol buffers an empty text is no text.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// A deployment is the unit of tenancy, and an address leads to one deployment.
fn no_tenant(tenant: Option<String>) -> Result<(), (Code, String)> {
    match given(tenant) {
        None => Ok(()),
        Some(_) => Err(wrong("there are no tenants here")),
    }
}

/// A name that a client chose: visible, and not long.
fn named(what: &str, name: String) -> Result<String, (Code, String)> {
    let is_visible = name.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !is_visible {
        return Err(wrong(&format!("`{what}` is a name of 1 to {NAME_BYTES_MAX} visible characters")));
    }
    Ok(name)
}

fn bounded(what: &str, text: String) -> Result<String, (Code, String)> {
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if text.len() > TEXT_BYTES_MAX || !is_plain {
        return Err(wrong(&format!("`{what}` is at most {TEXT_BYTES_MAX} characters that can be printed")));
    }
    Ok(text)
}

fn wrong(why: &str) -> (Code, String) {
    (Code::InvalidParams, why.to_owned())
}

/// The member of the metadata that names what is asked for.
const SKILL: &str = "skill";
const NAME_BYTES_MAX: usize = 128;
const TEXT_BYTES_MAX: usize = 2_048;
const PAGE: NonZeroUsize = NonZeroUsize::new(50).expect("it is not zero");
const PAGE_MAX: NonZeroUsize = NonZeroUsize::new(100).expect("it is not zero");
