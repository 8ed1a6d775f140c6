//! The contract, in one process; and what only memory can show without waiting.

use std::{sync::Arc, time::Duration};

use maso_bus::{Bounds, Carriage as _, InProcess, Kind, Parcel, Promise};
use maso_core::Timestamp;

use crate::contract::{Tried, awaited, mailbox, parcel, request};

async fn in_process(bounds: Bounds) -> Tried {
    let carriage = Arc::new(InProcess::new(bounds));
    Tried { one: carriage.clone(), other: carriage, promise: Promise::Memory, _needs: Box::new(()) }
}

keeps_the_contract!(in_process);

#[tokio::test]
async fn what_waits_too_long_is_dropped() {
    let kept = Duration::from_secs(10);
    let carriage = InProcess::new(Bounds { kept, ..Bounds::DEFAULT });
    let at = |n, ms| {
        let parcel = request(n);
        Parcel::new(parcel.route().clone(), parcel.id(), Timestamp::from_millis(ms), parcel.body().clone()).unwrap()
    };
    carriage.put(&at(1, 0)).await.unwrap();
    carriage.put(&at(2, 9_999)).await.unwrap();
    carriage.put(&at(3, 10_000)).await.unwrap();
    assert_eq!(awaited(&carriage).await.parcel.id(), request(2).id());
}

#[tokio::test]
async fn nothing_is_taken_from_where_nothing_was_put() {
    let carriage = InProcess::default();
    carriage.put(&parcel("intake", "analysis", Kind::Answer, 1, b"")).await.unwrap();
    assert_eq!(carriage.take(&mailbox("nobody", Kind::Answer), Duration::ZERO).await, Ok(None));
}
