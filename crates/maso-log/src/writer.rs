//! The writer: what appends, one batch at a time.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use maso_core::{Digest, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, broadcast, oneshot};

use crate::{
    LogFault, Record,
    chain::Head,
    inbox::{Door, Inbox},
    recorder::Progress,
    store::{Patience, Store},
    v1::Body,
    vault::{SealedPayload, Vault},
};

/// How often an idle writer looks for entries that nobody waits for, and for other processes' records. Well under
/// [`crate::BUFFERED_MS_MAX`], so that the commit itself fits in.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Commits after which a quiet moment is used for a checkpoint. SQLite makes one by itself after about 200 commits.
const COMMITS_BEFORE_CHECKPOINT: u32 = 64;

/// Entries that are written together or not at all.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) lines: Vec<Line>,
    pub(crate) payload: Option<SealedPayload>,
    /// Whether what it rests on still holds; asked in its transaction, when all that came before it is folded. Of a
    /// buffered group it is asked when that is queued.
    pub(crate) guard: Option<Guard>,
    /// Who waits for the commit; nobody, if the group is buffered.
    pub(crate) reply: Option<Reply>,
    /// Its place in the bounded queue, free again when the group is answered.
    pub(crate) place: OwnedSemaphorePermit,
}

impl Group {
    pub(crate) fn is_awaited(&self) -> bool {
        self.reply.is_some()
    }

    pub(crate) fn may_overtake(&self) -> bool {
        self.lines.iter().any(|line| line.body.may_overtake())
    }

    pub(crate) fn is_overtaken(&self) -> bool {
        self.guard.as_ref().is_some_and(|Guard(holds)| !holds())
    }
}

/// One body and the exact bytes that are hashed.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) body: Body,
    pub(crate) json: String,
}

/// Says whether what a group rests on still holds.
pub(crate) struct Guard(pub(crate) Box<dyn Fn() -> bool + Send>);

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guard(..)")
    }
}

/// Tells the time.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The writer's state. Whoever has it writes: a thread of its own, or a caller that finds it free.
pub(crate) struct Writer {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) fold: Fold,
    /// Where keys of payloads are at hand that somebody may erase.
    pub(crate) vault: Option<Vault>,
    pub(crate) head: Head,
    pub(crate) data_version: i64,
    /// Commits since the last checkpoint that was made in a quiet moment.
    pub(crate) n_commits: u32,
    pub(crate) progress: Arc<Progress>,
    pub(crate) followers: broadcast::Sender<Arc<Record>>,
}

/// What is told of each record.
pub(crate) type Fold = Box<dyn FnMut(&Record) + Send>;

/// The writer, and the queue of what it is to write.
pub(crate) struct Desk {
    pub(crate) inbox: Inbox,
    writer: Mutex<Writer>,
    /// How many waited for the last batch.
    n_waited: AtomicUsize,
    progress: Arc<Progress>,
}

/// The senders' end of a desk. The writer is told when the last one is gone.
#[derive(Debug)]
pub(crate) struct Senders(pub(crate) Arc<Desk>);

impl Drop for Senders {
    fn drop(&mut self) {
        self.0.inbox.close();
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}

impl Desk {
    pub(crate) fn new(writer: Writer, batch_max: usize) -> Self {
        let progress = Arc::clone(&writer.progress);
        Self { inbox: Inbox::new(batch_max), writer: Mutex::new(writer), n_waited: AtomicUsize::new(0), progress }
    }

    /// Writes until there is nobody left to write for. For the writer's own thread.
    pub(crate) fn run(&self) {
        loop {
            let door = self.inbox.sleep(LOOK_EVERY);
            let over = self.guarded(self.writer.lock(), |writer| {
                let batch = self.batch();
                match (batch.is_empty(), door) {
                    (true, Door::Closed) => Ok(true),
                    (true, Door::Open) => writer.look().map(|()| false),
                    (false, _) => writer.write(batch, Patience::Waits).map(|_| false),
                }
            });
            if over.unwrap_or(true) {
                return;
            }
        }
    }

    /// What is to be written now.
    fn batch(&self) -> Vec<Group> {
        let batch = self.inbox.take();
        self.n_waited.store(batch.iter().filter(|group| group.is_awaited()).count(), Ordering::Relaxed);
        batch
    }

    /// Writes what is in the queue here and now if nobody else is writing; else it stays there. Waits for the disk, as
    /// whoever calls would anyway, and for nothing else. Handing the work to a thread and being woken by it can take
    /// half as long as the disk does. Where many wait at once the writer's thread is awake anyway, and threads of the
    /// runtime have better to do than to wait for the disk in turns.
    pub(crate) fn write_here(&self) {
        if self.n_waited.load(Ordering::Relaxed) > 1 {
            return;
        }
        let Some(writer) = self.writer.try_lock() else { return };
        // Somebody else takes over what this thread would do meanwhile: a slow disk stops no socket and no clock.
        tokio::task::block_in_place(|| {
            self.guarded(writer, |writer| {
                if let Some(batch) = writer.write(self.batch(), Patience::None)? {
                    self.inbox.put_back(batch);
                }
                Ok(())
            });
        });
    }

    /// What came of the work, if more may be written after it. After a panic nobody knows what was folded, so whoever
    /// waits, or asks afterwards, learns that nothing is recorded any more; and nobody writes before that is known.
    fn guarded<T>(
        &self,
        mut writer: MutexGuard<'_, Writer>,
        work: impl FnOnce(&mut Writer) -> Result<T, LogFault>,
    ) -> Option<T> {
        if self.progress.is_stopped() {
            return None;
        }
        let fault = match catch_unwind(AssertUnwindSafe(|| work(&mut writer))) {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(fault)) => fault,
            Err(_) => LogFault::Stopped,
        };
        tracing::error!(%fault, "the flight recorder stops");
        // Other processes wait for the lock of a transaction that was broken off.
        writer.store.roll_back();
        self.progress.stop();
        self.inbox.end();
        None
    }
}

impl Writer {
    /// Looks whether another process wrote something.
    fn look(&mut self) -> Result<(), LogFault> {
        match self.look_around() {
            // Nothing was promised: the next look may succeed.
            Err(fault @ LogFault::Store { .. }) => {
                tracing::warn!(%fault, "cannot look for other processes' records");
                Ok(())
            }
            looked => looked,
        }
    }

    /// Commits the batch and answers everyone in it; gives it back if another process is writing and there is no
    /// patience. An error means that nothing more may be written.
    fn write(&mut self, batch: Vec<Group>, patience: Patience) -> Result<Option<Vec<Group>>, LogFault> {
        match self.commit(&batch, patience) {
            Ok(Written { links, answers }) => {
                let mut links = links.into_iter();
                let mut replies = Vec::with_capacity(batch.len());
                for (group, answer) in batch.into_iter().zip(answers) {
                    if answer.is_ok() {
                        // The links come second: an exhausted first part takes none of the next group.
                        for (line, (previous, head)) in group.lines.into_iter().zip(&mut links) {
                            let Head { sequence, at, hash } = head;
                            self.tell(Record { sequence, at, body: line.body, previous, hash });
                        }
                    }
                    replies.push((group.reply, group.place, answer));
                }
                for (reply, place, answer) in replies {
                    answer_to(reply, answer);
                    drop(place);
                }
                Ok(None)
            }
            Err(NotWritten { busy: true, .. }) if patience == Patience::None => Ok(Some(batch)),
            Err(refused) => {
                self.store.roll_back();
                // A buffered entry was promised to its caller: losing it is not a refusal but the end.
                let must_stop = refused.must_stop
                    || !self.store.is_idle()
                    || batch.iter().any(|group| group.reply.is_none() && !group.lines.is_empty());
                if must_stop {
                    self.progress.stop();
                }
                for group in batch {
                    answer_to(group.reply, Err(refused.fault.clone()));
                }
                if must_stop { Err(refused.fault) } else { Ok(None) }
            }
        }
    }

    /// One transaction for all groups of the batch.
    fn commit(&mut self, batch: &[Group], patience: Patience) -> Result<Written, NotWritten> {
        if batch.iter().all(|group| group.lines.is_empty()) {
            self.look_around()?;
            return Ok(Written { links: Vec::new(), answers: batch.iter().map(|_| Ok(self.head.sequence)).collect() });
        }
        self.store.begin(patience)?;
        self.catch_up()?;
        let mut head = self.head;
        let mut links = Vec::with_capacity(batch.len());
        let mut answers = Vec::with_capacity(batch.len());
        for group in batch {
            if let Some(subject) = self.first_spent(group)? {
                answers.push(Err(LogFault::Spent { subject }));
                continue;
            }
            // Nobody else can append before this is committed, and what others did append was folded.
            if group.is_awaited() && group.is_overtaken() {
                answers.push(Err(LogFault::Overtaken));
                continue;
            }
            if let Some(payload) = &group.payload {
                self.store.keep(payload, head.sequence)?;
            }
            for Line { body, json } in &group.lines {
                let previous = head.hash;
                head = head.after((self.clock)(), json.as_bytes());
                self.store.append(previous, head, body, json)?;
                links.push((previous, head));
            }
            answers.push(Ok(head.sequence));
        }
        // A commit that fails may still have reached the disk: what the file holds is then unknown.
        self.store.commit().map_err(|source| NotWritten::for_good(LogFault::store("commit", head.sequence, source)))?;
        self.n_commits += 1;
        Ok(Written { links, answers })
    }

    /// The first once-only subject of the group that was used before, be it in the group itself.
    fn first_spent(&self, group: &Group) -> Result<Option<String>, LogFault> {
        let mut seen = Vec::new();
        for subject in group.lines.iter().filter_map(|line| line.body.once_only()) {
            if seen.contains(&subject) || self.store.is_spent(subject)? {
                return Ok(Some(subject.to_owned()));
            }
            seen.push(subject);
        }
        Ok(None)
    }

    fn look_around(&mut self) -> Result<(), LogFault> {
        if self.n_commits >= COMMITS_BEFORE_CHECKPOINT {
            self.store.checkpoint();
            self.n_commits = 0;
        }
        let data_version = self.store.data_version()?;
        if data_version != self.data_version {
            self.catch_up()?;
            self.data_version = data_version;
        }
        Ok(())
    }

    /// Reads, checks and tells what other processes wrote since the last look. Those records are committed.
    fn catch_up(&mut self) -> Result<(), LogFault> {
        let mut others = Vec::new();
        let read = self.store.follow(self.head, |record| others.push(record));
        for record in others {
            self.tell(record);
        }
        read.map(|_| ())
    }

    /// Tells one committed record: first to the fold, so that whoever awaits the answer finds it folded.
    fn tell(&mut self, record: Record) {
        if let (Body::PayloadsErased(_), Some(vault)) = (&record.body, &self.vault) {
            vault.forget();
        }
        (self.fold)(&record);
        self.head = Head::from(&record);
        self.progress.reach(record.sequence);
        // No follower at the moment is no fault.
        drop(self.followers.send(Arc::new(record)));
    }
}

/// What became of a batch that was committed.
struct Written {
    /// For each line of the groups that were written: the hash before it, and the head after it.
    links: Vec<(Digest, Head)>,
    /// For each group.
    answers: Vec<Result<u64, LogFault>>,
}

/// Why a batch was not committed.
struct NotWritten {
    fault: LogFault,
    must_stop: bool,
    /// The write lock was not to be had, and nothing was begun.
    busy: bool,
}

impl NotWritten {
    fn for_good(fault: LogFault) -> Self {
        Self { fault, must_stop: true, busy: false }
    }
}

impl From<LogFault> for NotWritten {
    fn from(fault: LogFault) -> Self {
        let must_stop = matches!(fault, LogFault::Corrupt { .. });
        let busy = matches!(&fault, LogFault::Store { operation: "lock", .. });
        Self { fault, must_stop, busy }
    }
}

/// How a caller learns the place of its last record.
pub(crate) type Reply = oneshot::Sender<Result<u64, LogFault>>;

fn answer_to(reply: Option<Reply>, answer: Result<u64, LogFault>) {
    if let Some(reply) = reply {
        // Whoever no longer waits has dropped its future; the entry stays written.
        drop(reply.send(answer));
    }
}
