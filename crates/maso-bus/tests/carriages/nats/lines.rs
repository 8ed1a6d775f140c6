//! Lines over a real broker: whole, in order, bounded, and over when something is lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use maso_bus::{Answered, Broker, Caller, Line, Lines};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Server, layout, options, process};

async fn caller(server: &Server, agent: &str) -> Caller {
    let agent = agent.parse().unwrap();
    let broker = Broker {
        within: Duration::from_secs(2),
        ..Broker::of_sidecar(server.url().parse().unwrap(), None, &layout(), &agent)
    };
    Caller::connect(&broker, layout(), agent).await.unwrap()
}

/// A line, and both who called and who answers.
async fn connected(caller: &Caller, lines: &mut Lines) -> (Line, Answered) {
    let (near, far) = tokio::join!(caller.call(), lines.next());
    (near.unwrap(), far.unwrap())
}

/// Bytes of which no two stretches are alike.
fn stretch(n_bytes: u32) -> Vec<u8> {
    (0..n_bytes / 4).flat_map(u32::to_be_bytes).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_goes_both_ways_at_once_and_all_of_it_comes() {
    let server = Server::start("", "");
    let maso = process(options(&server)).await;
    let mut lines = maso.lines().await.unwrap();
    let (near, Answered { agent, line: far }) = connected(&caller(&server, "intake").await, &mut lines).await;
    assert_eq!(agent.as_str(), "intake");
    let (mut near_in, mut near_out) = tokio::io::split(near);
    let (mut far_in, mut far_out) = tokio::io::split(far);
    let sent = Arc::new(stretch(8 << 20));
    let (up, down) = (Arc::clone(&sent), Arc::clone(&sent));
    let writers = [
        tokio::spawn(async move {
            near_out.write_all(&up).await.unwrap();
            near_out.shutdown().await.unwrap();
        }),
        tokio::spawn(async move {
            far_out.write_all(&down).await.unwrap();
            far_out.shutdown().await.unwrap();
        }),
    ];
    let (mut at_far, mut at_near) = (Vec::new(), Vec::new());
    let (far, near) = tokio::join!(far_in.read_to_end(&mut at_far), near_in.read_to_end(&mut at_near));
    far.unwrap();
    near.unwrap();
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(at_far == *sent && at_near == *sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_read_is_not_sent_more_than_a_window() {
    let server = Server::start("", "");
    let maso = process(options(&server)).await;
    let mut lines = maso.lines().await.unwrap();
    let caller = caller(&server, "intake").await;
    let (mut near, mut answered) = connected(&caller, &mut lines).await;
    let sent = Arc::new(stretch(4 << 20));
    let n_written = Arc::new(AtomicUsize::new(0));
    let (all, so_far) = (Arc::clone(&sent), Arc::clone(&n_written));
    let writer = tokio::spawn(async move {
        for part in all.chunks(1024) {
            near.write_all(part).await.unwrap();
            so_far.fetch_add(part.len(), Ordering::SeqCst);
        }
        near.shutdown().await.unwrap();
    });
    // As much as that goes over another line meanwhile, by the same two clients.
    let (mut other_near, mut other_far) = connected(&caller, &mut lines).await;
    let all = Arc::clone(&sent);
    let other = tokio::spawn(async move { other_near.write_all(&all).await.unwrap() });
    let mut read = vec![0; sent.len()];
    other_far.line.read_exact(&mut read).await.unwrap();
    other.await.unwrap();
    assert!(n_written.load(Ordering::SeqCst) < 512 * 1024, "what nobody reads is sent on");
    read.clear();
    answered.line.read_to_end(&mut read).await.unwrap();
    writer.await.unwrap();
    assert!(read == *sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ends_hear_when_the_broker_is_lost_and_when_the_other_is_gone() {
    let mut server = Server::start("", "");
    let maso = process(options(&server)).await;
    let mut lines = maso.lines().await.unwrap();
    let caller = caller(&server, "intake").await;
    let (mut near, answered) = connected(&caller, &mut lines).await;
    drop(answered);
    assert_eq!(near.read(&mut [0]).await.unwrap(), 0, "the other end is gone");
    let (mut near, mut answered) = connected(&caller, &mut lines).await;
    server.kill();
    assert_eq!(near.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(answered.line.read(&mut [0]).await.unwrap(), 0);
    server.start_again();
    let called = async {
        loop {
            if let Ok(line) = caller.call().await {
                return line;
            }
            tokio::task::yield_now().await;
        }
    };
    let (mut near, answered) = tokio::join!(called, lines.next());
    let mut answered = answered.unwrap();
    near.write_all(b"again").await.unwrap();
    let mut heard = [0; 5];
    answered.line.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_nobody_takes_is_refused_and_so_is_one_too_many() {
    let server = Server::start("", "");
    let caller = caller(&server, "intake").await;
    assert!(caller.call().await.is_err(), "there is no maso");
    let maso = process(options(&server)).await;
    let mut lines = maso.lines().await.unwrap();
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(connected(&caller, &mut lines).await);
    }
    let too_many = tokio::select! {
        called = caller.call() => called,
        _ = lines.next() => unreachable!("it was not taken"),
    };
    assert!(too_many.unwrap_err().to_string().contains("no more"));
}

/// What the broker would lose or an attacker put in between: the line ends, and nothing wrong is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_the_next_ends_the_line() {
    let server = Server::start("", "");
    let maso = process(options(&server)).await;
    let mut lines = maso.lines().await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    for wrong in [
        &b""[..],
        b"\x09",
        b"\x00\0\0\0\0\0\0\0\x07late",
        b"\x02\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x01\0\0\0\0\0\0\0\x01",
    ] {
        let id = uuid::Uuid::new_v4();
        let ask = client.request("maso-line.claims=example.intake.open", id.as_bytes().to_vec().into());
        let (asked, answered) = tokio::join!(ask, lines.next());
        assert_eq!(&asked.unwrap().payload[..], b"+");
        let mut answered = answered.unwrap();
        let up = format!("maso-line.claims=example.intake.up.{}", id.simple());
        client.publish(up, wrong.to_vec().into()).await.unwrap();
        assert_eq!(answered.line.read(&mut [0]).await.unwrap(), 0, "{wrong:?}");
        assert!(answered.line.write_all(&[0; 200_000]).await.is_err(), "{wrong:?}");
    }
    // What asks for a line in a wrong way gets none.
    for (subject, id) in
        [("maso-line.claims=example.INTAKE.open", &[0; 16][..]), ("maso-line.claims=example.intake.open", b"*")]
    {
        client.publish_with_reply(subject, "nowhere", id.to_vec().into()).await.unwrap();
    }
    let caller = caller(&server, "analysis").await;
    assert_eq!(connected(&caller, &mut lines).await.1.agent.as_str(), "analysis");
}
