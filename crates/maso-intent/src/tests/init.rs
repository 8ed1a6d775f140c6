use std::collections::BTreeMap;

use maso_core::{Class, Reversibility, Risk, ServerName, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::{Draft, DraftError, Guess, Severity, Transport, check, client_servers, draft as draft_at};

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn draft(config: &Value, tools: &[(&str, Value)]) -> Draft {
    let tools: BTreeMap<ServerName, Vec<Value>> = tools
        .iter()
        .map(|(server, definitions)| (server.parse().unwrap(), definitions.as_array().unwrap().clone()))
        .collect();
    draft_at(&config.to_string(), &tools, NOW).unwrap()
}

/// Parses the draft; lint finds no error in it.
fn sound(draft: &Draft) -> Arc<Deployment> {
    let errors: Vec<String> = check(&draft.source)
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
    for (path, text) in draft.source.files.iter().filter(|(path, _)| path.ends_with(".toml")) {
        assert_eq!(crate::format(path, text).as_ref(), Ok(text), "not laid out as `maso fmt` would");
    }
    deployment(&draft.source)
}

/// What is guessed of one tool with string arguments of these names.
fn guess(name: &str, annotations: &Value, arguments: &[&str]) -> (Class, Reversibility, Risk, Vec<String>) {
    let properties: serde_json::Map<_, _> =
        arguments.iter().map(|name| ((*name).to_owned(), json!({"type": "string"}))).collect();
    let definition = json!({
        "name": name,
        "annotations": annotations,
        "inputSchema": { "type": "object", "properties": properties },
    });
    let draft = draft(&json!({"mcpServers": {"s": {"command": "c"}}}), &[("s", json!([definition]))]);
    sound(&draft);
    let guess = draft.guesses.into_iter().find_map(|guess| match guess {
        Guess::Tool { class, risk, reversibility, authority, .. } => Some((class, reversibility, risk, authority)),
        Guess::Server { .. } => None,
    });
    guess.unwrap()
}

#[test]
fn tools_are_classified_by_name_and_annotation_on_the_strict_side() {
    use Class::{Delete, Execute, Read, Send, Transfer, Write};
    use Reversibility::{Irreversible, Reversible};
    use Risk::{Critical, High, Low, Medium};
    let reads = json!({"readOnlyHint": true});
    for (name, annotations, arguments, expected) in [
        ("read_text_file", &reads, &["path"][..], (Read, Reversible, Low, &[][..])),
        ("read_text_file", &json!({}), &["path"], (Read, Reversible, Medium, &[])),
        ("readTextFile", &json!({"readOnlyHint": false}), &["path"], (Write, Irreversible, High, &["/path"])),
        ("fetch_page", &reads, &["url"], (Read, Reversible, Medium, &["/url"])),
        ("search", &json!({"readOnlyHint": true, "openWorldHint": true}), &["query"], (Read, Reversible, Medium, &[])),
        ("create_directory", &json!({}), &["path"], (Write, Reversible, Medium, &["/path"])),
        ("create_directory", &json!({"idempotentHint": false}), &["path"], (Write, Irreversible, High, &["/path"])),
        ("create_issue", &json!({"openWorldHint": true}), &[], (Send, Irreversible, High, &[])),
        ("write_file", &json!({}), &["path", "content"], (Write, Irreversible, High, &["/path"])),
        ("write_file", &json!({"destructiveHint": true}), &["path"], (Delete, Irreversible, High, &["/path"])),
        ("send_email", &json!({}), &["to", "body"], (Send, Irreversible, High, &["/to"])),
        ("drop_table", &json!({}), &["table"], (Delete, Irreversible, High, &[])),
        (
            "pay_claim",
            &json!({}),
            &["payee_iban", "amount"],
            (Transfer, Irreversible, High, &["/amount", "/payee_iban"]),
        ),
        ("get_and_run", &json!({}), &["command"], (Execute, Irreversible, Critical, &["/command"])),
        ("echo", &json!({}), &["message"], (Execute, Irreversible, Critical, &[])),
        // An annotation cannot make light of a name, nor of the want of one.
        ("delete_all", &reads, &[], (Delete, Irreversible, High, &[])),
        ("echo", &reads, &[], (Execute, Irreversible, Critical, &[])),
        ("write_file", &json!({"destructiveHint": false}), &["path"], (Write, Irreversible, High, &["/path"])),
    ] {
        let (class, reversibility, risk, authority) = guess(name, annotations, arguments);
        let authority: Vec<&str> = authority.iter().map(String::as_str).collect();
        assert_eq!((class, reversibility, risk, authority.as_slice()), expected, "{name} {annotations}");
    }
}

#[test]
fn a_client_configuration_becomes_a_sound_folder() {
    let config = json!({"mcpServers": {
        "My Files": {"command": "npx", "args": ["-y", "files", "C:\\a \"b\"", "\u{1}"], "env": {"LOG": "1", "API_KEY": "abc"}},
        "my-files": {"command": "other", "env": {"API_KEY": "def", "TOKEN": "${env:SHARED}"}},
        "Web": {"url": "https://user:pass@example.com/mcp", "headers": {"X-Key": "s3cret"}},
        "off": {"command": "x", "disabled": true},
        "odd": {"args": []},
        "ftp": {"url": "ftp://example.com"},
    }});
    let tools = json!([
        {"name": "get.odd/name", "inputSchema": {"type": "object"}},
        {"name": "pay", "inputSchema": {"type": "object", "properties": {"amount_minor": {"type": "integer"}}}},
        {"name": "pay", "inputSchema": {}},
        {"name": "not a name"},
        {},
    ]);
    let draft = draft(&config, &[("my-files", tools.clone()), ("web", tools)]);
    let deployment = sound(&draft);
    let names: Vec<_> = deployment.servers.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["my-files", "my-files-2", "web"]);
    let pay = deployment.tool(&"web:pay".parse().unwrap()).unwrap();
    assert_eq!(pay.value_pointer.as_deref(), Some("/amount_minor"));
    assert!(pay.definition.is_some());
    let whole: String = draft.source.files.values().cloned().collect();
    for secret in ["abc", "def", "s3cret", "pass@"] {
        assert!(!whole.contains(secret), "{secret}");
    }
    let Transport::Stdio { args, env, env_from, .. } = &deployment.servers[&"my-files".parse().unwrap()].transport
    else {
        panic!()
    };
    assert_eq!(args[2..], ["C:\\a \"b\"", "\u{1}"]);
    assert_eq!((env["LOG"].as_str(), env_from["API_KEY"].as_str()), ("1", "API_KEY"));
    let Transport::Stdio { env_from, .. } = &deployment.servers[&"my-files-2".parse().unwrap()].transport else {
        panic!()
    };
    assert_eq!((env_from["API_KEY"].as_str(), env_from["TOKEN"].as_str()), ("MY_FILES_2_API_KEY", "SHARED"));
    let Transport::Http { url, headers_from_env } = &deployment.servers[&"web".parse().unwrap()].transport else {
        panic!()
    };
    assert_eq!(url.as_str(), "https://example.com/mcp");
    assert_eq!(
        (headers_from_env["X-Key"].as_str(), headers_from_env["Authorization"].as_str()),
        ("WEB_X_KEY", "WEB_AUTHORIZATION")
    );
    let told: String = draft.guesses.iter().map(|guess| guess.to_string() + "\n").collect();
    for part in [
        "`off`: left out",
        "`odd`: left out",
        "`ftp`: left out",
        "`My Files`: named",
        "MY_FILES_2_API_KEY",
        "`not a name`",
        "second tool `pay`",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    assert!(!told.contains("abc") && !told.contains("s3cret"));
}

#[test]
fn secrets_are_at_hand_for_the_first_start_and_in_no_debug_output() {
    let config = json!({"mcpServers": {"s": {"command": "c", "env": {"GITHUB_TOKEN": "hunter2"}}}});
    let (servers, _) = client_servers(&config.to_string()).unwrap();
    assert_eq!(servers[0].withheld["GITHUB_TOKEN"], "hunter2");
    assert!(!format!("{servers:?}").contains("hunter2"));
}

#[test]
fn what_is_no_configuration_is_refused() {
    let refused = |text: &str| draft_at(text, &BTreeMap::new(), NOW).unwrap_err();
    assert!(matches!(refused("{"), DraftError::NotJson { .. }));
    assert_eq!(refused("{}"), DraftError::NoServers);
    assert_eq!(refused(r#"{"mcpServers": []}"#), DraftError::NoServers);
    assert_eq!(refused(r#"{"mcpServers": {"a": {}}}"#), DraftError::NoUsableServer { n_servers: 1 });
    let many: serde_json::Map<_, _> = (0..257).map(|n| (n.to_string(), json!({"command": "c"}))).collect();
    assert_eq!(refused(&json!({"mcpServers": many}).to_string()), DraftError::TooMany { n_servers: 257 });
}

#[test]
fn a_server_without_tools_is_drafted_all_the_same() {
    sound(&draft(&json!({"servers": {"s": {"command": "c"}}}), &[]));
}

proptest::proptest! {
    #[test]
    fn any_names_make_a_sound_folder(server in "\\PC{0,40}", tool in "[A-Za-z0-9_./-]{1,60}", argument in "\\PC{0,20}", value in "\\PC{0,20}") {
        let config = json!({"mcpServers": {server.clone(): {
            "command": "c",
            "args": [value],
            "env": {argument.clone(): value, "SOME_KEY": value},
        }}});
        let (servers, _) = client_servers(&config.to_string()).unwrap();
        let definition = json!({"name": tool, "inputSchema": {"properties": {argument: {"type": "string"}}}});
        sound(&draft(&config, &[(servers[0].name.as_str(), json!([definition]))]));
    }
}

#[test]
fn what_no_environment_can_hold_is_left_out() {
    for (name, value) in [("", "v"), (" ", "v"), ("A=B", "v"), ("A", "v\0")] {
        let draft = draft(&json!({"mcpServers": {"s": {"command": "c", "env": {name: value}}}}), &[]);
        sound(&draft);
        assert!(draft.guesses.iter().any(|guess| guess.to_string().contains("left out the variable")), "{name:?}");
    }
}
