//! The recorder: stage 9, the commit point.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use futures::Stream;
use maso_core::{Day, Timestamp, canonical_bytes};
use maso_seal::WrappingKey;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{Semaphore, broadcast, oneshot},
};

use crate::{
    Buffered, Entry, LogFault, Reader, Record, Recorded,
    store::Store,
    tail::Tail,
    v1::{Body, PayloadsErased},
    vault::{Lot, SealedPayload, Vault},
    writer::{Clock, Desk, Group, Guard, Line, Reply, Senders, Writer},
};

/// How a log is opened.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Entries that may wait for a commit; one more waits.
    pub queue_max: usize,
    /// Entries of one group commit.
    pub batch_max: usize,
}

/// Wraps the keys with which payloads are encrypted.
pub type PayloadKey = Arc<dyn WrappingKey>;

/// A handle on the log. Cheap to clone; the writer ends when the last one is dropped.
#[derive(Clone)]
pub struct Recorder {
    path: PathBuf,
    desk: Arc<Desk>,
    _senders: Arc<Senders>,
    places: Arc<Semaphore>,
    progress: Arc<Progress>,
    followers: broadcast::Sender<Arc<Record>>,
    reader: Reader,
    vault: Option<Vault>,
    clock: Clock,
}

impl Recorder {
    /// Opens the log at `path`, making or recovering it, and hands every record so far to `fold` in order. Without a key
    /// it takes entries that have no payload, and no others.
    ///
    /// From then on `fold` is called on the writer's thread for every committed record, own and foreign, in commit
    /// order and before the caller that recorded it is answered: when [`Recorder::record`] returns, it was folded.
    ///
    /// # Errors
    /// When the file cannot be opened, its chain does not hold, or its payloads were encrypted with another key.
    pub fn open(
        path: &Path,
        key: Option<PayloadKey>,
        options: Options,
        fold: impl FnMut(&Record) + Send + 'static,
    ) -> Result<Self, LogFault> {
        Self::open_with_clock(path, key, options, system_clock, fold)
    }

    /// The same, with another clock than the system's.
    ///
    /// # Errors
    /// As [`Recorder::open`].
    pub fn open_with_clock(
        path: &Path,
        key: Option<PayloadKey>,
        options: Options,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
        fold: impl FnMut(&Record) + Send + 'static,
    ) -> Result<Self, LogFault> {
        Self::start(Store::open(path)?, path, key.map(Vault::new), options, Arc::new(clock), fold)
    }

    pub(crate) fn start(
        store: Store,
        path: &Path,
        vault: Option<Vault>,
        options: Options,
        clock: Clock,
        mut fold: impl FnMut(&Record) + Send + 'static,
    ) -> Result<Self, LogFault> {
        let mut reader = Reader::open(path)?;
        if let Some(vault) = &vault {
            reader = reader.unlocked(vault.clone());
            reader.check_key()?;
            store.encrypt_plain(vault, Day::of(clock()))?;
        }
        // Read before the replay: a record that arrives in between is then looked for, not missed.
        let data_version = store.data_version()?;
        let head = store.replay(&mut fold)?;
        let progress = Arc::new(Progress { last: AtomicU64::new(head.sequence), stopped: AtomicBool::new(false) });
        let (followers, _) = broadcast::channel(FOLLOWER_BACKLOG_MAX);
        let writer = Writer {
            store,
            clock: Arc::clone(&clock),
            fold: Box::new(fold),
            vault: vault.clone(),
            head,
            data_version,
            n_commits: 0,
            progress: Arc::clone(&progress),
            followers: followers.clone(),
        };
        let desk = Arc::new(Desk::new(writer, options.batch_max));
        let thread = Arc::clone(&desk);
        std::thread::Builder::new()
            .name("maso-recorder".to_owned())
            .spawn(move || thread.run())
            .map_err(|_| LogFault::Stopped)?;
        let places = Arc::new(Semaphore::new(options.queue_max.clamp(1, Semaphore::MAX_PERMITS)));
        let senders = Arc::new(Senders(Arc::clone(&desk)));
        Ok(Self { path: path.to_owned(), desk, _senders: senders, places, progress, followers, reader, vault, clock })
    }

    /// Records one entry durably. When this returns, it is on disk and folded. If the future is dropped before, the
    /// entry may or may not be written.
    ///
    /// # Errors
    /// When it could not be made durable; it then must count as not done.
    pub async fn record<T: Entry>(&self, entry: T) -> Result<Recorded<T>, LogFault> {
        self.record_with(entry, Vec::new()).await
    }

    /// Records one entry and, before it, `also`: all of them or none.
    ///
    /// # Errors
    /// As [`Recorder::record`]; [`LogFault::Spent`] if one of them is once-only and exists already.
    pub async fn record_with<T: Entry>(&self, entry: T, also: Vec<Body>) -> Result<Recorded<T>, LogFault> {
        self.record_guarded(entry, also, None).await
    }

    /// The same, if what the entry rests on still holds. `holds` is asked on the writer's thread inside the transaction,
    /// when every record before this one was folded, those of other processes too; it must be quick, and must not
    /// record.
    ///
    /// # Errors
    /// As [`Recorder::record_with`]; [`LogFault::Overtaken`] if it does not hold. Nothing was written then.
    pub async fn record_if<T: Entry>(
        &self,
        entry: T,
        also: Vec<Body>,
        holds: impl Fn() -> bool + Send + 'static,
    ) -> Result<Recorded<T>, LogFault> {
        self.record_guarded(entry, also, Some(Guard(Box::new(holds)))).await
    }

    async fn record_guarded<T: Entry>(
        &self,
        entry: T,
        also: Vec<Body>,
        guard: Option<Guard>,
    ) -> Result<Recorded<T>, LogFault> {
        let (mut bodies, payload) = (also, self.sealed_payload(&entry)?);
        bodies.push(addressed(entry.body(), payload.as_ref()));
        let sequence = self.write(bodies, payload, guard).await?;
        Ok(Recorded::new(entry, sequence))
    }

    /// Records several bodies in this order: all of them or none. The sequence is that of the last.
    ///
    /// # Errors
    /// As [`Recorder::record_with`].
    pub async fn record_all(&self, bodies: Vec<Body>) -> Result<Recorded<Vec<Body>>, LogFault> {
        let sequence = self.write(bodies.clone(), None, None).await?;
        Ok(Recorded::new(bodies, sequence))
    }

    /// Hands an entry over in order and does not wait for the disk. For pure reads only: a crash within
    /// [`crate::BUFFERED_MS_MAX`] loses it. Waits while the queue is full.
    ///
    /// # Errors
    /// When the recorder has stopped. If this very entry cannot be written later, the recorder stops.
    pub async fn buffer<T: Entry>(&self, entry: T) -> Result<Buffered<T>, LogFault> {
        self.buffer_guarded(entry, None).await
    }

    /// The same, if what the entry rests on still holds. `holds` is asked when the entry has its place in the queue,
    /// however long it waited for that, with everything folded that this process has heard of by then. It must be
    /// quick, and lives until the entry is written.
    ///
    /// # Errors
    /// As [`Recorder::buffer`]; [`LogFault::Overtaken`] if it does not hold. Nothing is written then.
    pub async fn buffer_if<T: Entry>(
        &self,
        entry: T,
        holds: impl Fn() -> bool + Send + 'static,
    ) -> Result<Buffered<T>, LogFault> {
        self.buffer_guarded(entry, Some(Guard(Box::new(holds)))).await
    }

    async fn buffer_guarded<T: Entry>(&self, entry: T, guard: Option<Guard>) -> Result<Buffered<T>, LogFault> {
        let payload = self.sealed_payload(&entry)?;
        let bodies = vec![addressed(entry.body(), payload.as_ref())];
        self.enqueue(bodies, payload, guard, None).await?;
        Ok(Buffered::new(entry))
    }

    /// Waits until everything that was handed over so far is on disk, and everything folded that other processes wrote
    /// before.
    ///
    /// # Errors
    /// When the recorder has stopped.
    pub async fn flush(&self) -> Result<(), LogFault> {
        self.write(Vec::new(), None, None).await.map(|_| ())
    }

    /// All records from here on, those of other processes too, in commit order. A follower that lags loses the
    /// oldest and is told so; [`Recorder::tail`] loses none.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Record>> {
        self.followers.subscribe()
    }

    /// All records from `from` on, past and future, in order, each exactly once. The stream ends when the recorder
    /// does, or when the file cannot be read, which is logged.
    pub fn tail(&self, from: u64) -> impl Stream<Item = Arc<Record>> + Send + use<> {
        let tail = Tail::new(from, self.reader.clone(), Arc::clone(&self.progress), self.followers.subscribe());
        futures::stream::unfold(tail, |mut tail| async move { tail.next().await.map(|record| (record, tail)) })
    }

    /// The last record that this process has folded; zero if there is none.
    pub fn last_sequence(&self) -> u64 {
        self.progress.last()
    }

    /// Whether the recorder still takes entries.
    pub fn is_running(&self) -> bool {
        !self.progress.is_stopped()
    }

    /// Reads the log without touching its end.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Erases payloads: records who did it and why, and drops their keys with that record. What lies under those is removed
    /// afterwards, and with it what was overwritten in the write-ahead log; if that fails it is logged, takes room, and is done
    /// by the next erasure. How many payloads were removed.
    ///
    /// # Errors
    /// As [`Recorder::record`]; nothing was erased then.
    pub async fn erase(&self, erased: PayloadsErased) -> Result<Recorded<u64>, LogFault> {
        let recorded = self.record(Body::PayloadsErased(erased)).await?;
        let path = self.path.clone();
        let swept = tokio::task::spawn_blocking(move || sweep(&path)).await.unwrap_or(Err(LogFault::Stopped));
        if let Err(fault) = &swept {
            tracing::warn!(error = fault as &dyn std::error::Error, "erased payloads cannot be removed yet");
        }
        Ok(recorded.map(|_| swept.unwrap_or_default()))
    }

    /// The entry's payload, sealed. Here and not by the writer, so that nobody waits for it who has the file's lock.
    fn sealed_payload<T: Entry>(&self, entry: &T) -> Result<Option<SealedPayload>, LogFault> {
        let Some(payload) = entry.payload() else { return Ok(None) };
        let vault = self.vault.as_ref().ok_or(LogFault::Locked)?;
        let lot = Lot::new(payload.task, Day::of((self.clock)()));
        vault.seal(lot, &canonical_bytes(payload.value), |lot| self.reader.key_of(lot)).map(Some)
    }

    async fn write(
        &self,
        bodies: Vec<Body>,
        payload: Option<SealedPayload>,
        guard: Option<Guard>,
    ) -> Result<u64, LogFault> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(bodies, payload, guard, Some(reply)).await?;
        answer.await.unwrap_or(Err(LogFault::Stopped))
    }

    async fn enqueue(
        &self,
        bodies: Vec<Body>,
        payload: Option<SealedPayload>,
        guard: Option<Guard>,
        reply: Option<Reply>,
    ) -> Result<(), LogFault> {
        // Serialized here and not by the writer, so that callers share the work.
        let lines = bodies
            .into_iter()
            .map(|body| {
                let json = serde_json::to_string(&body).expect("a body has only string keys and finite numbers");
                Line { body, json }
            })
            .collect();
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| LogFault::Stopped)?;
        if self.progress.is_stopped() {
            return Err(LogFault::Stopped);
        }
        let group = Group { lines, payload, guard, reply, place };
        let is_awaited = group.is_awaited();
        // Nobody asks it later: what is buffered may have been released before it is written.
        if !is_awaited && group.is_overtaken() {
            return Err(LogFault::Overtaken);
        }
        self.desk.inbox.push(group)?;
        if is_awaited && may_block() {
            self.desk.write_here();
        }
        self.desk.inbox.wake();
        Ok(())
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("path", &self.path).field("progress", &self.progress).finish_non_exhaustive()
    }
}

/// Whether others can take over what this thread would do while it waits for the disk.
fn may_block() -> bool {
    Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// How far the writer has come.
#[derive(Debug)]
pub(crate) struct Progress {
    last: AtomicU64,
    stopped: AtomicBool,
}

impl Progress {
    pub(crate) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    pub(crate) fn reach(&self, sequence: u64) {
        self.last.store(sequence, Ordering::Release);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }
}

/// A decided hop names its payload, and so does a checkpoint, so that the chain vouches for the payload too.
fn addressed(mut body: Body, payload: Option<&SealedPayload>) -> Body {
    let Some(payload) = payload else { return body };
    match &mut body {
        Body::HopDecided(decided) => decided.payload = Some(payload.digest.to_string()),
        Body::ContextCheckpoint(checkpoint) => checkpoint.payload = Some(payload.digest.to_string()),
        _ => {}
    }
    body
}

/// Removes what nobody can read any more.
fn sweep(path: &Path) -> Result<u64, LogFault> {
    let store = Store::open(path)?;
    let n_swept = store.sweep()?;
    if !store.checkpoint_whole()? {
        tracing::warn!(
            "what was erased stays in the write-ahead log, wrapped, until those end who read the record now"
        );
    }
    Ok(n_swept)
}

fn system_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Records that a follower may lag behind.
const FOLLOWER_BACKLOG_MAX: usize = 4096;
