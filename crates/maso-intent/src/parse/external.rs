//! What is said of whoever is outside: agents that come in over A2A, and agents that are asked over it.

use maso_core::Integrity;
use maso_identity::{CardKeys, KeyError, PublicKey};
use serde_json::json;
use url::Url;

use crate::{
    ExternalTerms, PeerTerms, Problem, Severity, UrlPrefix,
    form::{AgentForm, At, File, Folder, KeyForm, LabelForm, ServerForm},
    outside::is_secret_to_others,
};

/// On what terms an agent is outside. One that holds anything here is refused, so that no mandate lets it in further.
pub(super) fn terms(file: &File<'_, AgentForm>, problems: &mut Vec<Problem>) -> Option<ExternalTerms> {
    let form = &file.form;
    let external = form.external.as_ref()?;
    let holds = [
        ("tools", !form.tools.is_empty()),
        ("resources", !form.resources.is_empty()),
        ("prompts", !form.prompts.is_empty()),
        ("may_be_asked_by", !form.may_be_asked_by.is_empty()),
        ("required_tools", !form.required_tools.is_empty()),
        ("process", form.process.is_some()),
        ("spawns", !form.spawns.is_empty()),
    ];
    for (key, _) in holds.iter().filter(|(_, is_there)| *is_there) {
        let message = format!("an agent that is outside has `{key}`");
        let remedy = "remove it: such an agent makes requests under its grants, over A2A, and nothing else";
        problems.push(file.problem(file.find("[external]"), Severity::Error, "SC-3.4", message, remedy));
    }
    Some(ExternalTerms { push: prefixes(file, &external.push, problems) })
}

/// Nobody here asks or tells an agent that is outside anything through its mailbox: what it said to that would come as an
/// agent's word. It is asked over A2A, as a server.
pub(super) fn mailboxes(folder: &Folder<'_>, problems: &mut Vec<Problem>) {
    for file in folder.workflows.values() {
        let grants = file.form.grants.iter().map(|grant| ("grant", &grant.to));
        let messages = file.form.messages.iter().flat_map(|told| [("message", &told.from), ("message", &told.to)]);
        for (what, agent) in grants.chain(messages) {
            if folder.agents.get(&agent.value).is_some_and(|file| file.form.external.is_some()) {
                let message = format!("a {what} leads to `{}`, which is outside", agent.value);
                let remedy = "declare whom you ask as a server with `transport.kind = \"a2a\"`";
                problems.push(file.problem(agent.start, Severity::Error, "SC-3.4", message, remedy));
            }
        }
    }
}

/// How an agent outside is asked, and what is believed of it: nothing.
pub(super) fn peer(file: &File<'_, ServerForm>, problems: &mut Vec<Problem>) -> Option<PeerTerms> {
    let form = &file.form.transport;
    let is_else = form.command.is_some()
        || form.url.is_some()
        || form.cwd.is_some()
        || !(form.args.is_empty() && form.env.is_empty() && form.env_from.is_empty());
    let Some(card) = form.card.as_ref().filter(|_| !is_else) else {
        let message =
            "a transport of kind `a2a` has a `card`, and none of `command`, `args`, `env`, `env_from`, `cwd`, `url`";
        let start = file.find("[transport]");
        problems.push(file.problem(start, Severity::Error, "", message, "keep what fits the kind"));
        return None;
    };
    believed(file, problems);
    if !is_secret_to_others(&card.value) {
        let message = "the agent's card is fetched without TLS over a network";
        problems.push(file.problem(card.start, Severity::Error, "SC-3.4", message, "use `https`"));
        return None;
    }
    Some(PeerTerms {
        card: card.value.clone(),
        keys: keys(file, &form.keys, problems)?,
        addresses: prefixes(file, &form.addresses, problems),
        headers_from_env: form.headers_from_env.clone(),
    })
}

fn keys(file: &File<'_, ServerForm>, forms: &[KeyForm], problems: &mut Vec<Problem>) -> Option<CardKeys> {
    let mut keys = Vec::new();
    for KeyForm { kty, crv, x, y } in forms {
        let mut jwk = json!({ "kty": kty.value, "crv": crv, "x": x });
        if let Some(y) = y {
            jwk["y"] = json!(y);
        }
        match PublicKey::from_jwk(&jwk) {
            // A coordinate too many would be one that nobody looks at.
            Ok(key) if matches!(key, PublicKey::P256 { .. }) == y.is_some() => keys.push(key),
            read => {
                let error = read.err().unwrap_or(KeyError::Jwk);
                let message = format!("a key for the agent's card is none: {error}");
                let remedy = "write the public JWK that the other side gave you";
                problems.push(file.problem(kty.start, Severity::Error, "SC-3.4", message, remedy));
            }
        }
    }
    let keys = CardKeys::new(keys);
    if keys.is_none() {
        let message = "no key says who may sign the agent's card";
        let remedy = "add `keys = [{ kty = \"…\", crv = \"…\", x = \"…\" }]`, up to 16, which the other side gave you by another way";
        problems.push(file.problem(file.find("[transport]"), Severity::Error, "SC-3.4", message, remedy));
    }
    keys
}

/// What comes from another deployment is external: nothing that its sender says can make it better.
fn believed(file: &File<'_, ServerForm>, problems: &mut Vec<Problem>) {
    let tools = file.form.tools.values();
    let labels = tools.flat_map(|tool| std::iter::once(&tool.result).chain(tool.result_fields.values()));
    for LabelForm { integrity, .. } in std::iter::once(&file.form.label).chain(labels) {
        if let Some(integrity) = integrity.as_ref().filter(|integrity| integrity.value > Integrity::External) {
            let message = format!("what an agent outside says counts as `{}`", integrity.value);
            let remedy = "write `external`; a tool of yours may check a value against its source";
            problems.push(file.problem(integrity.start, Severity::Error, "SC-3.4", message, remedy));
        }
    }
}

fn prefixes<T>(file: &File<'_, T>, urls: &[At<Url>], problems: &mut Vec<Problem>) -> Vec<UrlPrefix> {
    urls.iter()
        .filter_map(|url| match UrlPrefix::new(url.value.clone()) {
            Ok(prefix) => Some(prefix),
            Err(why) => {
                let message = format!("`{}` is no beginning of addresses: {why}", url.value);
                problems.push(file.problem(
                    url.start,
                    Severity::Error,
                    "SC-3.4",
                    message,
                    "write `https://HOST/PATH/`",
                ));
                None
            }
        })
        .collect()
}
