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
pub(super) struct Flight<T: Clone> {
    // Dropped in this order: the others are woken when this one has left.
    shared: Shared<BoxFuture<'static, T>>,
    leaving: Leaving,
}

/// Finds those who wait, if any still do.
pub(super) struct WeakFlight<T: Clone> {
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
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
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

    pub(super) fn downgrade(&self) -> Option<WeakFlight<T>> {
        Some(WeakFlight {
            shared: self.shared.downgrade()?,
            everybody: Arc::clone(&self.leaving.0),
        })
    }
}

impl<T: Clone> WeakFlight<T> {
    pub(super) fn upgrade(&self) -> Option<Flight<T>> {
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
