//! Wakes that stay inside the task that causes them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::task::AtomicWaker;

/// Wakes whoever drives some work, but not for what the driving itself stirs up: the halves of an HTTP connection wake each
/// other, and a task that is woken while it runs makes the runtime wake a thread that finds nothing to do
/// (docs/performance.md).
#[derive(Clone)]
pub(crate) struct Stirred {
    wakes: Arc<Wakes>,
    waker: Waker,
}

#[derive(Default)]
struct Wakes {
    is_driving: AtomicBool,
    again: AtomicBool,
    whoever_drives: AtomicWaker,
}

impl Default for Stirred {
    fn default() -> Self {
        let wakes = Arc::<Wakes>::default();
        let waker = Waker::from(Arc::clone(&wakes));
        Self { wakes, waker }
    }
}

impl Stirred {
    /// Polls work that must be polled with the context that it is given; again at once if it was woken meanwhile.
    pub(crate) fn poll<T>(
        &self,
        context: &mut Context<'_>,
        mut work: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let wakes = &self.wakes;
        wakes.whoever_drives.register(context.waker());
        for _ in 0..ROUNDS_MAX {
            wakes.is_driving.store(true, Ordering::SeqCst);
            wakes.again.store(false, Ordering::SeqCst);
            let polled = work(&mut Context::from_waker(&self.waker));
            wakes.is_driving.store(false, Ordering::SeqCst);
            if polled.is_ready() || !wakes.again.load(Ordering::SeqCst) {
                return polled;
            }
        }
        // It goes on, after others had their turn.
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Either this sees that the driving is over, or the driving sees this.
        self.again.store(true, Ordering::SeqCst);
        if !self.is_driving.load(Ordering::SeqCst) {
            self.whoever_drives.wake();
        }
    }
}

const ROUNDS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Drives the work once; gives what came of it, and how often whoever drives was woken for it.
    fn drive(stirred: &Stirred, work: impl FnMut(&mut Context<'_>) -> Poll<()>) -> (Poll<()>, Arc<Counted>) {
        let counted = Arc::<Counted>::default();
        let waker = Waker::from(Arc::clone(&counted));
        (stirred.poll(&mut Context::from_waker(&waker), work), counted)
    }

    #[test]
    fn what_the_driving_stirs_up_is_driven_on_and_wakes_nobody() {
        let mut n_polls = 0;
        let (polled, woken) = drive(&Stirred::default(), |context| {
            n_polls += 1;
            if n_polls < 3 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        });
        assert_eq!((polled, n_polls, woken.0.load(Ordering::SeqCst)), (Poll::Ready(()), 3, 0));
    }

    #[test]
    fn what_comes_from_elsewhere_wakes_whoever_drives() {
        let mut waker = None;
        let (polled, woken) = drive(&Stirred::default(), |context| {
            waker = Some(context.waker().clone());
            Poll::Pending
        });
        assert_eq!((polled, woken.0.load(Ordering::SeqCst)), (Poll::Pending, 0));
        waker.unwrap().wake();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_never_rests_gives_way_to_others() {
        let mut n_polls = 0;
        let (polled, woken) = drive(&Stirred::default(), |context| {
            n_polls += 1;
            context.waker().wake_by_ref();
            Poll::Pending
        });
        assert_eq!((polled, n_polls, woken.0.load(Ordering::SeqCst)), (Poll::Pending, ROUNDS_MAX, 1));
    }
}
