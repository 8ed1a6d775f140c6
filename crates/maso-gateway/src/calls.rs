//! Requests under way, and those whose client went away: nothing is lost, and nothing runs twice.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use maso_core::{Act, AgentName, Digest, HopId, ServerName, Timestamp};
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
    since: Instant,
    finished_at: OnceLock<Instant>,
    attended: AtomicU8,
    left: CancellationToken,
    cancelled: CancellationToken,
    stoppable: AtomicBool,
    done: watch::Sender<Option<Reply>>,
    questions: Mutex<Vec<Question>>,
    asked: Notify,
    upstream: Mutex<Option<(Weak<Leg>, i64)>>,
    agent: OnceLock<AgentName>,
    owner: OnceLock<Owner>,
    listener: Mutex<Option<Arc<Listener>>>,
    gives_back: Mutex<Option<GiveBack>>,
}

/// Gives back what a call took for a client that is gone.
type GiveBack = Box<dyn FnOnce() + Send>;

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
            since: Instant::now(),
            finished_at: OnceLock::new(),
            attended: AtomicU8::new(ATTENDED),
            left: CancellationToken::new(),
            cancelled: CancellationToken::new(),
            stoppable: AtomicBool::new(false),
            done: watch::Sender::new(None),
            questions: Mutex::new(Vec::new()),
            asked: Notify::new(),
            upstream: Mutex::new(None),
            agent: OnceLock::new(),
            owner: OnceLock::new(),
            listener: Mutex::new(None),
            gives_back: Mutex::new(None),
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

    /// Whose it is, once it is carried.
    pub(crate) fn owner(&self) -> Option<&Owner> {
        self.owner.get()
    }

    /// It is carried for this owner.
    pub(crate) fn owned_by(&self, owner: Owner) {
        self.owner.get_or_init(|| owner);
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
        if self.attended.compare_exchange(ATTENDED, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.leave();
        }
    }

    /// Resolves when nobody waits for the answer any more. For what need not go on then: only a call that nobody else can
    /// claim may be given up.
    pub(crate) async fn left(&self) {
        self.left.cancelled().await;
    }

    fn leave(&self) {
        self.left.cancel();
        self.give_back();
    }

    /// Does this if nobody waits for the answer any more, now or before it was delivered.
    pub(crate) fn if_abandoned(&self, give_back: impl FnOnce() + Send + 'static) {
        *self.gives_back.lock() = Some(Box::new(give_back));
        if self.is_abandoned() {
            self.give_back();
        }
    }

    fn give_back(&self) {
        let gives_back = self.gives_back.lock().take();
        if let Some(give_back) = gives_back {
            give_back();
        }
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(self.attended.load(Ordering::Acquire), ABANDONED | STOPPED)
    }

    /// Takes over an abandoned call. Succeeds once.
    fn claim(&self) -> bool {
        self.attended.compare_exchange(ABANDONED, CLAIMED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether its answer may still serve somebody.
    fn is_kept(&self, now: Instant) -> bool {
        self.finished_at.get().is_none_or(|at| now.saturating_duration_since(*at) <= KEPT_FOR)
    }

    /// What only read is read again once it is over, so that nobody takes an old state for a new one. Only a repetition
    /// that crossed with the answer gets it.
    fn is_worth_claiming(&self, now: Instant) -> bool {
        let is_fresh = |at: &Instant| now.saturating_duration_since(*at) <= CROSSES_FOR;
        !self.stoppable.load(Ordering::Acquire) || self.finished_at.get().is_none_or(is_fresh)
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
            self.leave();
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

    /// Whether its answer was put where its client looks for it.
    pub(crate) fn was_answered(&self) -> bool {
        self.is_done() && !self.cancelled.is_cancelled()
    }

    pub(crate) fn finish(&self, reply: Reply) {
        self.finished_at.get_or_init(Instant::now);
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
    /// In the order in which they were taken on.
    known: VecDeque<(Digest, Arc<Call>)>,
    /// When which action was taken on lately, whatever became of it.
    entered: VecDeque<(Instant, Digest)>,
    parked: BTreeMap<Uuid, Parked>,
}

/// What becomes of a call that may be carried.
pub(crate) enum Entered {
    /// It is carried.
    Go,
    /// An identical one was carried, and its answer is the answer to this one.
    After(Arc<Call>),
    /// Nobody waits for it, and it was carried meanwhile in the shape of its repetition.
    Overtaken,
    /// As many of its agent's calls as there may be are under way.
    Full,
}

/// Whose request it is, and what it is about: only the same may come back for what was left by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) agent: AgentName,
    pub(crate) server: ServerName,
    pub(crate) task: Option<UnverifiedToken>,
    pub(crate) method: String,
}

/// Something that waits for a client to come back with answers.
pub(crate) struct Parked {
    /// Who may come back for it.
    pub(crate) owner: Owner,
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
    /// Takes on a call of exactly this action, in one step: of any number of attempts at one action whose clients lost
    /// patience, one is carried, and each of the others leads to its answer.
    pub(crate) fn enter(&self, action: Digest, call: &Arc<Call>) -> Entered {
        let mut state = self.state.lock();
        if let Some(earlier) = state.earlier(action, call, Instant::now()) {
            return Entered::After(earlier);
        }
        if call.is_abandoned() && state.entered.iter().any(|(at, known)| *known == action && *at >= call.since) {
            return Entered::Overtaken;
        }
        if state.make_room(call) {
            state.register(action, call);
            Entered::Go
        } else {
            Entered::Full
        }
    }

    /// The call whose answer is the answer to this one, if there is one; otherwise this one is not taken on yet.
    pub(crate) fn follow(&self, action: Digest, call: &Arc<Call>) -> Option<Arc<Call>> {
        self.state.lock().earlier(action, call, Instant::now())
    }

    /// The answer was delivered, or there is none worth keeping.
    pub(crate) fn delivered(&self, call: &Arc<Call>) {
        self.state.lock().forget(call);
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

    /// Takes back what was kept for this owner. A handle is good once.
    pub(crate) fn unpark(&self, handle: &str, owner: &Owner, now: Timestamp) -> Option<Waits> {
        let handle = Uuid::try_parse(handle).ok()?;
        let mut state = self.state.lock();
        let parked = state.parked.get(&handle)?;
        if parked.owner != *owner || parked.expires_at <= now {
            return None;
        }
        state.parked.remove(&handle).map(|parked| parked.what)
    }
}

impl State {
    /// An abandoned call of this action, which from now on is this one's. Where this one is abandoned itself, any other
    /// call of the action will do: it is its repetition.
    fn earlier(&mut self, action: Digest, call: &Arc<Call>, now: Instant) -> Option<Arc<Call>> {
        self.known.retain(|(_, known)| known.is_kept(now));
        let mut others = self.known.iter().filter(|(of, known)| *of == action && !Arc::ptr_eq(known, call));
        if let Some((_, earlier)) = others.clone().find(|(_, known)| known.is_worth_claiming(now) && known.claim()) {
            let earlier = Arc::clone(earlier);
            self.forget(&earlier);
            // In its place, so that whoever repeats the action once more finds this one.
            self.register(action, call);
            return Some(earlier);
        }
        let (_, repetition) = others.next_back().filter(|_| call.is_abandoned())?;
        Some(Arc::clone(repetition))
    }

    fn register(&mut self, action: Digest, call: &Arc<Call>) {
        self.known.push_back((action, Arc::clone(call)));
        self.entered.push_back((Instant::now(), action));
        if self.entered.len() > ENTERED_MAX {
            self.entered.pop_front();
        }
    }

    /// Makes room for one more; `false` where all that its agent may have are under way. Only what is finished goes: past
    /// an agent's share its own, and past all room its own before anybody else's. What is under way never goes, since a
    /// repetition would not find it and run a second time: that there is an end to it follows from the shares.
    fn make_room(&mut self, call: &Call) -> bool {
        if self.known.len() < OWN_MAX {
            return true;
        }
        let is_own = |known: &Call| known.agent.get() == call.agent.get();
        let has_share = self.known.iter().filter(|(_, known)| is_own(known)).count() < OWN_MAX;
        if has_share && self.known.len() < KEPT_MAX {
            return true;
        }
        let first = |of: &dyn Fn(&Call) -> bool| self.known.iter().position(|(_, known)| known.is_done() && of(known));
        // What only read is read again; what changed something would be done again by whoever repeats it.
        let only_reads = |known: &Call| known.stoppable.load(Ordering::Acquire);
        let mut given_up = first(&|known| is_own(known) && only_reads(known)).or_else(|| first(&is_own));
        if given_up.is_none() && has_share {
            given_up = first(&|_| true);
        }
        if let Some((action, given_up)) = given_up.and_then(|index| self.known.remove(index)) {
            if given_up.is_abandoned() {
                tracing::warn!(%action, "an answer that nobody fetched is given up");
            }
            return true;
        }
        has_share
    }

    fn forget(&mut self, call: &Arc<Call>) {
        self.known.retain(|(_, known)| !Arc::ptr_eq(known, call));
    }
}

/// How long an answer waits for whoever repeats the request. What is repeated later is meant anew.
const KEPT_FOR: Duration = Duration::from_secs(10 * 60);
/// The same for what only read.
const CROSSES_FOR: Duration = Duration::from_secs(5);
const KEPT_MAX: usize = 1024;
/// Of one agent.
const OWN_MAX: usize = 256;
const ENTERED_MAX: usize = 1024;
const PARKED_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Arc<Call> {
        Arc::new(Call::new(Id::Number(1), Revision::V2025_11_25, None, None, Arc::new(Outlet::new())))
    }

    fn goes(calls: &Calls, action: Digest, call: &Arc<Call>) -> bool {
        matches!(calls.enter(action, call), Entered::Go)
    }

    fn follows(calls: &Calls, action: Digest, call: &Arc<Call>, earlier: &Arc<Call>) -> bool {
        matches!(calls.enter(action, call), Entered::After(found) if Arc::ptr_eq(&found, earlier))
    }

    fn nothing() -> Reply {
        Reply::Result(RawValue::from_string("{}".to_owned()).unwrap())
    }

    #[test]
    fn only_an_abandoned_call_is_claimed_and_only_once() {
        let (calls, action) = (Calls::default(), Digest::of(b"pay"));
        let [first, beside, other, second, third] = std::array::from_fn(|_| call());
        assert!(goes(&calls, action, &first));
        assert!(goes(&calls, action, &beside), "who means it twice does it twice");
        calls.delivered(&beside);
        first.abandon();
        assert!(goes(&calls, Digest::of(b"other"), &other));
        assert!(follows(&calls, action, &second, &first));
        calls.delivered(&second);
        assert!(goes(&calls, action, &third));
        calls.delivered(&third);
        calls.delivered(&other);
        assert!(calls.state.lock().known.is_empty());
    }

    #[tokio::test]
    async fn of_three_attempts_one_is_carried_and_the_third_gets_its_answer() {
        let (calls, action) = (Calls::default(), Digest::of(b"pay"));
        let [first, second, third] = std::array::from_fn(|_| call());
        assert!(goes(&calls, action, &first));
        first.abandon();
        assert!(follows(&calls, action, &second, &first));
        second.abandon();
        first.finish(nothing());
        second.finish(first.answer().await);
        // Whoever claimed the first one's answer is gone, and the answer is not.
        assert!(follows(&calls, action, &third, &second));
        assert!(matches!(second.answer().await, Reply::Result(_)));
    }

    #[test]
    fn a_call_that_its_repetition_overtook_is_not_carried() {
        let (calls, action) = (Calls::default(), Digest::of(b"pay"));
        let [late, later, repetition] = std::array::from_fn(|_| call());
        late.abandon();
        later.abandon();
        assert!(goes(&calls, action, &repetition));
        assert!(follows(&calls, action, &late, &repetition));
        calls.delivered(&repetition);
        assert!(matches!(calls.enter(action, &later), Entered::Overtaken));
        assert!(goes(&calls, action, &call()), "somebody waits for this one");
    }

    #[test]
    fn an_answer_has_its_time_and_what_was_read_is_read_again() {
        let calls = Calls::default();
        let [write, read] = std::array::from_fn(|_| call());
        let (writes, reads) = (Digest::of(b"write"), Digest::of(b"read"));
        read.may_be_stopped();
        for (action, call) in [(writes, &write), (reads, &read)] {
            assert!(goes(&calls, action, call));
            call.abandon();
            call.finish(nothing());
        }
        let crossed = Instant::now() + CROSSES_FOR + Duration::from_secs(1);
        assert!(calls.state.lock().earlier(reads, &call(), crossed).is_none());
        let late = Instant::now() + KEPT_FOR + Duration::from_secs(1);
        assert!(calls.state.lock().earlier(writes, &call(), late).is_none());
        assert!(calls.state.lock().known.is_empty());
    }

    #[tokio::test]
    async fn what_was_taken_back_is_kept_unless_it_only_reads() {
        let calls = Calls::default();
        let (read, write) = (call(), call());
        let (reads, writes) = (Digest::of(b"read"), Digest::of(b"write"));
        read.may_be_stopped();
        assert!(goes(&calls, reads, &read) && goes(&calls, writes, &write));
        read.cancel().await;
        write.cancel().await;
        assert!(calls.follow(reads, &call()).is_none());
        assert!(calls.follow(writes, &call()).is_some());
    }

    #[test]
    fn answers_that_nobody_fetches_are_bounded_and_cost_nobody_else_a_call() {
        let calls = Calls::default();
        let own = |agent: &str| {
            let call = call();
            call.carried_as(&agent.parse().unwrap());
            call
        };
        let (under_way, action) = (own("careful"), Digest::of(b"pay"));
        assert!(goes(&calls, action, &under_way));
        under_way.abandon();
        for index in 0..KEPT_MAX + 10 {
            let call = own(["one", "two", "three", "four", "five"][index % 5]);
            assert!(goes(&calls, Digest::of(&index.to_le_bytes()), &call));
            call.abandon();
            call.finish(nothing());
        }
        for index in 0..OWN_MAX {
            assert!(goes(&calls, Digest::of(&index.to_be_bytes()), &own("greedy")));
        }
        assert!(matches!(calls.enter(Digest::of(b"one more"), &own("greedy")), Entered::Full));
        let agent: AgentName = "greedy".parse().unwrap();
        let of_greedy = calls.state.lock().known.iter().filter(|(_, call)| call.agent.get() == Some(&agent)).count();
        assert_eq!(of_greedy, OWN_MAX);
        assert!(calls.state.lock().known.len() <= KEPT_MAX);
        assert!(follows(&calls, action, &own("careful"), &under_way));
    }

    #[test]
    fn what_is_under_way_is_not_lost_for_the_sake_of_more() {
        let calls = Calls::default();
        let under_way: Vec<_> = (0..OWN_MAX).map(|_| call()).collect();
        for (index, call) in under_way.iter().enumerate() {
            assert!(goes(&calls, Digest::of(&index.to_le_bytes()), call));
            call.abandon();
        }
        assert!(matches!(calls.enter(Digest::of(b"one more"), &call()), Entered::Full));
        assert!(
            follows(&calls, Digest::of(&0_usize.to_le_bytes()), &call(), &under_way[0]),
            "a repetition is none more"
        );
        // What is finished gives way, and first what may be read again.
        under_way[1].finish(nothing());
        under_way[2].may_be_stopped();
        under_way[2].finish(nothing());
        assert!(goes(&calls, Digest::of(b"one more"), &call()));
        assert!(follows(&calls, Digest::of(&1_usize.to_le_bytes()), &call(), &under_way[1]));
        under_way[3].finish(nothing());
        assert!(goes(&calls, Digest::of(&2_usize.to_le_bytes()), &call()), "its answer is gone, and it is read again");
        assert!(matches!(calls.enter(Digest::of(b"another"), &call()), Entered::Full));
    }

    #[tokio::test]
    async fn whoever_waits_for_its_client_to_leave_is_told() {
        let [abandoned, stopped, attended] = std::array::from_fn(|_| call());
        stopped.may_be_stopped();
        abandoned.abandon();
        stopped.cancel().await;
        abandoned.left().await;
        stopped.left().await;
        let mut left = std::pin::pin!(attended.left());
        assert!(futures::poll!(&mut left).is_pending());
    }

    #[test]
    fn what_a_call_took_is_given_back_once_its_client_is_gone() {
        let given = Arc::new(AtomicU8::new(0));
        let give = || {
            let given = Arc::clone(&given);
            move || {
                given.fetch_add(1, Ordering::AcqRel);
            }
        };
        let [later, before] = [call(), call()];
        later.if_abandoned(give());
        assert_eq!(given.load(Ordering::Acquire), 0);
        later.abandon();
        later.abandon();
        before.abandon();
        before.if_abandoned(give());
        assert_eq!(given.load(Ordering::Acquire), 2);
    }

    #[test]
    fn a_handle_is_good_once_for_its_agent_and_in_time() {
        let calls = Calls::default();
        let mine = Owner {
            agent: "intake".parse().unwrap(),
            server: "notes".parse().unwrap(),
            task: None,
            method: "tools/call".to_owned(),
        };
        let others = [
            Owner { agent: "analysis".parse().unwrap(), ..mine.clone() },
            Owner { server: "mail".parse().unwrap(), ..mine.clone() },
            Owner { task: Some(UnverifiedToken::new("another")), ..mine.clone() },
            Owner { method: "prompts/get".to_owned(), ..mine.clone() },
        ];
        let parked = || Parked {
            owner: mine.clone(),
            expires_at: Timestamp::from_millis(10),
            what: Waits::Server(None, BTreeMap::new()),
        };
        let now = Timestamp::from_millis(0);
        let handle = calls.park(parked(), now).to_string();
        assert!(others.iter().all(|other| calls.unpark(&handle, other, now).is_none()));
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
