//! Tokens are replaced before anybody has to wait for the next one.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{Arc, atomic::Ordering},
    task::Poll,
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use rand::RngExt as _;

use super::{EntraClient, inner::Inner};
use crate::{AccessToken, cache::Want};

/// No sleep is longer: while the machine is suspended, a sleep doesn't end.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// The age at which a token is replaced: when Entra ID would like it, or at half its life; and up to a tenth
/// earlier, so that the replicas of a service don't ask all at once.
pub(super) fn refresh_at(token: &AccessToken) -> Duration {
    let at = token.refresh_at();
    at.saturating_sub(rand::rng().random_range(Duration::ZERO..=at / 10))
}

impl EntraClient {
    /// Replaces each token that was ever asked for before it ends, until `stop` completes.
    ///
    /// Spawn it, and no caller waits for a token that it already has: the old one is served until it ends, and longer
    /// attempts to replace it, each with [its retries](crate::RetryPolicy), go on in the background. Tokens are
    /// replaced when Entra ID says so (`refresh_in`), or at half their life, up to a tenth earlier by chance.
    ///
    /// ```no_run
    /// # async fn example(client: entra_auth::EntraClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    /// let keeper = client.clone();
    /// let keeping = tokio::spawn(async move {
    ///     keeper.keep_fresh(async { drop(stopped.await) }).await;
    /// });
    /// // … and when the service shuts down:
    /// drop(stop);
    /// keeping.await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops it at once. Requests that nobody else waits for are given up, as they are when
    /// `stop` completes.
    pub async fn keep_fresh(&self, stop: impl Future<Output = ()> + Send) {
        let inner = &self.inner;
        let _keeper = Keeper::new(inner);
        let mut stop = pin!(stop.fuse());
        let mut under_way = FuturesUnordered::new();
        loop {
            let mut changed = pin!(inner.changed.notified());
            // From here on, no change goes unnoticed.
            changed.as_mut().enable();
            let (due, next) = inner.due();
            under_way.extend(due);
            let mut sleep = inner.clock.sleep(next.min(LONGEST_SLEEP));
            let stopped = poll_fn(|context| {
                if stop.poll_unpin(context).is_ready() {
                    return Poll::Ready(true);
                }
                let mut looks_again = false;
                while let Poll::Ready(Some(_)) = under_way.poll_next_unpin(context) {
                    looks_again = true;
                }
                looks_again |= changed.as_mut().poll(context).is_ready();
                looks_again |= sleep.poll_unpin(context).is_ready();
                if looks_again {
                    Poll::Ready(false)
                } else {
                    Poll::Pending
                }
            });
            if stopped.await {
                return;
            }
        }
    }
}

impl Inner {
    /// The requests for the tokens that are due, and the time until the next one is.
    fn due(self: &Arc<Self>) -> (Vec<impl Future<Output = ()> + Send + use<>>, Duration) {
        let now = self.clock.now();
        let mut due = Vec::new();
        let mut next = Duration::MAX;
        let throttled = self.requests.throttle.check(now).err();
        let throttled = throttled.and_then(|error| error.retry_after());
        for (capable, cache) in [(false, &self.plain), (true, &self.capable)] {
            for (scope, slot) in cache.all() {
                let Some(due_in) = slot.due_in(now) else {
                    continue;
                };
                let due_in = due_in.max(throttled.unwrap_or_default());
                if due_in > Duration::ZERO {
                    next = next.min(due_in);
                    continue;
                }
                let want = Want {
                    instead_of: slot.living(now),
                    ..Want::default()
                };
                let flight = self.join(&slot, &scope, capable, &want);
                // Callers learn of a failure when they need a token; the log has it already.
                due.push(flight.map(drop));
            }
        }
        (due, next)
    }
}

/// Lets callers rely on a background that is there.
struct Keeper<'a>(&'a Inner);

impl<'a> Keeper<'a> {
    fn new(inner: &'a Inner) -> Self {
        inner.keepers.fetch_add(1, Ordering::Relaxed);
        Self(inner)
    }
}

impl Drop for Keeper<'_> {
    fn drop(&mut self) {
        self.0.keepers.fetch_sub(1, Ordering::Relaxed);
    }
}
