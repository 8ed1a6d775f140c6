//! Sidecars: agents without a credential and without a network but their sidecar, over a real broker.

mod encrypted;
mod hosts;
mod redteam;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::{
    client::{Client, is_done, refused},
    deployment::{Deployment, Edit, MASO, Operator, Up, Wanted},
    nats_server::Server,
};
use hosts::Host;

const GRANT: Edit = (
    "workflows/notes.toml",
    "",
    "\n[[grants]]\nfrom = \"reader\"\nto = \"writer\"\nrequest = \"note-down\"\nschema = { type = \"object\" }\n",
);

/// A deployment behind a broker that knows its users.
struct Behind {
    deployment: Deployment,
    broker: Server,
    up: Up,
    operator: Operator,
}

impl Behind {
    /// Serves it. The broker is reached at `broker` alone.
    async fn of(wanted: &Wanted, broker: std::net::IpAddr) -> Self {
        let deployment = Deployment::new(wanted);
        let users = deployment.data().join("users.conf");
        let wrote = deployment.run(&["bus", "accounts", "--out", users.to_str().unwrap()]).await;
        assert!(wrote.status.success(), "{}", String::from_utf8_lossy(&wrote.stderr));
        let broker = Server::start_on(broker, "", &fs::read_to_string(&users).unwrap());
        // Without TLS beyond this machine: the namespaces of a test are on this machine.
        let bus = format!("nats = {:?}", broker.url());
        Self::at(deployment, broker, &bus).await
    }

    /// Serves it over this broker, as `bus` says.
    async fn at(deployment: Deployment, broker: Server, bus: &str) -> Self {
        let bus = format!("\n[bus]\n{bus}\n");
        deployment.edit(("maso.toml", "", Box::leak(bus.into_boxed_str())));
        let up = deployment.up().await;
        let operator = up.operator().await;
        Self { deployment, broker, up, operator }
    }

    /// Writes what a sidecar of this agent needs.
    async fn invite(&self, agent: &str) -> PathBuf {
        self.invite_with(agent, &[]).await.unwrap_or_else(|said| panic!("{said}"))
    }

    /// The same with more to say, or what was said against it.
    async fn invite_with(&self, agent: &str, more: &[&str]) -> Result<PathBuf, String> {
        let file = self.deployment.data().join(format!("{agent}.json"));
        fs::remove_file(&file).ok();
        let order = ["sidecar", "invite", "--agent", agent, "--as", "owner", "--out", file.to_str().unwrap()];
        let mut command = Command::new(MASO);
        command.args(order).args(more).arg(self.deployment.path());
        let invited = command.env("MASO_PASSPHRASE", PASSPHRASE).stdin(Stdio::null()).output().await.unwrap();
        if invited.status.success() { Ok(file) } else { Err(String::from_utf8_lossy(&invited.stderr).into_owned()) }
    }

    /// Where the sidecar of this agent keeps its things.
    fn home(&self, agent: &str) -> PathBuf {
        self.deployment.data().join(format!("{agent}-sidecar"))
    }

    /// Invites a sidecar and starts it.
    async fn beside(&self, agent: &str, host: Option<&Host>) -> Beside {
        let invitation = self.invite(agent).await;
        Beside::start(&self.home(agent), Some(&invitation), host).await.unwrap_or_else(|said| panic!("{said}"))
    }
}

/// A sidecar that runs.
struct Beside {
    address: SocketAddr,
    child: Child,
    // Kept open: the program may still have something to say.
    _said: tokio::io::Lines<BufReader<ChildStdout>>,
}

impl Beside {
    async fn start(home: &Path, invitation: Option<&Path>, host: Option<&Host>) -> Result<Self, String> {
        let mut command = host.map_or_else(|| Command::new(MASO), |host| host.command(MASO));
        command.args(["sidecar", "run", "--json", "--listen", "127.0.0.1:0"]).arg(home);
        if let Some(file) = invitation {
            command.arg("--invitation").arg(file);
        }
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = piped.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        match said.next_line().await.unwrap() {
            Some(line) => {
                let told: Value = serde_json::from_str(&line).unwrap();
                Ok(Self { address: told["address"].as_str().unwrap().parse().unwrap(), child, _said: said })
            }
            None => Err(String::from_utf8_lossy(&child.wait_with_output().await.unwrap().stderr).into_owned()),
        }
    }

    async fn stop(mut self) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        assert!(self.child.wait().await.unwrap().success());
    }
}

/// Lets the operator sign in at the command line.
async fn with_passphrase(behind: &Behind) {
    let mut command = Command::new(MASO);
    command.args(["operators", "passphrase", "--operator", "owner"]).arg(behind.deployment.path());
    let set = command.env("MASO_PASSPHRASE", PASSPHRASE).stdin(Stdio::null()).output().await.unwrap();
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
}

async fn behind(wanted: &Wanted) -> Behind {
    let behind = Behind::of(wanted, std::net::Ipv4Addr::LOCALHOST.into()).await;
    with_passphrase(&behind).await;
    behind
}

fn granting() -> Wanted {
    Wanted { edits: vec![GRANT], ..Wanted::default() }
}

#[tokio::test]
async fn an_agent_without_a_credential_works_through_its_sidecar() {
    let behind = behind(&granting()).await;
    behind.deployment.put_note("diary", "it rains");
    let (reader, writer) = (behind.beside("reader", None).await, behind.beside("writer", None).await);
    let client = Client::open_bare(reader.address, "notes").await;
    assert_eq!(client.tools().await, ["read_note"], "what its mandate has, and no more");
    assert!(is_done(&client.call("read_note", json!({ "note": "diary" })).await));
    // One agent asks another, each by its own sidecar.
    let (_, task) = behind.operator.open_task("write down what the diary says").await;
    let asking = Client::open_bare(reader.address, "maso").await;
    let order = json!({ "to": "writer", "request": "note-down", "content": { "what": "it rains" } });
    let sent = asking.call_under(&task, "send_request", order).await;
    assert!(is_done(&sent), "{sent}");
    let asked = Client::open_bare(writer.address, "maso").await;
    let received = asked.call_under(&task, "receive_requests", json!({ "wait_ms": 30_000 })).await;
    let request = &received["result"]["structuredContent"]["requests"][0];
    assert_eq!(request["from"], "reader", "{received}");
    let answer = json!({ "id": request["id"], "result": { "done": true } });
    assert!(is_done(&asked.call_under(&task, "complete_request", answer).await));
    assert_eq!(behind.deployment.bodies("join-token-used").await.len(), 2, "each became its agent once");
    reader.stop().await;
    writer.stop().await;
    behind.up.stop().await;
    behind.deployment.verify().await;
}

#[tokio::test]
async fn who_an_agent_is_says_its_sidecar_and_not_the_agent() {
    let behind = behind(&granting()).await;
    behind.deployment.put_note("diary", "it rains");
    let reader = behind.beside("reader", None).await;
    // Another's token, shown beside what the sidecar shows: it goes no further.
    let stolen = behind.operator.token("writer", None).await;
    let as_writer = Client::open_at(reader.address, "notes", &stolen).await;
    assert_eq!(as_writer.tools().await, ["read_note"]);
    let http = reqwest::Client::new();
    let url = |path: &str| format!("http://{}{path}", reader.address);
    // A page in a browser, and what a sidecar does not serve: the API, the console, joining.
    let mut page = HeaderMap::new();
    page.insert("origin", "https://evil.example".parse().unwrap());
    let frame = as_writer.frame("tools/list", &json!({}));
    assert_eq!(as_writer.post(&frame, &page).await.status(), StatusCode::FORBIDDEN);
    for path in ["/api/v1/agents", "/console", "/v1/join", "/v1/identity/renew", "/v1/tasks", "/metrics"] {
        assert_eq!(http.get(url(path)).send().await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(http.get(url("/mcp/../api/v1/agents")).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    // Nobody else's: it listens to its own machine alone.
    let home = behind.home("other");
    let mut elsewhere = Command::new(MASO);
    elsewhere.args(["sidecar", "run", "--listen", "0.0.0.0:0"]).arg(&home).stdin(Stdio::null());
    let said = elsewhere.output().await.unwrap();
    assert!(!said.status.success());
    assert!(String::from_utf8_lossy(&said.stderr).contains("whoever reaches it is its agent"));
}

#[tokio::test]
async fn an_invitation_works_once_and_is_its_owners_alone() {
    let behind = behind(&granting()).await;
    let invitation = behind.invite("reader").await;
    let first =
        Beside::start(&behind.home("first"), Some(&invitation), None).await.unwrap_or_else(|said| panic!("{said}"));
    let second = Beside::start(&behind.home("second"), Some(&invitation), None).await;
    assert!(second.err().unwrap().contains("works once"));
    // Who was taken in goes on without it.
    first.stop().await;
    let again = Beside::start(&behind.home("first"), None, None).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(Client::open_bare(again.address, "notes").await.tools().await, ["read_note"]);
    let nowhere = Beside::start(&behind.home("third"), None, None).await.err().unwrap();
    assert!(nowhere.contains("--invitation"), "{nowhere}");
    let open = behind.invite("writer").await;
    Command::new("chmod").args(["go+r", open.to_str().unwrap()]).status().await.unwrap();
    let exposed = Beside::start(&behind.home("fourth"), Some(&open), None).await.err().unwrap();
    assert!(exposed.contains("may be read by others"), "{exposed}");
}

#[tokio::test]
async fn a_revoked_agent_has_nothing_more_and_a_lost_broker_lets_nothing_through() {
    let mut behind = behind(&granting()).await;
    behind.deployment.put_note("diary", "it rains");
    let reader = behind.beside("reader", None).await;
    let client = Client::open_bare(reader.address, "notes").await;
    let read = async || {
        client
            .post(
                &client.frame("tools/call", &json!({ "name": "read_note", "arguments": { "note": "diary" } })),
                &HeaderMap::new(),
            )
            .await
    };
    let ready = async || reqwest::get(format!("http://{}/readyz", reader.address)).await.unwrap().status();
    assert!(read().await.status().is_success());
    assert_eq!(ready().await, StatusCode::OK);
    behind.broker.stop();
    assert_eq!(read().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    behind.broker.start_again();
    // Both ends are back by themselves.
    while ready().await != StatusCode::OK {
        tokio::task::yield_now().await;
    }
    assert!(is_done(&client.call("read_note", json!({ "note": "diary" })).await));
    behind
        .operator
        .post("/api/v1/revocations", &json!({ "what": "agent", "subject": "reader", "reason": "test" }))
        .await;
    let answer = read().await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_an_agent_leaves_unsigned_its_sidecar_signs() {
    let behind = behind(&granting()).await;
    let reader = behind.beside("reader", None).await;
    // No message at all, but signed: whose it is, is sure, and that it is none.
    let http = reqwest::Client::new();
    let posted = http
        .post(format!("http://{}/v1/messages", reader.address))
        .header("content-type", "application/vnd.maso.message+json")
        .body(r#"{"no": "message"}"#)
        .send()
        .await
        .unwrap();
    let said: Value = posted.json().await.unwrap();
    assert_eq!(said["code"].as_str().or(said["refused"].as_str()), Some("MALFORMED"), "{said}");
    behind.up.stop().await;
    let hops = behind.deployment.bodies("hop-decided").await;
    assert!(
        hops.iter().any(
            |hop| hop["breaks_contract"] == true && hop["agent"] == "agent:reader" || hop["from"] == "agent:reader"
        ),
        "{hops:?}"
    );
}

const PASSPHRASE: &str = "correct horse battery staple";
