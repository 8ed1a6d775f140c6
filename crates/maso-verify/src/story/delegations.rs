//! Work is done for requests that were let through, by whom they asked, and for none that was revoked (IA-2.4, IA-3.3).

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// The requests of agents to each other. Work may go on for any of them, so none is forgotten.
#[derive(Default)]
pub(super) struct Delegations {
    asked: HashMap<String, Asked>,
    revoked: HashSet<String>,
}

struct Asked {
    from: String,
    to: String,
}

impl Delegations {
    /// Takes in what may be released.
    pub(super) fn permitted(&mut self, body: &Value) {
        if body["verb"] == "request" && body["answers"].is_null() {
            let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
            self.asked.insert(text("hop"), Asked { from: text("from"), to: text("to") });
        }
    }

    /// Takes in a revocation. An agent takes back what it asked itself, and nothing else.
    pub(super) fn revoked(&mut self, body: &Value, is_whole: bool, problem: &mut dyn FnMut(String)) {
        let by = body["by"].as_str().unwrap_or_default();
        let hop = match (body["what"].as_str(), body["subject"].as_str()) {
            (Some("delegation"), Some(hop)) => Some(hop),
            _ => None,
        };
        if by.starts_with("agent:") {
            match hop.and_then(|hop| self.asked.get(hop)) {
                Some(asked) if asked.from == by => {}
                None if hop.is_some() && !is_whole => {}
                _ => problem(format!(
                    "`{by}` revoked `{}`, which it never asked",
                    body["subject"].as_str().unwrap_or_default()
                )),
            }
        }
        self.revoked.extend(hop.map(ToOwned::to_owned));
    }

    /// Looks at the chain of requests for which a hop was allowed, and at the request that it answers.
    pub(super) fn bear(&self, body: &Value, is_whole: bool, problem: &mut dyn FnMut(String)) {
        let hop = body["hop"].as_str().unwrap_or_default();
        let chain = body["chain"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut last = None;
        for asked in chain {
            match self.asked.get(asked) {
                None if is_whole => problem(format!("`{hop}` was allowed for `{asked}`, which was never asked")),
                known => last = known.map(|known| known.to.as_str()),
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
        let answers =
            body["answers"].as_str().filter(|answers| body["verb"] == "request" && self.revoked.contains(*answers));
        if let Some(answers) = answers {
            problem(format!("`{hop}` was allowed and answers `{answers}`, which was revoked"));
        }
    }
}
