use std::{sync::Arc, time::Duration};

use clock::Clock;
use intune_core::{SourceFailure, SourceFailureKind};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::{
    Effect,
    budget::{Limiter, RequestBudget},
    deadline::Deadline,
    pause::{Pause, Sent},
    places::{Asking, Place, Places},
    prepaid::Prepaid,
};

/// When to come back to a queue for the budget of writes, which flows in at several a second.
const A_SECOND: Duration = Duration::from_secs(1);

/// What every request of a tenant passes: so many in flight, so many in a time, and none while the service
/// asked to be left alone.
#[derive(Debug)]
pub(super) struct Gate {
    clock: Arc<dyn Clock>,
    places: Places,
    limiter: Limiter,
    pause: Pause,
    listings: Semaphore,
    writers: Mutex<()>,
    proposers: Mutex<()>,
    prepaid: Prepaid,
}

impl Gate {
    pub(super) fn new(budget: RequestBudget, in_flight: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            places: Places::new(in_flight),
            limiter: Limiter::new(budget, Arc::clone(&clock)),
            pause: Pause::default(),
            listings: Semaphore::new((in_flight / 3).clamp(1, Semaphore::MAX_PERMITS)),
            writers: Mutex::default(),
            proposers: Mutex::default(),
            prepaid: Prepaid::default(),
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

    /// Waits until a read may be sent; to be asked by the holder of a place, for each.
    pub(super) async fn admit(&self, deadline: &Deadline) -> Result<Sent, SourceFailure> {
        loop {
            match self.try_admit(Effect::Read) {
                Ok(sent) => return Ok(sent),
                Err(delay) => wait(delay, deadline).await?,
            }
        }
    }

    /// Waits until a write may be sent, and then for a place: not in one, since there are ten times as many reads to
    /// a budget, which would wait behind. In order, since what is first here was approved first.
    pub(super) async fn enter_to_write(
        &self,
        asking: Asking,
        effect: Effect,
        deadline: &Deadline,
    ) -> Result<(Place<'_>, Sent), SourceFailure> {
        if !self.prepaid.take(effect, self.clock.now().monotonic) {
            self.admit_write(effect, deadline).await?;
        }
        let mut asking = Some(asking);
        loop {
            let asking = asking.take().unwrap_or_else(|| self.ask());
            let place = self.enter(asking, deadline).await?;
            let sending = self.pause.sending();
            let pause = self.pause();
            if pause.is_zero() {
                return Ok((place, sending));
            }
            drop(place);
            wait(pause, deadline).await?;
        }
    }

    /// Takes a write out of the budget beforehand, for the next of its kind.
    pub(super) async fn prepay(
        &self,
        effect: Effect,
        deadline: &Deadline,
    ) -> Result<(), SourceFailure> {
        self.admit_write(effect, deadline).await?;
        self.prepaid.add(effect, self.clock.now().monotonic);
        Ok(())
    }

    /// Waits, in order, until the budget has a write.
    async fn admit_write(
        &self,
        effect: Effect,
        deadline: &Deadline,
    ) -> Result<Sent, SourceFailure> {
        let queue = match effect {
            Effect::Propose => &self.proposers,
            Effect::Read | Effect::Write => &self.writers,
        };
        let turn = deadline.bound(queue.lock()).await;
        let _turn = turn.map_err(|_| throttled(A_SECOND))?;
        loop {
            match self.try_admit(effect) {
                Ok(sent) => return Ok(sent),
                Err(delay) => wait(delay, deadline).await?,
            }
        }
    }

    /// Waits for one of the few places that listings have, which can take long and would else hold all.
    pub(super) async fn enter_to_list(
        &self,
        deadline: &Deadline,
    ) -> Result<SemaphorePermit<'_>, SourceFailure> {
        let permit = deadline.bound(self.listings.acquire()).await;
        permit.map_err(|_| timed_out())?.map_err(|_| timed_out())
    }

    /// Whether a request may be sent now, or else how long to wait before asking again.
    fn try_admit(&self, effect: Effect) -> Result<Sent, Duration> {
        let sending = self.pause.sending();
        let pause = self.pause();
        if !pause.is_zero() {
            return Err(pause);
        }
        self.limiter.take(effect).map(|()| sending)
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

async fn wait(delay: Duration, deadline: &Deadline) -> Result<(), SourceFailure> {
    let waited = deadline.wait(delay).await;
    waited.map_err(|_| throttled(delay))
}

/// Not sent, so as not to be refused.
fn throttled(wait: Duration) -> SourceFailure {
    SourceFailure::new(SourceFailureKind::Throttled).with_retry_after(wait)
}

pub(super) fn timed_out() -> SourceFailure {
    SourceFailure::new(SourceFailureKind::TimedOut)
}
