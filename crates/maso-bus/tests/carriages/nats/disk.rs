//! A server that runs out of room while it runs: nothing is promised that is not kept, and what was acknowledged is there.

use std::{
    io::{BufRead as _, BufReader, ErrorKind, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use async_nats::jetstream;
use maso_bus::{Bounds, Carriage as _, Kind, Nats, NatsOptions, NotPut, Promise};
use tempfile::TempDir;

use super::{options, options_within, process};
use crate::{
    contract::{LONG, awaited, nothing_lies_there, parcel, request},
    server::Server,
};

/// Mailboxes that reserve little.
fn small() -> Bounds {
    Bounds { mailbox_bytes_max: 64 << 10, ..Bounds::DEFAULT }
}

/// A small file system of its own, which only programs see that are run under it.
struct SmallDisk {
    folder: TempDir,
    /// It is there as long as this is.
    keeper: Child,
}

impl SmallDisk {
    /// Makes one, where that is allowed: in a namespace for users and one for file systems.
    #[allow(clippy::print_stderr, reason = "whoever reads the tests' output is to know what did not run")]
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut keeper = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg("mount -t tmpfs -o size=16m tmpfs \"$0\" && echo mounted && exec cat >/dev/null")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said.is_empty() {
            keeper.wait().unwrap();
            eprintln!(
                "no file systems of one's own here (`unshare --user --mount`): what runs on a full disk is left out"
            );
            return None;
        }
        Some(Self { folder, keeper })
    }

    /// What runs a program so that it sees this.
    fn under(&self) -> Vec<String> {
        let keeper = self.keeper.id().to_string();
        ["nsenter", "--target", &keeper, "--user", "--mount", "--preserve-credentials"].map(str::to_owned).to_vec()
    }

    /// Where it is for everybody else.
    fn seen_from_outside(&self) -> PathBuf {
        let inside = self.folder.path().strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.keeper.id())).join(inside)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It reads to the end of what it is told.
        drop(self.keeper.stdin.take());
        self.keeper.wait().ok();
    }
}

/// What may be kept for all is used up by somebody else at the same server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_store_others_filled_takes_nothing_until_there_is_room() {
    let server = Server::start("max_file_store: 4MB", "");
    let nats = process(NatsOptions { bounds: small(), ..options(&server) }).await;
    assert_eq!(nats.put(&request(1)).await, Ok(Promise::Stored));
    let other = jetstream::new(async_nats::connect(server.url()).await.unwrap());
    let config =
        jetstream::stream::Config { name: "other".into(), subjects: vec!["other".into()], ..Default::default() };
    let stream = other.create_stream(config).await.unwrap();
    while other.publish("other", vec![0; 128 << 10].into()).await.unwrap().await.is_ok() {}

    let put = nats.put(&request(2)).await;
    assert!(matches!(put, Err(NotPut::Unavailable(_))), "{put:?}");
    let taken = awaited(&*nats).await;
    assert_eq!(taken.parcel, request(1));
    nats.acknowledge(&taken.receipt).await.unwrap();

    stream.purge().await.unwrap();
    assert_eq!(nats.put(&request(2)).await, Ok(Promise::Stored));
    assert_eq!(awaited(&*nats).await.parcel, request(2));
}

/// A real file system that is full. What the server does then is its own: nats-server 2.15.1 answers nothing that is put into a
/// mailbox whose file it could not write, until it is started again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_disk_that_is_full_nothing_is_promised_and_what_was_acknowledged_is_there() {
    let Some(disk) = SmallDisk::new() else { return };
    let mut server = Server::start_under(disk.under(), &disk.folder.path().join("store"), "max_file_store: 1GB");
    let patient = process(NatsOptions { bounds: small(), ..options_within(&server, LONG) }).await;
    let impatient = Nats::connect(options_within(&server, Duration::from_secs(3))).await.unwrap();
    assert_eq!(patient.put(&request(1)).await, Ok(Promise::Stored));

    let ballast = disk.seen_from_outside().join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    let full = loop {
        if let Err(error) = file.write_all(&[0; 4 << 10]) {
            break error;
        }
    };
    assert_eq!(full.kind(), ErrorKind::StorageFull);
    // More than fits into what the server has of the disk already.
    let large = |n| parcel("intake", "analysis", Kind::Request, n, &[7; 20 << 10]);
    for n in 2..=3 {
        let put = impatient.put(&large(n)).await;
        assert!(matches!(put, Err(NotPut::Unknown(_))), "{put:?}");
    }
    let taken = awaited(&*patient).await;
    assert_eq!(taken.parcel, request(1));

    std::fs::remove_file(&ballast).unwrap();
    drop(file);
    // Not by itself. Where a later server does go on, docs/bus.md is to say so.
    assert!(matches!(impatient.put(&large(2)).await, Err(NotPut::Unknown(_))));
    server.kill();
    server.start_again();
    patient.acknowledge(&taken.receipt).await.unwrap();
    assert_eq!(patient.put(&large(2)).await, Ok(Promise::Stored));
    let taken = awaited(&*patient).await;
    assert_eq!(taken.parcel, large(2));
    patient.acknowledge(&taken.receipt).await.unwrap();
    nothing_lies_there(&*patient).await;
}
