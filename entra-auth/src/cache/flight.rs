//! A future that several wait for. Whoever is polled drives it, and it ends when the last of them goes.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, OnceLock},
    task::{Context, Poll, Waker},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};

/// One who waits.
pub(crate) struct Flight<T: Clone> {
    // Dropped in this order: the others are woken when this one has left.
    shared: Shared<BoxFuture<'static, T>>,
    leaving: Leaving,
}

/// Finds those who wait, if any still do.
pub(crate) struct WeakFlight<T: Clone> {
    shared: WeakShared<BoxFuture<'static, T>>,
    everybody: Everybody,
}

/// Wakes all who wait; known when the future has first been polled.
type Everybody = Arc<OnceLock<Waker>>;

/// Wakes the others, so that one of them drives.
///
/// `Shared` alone may not: if the future is woken while it is being polled, and another waiter is polled before
/// that poll ends, then it is up to the one who polls to poll again. It may leave instead
/// (<https://github.com/rust-lang/futures-rs/issues/2706>).
struct Leaving(Everybody);

impl<T: Clone + Send + Sync + 'static> Flight<T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        let everybody = Everybody::default();
        let known = Arc::clone(&everybody);
        let future = async move {
            let mut future = pin!(future);
            let poll = poll_fn(|context| {
                known.get_or_init(|| context.waker().clone());
                future.as_mut().poll(context)
            });
            poll.await
        };
        Self {
            shared: future.boxed().shared(),
            leaving: Leaving(everybody),
        }
    }

    pub(crate) fn downgrade(&self) -> Option<WeakFlight<T>> {
        Some(WeakFlight {
            shared: self.shared.downgrade()?,
            everybody: Arc::clone(&self.leaving.0),
        })
    }
}

impl<T: Clone> WeakFlight<T> {
    pub(crate) fn upgrade(&self) -> Option<Flight<T>> {
        Some(Flight {
            shared: self.shared.upgrade()?,
            leaving: Leaving(Arc::clone(&self.everybody)),
        })
    }
}

impl<T: Clone> Future for Flight<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.shared.poll_unpin(context)
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(everybody) = self.0.get() {
            everybody.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Mutex,
            atomic::{AtomicBool, Ordering},
        },
        task::Wake,
    };

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn one_who_was_woken_and_leaves_hands_over() {
        let woken = Arc::new(Woken::default());
        let follower = Arc::new(Mutex::new(None::<Flight<u8>>));
        let poll_follower = {
            let (follower, woken) = (Arc::clone(&follower), Arc::clone(&woken));
            move || {
                let waker = Arc::clone(&woken).into();
                let mut context = Context::from_waker(&waker);
                follower
                    .lock()
                    .unwrap()
                    .as_mut()
                    .unwrap()
                    .poll_unpin(&mut context)
            }
        };
        // In the midst of the leader's poll the future is woken, and then the follower is polled.
        let mut interruption = Some(poll_follower.clone());
        let mut leader = Flight::new(poll_fn(move |context| match interruption.take() {
            None => Poll::Ready(7),
            Some(poll_follower) => {
                context.waker().wake_by_ref();
                assert!(poll_follower().is_pending());
                Poll::Pending
            }
        }));
        *follower.lock().unwrap() = leader.downgrade().unwrap().upgrade();
        let mut context = Context::from_waker(Waker::noop());
        assert!(leader.poll_unpin(&mut context).is_pending());
        assert!(!woken.0.load(Ordering::SeqCst));
        drop(leader);
        assert!(woken.0.load(Ordering::SeqCst));
        assert_eq!(poll_follower(), Poll::Ready(7));
    }
}
