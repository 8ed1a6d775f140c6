//! What a client asks to be told of.

use std::collections::BTreeSet;

use maso_wire::mcp::Method;
use serde_json::{Value, json};

use crate::listening::RESOURCES_MAX;

/// What a stateless client asked to be told of.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) topics: BTreeSet<Method>,
    pub(super) resources: BTreeSet<String>,
}

/// The lists of whose changes one can be told: the word of the stateless revision, the notification, the capability.
const LISTS: [(&str, Method, &str); 3] = [
    ("toolsListChanged", Method::ToolsChanged, "tools"),
    ("promptsListChanged", Method::PromptsChanged, "prompts"),
    ("resourcesListChanged", Method::ResourcesChanged, "resources"),
];
const RESOURCES: &str = "resourceSubscriptions";

impl Wanted {
    /// What is asked for, less what the server does not offer.
    pub(super) fn of(filter: &Value, offered: &Value) -> Result<Self, &'static str> {
        let lists = LISTS.into_iter().filter(|(word, _, capability)| {
            filter[*word] == json!(true) && offered[*capability]["listChanged"] == json!(true)
        });
        let topics = lists.map(|(_, method, _)| method).collect();
        let named = match &filter[RESOURCES] {
            Value::Null => &Vec::new(),
            Value::Array(uris) => uris,
            _ => return Err("`resourceSubscriptions` must be a list of URIs"),
        };
        if named.len() > RESOURCES_MAX {
            return Err("too many resources in one stream");
        }
        let mut resources = BTreeSet::new();
        for uri in named {
            resources.insert(uri.as_str().ok_or("`resourceSubscriptions` must be a list of URIs")?.to_owned());
        }
        if offered["resources"]["subscribe"] != json!(true) {
            resources.clear();
        }
        Ok(Self { topics, resources })
    }

    /// As the stateless revision writes it.
    pub(super) fn filter(&self) -> Value {
        let mut filter = json!({});
        for (word, method, _) in LISTS {
            if self.topics.contains(&method) {
                filter[word] = json!(true);
            }
        }
        if !self.resources.is_empty() {
            filter[RESOURCES] = json!(self.resources);
        }
        filter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_does_not_offer_is_not_wanted() {
        let filter = json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": false,
            "resourceSubscriptions": ["notes://a", "notes://a"] });
        let offered = json!({ "tools": { "listChanged": true }, "prompts": {}, "resources": { "subscribe": true } });
        let wanted = Wanted::of(&filter, &offered).unwrap();
        assert_eq!(wanted.filter(), json!({ "toolsListChanged": true, "resourceSubscriptions": ["notes://a"] }));
        assert_eq!(Wanted::of(&filter, &json!({})), Ok(Wanted::default()));
        assert!(Wanted::of(&json!({ "resourceSubscriptions": "notes://a" }), &offered).is_err());
        assert!(Wanted::of(&json!({ "resourceSubscriptions": [1] }), &offered).is_err());
        let many: Vec<_> = (0..=RESOURCES_MAX).map(|n| format!("notes://{n}")).collect();
        assert!(Wanted::of(&json!({ "resourceSubscriptions": many }), &offered).is_err());
    }
}
