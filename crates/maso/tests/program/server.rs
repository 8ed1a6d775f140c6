//! A tool server for the tests: this very test program, started anew.
//!
//! What it returns lies in files, so that a test can put an attack there, and what it does it writes to a file before
//! it answers, so that a test can see every effect, whatever was killed meanwhile.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
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

/// The command that starts it.
pub fn command() -> (String, Vec<String>) {
    let program = std::env::current_exe().unwrap();
    let line = format!("exec '{}' --exact server::serves_when_asked --nocapture 3>&1 1>/dev/null", program.display());
    ("/bin/sh".to_owned(), vec!["-c".to_owned(), line])
}

/// What it publishes.
pub fn tools() -> Value {
    let text = json!({ "type": "string" });
    json!([
        tool("read_note", "Reads a note.", json!({ "note": text })),
        tool("write_note", "Appends a line to the notes.", json!({ "text": text })),
        tool("send_mail", "Sends a mail.", json!({ "to": text, "body": text })),
        tool("pay", "Pays an amount.", json!({ "account": text, "amount": { "type": "integer" }, "reference": text })),
        tool("secret_tool", "Nobody has a mandate for this.", json!({})),
    ])
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
                "capabilities": { "tools": { "listChanged": true } },
                "serverInfo": { "name": "notes", "version": "1" },
            }}),
            "tools/list" => {
                let changed = fs::read_to_string(folder.join("tools.json"));
                let tools = changed.map_or_else(|_| tools(), |text| serde_json::from_str(&text).unwrap());
                json!({ "result": { "tools": tools } })
            }
            "tools/call" => json!({ "result": call(folder, &params["name"], &params["arguments"]) }),
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
        "read_note" => {
            let note = arguments["note"].as_str().unwrap_or_default();
            fs::read_to_string(folder.join("notes").join(note)).unwrap_or_else(|_| "an empty note".to_owned())
        }
        name => {
            let mut effects = OpenOptions::new().create(true).append(true).open(folder.join("effects")).unwrap();
            // One write, so that a kill leaves a whole line or none.
            let line = format!("{}\n", json!({ "tool": name, "arguments": arguments }));
            effects.write_all(line.as_bytes()).unwrap();
            format!("{name} is done")
        }
    };
    json!({ "content": [{ "type": "text", "text": text }] })
}
