//! How tasks are written for clients.

use serde_json::{Value, json};

use crate::a2a::TaskState;

/// A task, as its client may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Task<'a> {
    /// Its id.
    pub id: &'a str,
    /// The conversation that it belongs to.
    pub context: &'a str,
    /// Where it is.
    pub state: TaskState,
    /// What is to be said of that.
    pub note: Option<&'a str>,
    /// What came of it.
    pub result: Option<&'a Value>,
}

impl Task<'_> {
    /// The task as JSON.
    pub fn write(&self) -> Value {
        let mut task = json!({ "id": self.id, "contextId": self.context, "status": self.status() });
        if let Some(artifact) = self.artifact() {
            task["artifacts"] = json!([artifact]);
        }
        task
    }

    fn status(&self) -> Value {
        let mut status = json!({ "state": self.state.as_str() });
        if let Some(note) = self.note {
            status["message"] = json!({
                "messageId": format!("{}-{}", self.id, self.state.as_str().to_ascii_lowercase()),
                "taskId": self.id,
                "contextId": self.context,
                "role": "ROLE_AGENT",
                "parts": [{ "text": note }],
            });
        }
        status
    }

    fn artifact(&self) -> Option<Value> {
        let result = self.result?;
        Some(json!({ "artifactId": "result", "parts": [{ "data": result, "mediaType": "application/json" }] }))
    }
}

/// The event that says where a task is now.
pub fn status_update(task: &Task<'_>) -> Value {
    json!({ "statusUpdate": { "taskId": task.id, "contextId": task.context, "status": task.status() } })
}

/// The event that brings what came of a task; `None` where nothing did.
pub fn artifact_update(task: &Task<'_>) -> Option<Value> {
    let artifact = task.artifact()?;
    Some(json!({
        "artifactUpdate": {
            "taskId": task.id, "contextId": task.context, "artifact": artifact, "lastChunk": true,
        },
    }))
}

/// The params of a message to a peer, with what it is about in its metadata.
pub fn message_to(skill: &str, message_id: &str, going_on: Option<(&str, &str)>, parts: &[Value]) -> Value {
    let mut message = json!({
        "messageId": message_id,
        "role": "ROLE_USER",
        "parts": parts,
        "metadata": { "skill": skill },
    });
    if let Some((task, context)) = going_on {
        message["taskId"] = json!(task);
        message["contextId"] = json!(context);
    }
    json!({ "message": message })
}
