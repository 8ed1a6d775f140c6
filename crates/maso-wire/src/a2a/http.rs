//! The HTTP+JSON binding: the same operations as verbs and paths, and the same errors as statuses.

use serde_json::{Map, Value};

use crate::a2a::{Code, Method};

/// What a request asks by its verb, its path and its query.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// The operation.
    pub method: Method,
    takes_body: bool,
    params: Map<String, Value>,
}

impl Operation {
    /// Reads a verb, the path below the address of the interface, and the pairs of the query.
    ///
    /// # Errors
    /// When there is no such operation, or it has no such parameter; the reason is for the client.
    pub fn read(verb: &str, path: &str, query: &[(String, String)]) -> Result<Self, (Code, String)> {
        let segments: Vec<&str> = path.split('/').collect();
        let (method, of_path): (Method, Vec<(&str, &str)>) = match (verb, segments.as_slice()) {
            ("POST", ["message:send"]) => (Method::SendMessage, Vec::new()),
            ("POST", ["message:stream"]) => (Method::SendStreamingMessage, Vec::new()),
            ("GET", ["tasks"]) => (Method::ListTasks, Vec::new()),
            ("GET", ["extendedAgentCard"]) => (Method::GetExtendedCard, Vec::new()),
            (_, ["tasks", task]) => match (verb, task.rsplit_once(':')) {
                ("GET", None) => (Method::GetTask, vec![("id", task)]),
                ("POST", Some((task, "cancel"))) => (Method::CancelTask, vec![("id", task)]),
                ("GET" | "POST", Some((task, "subscribe"))) => (Method::SubscribeToTask, vec![("id", task)]),
                _ => return Err(unknown()),
            },
            ("POST", ["tasks", task, CONFIGS]) => (Method::CreatePushConfig, vec![("taskId", task)]),
            ("GET", ["tasks", task, CONFIGS]) => (Method::ListPushConfigs, vec![("taskId", task)]),
            ("GET", ["tasks", task, CONFIGS, id]) => (Method::GetPushConfig, vec![("taskId", task), ("id", id)]),
            ("DELETE", ["tasks", task, CONFIGS, id]) => (Method::DeletePushConfig, vec![("taskId", task), ("id", id)]),
            _ => return Err(unknown()),
        };
        let takes_body = verb == "POST";
        if takes_body && !query.is_empty() {
            return Err(wrong("what is posted says everything in its body"));
        }
        let mut params = Map::new();
        let said = query.iter().map(|(name, value)| Ok((name.as_str(), typed(name, value)?)));
        for pair in of_path.into_iter().map(|(name, value)| Ok((name, Value::from(value)))).chain(said) {
            let (name, value) = pair?;
            if params.insert(name.to_owned(), value).is_some() {
                return Err(twice(name));
            }
        }
        Ok(Self { method, takes_body, params })
    }

    /// Whether something is said in the body of such a request.
    pub fn takes_body(&self) -> bool {
        self.takes_body
    }

    /// The params of the operation: those of the path and the query, and the members of the body.
    ///
    /// # Errors
    /// When the body is no object, or says something else than the path.
    pub fn params(self, body: &Value) -> Result<Value, (Code, String)> {
        let Value::Object(members) = body else { return Err(wrong("the body is an object")) };
        let mut params = members.clone();
        for (name, value) in self.params {
            if params.get(&name).is_some_and(|said| *said != value) {
                return Err(twice(&name));
            }
            params.insert(name, value);
        }
        Ok(Value::Object(params))
    }
}

impl Code {
    /// The status of HTTP, and the name that goes with it.
    pub const fn http_status(self) -> (u16, &'static str) {
        match self {
            Self::MethodNotFound | Self::TaskNotFound => (404, "NOT_FOUND"),
            Self::Parse | Self::InvalidRequest | Self::InvalidParams | Self::ContentTypeNotSupported => {
                (400, "INVALID_ARGUMENT")
            }
            Self::TaskNotCancelable
            | Self::PushNotSupported
            | Self::UnsupportedOperation
            | Self::VersionNotSupported => (400, "FAILED_PRECONDITION"),
            Self::Refused => (403, "PERMISSION_DENIED"),
            Self::Internal => (500, "INTERNAL"),
        }
    }
}

/// The value of a parameter that the query names. In a query everything is text.
fn typed(name: &str, value: &str) -> Result<Value, (Code, String)> {
    let read = match name {
        "pageSize" | "historyLength" => value.parse::<u32>().ok().map(Value::from),
        "includeArtifacts" => value.parse::<bool>().ok().map(Value::from),
        _ => Some(Value::from(value)),
    };
    read.ok_or_else(|| wrong(&format!("`{name}` is of another type")))
}

fn unknown() -> (Code, String) {
    (Code::MethodNotFound, "there is no such operation".to_owned())
}

fn twice(name: &str) -> (Code, String) {
    let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    wrong(&format!("`{name}` is said twice"))
}

fn wrong(why: &str) -> (Code, String) {
    (Code::InvalidParams, why.to_owned())
}

/// Where a task's callbacks lie.
const CONFIGS: &str = "pushNotificationConfigs";
