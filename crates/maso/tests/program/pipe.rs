//! `maso mcp`: the program in place of a server's own command.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::{
    bad_input::malformed,
    client::{STATELESS, text},
    deployment::{Deployment, MASO, Usage, Wanted},
};

pub struct Pipe {
    pub child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Pipe {
    pub fn open(deployment: &Deployment, agent: &str) -> Self {
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

    pub async fn say(&mut self, line: &str) {
        self.say_bytes(line.into()).await;
    }

    pub async fn say_bytes(&mut self, mut line: Vec<u8>) {
        line.push(b'\n');
        self.input.as_mut().unwrap().write_all(&line).await.unwrap();
    }

    pub async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.output.next_line().await.unwrap().unwrap()).unwrap()
    }

    /// Closes the client's side. What was begun is finished first; panics unless the program then ends well.
    pub async fn end(&mut self) -> Vec<Value> {
        self.input = None;
        let mut last = Vec::new();
        while let Some(line) = self.output.next_line().await.unwrap() {
            last.push(serde_json::from_str(&line).unwrap());
        }
        assert!(self.child.wait().await.unwrap().success());
        last
    }
}

pub fn stateless_call() -> String {
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
    let noise = [("neither", "{}".to_owned()), ("an empty batch", "[]".to_owned())];
    for (what, frame) in malformed().into_iter().chain(noise).filter(|(_, frame)| !frame.is_empty()) {
        pipe.say(&frame).await;
        let answer = pipe.hear().await;
        assert!(answer["error"]["code"].is_number(), "{what}: {answer}");
        assert!(answer.get("result").is_none(), "{what}: {answer}");
    }
    pipe.say(&stateless_call()).await;
    assert_eq!(text(&pipe.hear().await), "an empty note");
    assert!(deployment.effects().is_empty());
    deployment.verify().await;
}

#[tokio::test]
async fn a_line_that_is_too_long_ends_the_pipe() {
    let deployment = Deployment::new(&Wanted::default());
    let mut pipe = Pipe::open(&deployment, "writer");
    pipe.say(&stateless_call()).await;
    pipe.hear().await;
    let before = Usage::of(&pipe.child);
    // One byte more than a frame may have, and no end of the line: nobody can say where the next frame begins.
    let input = pipe.input.as_mut().unwrap();
    input.write_all(&vec![b'x'; (4 << 20) + 1]).await.unwrap();
    let answer = pipe.hear().await;
    assert!(answer["error"]["code"].is_number(), "{answer}");
    if pipe.child.try_wait().unwrap().is_none() {
        Usage::of(&pipe.child).has_not_grown_since(before);
    }
    assert_eq!(pipe.end().await, Vec::<Value>::new());
    deployment.verify().await;
}

#[tokio::test]
async fn half_a_frame_is_no_frame() {
    let deployment = Deployment::new(&Wanted::default());
    let mut pipe = Pipe::open(&deployment, "writer");
    let call = stateless_call().replace("read_note", "write_note");
    pipe.input.as_mut().unwrap().write_all(&call.as_bytes()[..call.len() - 2]).await.unwrap();
    let last = pipe.end().await;
    assert!(last.len() == 1 && last[0]["error"]["code"].is_number(), "{last:?}");
    assert!(deployment.effects().is_empty());
    deployment.verify().await;
}

#[tokio::test]
async fn it_ends_with_its_client_and_starts_only_for_agents_that_it_knows() {
    let deployment = Deployment::new(&Wanted::default());
    let mut pipe = Pipe::open(&deployment, "writer");
    pipe.say(&stateless_call()).await;
    pipe.hear().await;
    pipe.end().await;
    let hops = deployment.bodies("hop-decided").await;
    let is_read = |hop: &&Value| hop["object"] == "notes:read_note" && hop["decision"] == "allow";
    assert_eq!(hops.iter().filter(is_read).count(), 2, "what was asked, and what was answered");
    let mut stranger = Pipe::open(&deployment, "stranger");
    assert!(!stranger.child.wait().await.unwrap().success());
    deployment.verify().await;
}
