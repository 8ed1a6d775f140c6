//! Requests under way, and those whose client went away: nothing is lost, and nothing runs twice.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use maso_core::{Act, AgentName, Digest, HopId, Timestamp};
use maso_wire::{
    UnverifiedToken,
    mcp::{Id, Reply, Revision},
};
use parking_lot::Mutex;
use serde_json::{Value, value::RawValue};
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{listening::Listener, outlet::Outlet, proxy::Asked, upstream::Leg};

/// One request of a client, from its arrival to its answer.
pub(crate) struct Call {
    /// The id that the client gave it.
    pub(crate) client_id: Id,
    /// The revision that the client speaks.
    pub(crate) revision: Revision,
    /// Where progress goes, if the client wants it.
    pub(crate) progress_token: Option<Value>,
    /// The task token that came with it.
    pub(crate) task: Option<UnverifiedToken>,
    outlet: Mutex<Arc<Outlet>>,
    attended: AtomicU8,
    cancelled: CancellationToken,
    stoppable: AtomicBool,
    done: watch::Sender<Option<Reply>>,
    questions: Mutex<Vec<Question>>,
    asked: Notify,
    upstream: Mutex<Option<(Weak<Leg>, i64)>>,
    agent: OnceLock<AgentName>,
    listener: Mutex<Option<Arc<Listener>>>,
}

/// Something that a server asks of the client in the middle of a call.
pub(crate) struct Question {
    /// The method.
    pub(crate) method: String,
    /// Its params, as released.
    pub(crate) params: Box<RawValue>,
    /// The hop by which it was asked.
    pub(crate) hop: HopId,
    /// What was asked.
    pub(crate) act: Act,
    /// Where the answer goes.
    pub(crate) answer: oneshot::Sender<Reply>,
}

/// What a call comes to next.
pub(crate) enum Turn {
    /// Its answer.
    Done(Reply),
    /// Questions that must be answered first.
    Asks(Vec<Question>),
}

const ATTENDED: u8 = 0;
const ABANDONED: u8 = 1;
const CLAIMED: u8 = 2;
const STOPPED: u8 = 3;

impl Call {
    pub(crate) fn new(
        client_id: Id,
        revision: Revision,
        progress_token: Option<Value>,
        task: Option<UnverifiedToken>,
        outlet: Arc<Outlet>,
    ) -> Self {
        Self {
            client_id,
            revision,
            progress_token,
            task,
            outlet: Mutex::new(outlet),
            attended: AtomicU8::new(ATTENDED),
            cancelled: CancellationToken::new(),
            stoppable: AtomicBool::new(false),
            done: watch::Sender::new(None),
            questions: Mutex::new(Vec::new()),
            asked: Notify::new(),
            upstream: Mutex::new(None),
            agent: OnceLock::new(),
            listener: Mutex::new(None),
        }
    }

    /// A request that maso makes of its own accord, for the agent of another one: nobody is told of it.
    pub(crate) fn of_our_own(asked: &Asked, agent: &AgentName) -> Self {
        let outlet = Arc::new(Outlet::new());
        let call = Self::new(asked.request.id.clone(), asked.revision, None, asked.task.clone(), outlet);
        call.carried_as(agent);
        call
    }

    /// Where frames that belong to this request go.
    pub(crate) fn outlet(&self) -> Arc<Outlet> {
        Arc::clone(&self.outlet.lock())
    }

    /// From now on they go there.
    pub(crate) fn redirect(&self, outlet: Arc<Outlet>) {
        *self.outlet.lock() = outlet;
    }

    /// The agent as which the request is carried, once it is known.
    pub(crate) fn agent(&self) -> Option<AgentName> {
        self.agent.get().cloned()
    }

    /// It is carried as this agent.
    pub(crate) fn carried_as(&self, agent: &AgentName) {
        self.agent.get_or_init(|| agent.clone());
    }

    /// Listens as long as the call lives.
    pub(crate) fn keep_listening(&self, listener: Arc<Listener>) {
        *self.listener.lock() = Some(listener);
    }

    /// Waits until nothing more will come on the stream that the call opened.
    pub(crate) async fn listening_over(&self) {
        let listener = self.listener.lock().clone();
        if let Some(listener) = listener {
            listener.over().await;
        }
    }

    /// Whether it is not answered yet, or listens.
    pub(crate) fn is_under_way(&self) -> bool {
        !self.is_done() || self.listener.lock().as_ref().is_some_and(|listener| !listener.is_over())
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn abandon(&self) {
        // Only an attended call can be abandoned; one that was claimed has somebody who waits.
        self.attended.compare_exchange(ATTENDED, ABANDONED, Ordering::AcqRel, Ordering::Acquire).ok();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(self.attended.load(Ordering::Acquire), ABANDONED | STOPPED)
    }

    /// Takes over an abandoned call. Succeeds once.
    fn claim(&self) -> bool {
        self.attended.compare_exchange(ABANDONED, CLAIMED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Remembers which request to the server this one became.
    pub(crate) fn sent(&self, leg: &Arc<Leg>, id: i64) {
        *self.upstream.lock() = Some((Arc::downgrade(leg), id));
    }

    /// It changes nothing, so it may be stopped halfway when the client takes it back.
    pub(crate) fn may_be_stopped(&self) {
        self.stoppable.store(true, Ordering::Release);
    }

    /// The client takes the request back. What only reads is stopped. What may change something goes on, and its answer is
    /// kept: clients take requests back when they lose patience, and then repeat them.
    pub(crate) async fn cancel(&self) {
        if self.stoppable.load(Ordering::Acquire) {
            self.attended.store(STOPPED, Ordering::Release);
        } else {
            self.abandon();
        }
        if self.cancelled.is_cancelled() {
            return;
        }
        self.cancelled.cancel();
        let upstream = self.upstream.lock().clone();
        if self.attended.load(Ordering::Acquire) == STOPPED
            && let Some((leg, id)) = upstream
            && let Some(leg) = leg.upgrade()
        {
            leg.cancel(id).await;
        }
    }

    /// Resolves when the client takes the request back.
    pub(crate) async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }

    pub(crate) fn finish(&self, reply: Reply) {
        self.done.send_replace(Some(reply));
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done.borrow().is_some()
    }

    /// Asks the client something before the call can go on.
    pub(crate) fn ask(&self, question: Question) {
        self.questions.lock().push(question);
        self.asked.notify_one();
    }

    /// Waits for the answer, or for questions that must be answered first.
    pub(crate) async fn turn(&self) -> Turn {
        let mut done = self.done.subscribe();
        loop {
            let questions = std::mem::take(&mut *self.questions.lock());
            if !questions.is_empty() {
                return Turn::Asks(questions);
            }
            if let Some(reply) = done.borrow_and_update().clone() {
                return Turn::Done(reply);
            }
            tokio::select! {
                changed = done.changed() => changed.expect("the sender is part of the call"),
                () = self.asked.notified() => {}
            }
        }
    }

    /// Waits until there is an answer or a question; gives the agent if it is known by then.
    pub(crate) async fn first_turn(&self) -> Option<AgentName> {
        let mut done = self.done.subscribe();
        tokio::select! {
            // The sender is part of the call.
            _ = done.wait_for(Option::is_some) => {}
            () = self.asked.notified() => self.asked.notify_one(),
        }
        self.agent()
    }

    /// Waits for the answer alone.
    pub(crate) async fn answer(&self) -> Reply {
        let mut done = self.done.subscribe();
        loop {
            if let Some(reply) = done.borrow_and_update().clone() {
                return reply;
            }
            done.changed().await.expect("the sender is part of the call");
        }
    }
}

/// All calls that were released and not delivered yet, by the exact action.
#[derive(Default)]
pub(crate) struct Calls {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    by_action: HashMap<Digest, Vec<Arc<Call>>>,
    order: VecDeque<(Digest, Weak<Call>)>,
    parked: BTreeMap<Uuid, Parked>,
}

/// Something that waits for a client to come back with answers.
pub(crate) struct Parked {
    /// The agent that may come back for it.
    pub(crate) agent: AgentName,
    /// After this moment it is gone.
    pub(crate) expires_at: Timestamp,
    /// What waits.
    pub(crate) what: Waits,
}

/// What waits for answers.
pub(crate) enum Waits {
    /// A call under way whose server asked something, by the key that the client was given for each question.
    Call(Arc<Call>, BTreeMap<String, Question>),
    /// A stateless server's own state, and by which hop each of its questions was asked.
    Server(Option<Box<RawValue>>, BTreeMap<String, (HopId, Act)>),
}

impl Calls {
    /// An abandoned call of exactly this action, which is from now on the claimant's.
    pub(crate) fn claim(&self, action: &Digest) -> Option<Arc<Call>> {
        let state = self.state.lock();
        state.by_action.get(action)?.iter().find(|call| call.claim()).cloned()
    }

    /// Remembers a call that is about to be carried.
    pub(crate) fn begin(&self, action: Digest, call: &Arc<Call>) {
        let mut state = self.state.lock();
        state.by_action.entry(action).or_default().push(Arc::clone(call));
        state.order.push_back((action, Arc::downgrade(call)));
        while state.order.len() > KEPT_MAX {
            let Some((action, oldest)) = state.order.pop_front() else { break };
            if let Some(oldest) = oldest.upgrade() {
                if oldest.is_abandoned() {
                    tracing::warn!(%action, "an answer that nobody fetched is given up");
                }
                state.forget(&action, &oldest);
            }
        }
    }

    /// The answer was delivered, or there is none worth keeping.
    pub(crate) fn delivered(&self, call: &Arc<Call>) {
        let mut state = self.state.lock();
        let actions: Vec<Digest> = state
            .order
            .iter()
            .filter(|(_, known)| known.as_ptr() == Arc::as_ptr(call))
            .map(|(action, _)| *action)
            .collect();
        for action in actions {
            state.forget(&action, call);
        }
        state.order.retain(|(_, known)| known.as_ptr() != Arc::as_ptr(call) && known.strong_count() > 0);
    }

    /// Keeps something until its client comes back; gives the handle. The oldest goes when there are too many.
    pub(crate) fn park(&self, parked: Parked, now: Timestamp) -> Uuid {
        let handle = Uuid::new_v4();
        let mut state = self.state.lock();
        state.parked.retain(|_, parked| parked.expires_at > now);
        if state.parked.len() >= PARKED_MAX {
            let soonest = state.parked.iter().min_by_key(|(_, parked)| parked.expires_at).map(|(handle, _)| *handle);
            soonest.and_then(|handle| state.parked.remove(&handle));
        }
        state.parked.insert(handle, parked);
        handle
    }

    /// Takes back what was kept for this agent. A handle is good once.
    pub(crate) fn unpark(&self, handle: &str, agent: &AgentName, now: Timestamp) -> Option<Waits> {
        let handle = Uuid::try_parse(handle).ok()?;
        let mut state = self.state.lock();
        let parked = state.parked.get(&handle)?;
        if parked.agent != *agent || parked.expires_at <= now {
            return None;
        }
        state.parked.remove(&handle).map(|parked| parked.what)
    }
}

impl State {
    fn forget(&mut self, action: &Digest, call: &Arc<Call>) {
        if let Some(calls) = self.by_action.get_mut(action) {
            calls.retain(|known| !Arc::ptr_eq(known, call));
            if calls.is_empty() {
                self.by_action.remove(action);
            }
        }
    }
}

const KEPT_MAX: usize = 1024;
const PARKED_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Arc<Call> {
        Arc::new(Call::new(Id::Number(1), Revision::V2025_11_25, None, None, Arc::new(Outlet::new())))
    }

    #[test]
    fn only_an_abandoned_call_is_claimed_and_only_once() {
        let (calls, call, action) = (Calls::default(), call(), Digest::of(b"pay"));
        calls.begin(action, &call);
        assert!(calls.claim(&action).is_none());
        call.abandon();
        assert!(calls.claim(&Digest::of(b"other")).is_none());
        assert!(calls.claim(&action).is_some_and(|claimed| Arc::ptr_eq(&claimed, &call)));
        assert!(calls.claim(&action).is_none());
        calls.delivered(&call);
        assert!(calls.state.lock().by_action.is_empty());
    }

    #[tokio::test]
    async fn what_was_taken_back_is_kept_unless_it_only_reads() {
        let calls = Calls::default();
        let (read, write) = (call(), call());
        let (reads, writes) = (Digest::of(b"read"), Digest::of(b"write"));
        read.may_be_stopped();
        calls.begin(reads, &read);
        calls.begin(writes, &write);
        read.cancel().await;
        write.cancel().await;
        assert!(calls.claim(&reads).is_none());
        assert!(calls.claim(&writes).is_some());
    }

    #[test]
    fn answers_that_nobody_fetches_are_bounded() {
        let calls = Calls::default();
        for index in 0..KEPT_MAX + 10 {
            let call = call();
            calls.begin(Digest::of(&index.to_le_bytes()), &call);
            call.abandon();
        }
        assert!(calls.state.lock().by_action.len() <= KEPT_MAX);
    }

    #[test]
    fn a_handle_is_good_once_for_its_agent_and_in_time() {
        let calls = Calls::default();
        let (mine, other): (AgentName, AgentName) = ("intake".parse().unwrap(), "analysis".parse().unwrap());
        let parked = || Parked {
            agent: mine.clone(),
            expires_at: Timestamp::from_millis(10),
            what: Waits::Server(None, BTreeMap::new()),
        };
        let now = Timestamp::from_millis(0);
        let handle = calls.park(parked(), now).to_string();
        assert!(calls.unpark(&handle, &other, now).is_none());
        assert!(calls.unpark("guess", &mine, now).is_none());
        assert!(calls.unpark(&handle, &mine, now).is_some());
        assert!(calls.unpark(&handle, &mine, now).is_none());
        let late = calls.park(parked(), now).to_string();
        assert!(calls.unpark(&late, &mine, Timestamp::from_millis(10)).is_none());
    }

    #[tokio::test]
    async fn a_call_asks_before_it_answers() {
        let call = call();
        let (answer, _answered) = oneshot::channel();
        let act = Act::AskClient { server: "s".parse().unwrap(), wants: maso_core::Wants::Roots };
        let hop = HopId::from_uuid(Uuid::nil());
        let params = RawValue::from_string("{}".to_owned()).unwrap();
        call.ask(Question { method: "roots/list".to_owned(), params: params.clone(), hop, act, answer });
        call.finish(Reply::Result(params));
        assert!(matches!(call.turn().await, Turn::Asks(questions) if questions.len() == 1));
        assert!(matches!(call.turn().await, Turn::Done(_)));
    }
}
