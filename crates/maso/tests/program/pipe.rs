//! `maso mcp`: the program in place of a server's own command.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    client::{STATELESS, text},
    deployment::{Deployment, MASO, Wanted},
};

struct Pipe {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Pipe {
    fn open(deployment: &Deployment, agent: &str) -> Self {
        let mut child = Command::new(MASO)
            .args(["mcp", "--agent", agent, "--server", "notes", "--deployment"])
            .arg(deployment.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take(), output, child }
    }

    async fn say(&mut self, line: &str) {
        self.input.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.output.next_line().await.unwrap().unwrap()).unwrap()
    }
}

fn stateless_call() -> String {
    let about = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({ "name": "read_note", "arguments": { "note": "x" }, "_meta": about });
    json!({ "jsonrpc": "2.0", "id": "first", "method": "tools/call", "params": params }).to_string()
}

#[tokio::test]
async fn a_stateless_client_may_begin_with_a_call() {
    let deployment = Deployment::new(&Wanted::default());
    let mut pipe = Pipe::open(&deployment, "writer");
    pipe.say(&stateless_call()).await;
    let answer = pipe.hear().await;
    assert_eq!((&answer["id"], text(&answer)), (&json!("first"), "an empty note"));
    deployment.verify().await;
}

#[tokio::test]
async fn noise_is_answered_and_the_pipe_goes_on() {
    let deployment = Deployment::new(&Wanted::default());
    let mut pipe = Pipe::open(&deployment, "writer");
    for noise in
        ["hello", "{}", "[]", r#"{"jsonrpc":"2.0","id":1,"method":"ping","id":2}"#, r#"{"jsonrpc":"2.0","id":1}"#]
    {
        pipe.say(noise).await;
        let answer = pipe.hear().await;
        assert!(answer["error"]["code"].is_number(), "{noise}: {answer}");
    }
    pipe.say(&stateless_call()).await;
    assert_eq!(text(&pipe.hear().await), "an empty note");
}

#[tokio::test]
async fn it_ends_with_its_client_and_starts_only_for_agents_that_it_knows() {
    let deployment = Deployment::new(&Wanted::default());
    let mut pipe = Pipe::open(&deployment, "writer");
    pipe.say(&stateless_call()).await;
    pipe.hear().await;
    pipe.input = None;
    assert!(pipe.child.wait().await.unwrap().success());
    let mut stranger = Pipe::open(&deployment, "stranger");
    assert!(!stranger.child.wait().await.unwrap().success());
    deployment.verify().await;
}
