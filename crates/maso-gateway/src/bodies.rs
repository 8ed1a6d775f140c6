//! Reading the bodies of requests: only of senders whose token counts, and as many at a time as there is room for.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::body::{Body, Bytes};
use maso_core::AgentName;
use maso_intent::OpenLimits;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// Room for bodies that are being read, with a share for each agent: one that sends slowly keeps nobody else waiting.
pub(crate) struct Bodies {
    all: Semaphore,
    shares: Mutex<HashMap<AgentName, Arc<Semaphore>>>,
    share: usize,
    wait: Duration,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is larger than a frame may be, or broke off.
    TooLarge,
    /// It did not arrive in time, or there was no room for it by then.
    TooSlow,
}

impl Bodies {
    pub(crate) fn new(limits: &OpenLimits) -> Self {
        let (all, share) = (limits.bodies_max, limits.bodies_per_agent_max());
        Self { all: Semaphore::new(all), shares: Mutex::new(HashMap::new()), share, wait: BODY_WAIT }
    }

    /// Reads a body of this agent whole. Until there is room, nothing of it is read.
    pub(crate) async fn read(&self, agent: &AgentName, body: Body, bytes_max: usize) -> Result<Bytes, Unread> {
        let share =
            Arc::clone(self.shares.lock().entry(agent.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.share))));
        let reading = async {
            // Its own share first: who waits for that takes no room from others.
            let _own = share.acquire().await.expect("nobody closes it");
            let _room = self.all.acquire().await.expect("nobody closes it");
            axum::body::to_bytes(body, bytes_max).await
        };
        match tokio::time::timeout(self.wait, reading).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(_)) => Err(Unread::TooLarge),
            Err(_) => Err(Unread::TooSlow),
        }
    }
}

const BODY_WAIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::{convert::Infallible, pin::pin};

    use futures::{StreamExt as _, channel::mpsc, poll};

    use super::*;

    fn bodies(bodies_max: usize) -> Bodies {
        Bodies::new(&OpenLimits { bodies_max, ..OpenLimits::DEFAULT })
    }

    fn agent(name: &str) -> AgentName {
        name.parse().unwrap()
    }

    /// A body, and what writes it.
    fn open_body() -> (mpsc::UnboundedSender<&'static str>, Body) {
        let (write, chunks) = mpsc::unbounded();
        (write, Body::from_stream(chunks.map(Ok::<_, Infallible>)))
    }

    #[tokio::test]
    async fn what_finds_no_room_waits_unread() {
        let bodies = bodies(1);
        let (write, endless) = open_body();
        let (slow, other) = (agent("slow"), agent("other"));
        let mut first = pin!(bodies.read(&slow, endless, 10));
        assert!(poll!(&mut first).is_pending());
        let unread =
            Body::from_stream(futures::stream::poll_fn(|_| -> std::task::Poll<Option<Result<Bytes, Infallible>>> {
                panic!("it was looked at")
            }));
        {
            let mut second = pin!(bodies.read(&other, unread, 10));
            assert!(poll!(&mut second).is_pending());
        }
        write.unbounded_send("{}").unwrap();
        drop(write);
        assert_eq!(first.await, Ok(Bytes::from("{}")));
        assert_eq!(bodies.read(&other, Body::from("[]"), 10).await, Ok(Bytes::from("[]")));
    }

    #[tokio::test]
    async fn an_agent_that_sends_slowly_keeps_nobody_else_waiting() {
        let bodies = bodies(8);
        let slow = agent("slow");
        let (_write, endless): (Vec<_>, Vec<_>) = (0..8).map(|_| open_body()).unzip();
        let mut reading: Vec<_> = endless.into_iter().map(|body| Box::pin(bodies.read(&slow, body, 10))).collect();
        for read in &mut reading {
            assert!(poll!(read).is_pending());
        }
        assert_eq!(bodies.all.available_permits(), 6, "it has a quarter");
        assert_eq!(bodies.read(&agent("other"), Body::from("{}"), 10).await, Ok(Bytes::from("{}")));
    }

    #[tokio::test]
    async fn a_body_has_its_size_and_its_time() {
        assert_eq!(bodies(1).read(&agent("a"), Body::from("12345"), 4).await, Err(Unread::TooLarge));
        let (_write, endless) = open_body();
        let impatient = Bodies { wait: Duration::ZERO, ..bodies(1) };
        assert_eq!(impatient.read(&agent("a"), endless, 4).await, Err(Unread::TooSlow));
    }
}
