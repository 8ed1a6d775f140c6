//! A small MCP server. The test binary runs itself as the server's process: the harness prints to the same pipe, as
//! many servers do by mistake.

use std::{
    fmt::Write as _,
    io::{BufRead as _, Write as _},
    path::Path,
};

use serde_json::Value;

/// Set in the environment of the process that is to be the server.
pub const ROLE: &str = "FIXTURE_FOLDER";

/// The tools, exactly as the server writes them.
pub const READ_NOTE: &str = r#"{"name":"read_note","description":"Reads a note.","inputSchema":{"type":"object","properties":{"note":{"type":"string"}},"required":["note"],"additionalProperties":false}}"#;
pub const SEND_NOTE: &str = r#"{ "name": "send_note", "description": "Sends a text to a colleague.", "inputSchema": {"type":"object","properties":{"to":{"type":"string"},"text":{"type":"string"}},"required":["to","text"],"additionalProperties":false} }"#;
const UNGRANTED: &str = r#"{"name":"burn_note","description":"Burns a note.","inputSchema":{"type":"object"}}"#;

/// A result with everything that a careless proxy would change.
pub const ODD_RESULT: &str =
    r#"{ "content":[ {"type":"text", "text":"h\u00e9llo \/ 1.50"} ],  "structuredContent":{"z":1.50,"a":[ ]} }"#;

#[test]
fn serves_when_asked_to() {
    let Ok(folder) = std::env::var(ROLE) else { return };
    let folder = Path::new(&folder);
    let mut out = std::io::stdout();
    let mut lines = std::io::stdin().lock().lines();
    while let Some(Ok(line)) = lines.next() {
        let frame: Value = serde_json::from_str(&line).unwrap();
        let mut say = |text: String| {
            writeln!(out, "{text}").unwrap();
            out.flush().unwrap();
        };
        let id = frame["id"].to_string();
        match frame["method"].as_str().unwrap_or_default() {
            "initialize" => say(format!(
                r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":{},"capabilities":{{"tools":{{"listChanged":true}},"logging":{{}},"resources":{{"subscribe":true}},"tasks":{{}}}},"serverInfo":{{"name":"fixture","version":"1"}},"instructions":"Read before you send."}}}}"#,
                frame["params"]["protocolVersion"]
            )),
            "tools/list" if frame["params"]["cursor"].is_null() => {
                say(format!(
                    r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{READ_NOTE},{UNGRANTED}],"nextCursor":"2"}}}}"#
                ));
            }
            "tools/list" => say(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":[{SEND_NOTE}]}}}}"#)),
            method @ ("resources/subscribe" | "resources/unsubscribe" | "logging/setLevel") => {
                let mut log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("heard")).unwrap();
                let what = frame["params"]["uri"].as_str().or(frame["params"]["level"].as_str()).unwrap();
                writeln!(log, "{method} {what}").unwrap();
                say(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
            }
            "tools/call" => {
                let mut log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("calls")).unwrap();
                writeln!(log, "{}", frame["params"]).unwrap();
                let arguments = &frame["params"]["arguments"];
                let text = |text: &str| {
                    format!(
                        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":{}}}]}}}}"#,
                        Value::from(text)
                    )
                };
                match arguments["note"].as_str().unwrap_or("sent") {
                    "odd" => say(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{ODD_RESULT}}}"#)),
                    "error" => say(format!(
                        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32602,"message":"no such note","data":{{"a": 1}}}}}}"#
                    )),
                    "die" => return,
                    "pid" => say(text(&std::process::id().to_string())),
                    "log" => {
                        say(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"a line"}}"#.to_owned());
                        say(text("logged"));
                    }
                    touched if touched.starts_with("notes://") => {
                        say(format!(
                            r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":"{touched}"}}}}"#
                        ));
                        say(text("touched"));
                    }
                    "progress" => {
                        let token = &frame["params"]["_meta"]["progressToken"];
                        say(format!(
                            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":1,"total":2}}}}"#
                        ));
                        say(text("after progress"));
                    }
                    "ask" => {
                        say(r#"{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{"messages":[{"role":"user","content":{"type":"text","text":"which colour?"}}],"maxTokens":5}}"#.to_owned());
                        let answer: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
                        say(text(&format!("told: {}", answer["result"]["content"]["text"])));
                    }
                    "announce" => {
                        let announced = folder.join("announce");
                        std::thread::spawn(move || {
                            while !announced.exists() {
                                std::thread::yield_now();
                            }
                            let told = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
                            writeln!(std::io::stdout(), "{told}").unwrap();
                        });
                        say(text("later"));
                    }
                    "environment" => {
                        let mut names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
                        names.sort();
                        say(text(&names.join(" ")));
                    }
                    "gate" => {
                        let token = &frame["params"]["_meta"]["progressToken"];
                        if !token.is_null() {
                            say(format!(
                                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":1}}}}"#
                            ));
                        }
                        std::fs::write(folder.join("waiting"), "").unwrap();
                        while !folder.join("open").exists() {
                            std::thread::yield_now();
                        }
                        say(text("through the gate"));
                    }
                    "huge" => {
                        let mut long = String::new();
                        while long.len() < 5 << 20 {
                            write!(long, "{}", "x".repeat(1024)).unwrap();
                        }
                        say(text(&long));
                    }
                    other => say(text(&format!("note {other}"))),
                }
            }
            "ping" => say(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)),
            method if method.starts_with("notifications/") => {}
            _ => {
                say(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"Method not found"}}}}"#))
            }
        }
    }
}
