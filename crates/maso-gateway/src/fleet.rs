//! The server that maso itself is to agents: one asks another for work, under a grant, and nowhere else do they meet.
//! Requests and their answers are hops; what lies in a mailbox was released.

mod messages;
mod post;
mod remark;
mod server;
mod spawning;
mod takers;
mod taking_back;
mod tasks;
#[cfg(test)]
mod tests;
mod told;
mod tools;

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use maso_bus::{Carriage, Delivery, Full, Kind, Mailbox, NotPut};
use maso_core::{AgentName, Digest, HopId, ITSELF, RequestName, Timestamp};
use maso_path::{Carried, Ended};
use maso_wire::UnverifiedToken;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::decider::Got;

pub(crate) use messages::{Handed, Posted};
use post::Post;
pub(crate) use server::{request_id, structured};
pub(crate) use spawning::Spawned;
pub(crate) use takers::Taker;
pub(crate) use tasks::{Progress, Request, came_of};
use told::Told;
pub(crate) use tools::tool;

/// The name under which maso itself is a server.
pub(crate) const SERVER: &str = ITSELF;

/// What agents ask each other, as this process knows it. Mailboxes are the bus's; what must outlast it belongs on the record.
pub(crate) struct Fleet {
    post: Post,
    requests: Mutex<BTreeMap<HopId, Open>>,
    told: Mutex<BTreeMap<HopId, Told>>,
    changed: Notify,
    /// How a request ended by the record, through whichever process; also by the token under which it is worked on.
    ended: Box<EndOf>,
    /// Reads what other processes have put on the record.
    hear: Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>,
}

/// Says how a request ended, from its id and the token under which it is worked on.
type EndOf = dyn Fn(HopId, Option<&UnverifiedToken>) -> Option<Ended> + Send + Sync;

/// A request of one agent to another that is not forgotten yet.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// Who made it.
    pub(crate) from: AgentName,
    to: AgentName,
    request: RequestName,
    content: Value,
    /// The token of the task in which it was made, if one was shown.
    pub(crate) task: Option<UnverifiedToken>,
    /// The token under which it is worked on: the same task, and no more than the request names.
    pub(crate) handed_on: Option<UnverifiedToken>,
    goal: Option<Digest>,
    at: Timestamp,
    lies: Lies,
    /// Who took it last through this process: the agent itself, or one instance of it. Nobody else answers it.
    taken_by: Option<Taker>,
    /// Whether it was answered through this process.
    answered: bool,
    /// The answer, once it came to this process.
    result: Option<Value>,
    /// What the message said beside its content by which the request was made, if it was made by one.
    beside: Option<Value>,
    /// The same of the answer.
    beside_result: Option<Value>,
    /// Whether the answer lies with a listener of whoever asked.
    result_taken: bool,
    /// Whether whoever asked was told the answer when it asked for it.
    result_told: bool,
    /// Who said that it has what was handed to it: it is never handed out again.
    acknowledged: Acknowledged,
    /// Whether whoever works on it was told that it was taken back.
    told_taken_back: bool,
}

/// Where a request lies until it is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lies {
    /// In the mailbox, or with another process.
    InMailbox,
    /// In this process, for the next who asks for it here.
    Here,
    /// With whom it is for.
    WithIt,
}

/// Which sides of a request have what was for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Acknowledged {
    request: bool,
    result: bool,
}

impl Open {
    /// A request that nobody has taken yet.
    fn new(
        (from, to): (AgentName, AgentName),
        (request, content): (RequestName, Value),
        (task, handed_on): (Option<UnverifiedToken>, Option<UnverifiedToken>),
        goal: Option<Digest>,
        at: Timestamp,
    ) -> Self {
        Self {
            from,
            to,
            request,
            content,
            task,
            handed_on,
            goal,
            at,
            lies: Lies::InMailbox,
            taken_by: None,
            answered: false,
            result: None,
            beside: None,
            beside_result: None,
            result_taken: false,
            result_told: false,
            acknowledged: Acknowledged::default(),
            told_taken_back: false,
        }
    }

    /// What whoever is asked is told of it.
    fn told(&self, id: HopId) -> Value {
        let mut told = json!({
            "id": id.to_string(),
            "from": self.from.as_str(),
            "request": self.request.as_str(),
            "content": self.content,
        });
        if let Some(goal) = &self.goal {
            told["goal_hash"] = json!(goal.to_string());
        }
        if let Some(task) = &self.handed_on {
            // It says which task the work belongs to, and nothing of who does it: it is no credential.
            told["task_token"] = json!(task.expose());
        }
        if let Some(beside) = &self.beside {
            told["message"] = beside.clone();
        }
        told
    }

    /// What whoever asked is told of the answer, once there is one.
    fn told_result(&self) -> Option<Value> {
        let mut told = json!({ "done": true, "result": self.result.clone()? });
        if let Some(beside) = &self.beside_result {
            told["message"] = beside.clone();
        }
        Some(told)
    }
}

impl Fleet {
    /// The fleet behind this bus. `ended` says what the record does.
    #[cfg(test)]
    pub(crate) fn new(
        carriage: Arc<dyn Carriage>,
        ended: impl Fn(HopId, Option<&UnverifiedToken>) -> Option<Ended> + Send + Sync + 'static,
    ) -> Self {
        Self::hearing(carriage, ended, || Box::pin(async {}))
    }

    /// The same, where `hear` reads what other processes have put on the record.
    pub(crate) fn hearing(
        carriage: Arc<dyn Carriage>,
        ended: impl Fn(HopId, Option<&UnverifiedToken>) -> Option<Ended> + Send + Sync + 'static,
        hear: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            post: Post::new(carriage),
            requests: Mutex::default(),
            told: Mutex::default(),
            changed: Notify::new(),
            ended: Box::new(ended),
            hear: Box::new(hear),
        }
    }

    /// Puts a request in the mailbox of whom it is for. It is known here from then on, so that its answer is.
    async fn put(&self, id: HopId, open: Open) -> Result<(), NotPut> {
        {
            let mut requests = self.requests.lock();
            self.forget(&mut requests, open.at);
            if requests.len() >= REQUESTS_MAX {
                return Err(NotPut::Full(Full::Mailbox));
            }
            requests.insert(id, open.clone());
        }
        let put = self.post.ask(id, &open).await;
        // Of what nobody knows whether it arrived, the answer may come.
        if let Err(NotPut::Full(_) | NotPut::Unavailable(_)) = &put {
            self.requests.lock().remove(&id);
        }
        put
    }

    /// Forgets what is too old: nobody answers it any more, whether or not anybody remembers that it was taken back.
    pub(crate) fn forget_old(&self, now: Timestamp) {
        self.forget(&mut self.requests.lock(), now);
    }

    fn forget(&self, requests: &mut BTreeMap<HopId, Open>, now: Timestamp) {
        let is_old = |known: &Open| now.since_ms(known.at) >= KEPT_MS;
        let old: Vec<HopId> = requests.iter().filter(|(_, known)| is_old(known)).map(|(id, _)| *id).collect();
        if !old.is_empty() {
            self.post.forget(&old);
            requests.retain(|_, known| !is_old(known));
        }
    }

    /// Takes in what came from a mailbox: for whoever asks for it here, and once.
    async fn arrive(&self, delivery: Delivery) {
        let parcel = &delivery.parcel;
        let (id, kind) = (parcel.id(), parcel.route().into.kind);
        if self.find(id).is_none() {
            // The bus may be faster than the record: what led to it is known here before anybody works on it.
            (self.hear)().await;
        }
        if kind == Kind::Told {
            return self.arrive_told(delivery).await;
        }
        let Some(open) = Open::read(parcel) else {
            tracing::warn!(?parcel, "what came from a mailbox cannot be read, and is dropped");
            return self.post.drop_it(&delivery).await;
        };
        let is_new = {
            let mut requests = self.requests.lock();
            // What one process of ours sealed says of this request what another sealed before; if not, it is none of this.
            let is_its = requests.get(&id).is_none_or(|known| known.from == open.from && known.to == open.to);
            match kind {
                Kind::Request => {
                    let is_over = |known: &Open| known.answered || known.result.is_some() || known.acknowledged.request;
                    let has_ended = (self.ended)(id, open.handed_on.as_ref()).is_some();
                    let is_new = is_its && !requests.get(&id).is_some_and(is_over) && !has_ended;
                    if is_new {
                        let known = requests.entry(id).or_insert(open);
                        // The broker may not have heard that somebody here is at work.
                        if known.lies != Lies::WithIt {
                            known.lies = Lies::Here;
                        }
                    }
                    is_new
                }
                Kind::Answer => {
                    let is_new = is_its && !requests.get(&id).is_some_and(|known| known.acknowledged.result);
                    if is_new {
                        let known = requests.entry(id).or_insert_with(|| open.clone());
                        // The first counts, whoever gave it.
                        if known.result.is_none() {
                            (known.result, known.beside_result) = (open.result, open.beside_result);
                        }
                    }
                    is_new
                }
                Kind::Told => false,
            }
        };
        if !is_new {
            return self.post.drop_it(&delivery).await;
        }
        self.post.keep(&delivery);
        self.changed.notify_waiters();
    }

    /// Puts requests back that were taken for a client that is gone: for the next, in whichever process.
    async fn give_back(&self, ids: &[HopId]) {
        for id in ids {
            let to = {
                let mut requests = self.requests.lock();
                let open = requests.get_mut(id).filter(|open| !open.answered && !open.acknowledged.request);
                open.map(|open| {
                    open.lies = Lies::InMailbox;
                    open.to.clone()
                })
            };
            if let Some(to) = to {
                self.post.give_back(&to, Kind::Request, *id).await;
            }
        }
    }

    /// Gives back what came for an agent that asks for nothing here any more.
    async fn let_go(&self, agent: &AgentName) {
        let unclaimed = {
            let mut requests = self.requests.lock();
            let mut unclaimed = Vec::new();
            for (id, open) in requests.iter_mut() {
                if open.to == *agent && open.lies == Lies::Here {
                    open.lies = Lies::InMailbox;
                    unclaimed.push((Kind::Request, *id));
                }
                if open.from == *agent && open.result.is_some() && !open.result_taken && !open.result_told {
                    (open.result, open.beside_result) = (None, None);
                    unclaimed.push((Kind::Answer, *id));
                }
            }
            unclaimed
        };
        for (kind, id) in unclaimed {
            self.post.give_back(agent, kind, id).await;
        }
        self.let_go_told(agent).await;
    }

    /// Ends what an agent was told at the MCP door: that it asks for something else now shows that it has that.
    async fn end_told(&self, agent: &AgentName) {
        self.end_shown(agent).await;
        let told: Vec<HopId> = {
            let requests = self.requests.lock();
            let is_told = |open: &Open| open.from == *agent && open.result_told && !open.acknowledged.result;
            requests.iter().filter(|(_, open)| is_told(open)).map(|(id, _)| *id).collect()
        };
        for id in told {
            if self.post.end(agent, Kind::Answer, id).await.is_ok()
                && let Some(open) = self.requests.lock().get_mut(&id)
            {
                open.acknowledged.result = true;
            }
        }
    }

    /// Takes up to `max` requests out of an agent's mailbox, waiting for the first as [`Fleet::within`] does. It waits no
    /// longer, and takes none, when a request that the agent works on was taken back.
    async fn receive(&self, to: &AgentName, max: usize, wait_ms: u64, over: impl Future<Output = ()>) -> Vec<Value> {
        self.end_told(to).await;
        self.hear_of_work(to).await;
        let look = |max: usize| {
            let mut requests = self.requests.lock();
            if self.is_any_taken_back(&requests, to) {
                return Some(Vec::new());
            }
            let waits =
                |id: HopId, open: &Open| open.to == *to && open.lies == Lies::Here && !self.is_taken_back(id, open);
            let mut ready: VecDeque<_> = requests.iter_mut().filter(|(id, open)| waits(**id, open)).collect();
            ready.make_contiguous().sort_by_key(|(_, open)| open.at);
            let taken: Vec<Value> = ready
                .into_iter()
                .take(max)
                .map(|(id, open)| {
                    (open.lies, open.taken_by) = (Lies::WithIt, None);
                    open.told(*id)
                })
                .collect();
            (!taken.is_empty()).then_some(taken)
        };
        let mailbox = Mailbox::new(to.clone(), Kind::Request);
        self.receive_from(&mailbox, max, wait_ms, over, look).await
    }

    /// Takes up to `max` of what comes into a mailbox: what `look` finds of it, and what lies there when it has found the first.
    async fn receive_from(
        &self,
        mailbox: &Mailbox,
        max: usize,
        wait_ms: u64,
        over: impl Future<Output = ()>,
        look: impl Fn(usize) -> Option<Vec<Value>>,
    ) -> Vec<Value> {
        let first = self.within(std::slice::from_ref(mailbox), wait_ms, over, || look(max)).await;
        let mut taken = first.unwrap_or_default();
        while (1..max).contains(&taken.len())
            && let Some(delivery) = self.post.take(mailbox, Duration::ZERO).await
        {
            self.arrive(delivery).await;
            taken.extend(look(max - taken.len()).unwrap_or_default());
        }
        self.let_go(&mailbox.of).await;
        if !taken.is_empty() {
            // Whoever follows what was asked sees that it is worked on.
            self.changed.notify_waiters();
        }
        taken
    }

    pub(crate) fn find(&self, id: HopId) -> Option<Open> {
        self.requests.lock().get(&id).cloned()
    }

    /// The same for whoever may have asked in another process: the answer says what the request was.
    async fn find_for(&self, id: HopId, asker: &AgentName) -> Option<Open> {
        let mailbox = Mailbox::new(asker.clone(), Kind::Answer);
        while self.find(id).is_none()
            && let Some(delivery) = self.post.take(&mailbox, Duration::ZERO).await
        {
            self.arrive(delivery).await;
        }
        self.find(id)
    }

    /// Puts the answer in the mailbox of whoever asked, and ends the request; `false` if it was answered already.
    async fn complete(&self, id: HopId, result: Value, beside: Option<Value>) -> Result<bool, NotPut> {
        let open = match self.requests.lock().get_mut(&id) {
            Some(open)
                if !open.answered && open.result.is_none() && (self.ended)(id, open.handed_on.as_ref()).is_none() =>
            {
                // Whoever answers at the same time is second.
                open.answered = true;
                open.clone()
            }
            Some(_) | None => return Ok(false),
        };
        if let Err(not_put) = self.post.answer(id, &open, &result, beside.as_ref()).await {
            if let Some(open) = self.requests.lock().get_mut(&id) {
                // Put again it is the same parcel: it comes once.
                open.answered = false;
            }
            return Err(not_put);
        }
        // Should this not arrive, the request comes again, and to nobody: it is answered.
        if let Err(unavailable) = self.post.end(&open.to, Kind::Request, id).await {
            tracing::debug!(%unavailable, "a request that was answered comes once more");
        }
        self.changed.notify_waiters();
        Ok(true)
    }

    async fn result(&self, id: HopId, wait_ms: u64, over: impl Future<Output = ()>) -> Option<Value> {
        let asker = self.find(id)?.from;
        self.end_told(&asker).await;
        let mailbox = Mailbox::new(asker.clone(), Kind::Answer);
        let look = || {
            let mut requests = self.requests.lock();
            let open = requests.get_mut(&id)?;
            match open.told_result() {
                Some(told) => {
                    open.result_told = true;
                    Some(told)
                }
                None => self.is_taken_back(id, open).then(|| json!({ "done": false, "taken_back": true })),
            }
        };
        let told = self.within(&[mailbox], wait_ms, over, look).await;
        self.let_go(&asker).await;
        told
    }

    /// Looks until there is something, for so long at most, and no longer than until `over`: whoever left takes nothing.
    /// Meanwhile it takes in what comes into these mailboxes.
    async fn within<T>(
        &self,
        mailboxes: &[Mailbox],
        wait_ms: u64,
        over: impl Future<Output = ()>,
        look: impl Fn() -> Option<T>,
    ) -> Option<T> {
        let looking = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                // Enabled before looking, so that what comes in between is noticed.
                changed.as_mut().enable();
                if let Some(found) = look() {
                    return found;
                }
                changed.await;
            }
        };
        let once = async {
            if let Some(found) = look() {
                return Some(found);
            }
            for mailbox in mailboxes {
                if let Some(delivery) = self.post.take(mailbox, Duration::ZERO).await {
                    self.arrive(delivery).await;
                }
            }
            look()
        };
        let wait = Duration::from_millis(wait_ms.min(WAIT_MS_MAX));
        let waiting = async {
            if wait.is_zero() {
                return once.await;
            }
            let taking_in = async {
                futures::future::join_all(mailboxes.iter().map(|mailbox| self.take_in(mailbox))).await;
                // Whoever looks into none waits all the same.
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                found = tokio::time::timeout(wait, looking) => found.ok(),
                () = taking_in => None,
            }
        };
        tokio::select! {
            biased;
            () = over => None,
            found = waiting => found,
        }
    }

    /// Takes in what comes into a mailbox, one after the other, for as long as it is asked.
    async fn take_in(&self, mailbox: &Mailbox) {
        loop {
            if let Some(delivery) = self.post.take(mailbox, Duration::from_millis(WAIT_MS_MAX)).await {
                self.arrive(delivery).await;
            }
            // Whoever looks gets to, before the next is taken.
            tokio::task::yield_now().await;
        }
    }
}

/// What came of something that is in no mailbox, or of which nobody knows whether it is.
fn not_carried(not_put: &NotPut, reply: Got) -> Carried<Got> {
    let fault = not_put.to_string();
    match not_put {
        NotPut::Full(_) | NotPut::Unavailable(_) => Carried::Failed { reply, fault },
        NotPut::Unknown(_) => Carried::Unknown { reply, fault },
    }
}

const REQUESTS_MAX: usize = 10_000;
const RECEIVE_MAX: usize = 100;
const WAIT_MS_MAX: u64 = 30_000;
const KEPT_MS: u64 = 24 * 60 * 60 * 1000;
