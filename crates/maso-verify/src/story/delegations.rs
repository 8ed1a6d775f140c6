//! Work is done for requests that were let through, by whom they asked, and for none that was revoked (IA-2.4, IA-3.3).

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// The requests of agents to each other. Work may go on for any of them, so none is forgotten.
#[derive(Default)]
pub(super) struct Delegations {
    /// Whom each of them asked.
    asked: HashMap<String, String>,
    revoked: HashSet<String>,
}

impl Delegations {
    /// Takes in what may be released.
    pub(super) fn permitted(&mut self, body: &Value) {
        if body["verb"] == "request" && body["answers"].is_null() {
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            self.asked.insert(text("hop"), text("to"));
        }
    }

    /// Takes in a revocation.
    pub(super) fn revoked(&mut self, body: &Value) {
        if let (Some("delegation"), Some(hop)) = (body["what"].as_str(), body["subject"].as_str()) {
            self.revoked.insert(hop.to_owned());
        }
    }

    /// Looks at the chain of requests for which a hop was allowed.
    pub(super) fn bear(&self, body: &Value, is_whole: bool, problem: &mut dyn FnMut(String)) {
        let hop = body["hop"].as_str().unwrap_or_default();
        let chain = body["chain"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut last = None;
        for asked in chain {
            match self.asked.get(asked) {
                None if is_whole => problem(format!("`{hop}` was allowed for `{asked}`, which was never asked")),
                to => last = to,
            }
            if self.revoked.contains(asked) {
                problem(format!("`{hop}` was allowed for `{asked}`, which was revoked"));
            }
        }
        let parties = [body["from"].as_str(), body["to"].as_str()];
        if let Some(last) = last
            && !parties.contains(&Some(last))
        {
            problem(format!("`{hop}` was allowed for what was asked of `{last}`, and is of others"));
        }
    }
}
