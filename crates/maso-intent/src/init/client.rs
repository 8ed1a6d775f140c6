//! The servers in a desktop client's configuration.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use maso_core::ServerName;
use serde_json::{Map, Value};

use super::{DraftError, Guess, SERVERS_MAX};
use crate::{
    Transport,
    secret::{looks_secret, shaped_so},
};

/// A server in a client's configuration.
#[derive(Clone)]
pub struct ClientServer {
    /// Its name in the deployment.
    pub name: ServerName,
    /// Its name in the client's configuration.
    pub given: String,
    /// How it is reached; secrets are only named, by `env_from` and `headers_from_env`.
    pub transport: Transport,
    /// The secrets: the variables of maso's own environment that `transport` names, with the values that the client's
    /// configuration holds. They are not written anywhere.
    pub withheld: BTreeMap<String, String>,
}

impl fmt::Debug for ClientServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let withheld: Vec<&String> = self.withheld.keys().collect();
        f.debug_struct("ClientServer")
            .field("name", &self.name)
            .field("given", &self.given)
            .field("transport", &self.transport)
            .field("withheld", &withheld)
            .finish()
    }
}

/// Reads the servers of a client's configuration (`mcpServers`, or `servers` as some editors have it), so that they
/// can be asked for their tools.
///
/// # Errors
/// When the configuration is not one, or has no server that can be reached.
pub fn client_servers(config: &str) -> Result<(Vec<ClientServer>, Vec<Guess>), DraftError> {
    let config: Value =
        serde_json::from_str(config).map_err(|cause| DraftError::NotJson { cause: cause.to_string() })?;
    let given = config.get("mcpServers").or_else(|| config.get("servers")).and_then(Value::as_object);
    let given = given.ok_or(DraftError::NoServers)?;
    if given.len() > SERVERS_MAX {
        return Err(DraftError::TooMany { n_servers: given.len() });
    }
    let mut reading = Reading::default();
    let servers: Vec<ClientServer> = given.iter().filter_map(|(name, form)| reading.server(name, form)).collect();
    if servers.is_empty() {
        return Err(DraftError::NoUsableServer { n_servers: given.len() });
    }
    Ok((servers, reading.guesses))
}

#[derive(Default)]
struct Reading {
    names: BTreeSet<ServerName>,
    // Variables of maso's environment that are spoken for, and the value that each must have if it is known.
    variables: BTreeMap<String, Option<String>>,
    guesses: Vec<Guess>,
}

impl Reading {
    fn server(&mut self, given: &str, form: &Value) -> Option<ClientServer> {
        let off = form.get("disabled") == Some(&Value::Bool(true)) || form.get("enabled") == Some(&Value::Bool(false));
        if off {
            self.say(given, "left out", "it is switched off in the client's configuration");
            return None;
        }
        let name = self.name(given);
        let text = |key: &str| form.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let empty = Map::new();
        let object = |key: &str| form.get(key).and_then(Value::as_object).unwrap_or(&empty);
        let mut withheld = BTreeMap::new();
        let transport = if let Some(command) = text("command") {
            let args = form.get("args").and_then(Value::as_array).into_iter().flatten();
            let args: Vec<String> = args.map(plain).collect();
            if args.iter().any(|arg| is_secret_argument(arg) || arg.contains("${")) {
                let why = "an argument looks like a secret or a reference, which maso does not resolve; \
                           hand it over in the environment instead";
                self.say(given, "arguments taken over as they are", why);
            }
            let (env, env_from) = self.environment(given, &name, object("env"), &mut withheld);
            Transport::Stdio { command: command.to_owned(), args, env, env_from, cwd: text("cwd").map(str::to_owned) }
        } else if let Some(url) = text("url").or_else(|| text("serverUrl")) {
            if text("type") == Some("sse") {
                self.say(given, "reached over streamable HTTP", "the older transport `sse` is not spoken");
            }
            let mut headers_from_env = BTreeMap::new();
            for (header, value) in object("headers") {
                if url::form_urlencoded::byte_serialize(header.as_bytes()).collect::<String>() != *header {
                    let what = format!("left out the header `{}`", header.escape_debug());
                    self.say(given, &what, "no header can have that name");
                    continue;
                }
                let fallback = format!("{}_{}", variable(name.as_str()), variable(header));
                let from = self.withhold(given, &name, &fallback, &plain(value), &mut withheld);
                headers_from_env.insert(header.clone(), from);
            }
            let Some(url) = self.url(given, &name, url, &mut headers_from_env) else {
                self.say(given, "left out", "its URL is not an http or https URL");
                return None;
            };
            Transport::Http { url, headers_from_env }
        } else {
            self.say(given, "left out", "it has neither `command` nor `url`");
            return None;
        };
        Some(ClientServer { name, given: given.to_owned(), transport, withheld })
    }

    /// A name for the server that a deployment accepts and that no other server has.
    fn name(&mut self, given: &str) -> ServerName {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        let lower: String =
            given.chars().map(|c| c.to_ascii_lowercase()).map(|c| if fits(c) { c } else { '-' }).collect();
        let stem: String =
            lower.trim_matches(|c: char| !c.is_ascii_alphanumeric()).chars().take(NAME_CHARACTERS_MAX).collect();
        let stem = if stem.is_empty() { "server".to_owned() } else { stem };
        let mut name: Option<ServerName> = stem.parse().ok();
        let mut count = 1;
        let name = loop {
            match name {
                Some(free) if self.names.insert(free.clone()) => break free,
                _ => {
                    count += 1;
                    name = format!("{stem}-{count}").parse().ok();
                }
            }
        };
        if name.as_str() != given {
            self.say(given, &format!("named `{name}`"), "server names are lower case, without spaces, and unique");
        }
        name
    }

    fn environment(
        &mut self,
        given: &str,
        server: &ServerName,
        env: &Map<String, Value>,
        withheld: &mut BTreeMap<String, String>,
    ) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
        let (mut written, mut named) = (BTreeMap::new(), BTreeMap::new());
        for (name, value) in env {
            let value = plain(value);
            // What no process can have in its environment.
            if name.trim().is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                let what = format!("left out the variable `{}`", name.escape_debug());
                self.say(given, &what, "no environment can hold it");
                continue;
            }
            if looks_secret(name, &value) || value.contains("${") {
                let from = self.withhold(given, server, name, &value, withheld);
                named.insert(name.clone(), from);
            } else {
                written.insert(name.clone(), value);
            }
        }
        (written, named)
    }

    /// Keeps a value out of the folder; gives the variable of maso's environment from which it will be taken.
    fn withhold(
        &mut self,
        given: &str,
        server: &ServerName,
        preferred: &str,
        value: &str,
        withheld: &mut BTreeMap<String, String>,
    ) -> String {
        if let Some(referred) = reference(value) {
            self.variables.entry(referred.to_owned()).or_insert(None);
            self.say(
                given,
                &format!("takes `{referred}` from maso's environment"),
                "the client's configuration refers to it",
            );
            return referred.to_owned();
        }
        let known = (!value.contains("${")).then(|| value.to_owned());
        let bare = preferred.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let mut name = if bare { preferred.to_owned() } else { variable(preferred) };
        // Two servers may call different secrets by one name.
        if self.variables.get(&name).is_some_and(|taken| *taken != known) {
            name = format!("{}_{}", variable(server.as_str()), variable(preferred));
        }
        let mut count = 1;
        while self.variables.get(&name).is_some_and(|taken| *taken != known) {
            count += 1;
            name = format!("{}_{}_{count}", variable(server.as_str()), variable(preferred));
        }
        self.variables.insert(name.clone(), known.clone());
        if let Some(value) = known {
            withheld.insert(name.clone(), value);
        }
        let what = format!("takes `{name}` from maso's environment");
        self.say(given, &what, "its value may be a secret and is not written into the folder; set it before `maso up`");
        name
    }

    fn url(
        &mut self,
        given: &str,
        server: &ServerName,
        url: &str,
        headers: &mut BTreeMap<String, String>,
    ) -> Option<url::Url> {
        let mut url: url::Url = url.parse().ok()?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return None;
        }
        if url.password().is_some() || !url.username().is_empty() {
            url.set_password(None).ok()?;
            url.set_username("").ok()?;
            let name = format!("{}_AUTHORIZATION", variable(server.as_str()));
            headers.entry("Authorization".to_owned()).or_insert_with(|| name.clone());
            let what = format!("takes `{name}` from maso's environment as its `Authorization` header");
            self.say(given, &what, "the URL held a user and password; set the variable to `Basic …`");
        }
        if url.query_pairs().any(|(key, value)| looks_secret(&key, &value)) {
            let why = "its query holds what looks like a secret; use a header instead, if the server can";
            self.say(given, "URL taken over as it is", why);
        }
        Some(url)
    }

    fn say(&mut self, server: &str, what: &str, why: &str) {
        let server = server.chars().take(80).collect();
        self.guesses.push(Guess::Server { server, what: what.to_owned(), why: why.to_owned() });
    }
}

/// The variable that a value consists of: `${NAME}` or `${env:NAME}`.
fn reference(value: &str) -> Option<&str> {
    let name = value.trim().strip_prefix("${")?.strip_suffix('}')?;
    let name = name.strip_prefix("env:").unwrap_or(name);
    let bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    bare.then_some(name)
}

fn is_secret_argument(argument: &str) -> bool {
    let named = argument.split_once('=').is_some_and(|(name, value)| looks_secret(&variable(name), value));
    named || shaped_so(argument)
}

/// A name as an environment variable has it.
fn variable(name: &str) -> String {
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    if name.is_empty() {
        return "VALUE".to_owned();
    }
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// A JSON value as a program gets it in its arguments or environment.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Characters of a server's name, with room for a number at the end.
const NAME_CHARACTERS_MAX: usize = 56;
