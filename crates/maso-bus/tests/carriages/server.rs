//! A NATS server of a test's own: on loopback, at a free port, with its own folder, ended with the test.

use std::{
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader},
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
};

use tempfile::TempDir;

/// A server that is running, or was.
pub(crate) struct Server {
    folder: TempDir,
    host: IpAddr,
    port: u16,
    /// What runs it, where it is not run as it is.
    under: Vec<String>,
    running: Option<Child>,
}

impl Server {
    /// Starts one. `config` is added to what it needs to run here.
    pub(crate) fn start(jetstream: &str, config: &str) -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST.into(), jetstream, config)
    }

    /// Starts one where others than this machine reach it.
    pub(crate) fn start_on(host: IpAddr, jetstream: &str, config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let text = format!("jetstream {{ store_dir: {store:?}\n{jetstream} }}\n{config}\n");
        Self::start_in(folder, host, &text, Vec::new())
    }

    /// Starts one that keeps what it has in `store`, and is run by another program: its name and arguments.
    pub(crate) fn start_under(under: Vec<String>, store: &Path, jetstream: &str) -> Self {
        let text = format!("jetstream {{ store_dir: {store:?}\n{jetstream} }}\n");
        Self::start_in(tempfile::tempdir().unwrap(), Ipv4Addr::LOCALHOST.into(), &text, under)
    }

    fn start_in(folder: TempDir, host: IpAddr, config: &str, under: Vec<String>) -> Self {
        fs::write(folder.path().join("server.conf"), config).unwrap();
        let mut server = Self { folder, host, port: 0, under, running: None };
        server.start_again();
        server
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("nats://{}:{}", self.host, self.port)
    }

    /// Starts it once more, where it was, with what it had.
    pub(crate) fn start_again(&mut self) {
        assert!(self.running.is_none());
        // The first time at a free port, and later at the same.
        let port = if self.port == 0 { "-1".to_owned() } else { self.port.to_string() };
        let mut words = self.under.iter().map(OsString::from).chain([program().into()]);
        let mut child = Command::new(words.next().expect("the program at least"))
            .args(words)
            .args(["--addr", &self.host.to_string(), "--port", &port, "--config"])
            .arg(self.folder.path().join("server.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (tell, told) = mpsc::channel();
        let listens = format!("Listening for client connections on {}:", self.host);
        // It is read to its end: a server that cannot write its log stands still.
        std::thread::spawn(move || {
            let mut said = Vec::new();
            for line in log.lines().map_while(Result::ok) {
                if let Some(port) = line.split(&listens).nth(1) {
                    said.push(port.trim().to_owned());
                }
                if line.contains("Server is ready") {
                    tell.send(said.pop().ok_or_else(|| "it listens nowhere".to_owned())).ok();
                } else if line.contains("[FTL]") {
                    tell.send(Err(line)).ok();
                }
            }
        });
        self.running = Some(child);
        self.port = told.recv().expect("the server is ready or says why not").unwrap().parse().unwrap();
    }

    /// Ends it as an operator does.
    pub(crate) fn stop(&mut self) {
        self.end("TERM");
    }

    /// Ends it at once, in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        self.end("KILL");
    }

    /// Lets it stand still: connections stay open and nothing answers, as when a network is cut.
    pub(crate) fn pause(&self) {
        self.signal("STOP");
        // Signalled is not stopped: what a thread is in the middle of it may still end.
        while !self.is_still() {
            std::thread::yield_now();
        }
    }

    /// Whether none of its threads runs.
    fn is_still(&self) -> bool {
        let id = self.running.as_ref().unwrap().id();
        let mut threads = fs::read_dir(format!("/proc/{id}/task")).unwrap();
        threads.all(|thread| {
            // One that is gone meanwhile was not still. The state is what follows the name, which stands in brackets.
            let stat = fs::read_to_string(thread.unwrap().path().join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        })
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    fn end(&mut self, signal: &str) {
        self.signal(signal);
        self.running.take().unwrap().wait().unwrap();
    }

    fn signal(&self, signal: &str) {
        let id = self.running.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn program() -> PathBuf {
    let Some(program) = std::env::var_os("MASO_NATS_SERVER") else {
        panic!(
            "`MASO_NATS_SERVER` must name a nats-server; `tests/nats/install.sh DIR` installs the pinned one, and \
             `cargo nextest run -E 'not test(nats::)'` leaves out what needs it"
        );
    };
    program.into()
}
