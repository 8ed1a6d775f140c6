//! What a peer says of a task. Members that nobody knows are left out, as the protocol wants it; what is known has its form.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::a2a::TaskState;

/// What a peer has said of one task, or instead of one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// The task's id; `None` for a message that stands alone.
    pub task: Option<String>,
    /// The conversation.
    pub context: Option<String>,
    /// Where the task is; `None` for a message that stands alone.
    pub state: Option<TaskState>,
    /// What was said about that.
    pub message: Vec<Value>,
    /// What came of it, by artifact.
    artifacts: Vec<Artifact>,
}

/// What the newest event brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// More is to come.
    GoesOn,
    /// The peer has said what it says.
    Done,
}

/// Why what a peer said cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SaidFault(String);

#[derive(Clone, Debug, PartialEq)]
struct Artifact {
    id: String,
    parts: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventForm {
    task: Option<TaskForm>,
    message: Option<MessageForm>,
    status_update: Option<StatusUpdateForm>,
    artifact_update: Option<ArtifactUpdateForm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskForm {
    id: String,
    context_id: Option<String>,
    status: StatusForm,
    #[serde(default)]
    artifacts: Vec<ArtifactForm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusForm {
    state: String,
    message: Option<MessageForm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageForm {
    context_id: Option<String>,
    task_id: Option<String>,
    #[serde(default)]
    parts: Vec<PartForm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StatusUpdateForm {
    task_id: String,
    status: StatusForm,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactUpdateForm {
    task_id: String,
    artifact: ArtifactForm,
    #[serde(default)]
    append: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactForm {
    artifact_id: String,
    #[serde(default)]
    parts: Vec<PartForm>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartForm {
    text: Option<String>,
    raw: Option<String>,
    url: Option<String>,
    data: Option<Value>,
    filename: Option<String>,
    media_type: Option<String>,
}

impl Said {
    /// Of a task that goes on: whatever is said of another is none of it.
    pub fn about(task: &str) -> Self {
        Self { task: Some(task.to_owned()), ..Self::default() }
    }

    /// Reads the result of `SendMessage`, or one event of a stream: `{"task": …}` and its like.
    ///
    /// # Errors
    /// When it is none, or about another task than the one before.
    pub fn hear(&mut self, event: &Value) -> Result<Update, SaidFault> {
        let form = EventForm::deserialize(event).map_err(|error| SaidFault(error.to_string()))?;
        match form {
            EventForm { task: Some(task), message: None, status_update: None, artifact_update: None } => {
                self.hear_task(task)
            }
            EventForm { message: Some(message), task: None, status_update: None, artifact_update: None } => {
                if self.task.is_some() {
                    return Err(SaidFault("a message where a task was said to be".to_owned()));
                }
                self.context = given(message.context_id);
                if given(message.task_id).is_some() {
                    return Err(SaidFault("a message of a task that nobody began".to_owned()));
                }
                self.message = parts(message.parts)?;
                Ok(Update::Done)
            }
            EventForm { status_update: Some(update), task: None, message: None, artifact_update: None } => {
                self.is_about(&update.task_id)?;
                self.stands(update.status)
            }
            EventForm { artifact_update: Some(update), task: None, message: None, status_update: None } => {
                self.is_about(&update.task_id)?;
                self.keep(update.artifact, update.append)?;
                Ok(Update::GoesOn)
            }
            _ => Err(SaidFault("neither a task, nor a message, nor an update".to_owned())),
        }
    }

    /// Reads the result of `GetTask` or `CancelTask`.
    ///
    /// # Errors
    /// When it is no task, or another than the one before.
    pub fn hear_of_task(&mut self, task: &Value) -> Result<Update, SaidFault> {
        let task = TaskForm::deserialize(task).map_err(|error| SaidFault(error.to_string()))?;
        self.hear_task(task)
    }

    /// All that was said, in our own words for results of tools.
    pub fn told(&self) -> Value {
        let mut told = json!({});
        if let Some(state) = self.state {
            told["state"] = json!(state.as_str());
        }
        for (name, id) in [("taskId", &self.task), ("contextId", &self.context)] {
            if let Some(id) = id {
                told[name] = json!(id);
            }
        }
        if !self.message.is_empty() {
            told["message"] = json!(self.message);
        }
        if !self.artifacts.is_empty() {
            let artifacts = self.artifacts.iter();
            told["artifacts"] =
                artifacts.map(|artifact| json!({ "artifactId": artifact.id, "parts": artifact.parts })).collect();
        }
        told
    }

    /// The texts among all that was said, in order.
    pub fn texts(&self) -> Vec<&str> {
        let artifacts = self.artifacts.iter().flat_map(|artifact| &artifact.parts);
        self.message.iter().chain(artifacts).filter_map(|part| part.get("text")?.as_str()).collect()
    }

    fn hear_task(&mut self, form: TaskForm) -> Result<Update, SaidFault> {
        let id = name(form.id)?;
        match &self.task {
            Some(known) if *known != id => return Err(SaidFault("it tells of another task".to_owned())),
            _ => self.task = Some(id),
        }
        if let Some(context) = given(form.context_id) {
            self.context = Some(name(context)?);
        }
        self.artifacts.clear();
        for artifact in form.artifacts {
            self.keep(artifact, false)?;
        }
        self.stands(form.status)
    }

    fn stands(&mut self, form: StatusForm) -> Result<Update, SaidFault> {
        let state = TaskState::parse(&form.state).ok_or_else(|| SaidFault("a state that is not known".to_owned()))?;
        self.state = Some(state);
        self.message = form.message.map(|message| parts(message.parts)).transpose()?.unwrap_or_default();
        Ok(if state.is_final() || state.is_interrupted() { Update::Done } else { Update::GoesOn })
    }

    fn is_about(&self, task: &str) -> Result<(), SaidFault> {
        match &self.task {
            Some(known) if known == task => Ok(()),
            _ => Err(SaidFault("it tells of another task".to_owned())),
        }
    }

    fn keep(&mut self, form: ArtifactForm, append: bool) -> Result<(), SaidFault> {
        let (id, more) = (name(form.artifact_id)?, parts(form.parts)?);
        match self.artifacts.iter_mut().find(|artifact| artifact.id == id) {
            Some(artifact) if append => artifact.parts.extend(more),
            Some(artifact) => artifact.parts = more,
            None => self.artifacts.push(Artifact { id, parts: more }),
        }
        let n_parts: usize = self.artifacts.iter().map(|artifact| artifact.parts.len()).sum();
        if self.artifacts.len() > ARTIFACTS_MAX || n_parts > PARTS_MAX {
            return Err(SaidFault("more artifacts than are taken".to_owned()));
        }
        Ok(())
    }
}

fn parts(forms: Vec<PartForm>) -> Result<Vec<Value>, SaidFault> {
    if forms.len() > PARTS_MAX {
        return Err(SaidFault("more parts than are taken".to_owned()));
    }
    forms
        .into_iter()
        .map(|form| {
            let PartForm { text, raw, url, data, filename, media_type } = form;
            let mut part = match (text, raw, url, data) {
                (Some(text), None, None, None) => json!({ "text": text }),
                (None, Some(raw), None, None) => json!({ "raw": raw }),
                // A link is words here: nobody follows it.
                (None, None, Some(url), None) => json!({ "url": url }),
                (None, None, None, Some(data)) => json!({ "data": data }),
                _ => return Err(SaidFault("a part that is not one of text, raw, url and data".to_owned())),
            };
            for (name, value) in [("filename", given(filename)), ("mediaType", given(media_type))] {
                if let Some(value) = value {
                    part[name] = json!(value);
                }
            }
            Ok(part)
        })
        .collect()
}

fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn name(name: String) -> Result<String, SaidFault> {
    let is_visible = name.chars().all(|c| !c.is_control());
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !is_visible {
        return Err(SaidFault("an id that is none".to_owned()));
    }
    Ok(name)
}

const NAME_BYTES_MAX: usize = 256;
const ARTIFACTS_MAX: usize = 64;
const PARTS_MAX: usize = 1_024;
