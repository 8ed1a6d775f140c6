//! A server as a child process: one line is one frame.

use std::{collections::BTreeMap, path::Path, process::Stdio};

use maso_core::ServerName;
use maso_wire::Limits;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{ChildStdin, Command},
    sync::mpsc,
};

use crate::{
    places::Place,
    upstream::leg::{Inbound, LegFault, Link},
};

/// A process that is to be started.
pub(super) struct Child<'a> {
    pub(super) server: &'a ServerName,
    pub(super) command: &'a str,
    pub(super) args: &'a [String],
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) directory: &'a Path,
}

/// Starts the server. It inherits nothing but `PATH`, `HOME`, `LANG` and what its manifest names, and dies with the link.
/// It holds its place until it has ended.
pub(super) fn spawn(
    child: &Child<'_>,
    limits: &Limits,
    place: Option<Place>,
) -> Result<(Link, mpsc::Receiver<Inbound>), LegFault> {
    let Child { server, command, args, env, directory } = *child;
    let mut builder = Command::new(command);
    builder.args(args).env_clear().current_dir(directory).kill_on_drop(true);
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            builder.env(name, value);
        }
    }
    builder.envs(env).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = builder.spawn().map_err(|error| LegFault::NotSent(format!("cannot start `{command}`: {error}")))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(LegFault::NotSent("the child has no pipes".to_owned()));
    };
    let (lines, queued) = mpsc::channel(QUEUE_FRAMES_MAX);
    let (found, inbox) = mpsc::channel(QUEUE_FRAMES_MAX);
    tokio::spawn(write(stdin, queued));
    tokio::spawn(relay_stderr(server.clone(), stderr));
    let bytes_max = limits.frame_bytes_max;
    let server = server.clone();
    tokio::spawn(async move {
        // The child lives as long as someone listens to it: dropping `child` kills it.
        let reason = tokio::select! {
            reason = read(stdout, bytes_max, &found) => reason,
            () = found.closed() => "nobody listens any more".to_owned(),
        };
        tracing::debug!(%server, reason, "a tool server's pipe ended");
        // Whoever would hear of it may be gone, which is as well.
        found.send(Inbound::Closed(reason)).await.ok();
        if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
            child.start_kill().ok();
            child.wait().await.ok();
        }
        drop(place);
    });
    Ok((Link::Pipe(lines), inbox))
}

async fn write(mut stdin: ChildStdin, mut queued: mpsc::Receiver<Vec<u8>>) {
    while let Some(mut frame) = queued.recv().await {
        frame.push(b'\n');
        if stdin.write_all(&frame).await.is_err() || stdin.flush().await.is_err() {
            // The reading side notices the same end and tells everyone who waits.
            return;
        }
    }
}

/// Reads frames until the pipe ends or a line is longer than a frame may be; says why it stopped.
async fn read(stdout: impl AsyncRead + Unpin, bytes_max: usize, found: &mpsc::Sender<Inbound>) -> String {
    let mut reader = BufReader::new(stdout);
    loop {
        match bounded_line(&mut reader, bytes_max).await {
            Ok(Some(line)) if line.iter().all(u8::is_ascii_whitespace) => {}
            Ok(Some(line)) => {
                if found.send(Inbound::Frame(line)).await.is_err() {
                    return "nobody listens any more".to_owned();
                }
            }
            Ok(None) => return "the server ended".to_owned(),
            Err(reason) => return reason,
        }
    }
}

/// The next line without its end; `None` when there is no more.
pub(crate) async fn bounded_line<R: AsyncRead + Unpin>(
    reader: &mut BufReader<R>,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, String> {
    let mut line = Vec::new();
    let allowed = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let n_read = (&mut *reader)
        .take(allowed)
        .read_until(b'\n', &mut line)
        .await
        .map_err(|error| format!("the pipe broke: {error}"))?;
    if n_read == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() > bytes_max {
        return Err(format!("a line of more than {bytes_max} bytes"));
    }
    Ok(Some(line))
}

async fn relay_stderr(server: ServerName, stderr: impl AsyncRead + Unpin) {
    let mut reader = BufReader::new(stderr);
    let mut n_lines = 0_u32;
    // Read to the end even when it is no longer told: a full pipe would stop the server.
    while let Ok(Some(line)) = bounded_line(&mut reader, STDERR_LINE_BYTES_MAX).await {
        n_lines = n_lines.saturating_add(1);
        if n_lines <= STDERR_LINES_MAX {
            tracing::debug!(%server, stderr = %String::from_utf8_lossy(&line), "a tool server says");
        }
    }
    let mut rest = [0; 4096];
    while reader.read(&mut rest).await.is_ok_and(|n_read| n_read > 0) {}
}

const INHERITED: [&str; 3] = ["PATH", "HOME", "LANG"];
const QUEUE_FRAMES_MAX: usize = 64;
const STDERR_LINE_BYTES_MAX: usize = 4096;
const STDERR_LINES_MAX: u32 = 10_000;
const GRACE: std::time::Duration = std::time::Duration::from_secs(2);
