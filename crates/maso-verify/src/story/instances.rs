//! Instances that agents started: each by a permitted hop, and nothing of it after its end or that of whoever started it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What was started, and has ended.
#[derive(Debug, Default)]
pub(super) struct Instances {
    /// What was started, by its hop, until the permit of that comes: both are written at once, this one first.
    unpermitted: BTreeMap<String, (u64, String)>,
    all: BTreeMap<String, Instance>,
    revoked: BTreeSet<(String, String)>,
}

#[derive(Debug)]
struct Instance {
    agent: String,
    by: Option<String>,
    task: String,
    thumbprint: String,
    until_ms: i64,
    rests_on: Vec<(String, String)>,
    has_ended: bool,
}

impl Instances {
    /// Takes in a decision. `is_whole` says that the record was read from its beginning.
    pub(super) fn decided(&mut self, body: &Value, is_whole: bool, problem: &mut dyn FnMut(String)) {
        if body["decision"] != "allow" {
            return;
        }
        if body["verb"] == "spawn" {
            self.unpermitted.remove(&text(body, "hop"));
        }
        let Some(instance) = body["instance"].as_str() else { return };
        if self.is_over(instance, is_whole) {
            problem(format!("`{instance}` acted and does not count"));
        }
    }

    /// Takes in that one was started.
    pub(super) fn started(&mut self, sequence: u64, body: &Value, is_whole: bool, problem: &mut dyn FnMut(String)) {
        let id = text(body, "instance");
        self.unpermitted.insert(text(body, "hop"), (sequence, id.clone()));
        let by = body["by_instance"].as_str().map(str::to_owned);
        if by.as_deref().is_some_and(|by| self.is_over(by, is_whole)) {
            problem(format!("`{id}` was started by an instance that does not count"));
        }
        let named = body["rests_on"].as_array().into_iter().flatten();
        let rests_on: Vec<_> = named.map(|it| (text(it, "what"), text(it, "subject"))).collect();
        if let Some((what, subject)) = rests_on.iter().find(|it| self.revoked.contains(it)) {
            problem(format!("`{id}` rests on the {what} `{subject}`, which was revoked before"));
        }
        let until_ms = body["until"].as_i64().unwrap_or(i64::MIN);
        let outlives = |starter: &Instance| until_ms > starter.until_ms;
        if by.as_ref().and_then(|by| self.all.get(by)).is_some_and(outlives) {
            problem(format!("`{id}` outlives the instance that started it"));
        }
        let instance = Instance {
            agent: text(body, "agent"),
            by,
            task: text(body, "task"),
            thumbprint: text(body, "thumbprint"),
            until_ms,
            rests_on,
            has_ended: false,
        };
        if self.all.insert(id.clone(), instance).is_some() {
            problem(format!("`{id}` was started twice"));
        }
    }

    /// Takes in that a process joined as one, by a key.
    pub(super) fn joined(&self, body: &Value, is_whole: bool, problem: &mut dyn FnMut(String)) {
        let Some(id) = body["instance"].as_str() else { return };
        if self.is_over(id, is_whole) {
            problem(format!("a process joined as `{id}`, which does not count"));
        }
        if self.all.get(id).is_some_and(|it| it.thumbprint != text(body, "thumbprint")) {
            problem(format!("a process joined as `{id}` with another key than was named for it"));
        }
    }

    /// Takes in a token: of an instance that counts, and for no longer than that.
    pub(super) fn issued(&self, body: &Value, is_whole: bool, problem: &mut dyn FnMut(String)) {
        let subject = text(body, "subject");
        let Some((_, digits)) = subject.rsplit_once("/inst_") else { return };
        let id = format!("inst_{digits}");
        if self.is_over(&id, is_whole) {
            problem(format!("`{id}` was issued a token and does not count"));
        }
        let Some(instance) = self.all.get(&id) else { return };
        if body["expires_at"].as_i64().is_none_or(|until_ms| until_ms > instance.until_ms) {
            problem(format!("a token of `{id}` outlives it"));
        }
    }

    /// Takes in that one ended.
    pub(super) fn ended(&mut self, body: &Value) {
        let id = text(body, "instance");
        self.end(|other, _| *other == id);
    }

    /// Takes in that a task was closed.
    pub(super) fn task_closed(&mut self, body: &Value) {
        let task = text(body, "task");
        self.end(|_, instance| instance.task == task);
    }

    /// Takes in a revocation.
    pub(super) fn revoked(&mut self, body: &Value) {
        let revoked = (text(body, "what"), text(body, "subject"));
        self.end(|id, instance| {
            instance.rests_on.contains(&revoked)
                || match revoked.0.as_str() {
                    "instance" => *id == revoked.1,
                    "agent" => instance.agent.strip_prefix("agent:") == Some(&revoked.1),
                    "key" => instance.thumbprint == revoked.1,
                    _ => false,
                }
        });
        self.revoked.insert(revoked);
    }

    /// What was started by hops that permit nothing of the kind, and at which records.
    pub(super) fn unpermitted(&self) -> impl Iterator<Item = (u64, String)> {
        self.unpermitted.iter().map(|(hop, (sequence, id))| {
            (*sequence, format!("`{id}` was started by `{hop}`, which is no permit to start anything"))
        })
    }

    /// Whether an instance does not count; one that nobody started does not, where that would be on the record.
    fn is_over(&self, id: &str, is_whole: bool) -> bool {
        self.all.get(id).map_or(is_whole, |instance| instance.has_ended)
    }

    /// Ends those that are meant, and all that they started.
    fn end(&mut self, is_meant: impl Fn(&String, &Instance) -> bool) {
        let mut gone: BTreeSet<String> = BTreeSet::new();
        loop {
            let by_it = |instance: &Instance| instance.by.as_ref().is_some_and(|by| gone.contains(by));
            let next: Vec<String> = (self.all.iter())
                .filter(|(id, it)| !it.has_ended && (is_meant(id, it) || by_it(it)))
                .map(|(id, _)| id.clone())
                .collect();
            if next.is_empty() {
                return;
            }
            for id in next {
                if let Some(instance) = self.all.get_mut(&id) {
                    instance.has_ended = true;
                }
                gone.insert(id);
            }
        }
    }
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}
