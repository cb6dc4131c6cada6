use std::{pin::pin, sync::Arc, time::Duration};

use clock::{Clock, Monotonic};
use futures_util::future::{Either, select};

/// The moment at which a call has ended, whatever it is doing.
#[derive(Debug)]
pub(super) struct Deadline {
    clock: Arc<dyn Clock>,
    at: Monotonic,
}

/// The deadline has passed.
#[derive(Debug)]
pub(super) struct Elapsed {
    /// Whether what was to be awaited was begun.
    pub(super) was_begun: bool,
}

impl Deadline {
    pub(super) fn after(limit: Duration, clock: Arc<dyn Clock>) -> Self {
        let at = clock.now().monotonic.saturating_add(limit);
        Self { clock, at }
    }

    pub(super) fn remaining(&self) -> Duration {
        self.at.since(self.clock.now().monotonic)
    }

    /// Awaits `future` for as long as there is time, and begins nothing when there is none.
    pub(super) async fn bound<F: Future>(&self, future: F) -> Result<F::Output, Elapsed> {
        let remaining = self.remaining();
        if remaining.is_zero() {
            return Err(Elapsed { was_begun: false });
        }
        match select(pin!(future), self.clock.sleep(remaining)).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(Elapsed { was_begun: true }),
        }
    }

    /// Waits if that leaves time for more.
    pub(super) async fn wait(&self, delay: Duration) -> Result<(), Elapsed> {
        if delay >= self.remaining() {
            return Err(Elapsed { was_begun: false });
        }
        self.clock.sleep(delay).await;
        Ok(())
    }
}
