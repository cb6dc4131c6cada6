use std::{sync::Arc, time::Duration};

use clock::Clock;
use intune_core::{SourceFailure, SourceFailureKind};

use super::{
    Effect,
    budget::{Limiter, RequestBudget},
    deadline::Deadline,
    pause::{Pause, Sent},
    places::{Asking, Place, Places},
};

/// What every request of a tenant passes: so many in flight, so many in a time, and none while the service
/// asked to be left alone.
#[derive(Debug)]
pub(super) struct Gate {
    clock: Arc<dyn Clock>,
    places: Places,
    limiter: Limiter,
    pause: Pause,
}

impl Gate {
    pub(super) fn new(budget: RequestBudget, in_flight: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            places: Places::new(in_flight),
            limiter: Limiter::new(budget, Arc::clone(&clock)),
            pause: Pause::default(),
            clock,
        }
    }

    pub(super) fn ask(&self) -> Asking {
        self.places.ask()
    }

    /// Waits for a place. If a pause outlasts the call there is no use in that.
    pub(super) async fn enter(
        &self,
        asking: Asking,
        deadline: &Deadline,
    ) -> Result<Place<'_>, SourceFailure> {
        let pause = self.pause();
        if pause >= deadline.remaining() && !pause.is_zero() {
            return Err(throttled(pause));
        }
        match deadline.bound(self.places.take(asking)).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(outage)) => Err(outage.unwrap_or_else(timed_out)),
            Err(_) => Err(timed_out()),
        }
    }

    /// Waits until a request may be sent; to be asked by the holder of a place, for each.
    pub(super) async fn admit(
        &self,
        effect: Effect,
        deadline: &Deadline,
    ) -> Result<Sent, SourceFailure> {
        loop {
            let sending = self.pause.sending();
            let mut delay = self.pause();
            if delay.is_zero() {
                match self.limiter.take(effect) {
                    Ok(()) => return Ok(sending),
                    Err(wait) => delay = wait,
                }
            }
            let waited = deadline.wait(delay).await;
            waited.map_err(|_| throttled(delay))?;
        }
    }

    /// The service asked for fewer requests.
    pub(super) fn throttled(&self, sent: Sent, retry_after: Option<Duration>) {
        let now = self.clock.now().monotonic;
        self.pause.throttled(now, sent, retry_after, rand::random());
    }

    /// The service answered otherwise.
    pub(super) fn answered(&self, sent: Sent) {
        self.pause.answered(sent);
    }

    /// How long nothing is sent; zero if there is no pause.
    pub(super) fn pause(&self) -> Duration {
        self.pause.remaining(self.clock.now().monotonic)
    }
}

/// Not sent, so as not to be refused.
fn throttled(wait: Duration) -> SourceFailure {
    SourceFailure::new(SourceFailureKind::Throttled).with_retry_after(wait)
}

pub(super) fn timed_out() -> SourceFailure {
    SourceFailure::new(SourceFailureKind::TimedOut)
}
