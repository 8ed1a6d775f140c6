//! (c) The same MCP call direct and through maso, at 1, 16 and 64 connections. maso and the tool server are processes of
//! their own, as they are wherever they are used; the clients live in this one.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use maso_path::{Clock as _, SystemClock};
use reqwest::Client;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::{
    ground::{self, Caller, Ground},
    server,
    times::{Quantiles, Times},
};
use crate::{assemble, fault::Fault, state::StateFolder};

/// The call, and what it took of memory.
#[derive(Clone, Debug, Serialize)]
pub struct Calls {
    /// One row for each number of connections: a read.
    pub reads: Vec<Row>,
    /// The same for a write, which waits for the disk.
    pub writes: Vec<Row>,
    /// Resident memory of maso before the first call.
    pub idle_mib: f64,
    /// The same after all of them.
    pub after_mib: f64,
}

/// The same call both ways.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Row {
    /// Connections, each with one call at a time.
    pub n_connections: usize,
    /// To the tool server itself.
    pub direct: Way,
    /// Through maso, with a fresh proof of its key by each call.
    pub through: Way,
    /// What maso adds to the median.
    pub added_p50_us: f64,
    /// What maso adds to the 99th percentile.
    pub added_p99_us: f64,
}

/// Calls one way.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Way {
    /// What each call took.
    pub times: Quantiles,
    /// Calls a second, all connections together.
    pub per_second: f64,
}

/// Measures reads and writes.
pub async fn measure(ground: &Ground, rounds: usize) -> Result<Calls, Fault> {
    let upstream = Served::start(&["bench-server"], "/mcp").await?;
    let folder = ground.declare("calls", &ground::source(&upstream.url))?;
    let served = Served::start(&["up", &folder.to_string_lossy(), "--listen", "127.0.0.1:0"], "/mcp/notes").await?;
    tokio::time::sleep(SETTLING).await;
    let idle_mib = served.resident_mib()?;
    let state = StateFolder::open(&folder).map_err(|fault| Fault::new("cannot open the state", fault))?;
    let authority = state.authority().map_err(|fault| Fault::new("cannot read the authority", fault))?;
    let (deployment, _) = assemble::declared(&folder)?;
    let caller = Caller::new(&deployment, &authority, served.url.clone(), SystemClock.now())?;
    let bench = Bench { upstream: upstream.url.clone(), served: served.url.clone(), caller };
    bench.meet().await?;
    let read = Asked { tool: "read_note", arguments: json!({ "note": "n".repeat(ARGUMENT_BYTES) }) };
    let write = Asked {
        tool: "save_note",
        arguments: json!({ "to": ground::RECIPIENT, "text": "the claim was paid. ".repeat(ARGUMENT_BYTES / 20) }),
    };
    let mut rows = [Vec::new(), Vec::new()];
    for (asked, rows) in [&read, &write].into_iter().zip(&mut rows) {
        for n_connections in N_CONNECTIONS {
            rows.push(bench.row(asked, n_connections, rounds).await?);
        }
    }
    let [reads, writes] = rows;
    let after_mib = served.resident_mib()?;
    Ok(Calls { reads, writes, idle_mib, after_mib })
}

/// One call.
struct Asked {
    tool: &'static str,
    arguments: Value,
}

struct Bench {
    upstream: String,
    served: String,
    caller: Caller,
}

impl Bench {
    /// Both ways, in turns, so that what else the machine does falls on both alike.
    async fn row(&self, asked: &Asked, n_connections: usize, rounds: usize) -> Result<Row, Fault> {
        let each = (rounds / TURNS / n_connections).max(10);
        let (mut direct, mut through) = (Load::default(), Load::default());
        for turn in 0..=TURNS {
            // The first turn opens connections and warms up.
            let (straight, mediated) = (
                self.load(asked, n_connections, each, false).await?,
                self.load(asked, n_connections, each, true).await?,
            );
            if turn > 0 {
                direct.join(straight);
                through.join(mediated);
            }
        }
        let (direct, through) = (direct.way()?, through.way()?);
        Ok(Row {
            n_connections,
            direct,
            through,
            added_p50_us: through.times.p50_us - direct.times.p50_us,
            added_p99_us: through.times.p99_us - direct.times.p99_us,
        })
    }

    async fn load(&self, asked: &Asked, n_connections: usize, each: usize, mediated: bool) -> Result<Load, Fault> {
        let mut ready = Vec::with_capacity(n_connections);
        for connection in 0..n_connections {
            // Frames and proofs are the caller's work, and are made before the clock runs.
            let requests: Vec<_> =
                (0..=each).map(|n| self.request(asked, connection * (each + 1) + n, mediated)).collect();
            ready.push((client()?, requests));
        }
        let mut at_work = Vec::with_capacity(n_connections);
        let start_line = std::sync::Arc::new(tokio::sync::Barrier::new(n_connections + 1));
        for (client, requests) in ready {
            let start_line = std::sync::Arc::clone(&start_line);
            at_work.push(tokio::spawn(async move {
                let mut requests = requests.into_iter();
                // One call opens the connection.
                let opened = match requests.next() {
                    Some(request) => request.send(&client).await,
                    None => Ok(Duration::ZERO),
                };
                start_line.wait().await;
                opened?;
                let mut taken = Vec::with_capacity(requests.len());
                for request in requests {
                    taken.push(request.send(&client).await?);
                }
                Ok::<_, Fault>(taken)
            }));
        }
        start_line.wait().await;
        let start = Instant::now();
        let mut taken = Vec::new();
        for work in at_work {
            taken.extend(work.await.map_err(|error| Fault::new("a client ended", error))??);
        }
        Ok(Load { taken, lasted: start.elapsed() })
    }

    fn request(&self, asked: &Asked, id: usize, mediated: bool) -> Call {
        let params = json!({ "name": asked.tool, "arguments": asked.arguments, "_meta": server::meta() });
        let frame = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        let mut headers = server::headers("tools/call");
        headers.push(("mcp-name", asked.tool.to_owned()));
        if mediated {
            headers.push(("authorization", format!("DPoP {}", self.caller.token())));
            headers.push(("dpop", self.caller.proof(SystemClock.now())));
        }
        let url = if mediated { &self.served } else { &self.upstream };
        Call { url: url.clone(), headers, frame: frame.to_string() }
    }

    /// Asks for the tools once, as a client does: maso then knows what the server publishes.
    async fn meet(&self) -> Result<(), Fault> {
        let frame = json!({ "jsonrpc": "2.0", "id": 0, "method": "tools/list", "params": { "_meta": server::meta() } });
        let mut headers = server::headers("tools/list");
        headers.push(("authorization", format!("DPoP {}", self.caller.token())));
        headers.push(("dpop", self.caller.proof(SystemClock.now())));
        let call = Call { url: self.served.clone(), headers, frame: frame.to_string() };
        call.answer(&client()?).await.map(|_| ())
    }
}

/// A request that is ready to be sent.
struct Call {
    url: String,
    headers: Vec<(&'static str, String)>,
    frame: String,
}

impl Call {
    async fn send(self, client: &Client) -> Result<Duration, Fault> {
        let start = Instant::now();
        let answer = self.answer(client).await?;
        let took = start.elapsed();
        // A refusal would be quick and prove nothing.
        if answer["result"]["isError"] == json!(false) {
            Ok(took)
        } else {
            Err(Fault::plain(format!("a call that was to succeed was answered {answer}")))
        }
    }

    async fn answer(self, client: &Client) -> Result<Value, Fault> {
        let fault = |error: reqwest::Error| Fault::new("a call failed", error);
        let mut request = client.post(&self.url).body(self.frame);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let body = request.send().await.map_err(fault)?.bytes().await.map_err(fault)?;
        serde_json::from_slice(&body).map_err(|error| Fault::new("an answer is not JSON", error))
    }
}

/// A client with one connection of its own.
fn client() -> Result<Client, Fault> {
    Client::builder()
        .pool_max_idle_per_host(1)
        .tcp_nodelay(true)
        .no_proxy()
        .timeout(CALL_WAIT)
        .build()
        .map_err(|error| Fault::new("cannot make an HTTP client", error))
}

#[derive(Default)]
struct Load {
    taken: Vec<Duration>,
    lasted: Duration,
}

impl Load {
    fn join(&mut self, other: Self) {
        self.taken.extend(other.taken);
        self.lasted += other.lasted;
    }

    fn way(self) -> Result<Way, Fault> {
        let per_second = self.taken.len() as f64 / self.lasted.as_secs_f64();
        let times = Times::of(self.taken).ok_or_else(|| Fault::plain("no call was measured"))?.quantiles();
        Ok(Way { times, per_second })
    }
}

/// This program as a process of its own, which serves something.
struct Served {
    child: Child,
    url: String,
}

impl Served {
    /// Starts it and waits until it says an address that ends like this.
    async fn start(args: &[&str], ending: &'static str) -> Result<Self, Fault> {
        let program =
            std::env::current_exe().map_err(|error| Fault::new("cannot tell where this program lies", error))?;
        let named = args.first().copied().unwrap_or_default();
        let mut child = Command::new(program)
            .args(args)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Fault::new(format!("cannot start `maso {named}`"), error))?;
        let stdout = child.stdout.take().ok_or_else(|| Fault::plain(format!("`maso {named}` has no output")))?;
        let mut lines = BufReader::new(stdout).lines();
        let found = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(url) = line.split_whitespace().find(|word| word.ends_with(ending)) {
                    return Some(url.to_owned());
                }
            }
            None
        };
        let url = tokio::time::timeout(START_WAIT, found)
            .await
            .ok()
            .flatten()
            .ok_or_else(|| Fault::plain(format!("`maso {named}` did not say where it serves")))?;
        // What it goes on to say belongs to nobody, and must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, url })
    }

    /// What the process holds in memory.
    fn resident_mib(&self) -> Result<f64, Fault> {
        let id = self.child.id().ok_or_else(|| Fault::plain("`maso up` ended early"))?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))
            .map_err(|error| Fault::new("cannot read what `maso up` holds in memory", error))?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
        kib.map(|kib: f64| kib / 1024.0).ok_or_else(|| Fault::plain("the system does not say what is resident"))
    }
}

const N_CONNECTIONS: [usize; 3] = [1, 16, 64];
const TURNS: usize = 4;
const ARGUMENT_BYTES: usize = 256;
const SETTLING: Duration = Duration::from_secs(1);
const START_WAIT: Duration = Duration::from_secs(30);
const CALL_WAIT: Duration = Duration::from_secs(30);
