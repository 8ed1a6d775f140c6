//! The writer: the one thread of this process that appends.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use maso_core::{Digest, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, broadcast, oneshot};

use crate::{
    LogFault, Options, Record,
    chain::Head,
    recorder::Progress,
    store::{Store, StoredPayload},
    v1::Body,
};

/// How often an idle writer looks for other processes' records.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How long buffered entries gather before they are committed. Well under [`crate::BUFFERED_MS_MAX`], so that the
/// commit itself fits in.
const GATHER_FOR: Duration = Duration::from_millis(10);

/// Commits after which a quiet moment is used for a checkpoint. SQLite makes one by itself after about 200 commits.
const COMMITS_BEFORE_CHECKPOINT: u32 = 64;

/// Entries that are written together or not at all.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) lines: Vec<Line>,
    pub(crate) payload: Option<StoredPayload>,
    /// Whether what it rests on still holds; asked in its transaction, when all that came before it is folded.
    pub(crate) guard: Option<Guard>,
    /// Who waits for the commit; nobody, if the group is buffered.
    pub(crate) reply: Option<Reply>,
    /// Its place in the bounded queue, free again when the group is answered.
    pub(crate) place: OwnedSemaphorePermit,
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

impl Group {
    fn may_overtake(&self) -> bool {
        self.lines.iter().any(|line| line.body.may_overtake())
    }

    fn is_overtaken(&self) -> bool {
        self.guard.as_ref().is_some_and(|Guard(holds)| !holds())
    }
}

/// Tells the time.
pub(crate) type Clock = Box<dyn FnMut() -> Timestamp + Send>;

/// The writer's state. It ends when the last handle is gone, or when it no longer knows what the file holds.
pub(crate) struct Writer<F> {
    pub(crate) store: Store,
    pub(crate) groups: Receiver<Group>,
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) fold: F,
    pub(crate) head: Head,
    pub(crate) data_version: i64,
    /// Commits since the last checkpoint that was made in a quiet moment.
    pub(crate) n_commits: u32,
    pub(crate) progress: Arc<Progress>,
    pub(crate) followers: broadcast::Sender<Arc<Record>>,
}

impl<F: FnMut(&Record)> Writer<F> {
    /// Writes until there is nobody left to write for.
    pub(crate) fn run(mut self) {
        let stopped = loop {
            let done = match self.groups.recv_timeout(LOOK_EVERY) {
                Ok(first) => {
                    let batch = self.gather(first);
                    self.write(batch)
                }
                Err(RecvTimeoutError::Timeout) => match self.look() {
                    // Nothing was promised: the next look may succeed.
                    Err(fault @ LogFault::Store { .. }) => {
                        tracing::warn!(%fault, "cannot look for other processes' records");
                        Ok(())
                    }
                    looked => looked,
                },
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Err(fault) = done {
                break fault;
            }
        };
        tracing::error!(fault = %stopped, "the flight recorder stops");
        self.progress.stop();
        // Groups still in the queue are dropped with the channel, and those who wait for them learn it from that.
    }

    /// The groups of one commit. Groups that somebody waits for are not held back, and none is committed together with
    /// one before it that may overtake it.
    fn gather(&self, first: Group) -> Vec<Group> {
        let deadline = Instant::now() + GATHER_FOR;
        let mut somebody_waits = first.reply.is_some();
        let mut batch = vec![first];
        while batch.len() < self.options.batch_max && !batch.last().is_some_and(Group::may_overtake) {
            let next = if somebody_waits {
                self.groups.try_recv().ok()
            } else {
                self.groups.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
            };
            let Some(next) = next else { break };
            somebody_waits |= next.reply.is_some();
            batch.push(next);
        }
        batch
    }

    /// Commits the batch and answers everyone in it. An error means that the writer must stop.
    fn write(&mut self, batch: Vec<Group>) -> Result<(), LogFault> {
        match self.commit(&batch) {
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
                Ok(())
            }
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
                if must_stop { Err(refused.fault) } else { Ok(()) }
            }
        }
    }

    /// One transaction for all groups of the batch.
    fn commit(&mut self, batch: &[Group]) -> Result<Written, NotWritten> {
        if batch.iter().all(|group| group.lines.is_empty()) {
            return Ok(Written { links: Vec::new(), answers: batch.iter().map(|_| Ok(self.head.sequence)).collect() });
        }
        self.store.begin()?;
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
            if group.is_overtaken() {
                answers.push(Err(LogFault::Overtaken));
                continue;
            }
            if let Some(payload) = &group.payload {
                self.store.keep(payload)?;
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

    /// Looks whether another process wrote something.
    fn look(&mut self) -> Result<(), LogFault> {
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
}

impl NotWritten {
    fn for_good(fault: LogFault) -> Self {
        Self { fault, must_stop: true }
    }
}

impl From<LogFault> for NotWritten {
    fn from(fault: LogFault) -> Self {
        let must_stop = matches!(fault, LogFault::Corrupt { .. });
        Self { fault, must_stop }
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
