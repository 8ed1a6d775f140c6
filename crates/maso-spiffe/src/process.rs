//! Who asks: what the kernel says of a process, looked at so that nobody else can be meant.
//!
//! Of a connection the kernel says which process and user opened it. A number of a process is given to another one when
//! that has ended; so the moment at which the process began is read when it connects, and before and after everything
//! that is read of it later.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt as _,
};

// Programs are large: this hashes them as fast in a debug build as in any other.
use aws_lc_rs::digest::{Context, SHA256};
use maso_core::Digest;
use maso_intent::ProcessSeen;
use parking_lot::Mutex;
use tokio::net::unix::UCred;

/// A process that opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pid: i32,
    uid: u32,
    /// Clock ticks from the start of the machine to its own.
    began: u64,
}

/// Why nothing can be said of a process.
#[derive(Debug, thiserror::Error)]
pub enum PeerFault {
    /// The kernel does not say which process it is: it lives in another namespace.
    #[error("the kernel does not say which process asks")]
    Unknown,
    /// It has ended, or is another one by now.
    #[error("process {0} is not the one that asked any more")]
    Replaced(i32),
    /// What the kernel says of it cannot be read.
    #[error("cannot read what the kernel says of process {pid}")]
    Unreadable {
        /// The process.
        pid: i32,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Whether a process' program is read through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Somebody's mandate asks for it.
    Read,
    /// Nobody's does.
    LeftAlone,
}

impl Peer {
    /// The process that opened a connection, which was accepted just now.
    ///
    /// # Errors
    /// When the kernel does not say which it is, or it has ended already.
    pub fn of(credentials: &UCred) -> Result<Self, PeerFault> {
        let pid = credentials.pid().filter(|pid| *pid > 0).ok_or(PeerFault::Unknown)?;
        let peer = Self { pid, uid: credentials.uid(), began: began(pid)? };
        peer.is_the_same()?;
        Ok(peer)
    }

    /// This process as it runs now, whoever connects.
    #[cfg(test)]
    pub(crate) fn running(pid: i32, uid: u32) -> Self {
        Self { pid, uid, began: began(pid).unwrap() }
    }

    /// The process' number.
    pub const fn pid(&self) -> i32 {
        self.pid
    }

    /// What the kernel says of the process now. Reads files, and its program where that is asked for.
    ///
    /// # Errors
    /// When it is another one by now, or began to run another program while it was looked at.
    pub fn look(&self, program: Program, programs: &Programs) -> Result<ProcessSeen, PeerFault> {
        self.is_the_same()?;
        // A program that may not be read fits no mandate that asks for one.
        let opened = match program {
            Program::Read => self.program().ok(),
            Program::LeftAlone => None,
        };
        let executable = opened.as_ref().and_then(|(file, identity)| programs.digest(file, *identity));
        let cgroup = fs::read_to_string(format!("/proc/{}/cgroup", self.pid)).ok().as_deref().and_then(group);
        if let Some((_, before)) = &opened
            && self.program().map_or(true, |(_, after)| after != *before)
        {
            return Err(PeerFault::Replaced(self.pid));
        }
        self.is_the_same()?;
        Ok(ProcessSeen { uid: self.uid, executable, cgroup })
    }

    /// The program that it runs: by what the kernel runs, not by a path at which something else may lie by now.
    fn program(&self) -> io::Result<(File, Identity)> {
        let file = File::open(format!("/proc/{}/exe", self.pid))?;
        let data = file.metadata()?;
        let identity = Identity {
            device: data.dev(),
            inode: data.ino(),
            bytes: data.len(),
            written: (data.mtime(), data.mtime_nsec()),
            changed: (data.ctime(), data.ctime_nsec()),
        };
        Ok((file, identity))
    }

    fn is_the_same(&self) -> Result<(), PeerFault> {
        let status = read(self.pid, "status")?;
        let is_the_same = effective_user(&status) == Some(self.uid) && began(self.pid)? == self.began;
        if is_the_same { Ok(()) } else { Err(PeerFault::Replaced(self.pid)) }
    }
}

/// The content of programs that were read before. Bounded.
#[derive(Debug, Default)]
pub struct Programs(Mutex<HashMap<Identity, Digest>>);

/// What tells one state of a file from every other: nobody but the system's clock sets when it was changed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Identity {
    device: u64,
    inode: u64,
    bytes: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Programs {
    /// The digest of a program; `None` where it cannot be read whole.
    fn digest(&self, file: &File, identity: Identity) -> Option<Digest> {
        if let Some(known) = self.0.lock().get(&identity) {
            return Some(*known);
        }
        if identity.bytes > PROGRAM_BYTES_MAX {
            return None;
        }
        let (mut file, mut hash, mut buffer) = (file, Context::new(&SHA256), vec![0; 1 << 16]);
        let mut left = identity.bytes;
        loop {
            let n_read = file.read(&mut buffer).ok()?;
            if n_read == 0 {
                break;
            }
            left = left.checked_sub(n_read as u64)?;
            hash.update(&buffer[..n_read]);
        }
        let digest = Digest::parse(&format!("sha256:{}", hex::encode(hash.finish()))).filter(|_| left == 0)?;
        let mut known = self.0.lock();
        if known.len() >= PROGRAMS_MAX {
            known.clear();
        }
        known.insert(identity, digest);
        Some(digest)
    }
}

fn read(pid: i32, what: &str) -> Result<String, PeerFault> {
    fs::read_to_string(format!("/proc/{pid}/{what}")).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => PeerFault::Replaced(pid),
        _ => PeerFault::Unreadable { pid, source },
    })
}

fn began(pid: i32) -> Result<u64, PeerFault> {
    start_time(&read(pid, "stat")?).ok_or(PeerFault::Replaced(pid))
}

/// Field 22 of `/proc/PID/stat`. The second one is the program's name in brackets, and may hold anything.
fn start_time(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The effective user in `/proc/PID/status`.
fn effective_user(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The control group in `/proc/PID/cgroup`, as version 2 has it.
fn group(text: &str) -> Option<String> {
    let group = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    group.starts_with('/').then(|| group.to_owned())
}

/// Programs that are remembered.
const PROGRAMS_MAX: usize = 256;
/// The largest program that is read through.
const PROGRAM_BYTES_MAX: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_the_files_hold_is_read_without_a_panic(text in "(?s).{0,300}") {
            let _ = (start_time(&text), effective_user(&text), group(&text));
        }

        #[test]
        fn a_name_with_brackets_and_numbers_moves_no_field(name in "[ ()0-9a-z]{0,15}", began in any::<u64>()) {
            let fields = ["S"; 19].join(" ");
            prop_assert_eq!(start_time(&format!("7 ({name}) {fields} {began} 0 0")), Some(began));
        }
    }

    fn this() -> Peer {
        let pid = i32::try_from(std::process::id()).unwrap();
        Peer { pid, uid: fs::metadata("/proc/self").unwrap().uid(), began: began(pid).unwrap() }
    }

    #[test]
    fn a_process_is_seen_as_it_is() {
        let programs = Programs::default();
        let seen = this().look(Program::Read, &programs).unwrap();
        let own = std::process::Command::new("sha256sum").arg(std::env::current_exe().unwrap()).output().unwrap();
        let own = String::from_utf8(own.stdout).unwrap();
        assert_eq!(seen.executable, Digest::parse(&format!("sha256:{}", &own[..64])));
        assert_eq!(seen.uid, this().uid);
        assert_eq!(programs.0.lock().len(), 1);
        assert_eq!(this().look(Program::LeftAlone, &programs).unwrap().executable, None);
    }

    #[test]
    fn a_number_that_was_given_anew_is_nobody() {
        let programs = Programs::default();
        for other in [Peer { began: this().began + 1, ..this() }, Peer { uid: this().uid + 1, ..this() }] {
            assert!(matches!(other.look(Program::Read, &programs), Err(PeerFault::Replaced(_))));
        }
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        child.wait().unwrap();
        let ended = Peer { pid, ..this() };
        assert!(matches!(ended.look(Program::Read, &programs), Err(PeerFault::Replaced(_))));
    }
}
