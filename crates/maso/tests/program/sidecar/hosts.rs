//! Hosts of a test's own: network namespaces that reach one address of this machine, and nothing else.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    process::Command,
    sync::atomic::{AtomicU8, Ordering},
};

/// A host. It ends with this.
pub struct Host {
    name: String,
}

/// Whether this machine lets a test have hosts of its own. Where it does not, that is said, and what needs them is left out.
#[allow(clippy::print_stderr, reason = "whoever runs the tests should know what they leave out")]
pub fn may_be_made() -> bool {
    let made = Host::new("try");
    if made.is_err() {
        eprintln!(
            "no network namespaces here (`ip netns add` needs root and iproute2): what runs on two hosts is left out"
        );
    }
    made.is_ok()
}

impl Host {
    /// A new one. `side` tells it from the others of this process.
    pub fn new(side: &str) -> Result<Self, String> {
        let host = Self { name: format!("maso-{}-{side}", std::process::id()) };
        ip(&["netns", "add", &host.name])?;
        ip(&["-n", &host.name, "link", "set", "lo", "up"])?;
        Ok(host)
    }

    /// Lays a wire from this machine to it. Gives this machine's address on it.
    pub fn wired(&self) -> IpAddr {
        // Of a range that is for documents and tests (RFC 2544), a small net for each wire of each process.
        static WIRES: AtomicU8 = AtomicU8::new(0);
        let (process, wire) = (std::process::id(), WIRES.fetch_add(4, Ordering::Relaxed));
        let [_, _, high, low] = process.to_be_bytes();
        let at = |last: u8| Ipv4Addr::new(198, 18 + (high & 1), low, wire + last);
        let (here, there) = (format!("mh{process}x{wire}"), format!("mt{process}x{wire}"));
        let done = ip(&["link", "add", &here, "type", "veth", "peer", "name", &there])
            .and_then(|()| ip(&["link", "set", &there, "netns", &self.name]))
            .and_then(|()| ip(&["addr", "add", &format!("{}/30", at(1)), "dev", &here]))
            .and_then(|()| ip(&["link", "set", &here, "up"]))
            .and_then(|()| ip(&["-n", &self.name, "addr", "add", &format!("{}/30", at(2)), "dev", &there]))
            .and_then(|()| ip(&["-n", &self.name, "link", "set", &there, "up"]))
            .and_then(|()| ip(&["-n", &self.name, "route", "add", "default", "via", &at(1).to_string()]));
        done.unwrap();
        at(1).into()
    }

    /// A program on it.
    pub fn command(&self, program: &str) -> tokio::process::Command {
        let mut command = tokio::process::Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Does something on it: all sockets that `work` opens are this host's.
    pub fn inside<T, F>(&self, work: impl FnOnce() -> F + Send) -> T
    where
        F: Future<Output = T>,
        T: Send,
    {
        let namespace = std::fs::File::open(format!("/run/netns/{}", self.name)).unwrap();
        let there = || {
            nix::sched::setns(&namespace, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work())
        };
        std::thread::scope(|scope| scope.spawn(there).join().unwrap())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The wire goes with it.
        ip(&["netns", "del", &self.name]).ok();
    }
}

fn ip(args: &[&str]) -> Result<(), String> {
    let done = Command::new("ip").args(args).output().map_err(|error| error.to_string())?;
    if done.status.success() {
        Ok(())
    } else {
        Err(format!("ip {}: {}", args.join(" "), String::from_utf8_lossy(&done.stderr)))
    }
}
