//! A tool server for the tests: this very test program, started anew.
//!
//! What it returns lies in files, so that a test can put an attack there, and what it does is in a file, and on the disk,
//! before it answers, so that a test can see every effect, whatever was killed meanwhile.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

/// The variable that makes this program a server, and names its folder.
pub const FOLDER: &str = "MASO_TEST_SERVER";

/// Not a test of anything: the entry that a deployment starts. In a run of the tests the variable is absent.
#[test]
fn serves_when_asked() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    // The test harness speaks on standard output too, so the pipe to the client comes as another descriptor.
    let out = OpenOptions::new().write(true).open("/proc/self/fd/3").unwrap();
    serve(&PathBuf::from(folder), out);
    std::process::exit(0);
}

/// An account to which a dry run says no, and the server pays all the same.
pub const CLOSED: &str = "A0";

/// The command that starts it.
pub fn command() -> (String, Vec<String>) {
    let program = std::env::current_exe().unwrap();
    let line = format!("exec '{}' --exact server::serves_when_asked --nocapture 3>&1 1>/dev/null", program.display());
    ("/bin/sh".to_owned(), vec!["-c".to_owned(), line])
}

/// What it publishes.
pub fn tools() -> Value {
    let text = json!({ "type": "string" });
    let mut tools = json!([
        tool("read_note", "Reads a note.", json!({ "note": text })),
        tool("write_note", "Appends a line to the notes.", json!({ "text": text })),
        tool("send_mail", "Sends a mail.", json!({ "to": text, "body": text })),
        tool("pay", "Pays an amount.", json!({ "account": text, "amount": { "type": "integer" }, "reference": text })),
        tool("secret_tool", "Nobody has a mandate for this.", json!({})),
        tool("misbehave", "Answers as no server should.", json!({ "how": text })),
    ]);
    // Said only by whoever wants nothing paid.
    tools[3]["inputSchema"]["properties"]["dry_run"] = json!({ "type": "boolean" });
    tools
}

fn tool(name: &str, description: &str, properties: Value) -> Value {
    let required: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
    json!({
        "name": name,
        "description": description,
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        },
    })
}

/// What the server does with a frame that nobody stands before.
pub fn ask_directly(folder: &Path, frame: &str) -> String {
    let (program, args) = command();
    let mut server = Command::new(program)
        .args(args)
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(server.stdin.take().unwrap(), "{frame}").unwrap();
    let mut answer = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut answer).unwrap();
    server.wait().unwrap();
    answer
}

/// The effects so far, in their order.
pub fn effects(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("effects")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn serve(folder: &Path, mut out: File) {
    for line in std::io::stdin().lock().lines() {
        let Ok(request) = line.map(|line| serde_json::from_str::<Value>(&line).unwrap()) else { return };
        let Some(id) = request.get("id") else { continue };
        let params = &request["params"];
        let body = match request["method"].as_str().unwrap_or_default() {
            "initialize" => json!({ "result": {
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": { "listChanged": true }, "resources": {} },
                "serverInfo": { "name": "notes", "version": "1" },
            }}),
            "tools/list" => {
                // As it stands there: it need not be what a list of tools should be.
                let listed = fs::read_to_string(folder.join("tools.json")).unwrap_or_else(|_| tools().to_string());
                if writeln!(out, r#"{{"jsonrpc":"2.0","id":{id},"result":{{"tools":{listed}}}}}"#).is_err() {
                    return;
                }
                continue;
            }
            "tools/call" if params["name"] == "misbehave" => {
                match misbehave(folder, id, &params["arguments"], &mut out) {
                    After::GoesOn => continue,
                    After::Ends => return,
                }
            }
            "tools/call" => json!({ "result": call(folder, &params["name"], &params["arguments"]) }),
            "resources/read" => {
                let uri = params["uri"].as_str().unwrap_or_default();
                let text = note(folder, uri.rsplit('/').next().unwrap_or_default());
                json!({ "result": { "contents": [{ "uri": uri, "text": text }] } })
            }
            "ping" => json!({ "result": {} }),
            _ => json!({ "error": { "code": -32601, "message": "Method not found" } }),
        };
        let mut frame = json!({ "jsonrpc": "2.0", "id": id });
        frame.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        if writeln!(out, "{frame}").is_err() {
            return;
        }
    }
}

fn call(folder: &Path, tool: &Value, arguments: &Value) -> Value {
    let text = match tool.as_str().unwrap_or_default() {
        "read_note" => note(folder, arguments["note"].as_str().unwrap_or_default()),
        name if arguments["dry_run"] == true => {
            let is_open = arguments["account"] != CLOSED;
            let text = if is_open { format!("{name} would be done") } else { format!("account {CLOSED} is closed") };
            return json!({ "content": [{ "type": "text", "text": text }], "isError": !is_open });
        }
        name => {
            let mut effects = OpenOptions::new().create(true).append(true).open(folder.join("effects")).unwrap();
            // One write, so that a kill leaves a whole line or none.
            let line = format!("{}\n", json!({ "tool": name, "arguments": arguments }));
            effects.write_all(line.as_bytes()).unwrap();
            effects.sync_data().unwrap();
            format!("{name} is done")
        }
    };
    json!({ "content": [{ "type": "text", "text": text }] })
}

fn note(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join("notes").join(name)).unwrap_or_else(|_| "an empty note".to_owned())
}

/// Whether the server still serves.
enum After {
    GoesOn,
    Ends,
}

/// Answers as no server should.
fn misbehave(folder: &Path, id: &Value, arguments: &Value, out: &mut File) -> After {
    let good = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[{{"type":"text","text":"good"}}]}}}}"#);
    let with = |result: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    let deep = |n: usize| format!("{}1{}", r#"{"a":"#.repeat(n), "}".repeat(n));
    let frames = match arguments["how"].as_str().unwrap_or_default() {
        "well" => vec![good],
        "complaining" => vec![with(r#"{"content":[{"type":"text","text":"no such note"}],"isError":true}"#)],
        "says that it failed" => vec![with(r#"{"content":[{"type":"text","text":"no"}],"isError":true}"#)],
        "deep" => vec![with(&deep(10_000))],
        "duplicate" => vec![with(r#"{"content":[],"content":[{"type":"text","text":"second"}]}"#)],
        "no result" => vec![format!(r#"{{"jsonrpc":"2.0","id":{id}}}"#)],
        "both" => vec![format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}},"error":{{"code":1,"message":"x"}}}}"#)],
        "not json" => vec!["Traceback (most recent call last):".to_owned(), good],
        "cut off" => vec![good.chars().take(40).collect()],
        "not utf-8" => {
            out.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":\xff}\n").unwrap();
            vec![]
        }
        "wrong type" => vec![with(r#""a text where an object belongs""#)],
        "twice" => vec![good.clone(), good.replace("good", "second")],
        "another id" => vec![good.replacen(&format!(r#""id":{id}"#), r#""id":987654"#, 1)],
        "id as text" => vec![good.replacen(&format!(r#""id":{id}"#), &format!(r#""id":"{id}""#), 1)],
        "oversize" => vec![with(&format!(r#"{{"content":[{{"type":"text","text":"{}"}}]}}"#, "x".repeat(6 << 20)))],
        "many notifications" => {
            let told = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}"#;
            let mut frames = vec![told.to_owned(); 100];
            frames.push(good);
            frames
        }
        "endless" => {
            // A line without an end, until nobody reads it any more.
            while out.write_all(&[b'x'; 1 << 16]).is_ok() {}
            return After::Ends;
        }
        "never" => vec![],
        "late" => {
            fs::write(folder.join("waiting"), "").unwrap();
            while !folder.join("open").exists() {
                std::thread::yield_now();
            }
            vec![good]
        }
        "close" => return After::Ends,
        "half then close" => {
            out.write_all(&good.as_bytes()[..good.len() / 2]).unwrap();
            return After::Ends;
        }
        how => panic!("nobody knows how to misbehave like this: {how} in {}", folder.display()),
    };
    for frame in frames {
        if writeln!(out, "{frame}").is_err() {
            return After::Ends;
        }
    }
    After::GoesOn
}
