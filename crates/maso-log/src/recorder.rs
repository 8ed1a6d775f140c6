//! The recorder: stage 9, the commit point.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use futures::Stream;
use maso_core::{Digest, Timestamp, canonical_bytes};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    sync::{Semaphore, broadcast, oneshot},
};

use crate::{
    Buffered, Entry, LogFault, Reader, Record, Recorded,
    store::{Store, StoredPayload},
    tail::Tail,
    v1::Body,
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

/// A handle on the log. Cheap to clone; the writer ends when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Recorder {
    desk: Arc<Desk>,
    _senders: Arc<Senders>,
    places: Arc<Semaphore>,
    progress: Arc<Progress>,
    followers: broadcast::Sender<Arc<Record>>,
    reader: Reader,
}

impl Recorder {
    /// Opens the log at `path`, making or recovering it, and hands every record so far to `fold` in order.
    ///
    /// From then on `fold` is called on the writer's thread for every committed record, own and foreign, in commit
    /// order and before the caller that recorded it is answered: when [`Recorder::record`] returns, it was folded.
    ///
    /// # Errors
    /// When the file cannot be opened or its chain does not hold.
    pub fn open(path: &Path, options: Options, fold: impl FnMut(&Record) + Send + 'static) -> Result<Self, LogFault> {
        Self::open_with_clock(path, options, system_clock, fold)
    }

    /// The same, with another clock than the system's.
    ///
    /// # Errors
    /// As [`Recorder::open`].
    pub fn open_with_clock(
        path: &Path,
        options: Options,
        clock: impl FnMut() -> Timestamp + Send + 'static,
        fold: impl FnMut(&Record) + Send + 'static,
    ) -> Result<Self, LogFault> {
        Self::start(Store::open(path)?, Reader::open(path)?, options, Box::new(clock), fold)
    }

    pub(crate) fn start(
        store: Store,
        reader: Reader,
        options: Options,
        clock: Clock,
        mut fold: impl FnMut(&Record) + Send + 'static,
    ) -> Result<Self, LogFault> {
        // Read before the replay: a record that arrives in between is then looked for, not missed.
        let data_version = store.data_version()?;
        let head = store.replay(&mut fold)?;
        let progress = Arc::new(Progress { last: AtomicU64::new(head.sequence), stopped: AtomicBool::new(false) });
        let (followers, _) = broadcast::channel(FOLLOWER_BACKLOG_MAX);
        let writer = Writer {
            store,
            clock,
            fold: Box::new(fold),
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
        Ok(Self { desk, _senders: senders, places, progress, followers, reader })
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
        let (mut bodies, payload) = (also, stored_payload(&entry));
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
        let payload = stored_payload(&entry);
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

    async fn write(
        &self,
        bodies: Vec<Body>,
        payload: Option<StoredPayload>,
        guard: Option<Guard>,
    ) -> Result<u64, LogFault> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(bodies, payload, guard, Some(reply)).await?;
        answer.await.unwrap_or(Err(LogFault::Stopped))
    }

    async fn enqueue(
        &self,
        bodies: Vec<Body>,
        payload: Option<StoredPayload>,
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

fn stored_payload<T: Entry>(entry: &T) -> Option<StoredPayload> {
    entry.payload().map(|payload| {
        let bytes = canonical_bytes(payload.value);
        StoredPayload { digest: Digest::of(&bytes), task: payload.task.map(|task| task.to_string()), bytes }
    })
}

/// A decided hop names its payload, and so does a checkpoint, so that the chain vouches for the payload too.
fn addressed(mut body: Body, payload: Option<&StoredPayload>) -> Body {
    let Some(payload) = payload else { return body };
    match &mut body {
        Body::HopDecided(decided) => decided.payload = Some(payload.digest.to_string()),
        Body::ContextCheckpoint(checkpoint) => checkpoint.payload = Some(payload.digest.to_string()),
        _ => {}
    }
    body
}

fn system_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Records that a follower may lag behind.
const FOLLOWER_BACKLOG_MAX: usize = 4096;
