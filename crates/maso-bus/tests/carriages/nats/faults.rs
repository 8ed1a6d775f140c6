//! A server that is down, killed, still, or has no room: hops wait or are refused, and what was acknowledged is there.

use std::{sync::Arc, time::Duration};

use maso_bus::{BusFault, Carriage as _, Kind, Nats, NatsOptions, NotPut, Promise};

use super::{layout, mailboxes, options, options_within, process};
use crate::{
    contract::{LONG, awaited, mailbox, nothing_lies_there, request},
    server::Server,
};

/// Gives up soon, where a test wants to see that. Its mailboxes are there: making them may take longer.
async fn impatient(server: &Server) -> Nats {
    process(patient(server)).await;
    Nats::connect(options_within(server, Duration::from_secs(2))).await.unwrap()
}

/// Waits as long as it takes, where a test wants to see that it goes on.
fn patient(server: &Server) -> NatsOptions {
    options_within(server, LONG)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_is_there_after_a_restart() {
    let mut server = Server::start("", "");
    let nats = process(patient(&server)).await;
    nats.put(&request(1)).await.unwrap();
    server.stop();
    server.start_again();
    assert_eq!(awaited(&*nats).await.parcel, request(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_survives_that_the_server_is_killed() {
    let mut server = Server::start("", "");
    let nats = process(patient(&server)).await;
    for n in 1..=20 {
        assert_eq!(nats.put(&request(n)).await, Ok(Promise::Stored));
    }
    server.kill();
    server.start_again();
    for n in 1..=20 {
        assert_eq!(awaited(&*nats).await.parcel, request(n));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_put_once_is_known_after_the_server_was_killed() {
    let mut server = Server::start("", "");
    let nats = process(patient(&server)).await;
    nats.put(&request(1)).await.unwrap();
    server.kill();
    server.start_again();
    nats.put(&request(1)).await.unwrap();
    let taken = awaited(&*nats).await;
    nats.acknowledge(&taken.receipt).await.unwrap();
    nothing_lies_there(&*nats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_can_be_ended_after_a_restart() {
    let mut server = Server::start("", "");
    let nats = process(patient(&server)).await;
    nats.put(&request(1)).await.unwrap();
    let taken = awaited(&*nats).await;
    server.stop();
    server.start_again();
    nats.acknowledge(&taken.receipt).await.unwrap();
    nats.put(&request(2)).await.unwrap();
    assert_eq!(awaited(&*nats).await.parcel, request(2));
    nothing_lies_there(&*nats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_took_that_is_gone_comes_to_another() {
    let server = Server::start("", "");
    let (gone, stays) = (process(options(&server)).await, process(options(&server)).await);
    gone.put(&request(1)).await.unwrap();
    awaited(&*gone).await;
    drop(gone);
    let again = awaited(&*stays).await;
    assert_eq!((again.parcel, again.again), (request(1), true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_on_its_way_to_whoever_left_comes_to_the_next_at_once() {
    let server = Server::start("", "");
    // Were it left to the server, nobody would live to see it.
    let nats = process(NatsOptions { redeliver_after: 100 * LONG, ..options(&server) }).await;
    let (analysis, intake) = (mailbox("analysis", Kind::Request), mailbox("intake", Kind::Request));
    for n in 1..=20 {
        let left = nats.take(&analysis, LONG);
        // The question is with the server when there is an answer to another that came after it.
        tokio::select! {
            biased;
            taken = left => panic!("{taken:?}"),
            _ = nats.take(&intake, Duration::ZERO) => {}
        }
        nats.put(&request(n)).await.unwrap();
        let taken = awaited(&*nats).await;
        assert_eq!(taken.parcel, request(n));
        nats.acknowledge(&taken.receipt).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_lives_says_so_of_what_it_took() {
    let server = Server::start("", "");
    let nats = process(options(&server)).await;
    let onlooker = async_nats::connect(server.url()).await.unwrap();
    let mut said = onlooker.subscribe("$JS.ACK.>").await.unwrap();
    onlooker.flush().await.unwrap();
    nats.put(&request(1)).await.unwrap();
    awaited(&*nats).await;
    for _ in 0..3 {
        let word = futures::StreamExt::next(&mut said).await.unwrap();
        assert_eq!(&*word.payload, b"+WPI");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_server_nothing_is_put_and_nothing_taken() {
    let mut server = Server::start("", "");
    let nats = impatient(&server).await;
    server.stop();
    // The first may have been under way when the connection went.
    assert!(matches!(nats.put(&request(1)).await, Err(NotPut::Unavailable(_) | NotPut::Unknown(_))));
    assert!(matches!(nats.put(&request(2)).await, Err(NotPut::Unavailable(_))));
    let taken = nats.take(&mailboxes().next().unwrap(), Duration::ZERO).await;
    assert!(taken.is_err(), "{taken:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_goes_on_by_itself_when_the_server_is_back() {
    let mut server = Server::start("", "");
    let nats = process(patient(&server)).await;
    let waiting = {
        let nats = Arc::clone(&nats);
        tokio::spawn(async move { awaited(&*nats).await.parcel })
    };
    let putting = {
        server.stop();
        let nats = Arc::clone(&nats);
        tokio::spawn(async move { nats.put(&request(1)).await })
    };
    server.start_again();
    assert_eq!(putting.await.unwrap(), Ok(Promise::Stored));
    assert_eq!(waiting.await.unwrap(), request(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_a_silent_server_was_sent_nobody_says_that_it_was_put() {
    let server = Server::start("", "");
    let nats = impatient(&server).await;
    server.pause();
    let put = nats.put(&request(1)).await;
    assert!(matches!(put, Err(NotPut::Unknown(_))), "{put:?}");
    server.go_on();
    // Whoever does not know puts it again, and it comes once.
    let patient = process(patient(&server)).await;
    patient.put(&request(1)).await.unwrap();
    let taken = awaited(&*patient).await;
    patient.acknowledge(&taken.receipt).await.unwrap();
    nothing_lies_there(&*patient).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_a_silent_server_was_told_nobody_says_that_it_ended() {
    let server = Server::start("", "");
    let (nats, patient) = (impatient(&server).await, process(patient(&server)).await);
    patient.put(&request(1)).await.unwrap();
    let taken = awaited(&*patient).await;
    server.pause();
    assert!(nats.acknowledge(&taken.receipt).await.is_err());
    server.go_on();
    patient.acknowledge(&taken.receipt).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_room_for_all_mailboxes_is_said_at_the_start() {
    let server = Server::start("max_file_store: 1MB", "");
    let nats = Nats::connect(options(&server)).await.unwrap();
    let fault = nats.prepare(mailboxes()).await.unwrap_err();
    assert!(matches!(fault, BusFault::NotPrepared { .. }), "{fault}");
    assert!(fault.help().contains("room for all mailboxes"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_jetstream_is_no_bus() {
    let server = Server::start("", "accounts { A: { users: [{ user: a, password: a }] } }\nno_auth_user: a");
    let nats = Nats::connect(options_within(&server, Duration::from_secs(2))).await.unwrap();
    assert!(matches!(nats.prepare(mailboxes()).await, Err(BusFault::NotPrepared { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_small_messages_is_no_bus() {
    let server = Server::start("", "max_payload: 64KB");
    assert!(matches!(Nats::connect(options(&server)).await, Err(BusFault::TooSmall(65_536))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_no_server_the_fault_says_where_it_was_looked_for() {
    let mut server = Server::start("", "");
    server.stop();
    let fault = Nats::connect(options(&server)).await.unwrap_err();
    assert!(fault.to_string().contains(&server.url()), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_maso_s_own_is_dropped_where_it_lies() {
    let server = Server::start("", "");
    let nats = process(options(&server)).await;
    let stranger = async_nats::connect(server.url()).await.unwrap();
    let stranger = async_nats::jetstream::new(stranger);
    let subject = layout().subject(request(1).route());
    for forged in [&b"{\"do\": \"as I say\"}"[..], b"", &[0; 300]] {
        stranger.publish(subject.clone(), forged.to_vec().into()).await.unwrap().await.unwrap();
    }
    nats.put(&request(1)).await.unwrap();
    assert_eq!(awaited(&*nats).await.parcel, request(1));
    assert_eq!(nats.n_forged(), 3);
}
