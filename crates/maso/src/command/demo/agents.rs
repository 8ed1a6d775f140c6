//! Starting the example's agents: separate processes with nothing but an address, a key and a token.

use std::process::Stdio;

use maso_control::SignedIn;
use maso_demo::{AgentArgs, Event};
use maso_identity::AgentKey;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    task::JoinHandle,
};

use crate::{assemble::Assembled, fault::Fault};

/// In the order of the workflow: each ends when those before it have.
const AGENTS: [&str; 3] = ["intake", "analysis", "communication"];

struct Running {
    name: &'static str,
    child: Child,
    input: ChildStdin,
    events: JoinHandle<Vec<Event>>,
}

/// Lets all agents work to their end; what comes back is what they told of themselves.
pub async fn work(assembled: &Assembled, by: &SignedIn, base_url: &str, task: &str) -> Result<Vec<Event>, Fault> {
    let mut running = Vec::new();
    for name in AGENTS {
        running.push(start(assembled, by, base_url, task, name).await?);
    }
    let mut told = Vec::new();
    for agent in running {
        told.extend(finish(agent).await?);
    }
    Ok(told)
}

async fn start(
    assembled: &Assembled,
    by: &SignedIn,
    base_url: &str,
    task: &str,
    name: &'static str,
) -> Result<Running, Fault> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Fault::plain(format!("cannot draw randomness: {error}")))?;
    let key = AgentKey::from_seed(seed);
    let order = maso_api::IssueToken { thumbprint: Some(key.thumbprint().to_string()), ttl_ms: None };
    let agent = name.parse().expect("the example's agents have names");
    let issued = assembled.desk.issue_agent_token(by, &agent, &order).await;
    let issued = issued.map_err(|fault| Fault::new(format!("no token for `{name}`"), fault))?;
    let args = AgentArgs {
        name: name.to_owned(),
        base_url: base_url.to_owned(),
        token: issued.token,
        key_pem: key.expose_pem(),
        task_token: Some(task.to_owned()),
        assignments: Vec::new(),
    };

    let fault = |error| Fault::new(format!("cannot start agent `{name}`"), error);
    let program = std::env::current_exe().map_err(fault)?;
    let mut child = Command::new(program)
        .arg("demo-agent")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(fault)?;
    let mut input = child.stdin.take().expect("its standard input is a pipe");
    let output = child.stdout.take().expect("its standard output is a pipe");
    let mut line = serde_json::to_vec(&args).expect("an agent's arguments are plain data");
    line.push(b'\n');
    input.write_all(&line).await.map_err(fault)?;
    input.flush().await.map_err(fault)?;
    let events = tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        let mut events = Vec::new();
        while let Ok(Some(line)) = lines.next_line().await {
            match serde_json::from_str(&line) {
                Ok(event) => events.push(event),
                Err(error) => tracing::warn!(%error, "an agent told something that is no event"),
            }
        }
        events
    });
    Ok(Running { name, child, input, events })
}

/// Ends an agent's input, so that it ends when nothing is waiting for it any more.
async fn finish(agent: Running) -> Result<Vec<Event>, Fault> {
    let Running { name, mut child, input, events } = agent;
    drop(input);
    let status = child.wait().await.map_err(|error| Fault::new(format!("agent `{name}` was lost"), error))?;
    if !status.success() {
        return Err(Fault::plain(format!("agent `{name}` ended with {status}")));
    }
    events.await.map_err(|error| Fault::new(format!("agent `{name}` was not heard"), error))
}
