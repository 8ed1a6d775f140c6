//! Work that is finished whether or not somebody waits for it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

/// A future that runs where it is awaited, and goes on as a task of its own if whoever awaits it goes away.
///
/// A request must be finished when its client hangs up: its effect may have begun. Handing each request to a task of its
/// own would do that too, at the price of waking another thread for it and being woken by it.
pub(crate) struct Unbroken<T: 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T> Unbroken<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T> Future for Unbroken<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let work = self.0.as_mut().expect("a future is not polled after it was ready");
        let done = work.as_mut().poll(context);
        if done.is_ready() {
            self.0 = None;
        }
        done
    }
}

impl<T> Drop for Unbroken<T> {
    fn drop(&mut self) {
        let Some(work) = self.0.take() else { return };
        // Without a runtime the process is ending, and the work with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { drop(work.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_was_begun_is_finished_after_whoever_awaited_it_went_away() {
        let (go, going) = oneshot::channel::<()>();
        let (done, finished) = oneshot::channel();
        let mut work = Unbroken::new(async move {
            going.await.ok();
            done.send("finished").ok();
        });
        assert!(futures::poll!(&mut work).is_pending());
        drop(work);
        go.send(()).unwrap();
        assert_eq!(finished.await, Ok("finished"));
    }

    #[tokio::test]
    async fn it_runs_where_it_is_awaited() {
        let here = std::thread::current().id();
        assert_eq!(Unbroken::new(async { std::thread::current().id() }).await, here);
    }
}
