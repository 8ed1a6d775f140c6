//! What every carriage keeps, whatever carries.

use std::{sync::Arc, time::Duration};

use maso_bus::{Bounds, Carriage, Delivery, Full, Kind, Mailbox, NotPut, Parcel, Promise, Route};
use maso_core::{HopId, Timestamp};
use uuid::Uuid;

/// A carriage to try, as two processes see it. What it needs to live lives as long as this.
pub(crate) struct Tried {
    pub(crate) one: Arc<dyn Carriage>,
    pub(crate) other: Arc<dyn Carriage>,
    pub(crate) promise: Promise,
    pub(crate) _needs: Box<dyn std::any::Any>,
}

/// Runs every case of the contract against what `$make` gives.
macro_rules! keeps_the_contract {
    ($make:path) => {
        $crate::contract::each_case!($make:
            what_is_put_is_taken_once,
            the_largest_parcel_arrives_whole,
            putting_twice_is_putting_once,
            putting_again_what_was_ended_brings_it_to_nobody,
            what_is_given_back_comes_again_and_says_so,
            what_was_ended_never_comes_again,
            whoever_took_it_may_end_it_when_another_has_it,
            whoever_gave_back_cannot_take_it_from_who_has_it_since,
            no_mailbox_holds_what_is_for_another,
            whoever_waits_gets_what_comes,
            of_many_who_wait_one_gets_it,
            without_faults_the_oldest_comes_first,
            one_sender_fills_no_mailbox_alone,
            a_full_mailbox_takes_nothing_and_again_when_something_is_gone,
            a_mailbox_is_bounded_in_bytes,
            a_full_mailbox_of_requests_takes_answers,
            whoever_left_takes_nothing,
        );
    };
}

macro_rules! each_case {
    ($make:path: $($case:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            $crate::contract::$case($make).await;
        }
    )*};
}
pub(crate) use each_case;

pub(crate) fn mailbox(of: &str, kind: Kind) -> Mailbox {
    Mailbox::new(of.parse().unwrap(), kind)
}

/// Parcel `n`, a request that intake makes of analysis.
pub(crate) fn request(n: u128) -> Parcel {
    parcel("intake", "analysis", Kind::Request, n, format!("request {n}").as_bytes())
}

pub(crate) fn parcel(from: &str, to: &str, kind: Kind, n: u128, body: &[u8]) -> Parcel {
    let route = Route::new(from.parse().unwrap(), to.parse().unwrap(), kind);
    Parcel::new(route, HopId::from_uuid(Uuid::from_u128(n)), Timestamp::from_millis(1_000), body.to_vec()).unwrap()
}

/// What comes next for analysis, a request, waiting until there is something.
pub(crate) async fn awaited(carriage: &dyn Carriage) -> Delivery {
    awaited_in(carriage, &mailbox("analysis", Kind::Request)).await
}

/// What comes next into a mailbox, waiting until there is something.
pub(crate) async fn awaited_in(carriage: &dyn Carriage, mailbox: &Mailbox) -> Delivery {
    carriage.take(mailbox, LONG).await.unwrap().unwrap()
}

/// There is nothing in a mailbox that could be taken. What lies there comes before what is put after it, so what is put now and
/// comes next shows it; a look without waiting would not, for what was just put may not be seen yet. Once in a case.
pub(crate) async fn is_empty(carriage: &dyn Carriage, mailbox: &Mailbox) {
    let last = parcel("payment", mailbox.of.as_str(), mailbox.kind, LAST, b"");
    carriage.put(&last).await.unwrap();
    let taken = awaited_in(carriage, mailbox).await;
    assert_eq!(taken.parcel, last, "something lay in the mailbox");
    carriage.acknowledge(&taken.receipt).await.unwrap();
    assert_eq!(carriage.take(mailbox, Duration::ZERO).await, Ok(None));
}

/// There is no request for analysis that could be taken.
pub(crate) async fn nothing_lies_there(carriage: &dyn Carriage) {
    is_empty(carriage, &mailbox("analysis", Kind::Request)).await;
}

/// The parcel that no case has beside.
const LAST: u128 = 1_000;

/// Longer than anything takes, on whatever machine.
pub(crate) const LONG: Duration = Duration::from_secs(120);

pub(crate) async fn what_is_put_is_taken_once(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    assert_eq!(tried.one.promise(), tried.promise);
    assert_eq!(tried.one.put(&request(1)).await, Ok(tried.promise));
    let taken = awaited(&*tried.other).await;
    assert_eq!((taken.parcel, taken.again), (request(1), false));
    nothing_lies_there(&*tried.one).await;
}

pub(crate) async fn the_largest_parcel_arrives_whole(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    let body: Vec<u8> = (0..Parcel::BODY_BYTES_MAX).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let largest = parcel("intake", "analysis", Kind::Request, 1, &body);
    tried.one.put(&largest).await.unwrap();
    assert_eq!(awaited(&*tried.other).await.parcel, largest);
}

pub(crate) async fn putting_twice_is_putting_once(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    tried.one.put(&request(1)).await.unwrap();
    assert_eq!(tried.one.put(&request(1)).await, Ok(tried.promise));
    assert_eq!(tried.other.put(&request(1)).await, Ok(tried.promise));
    assert_eq!(awaited(&*tried.one).await.parcel, request(1));
    nothing_lies_there(&*tried.one).await;
}

pub(crate) async fn putting_again_what_was_ended_brings_it_to_nobody(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    tried.one.put(&request(1)).await.unwrap();
    let taken = awaited(&*tried.one).await;
    tried.one.acknowledge(&taken.receipt).await.unwrap();
    tried.one.put(&request(1)).await.unwrap();
    nothing_lies_there(&*tried.one).await;
    // An answer about the same hop is another parcel, as is the same from somebody else.
    let answer = parcel("intake", "analysis", Kind::Answer, 1, b"");
    tried.one.put(&answer).await.unwrap();
    assert_eq!(awaited_in(&*tried.one, &mailbox("analysis", Kind::Answer)).await.parcel, answer);
    let from_audit = parcel("audit", "analysis", Kind::Request, 1, b"");
    tried.one.put(&from_audit).await.unwrap();
    assert_eq!(awaited(&*tried.one).await.parcel, from_audit);
}

pub(crate) async fn what_is_given_back_comes_again_and_says_so(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    tried.one.put(&request(1)).await.unwrap();
    let taken = awaited(&*tried.one).await;
    tried.one.give_back(&taken.receipt).await;
    let again = awaited(&*tried.other).await;
    assert_eq!((again.parcel, again.again), (request(1), true));
    assert_ne!(again.receipt, taken.receipt);
}

pub(crate) async fn what_was_ended_never_comes_again(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    tried.one.put(&request(1)).await.unwrap();
    let taken = awaited(&*tried.one).await;
    tried.one.acknowledge(&taken.receipt).await.unwrap();
    tried.one.acknowledge(&taken.receipt).await.unwrap();
    tried.one.give_back(&taken.receipt).await;
    // What comes later shows that the first would have come by then.
    tried.one.put(&request(2)).await.unwrap();
    assert_eq!(awaited(&*tried.one).await.parcel, request(2));
    nothing_lies_there(&*tried.one).await;
}

pub(crate) async fn whoever_took_it_may_end_it_when_another_has_it(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    tried.one.put(&request(1)).await.unwrap();
    let first = awaited(&*tried.one).await;
    tried.one.give_back(&first.receipt).await;
    let second = awaited(&*tried.other).await;
    tried.one.acknowledge(&first.receipt).await.unwrap();
    tried.other.give_back(&second.receipt).await;
    tried.one.put(&request(2)).await.unwrap();
    assert_eq!(awaited(&*tried.other).await.parcel, request(2));
    nothing_lies_there(&*tried.other).await;
}

pub(crate) async fn whoever_gave_back_cannot_take_it_from_who_has_it_since(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    tried.one.put(&request(1)).await.unwrap();
    let first = awaited(&*tried.one).await;
    tried.one.give_back(&first.receipt).await;
    let second = awaited(&*tried.other).await;
    tried.one.give_back(&first.receipt).await;
    tried.one.put(&request(2)).await.unwrap();
    assert_eq!(awaited(&*tried.one).await.parcel, request(2));
    nothing_lies_there(&*tried.one).await;
    tried.other.acknowledge(&second.receipt).await.unwrap();
}

pub(crate) async fn no_mailbox_holds_what_is_for_another(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    tried.one.put(&request(1)).await.unwrap();
    for (of, kind) in [("analysis", Kind::Answer), ("intake", Kind::Request), ("intake", Kind::Answer)] {
        is_empty(&*tried.one, &mailbox(of, kind)).await;
    }
}

pub(crate) async fn whoever_waits_gets_what_comes(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    let (one, other) = (Arc::clone(&tried.one), Arc::clone(&tried.other));
    let waiting = tokio::spawn(async move { awaited(&*other).await.parcel });
    one.put(&request(1)).await.unwrap();
    assert_eq!(waiting.await.unwrap(), request(1));
}

pub(crate) async fn of_many_who_wait_one_gets_it(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    let wait = |carriage: &Arc<dyn Carriage>| {
        let carriage = Arc::clone(carriage);
        tokio::spawn(async move { awaited(&*carriage).await.parcel })
    };
    let waiting = [wait(&tried.one), wait(&tried.other), wait(&tried.one), wait(&tried.other)];
    for n in 1..=4 {
        tried.one.put(&request(n)).await.unwrap();
    }
    let mut got = Vec::new();
    for one in waiting {
        got.push(one.await.unwrap().id());
    }
    got.sort();
    assert_eq!(got, [1, 2, 3, 4].map(|n| request(n).id()));
}

pub(crate) async fn without_faults_the_oldest_comes_first(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    // Not in the order of their ids.
    let order = [3, 1, 2];
    for n in order {
        tried.one.put(&request(n)).await.unwrap();
    }
    for n in order {
        assert_eq!(awaited(&*tried.other).await.parcel, request(n));
    }
}

fn small() -> Bounds {
    Bounds { edge_max: 2, mailbox_max: 3, ..Bounds::DEFAULT }
}

pub(crate) async fn one_sender_fills_no_mailbox_alone(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds { mailbox_max: 4, ..small() }).await;
    tried.one.put(&request(1)).await.unwrap();
    tried.one.put(&request(2)).await.unwrap();
    assert_eq!(tried.one.put(&request(3)).await, Err(NotPut::Full(Full::Edge)));
    tried.one.put(&parcel("audit", "analysis", Kind::Request, 4, b"")).await.unwrap();
    // What is taken still waits; what is ended does not.
    let taken = awaited(&*tried.one).await;
    assert_eq!(tried.one.put(&request(3)).await, Err(NotPut::Full(Full::Edge)));
    tried.one.acknowledge(&taken.receipt).await.unwrap();
    tried.one.put(&request(3)).await.unwrap();
}

pub(crate) async fn a_full_mailbox_takes_nothing_and_again_when_something_is_gone(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(small()).await;
    for (n, from) in ["intake", "intake", "audit"].into_iter().enumerate() {
        tried.one.put(&parcel(from, "analysis", Kind::Request, n as u128, b"")).await.unwrap();
    }
    let more = parcel("payment", "analysis", Kind::Request, 9, b"");
    assert_eq!(tried.one.put(&more).await, Err(NotPut::Full(Full::Mailbox)));
    tried.one.put(&parcel("payment", "intake", Kind::Request, 10, b"")).await.unwrap();
    let taken = awaited(&*tried.other).await;
    tried.other.acknowledge(&taken.receipt).await.unwrap();
    // Of three servers, the last to hear of it may be the one that counts what lies there.
    while let Err(not_put) = tried.one.put(&more).await {
        assert_eq!(not_put, NotPut::Full(Full::Mailbox));
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn a_mailbox_is_bounded_in_bytes(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds { mailbox_bytes_max: 64 << 10, ..Bounds::DEFAULT }).await;
    let large = |n| parcel("intake", "analysis", Kind::Request, n, &[0; 40 << 10]);
    tried.one.put(&large(1)).await.unwrap();
    assert_eq!(tried.one.put(&large(2)).await, Err(NotPut::Full(Full::Mailbox)));
    tried.one.put(&request(3)).await.unwrap();
}

pub(crate) async fn a_full_mailbox_of_requests_takes_answers(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(small()).await;
    for (n, from) in ["intake", "intake", "audit"].into_iter().enumerate() {
        tried.one.put(&parcel(from, "analysis", Kind::Request, n as u128, b"")).await.unwrap();
    }
    tried.one.put(&parcel("intake", "analysis", Kind::Answer, 9, b"")).await.unwrap();
}

pub(crate) async fn whoever_left_takes_nothing(make: impl AsyncFn(Bounds) -> Tried) {
    let tried = make(Bounds::DEFAULT).await;
    let analysis = mailbox("analysis", Kind::Request);
    let mut waiting = tried.one.take(&analysis, LONG);
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(waiting);
    tried.one.put(&request(1)).await.unwrap();
    assert_eq!(awaited(&*tried.other).await.parcel, request(1));
}
