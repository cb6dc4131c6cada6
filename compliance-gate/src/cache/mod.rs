//! Observations kept in memory, and one look-up for all who ask at once.

mod builder;
mod counters;
mod flight;
mod flights;
mod kept;
mod lifetimes;
mod packed;
mod ripe;
mod sync;
mod table;

use std::{
    cell::Cell,
    fmt,
    future::{Future, pending},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use clock::{Clock, Moment};
use futures_util::{
    StreamExt as _,
    future::{Either, select},
    stream,
};
use intune_core::{
    ComplianceSource, EntraDeviceId, Freshness, Invalidation, Observation, SourceFailure,
    SourceFailureKind,
};

use crate::caught::caught;
pub use builder::CacheBuilder;
pub use counters::CacheCounters;
use counters::Counted;
pub(crate) use counters::stripe;
use flight::Flight;
use flights::{Answer, Flights, Landing, Ticket};
use kept::Kept;
use ripe::Ripe;

/// How often a look-up that an invalidation voided is begun again.
const ATTEMPTS: usize = 3;
/// How many look-ups [`CachedCompliance::compliance_many`] has under way at once, and how many
/// [`CachedCompliance::refresh_until`].
const CONCURRENCY: usize = 16;

/// A cache around a [`ComplianceSource`], which is a source itself. Clones share it.
///
/// - An observation serves as long as the asker's [`Freshness`] accepts it, and no longer than its state allows:
///   a denied device that was repaired is looked up again after a minute. Lifetimes differ a little by device.
/// - An observation too old to serve is kept for [`last_known`](SourceFailure::last_known), until others need the
///   room; whoever accepts any age ([`Duration::MAX`]) is given it. Ids of no device have room of their own.
/// - All who miss on one device at once share one look-up, its failure included, unless they ask for a live
///   answer. Failures aren't kept.
/// - A look-up goes on as long as anybody waits for it, whoever began it.
/// - An observation whose look-up began before an invalidation neither stays nor is handed out.
/// - While [`refresh_until`](Self::refresh_until) runs, devices that are asked for often are looked up before their
///   observation is too old, so that nobody waits for them.
///
/// ```
/// # use std::sync::Arc;
/// # use clock::SystemClock;
/// # use intune_core::{ComplianceSource, DirectoryCompliance};
/// use compliance_gate::CachedCompliance;
///
/// # fn with(live: DirectoryCompliance) {
/// let source = CachedCompliance::builder(Arc::new(live))
///     .clock(Arc::new(SystemClock::new()))
///     .build();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CachedCompliance {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn ComplianceSource>,
    clock: Option<Arc<dyn Clock>>,
    look_up_deadline: Duration,
    kept: Kept,
    flights: Flights,
    ripe: Ripe,
    counted: Counted,
}

impl CachedCompliance {
    /// A cache with the settings that a [`builder`](Self::builder) begins with.
    #[must_use]
    pub fn new(source: Arc<dyn ComplianceSource>) -> Self {
        Self::builder(source).build()
    }

    /// Starts a cache around `source`.
    pub fn builder(source: Arc<dyn ComplianceSource>) -> CacheBuilder {
        CacheBuilder::new(source)
    }

    fn with(settings: CacheBuilder) -> Self {
        let kept = Kept::new(
            settings.capacity,
            settings.not_found_capacity,
            settings.lifetimes,
        );
        Self {
            inner: Arc::new(Inner {
                source: settings.source,
                clock: settings.clock,
                look_up_deadline: settings.look_up_deadline,
                kept,
                flights: Flights::new(settings.look_up_deadline),
                ripe: Ripe::default(),
                counted: Counted::default(),
            }),
        }
    }

    /// Looks up again what is asked for in the last quarter of its life, until `stop` completes.
    ///
    /// For the owner to spawn. Each observation is tried once; if that fails it serves on, and who asks when it is
    /// too old waits. A device that was not found isn't looked up ahead. Does nothing without a
    /// [`clock`](CacheBuilder::clock), and leaves out what it can't keep up with.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends what it does. Others who wait for one of its look-ups go on with it.
    pub async fn refresh_until(&self, stop: impl Future<Output = ()> + Send) {
        let refresh = async {
            match &self.inner.clock {
                Some(clock) => self.inner.refresh_ripe(clock.as_ref()).await,
                None => pending().await,
            }
        };
        select(pin!(stop), pin!(refresh)).await;
    }

    /// What has happened in this cache, and what is in it.
    #[must_use]
    pub fn counters(&self) -> CacheCounters {
        let Inner { kept, counted, .. } = &*self.inner;
        CacheCounters {
            evictions: kept.evicted(),
            devices: kept.found(),
            not_found: kept.not_found(),
            ..counted.read()
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ComplianceSource for CachedCompliance {
    async fn compliance(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        for _ in 0..ATTEMPTS {
            if let Some(observation) = self.peek(device, freshness) {
                return Ok(observation);
            }
            let landing = self.inner.join_or_begin(device, freshness).await;
            if let Landing::Answer(answer, ticket) = landing
                && ticket.is_none_or(|ticket| self.inner.flights.counts(&ticket, &answer))
            {
                return answer;
            }
        }
        Err(SourceFailure::new(SourceFailureKind::Interrupted))
    }

    #[inline]
    fn peek(&self, device: EntraDeviceId, freshness: Freshness) -> Option<Observation> {
        let Inner {
            kept,
            ripe,
            counted,
            ..
        } = &*self.inner;
        let served = kept.fresh(kept.key(device), freshness, |entry, observed_at| {
            if ripe.has_room() && entry.first_mention() {
                ripe.put(device, observed_at);
            }
        });
        if served.is_some() {
            counted.hit();
        }
        served
    }

    async fn compliance_many(
        &self,
        devices: &[EntraDeviceId],
        freshness: Freshness,
    ) -> Vec<Result<Observation, SourceFailure>> {
        let look_ups = devices
            .iter()
            .map(|&device| self.compliance(device, freshness));
        let look_ups: Vec<_> = look_ups.collect();
        stream::iter(look_ups).buffered(CONCURRENCY).collect().await
    }

    fn invalidate(&self, what: Invalidation) {
        // The inner layers first, so that no new look-up finds the old state there. A panic of theirs comes last.
        let inner = catch_unwind(AssertUnwindSafe(|| self.inner.source.invalidate(what)));
        let Inner { kept, flights, .. } = &*self.inner;
        match what {
            Invalidation::Device(device) => flights.void(device, || kept.forget(device)),
            Invalidation::ManagedDevice(id) => {
                flights.void_what_concerns(id, || kept.forget_what_concerns(id));
            }
            Invalidation::All => flights.void_all(|| kept.forget_all()),
        }
        inner.unwrap_or_else(|panic| resume_unwind(panic));
    }
}

impl Inner {
    fn join_or_begin(self: &Arc<Self>, device: EntraDeviceId, asked: Freshness) -> Flight<Landing> {
        let (landed, begun) = (Cell::new(false), Cell::new(false));
        let flight = self.flights.join_or_begin(
            device,
            asked,
            // Somebody may have landed since the caller looked.
            || {
                let fresh = self.kept.fresh(self.kept.key(device), asked, |_, _| {});
                landed.set(fresh.is_some());
                fresh
            },
            |ticket| {
                begun.set(true);
                self.fly(device, asked, ticket)
            },
        );
        if landed.get() {
            self.counted.hit();
        } else {
            self.counted.misses.fetch_add(1, Relaxed);
            let shared = u64::from(!begun.get());
            self.counted.shared.fetch_add(shared, Relaxed);
        }
        flight
    }

    fn fly(
        self: &Arc<Self>,
        device: EntraDeviceId,
        asked: Freshness,
        ticket: Ticket,
    ) -> impl Future<Output = Landing> + Send + 'static {
        let inner = Arc::clone(self);
        let newer = self.newer(device, asked);
        async move {
            let answer = inner.look_up(device, newer).await;
            let settle = |answer, outrun| inner.settle(device, answer, outrun);
            inner.flights.land(ticket, answer, settle)
        }
    }

    /// As asked, but newer than what is kept: a source that keeps something itself must not bring back what was so
    /// before.
    fn newer(&self, device: EntraDeviceId, asked: Freshness) -> Freshness {
        let kept = self.kept.last_known(device);
        let age = kept.map_or(Duration::MAX, |kept| asked.now.since(kept.observed_at));
        Freshness {
            max_age: asked.max_age.min(age),
            ..asked
        }
    }

    /// Asks the source, and gives up at the deadline if there is a clock.
    async fn look_up(&self, device: EntraDeviceId, asked: Freshness) -> Answer {
        let clock = self.clock.as_deref();
        let begun = clock.map(Clock::now);
        let answer = caught(async {
            let look_up = self.source.compliance(device, asked);
            let Some(clock) = clock else {
                return look_up.await;
            };
            match select(look_up, clock.sleep(self.look_up_deadline)).await {
                Either::Left((answer, _)) => answer,
                Either::Right(((), _)) => Err(SourceFailure::new(SourceFailureKind::TimedOut)),
            }
        });
        let answer = answer.await;
        let took = clock
            .zip(begun)
            .map(|(clock, begun)| clock.now().since(begun));
        self.counted.look_up(took, answer.is_err());
        answer
    }

    /// Keeps what a flight brought, unless a later flight was faster; to a failure, adds what is kept, unless it
    /// brings something later.
    fn settle(&self, device: EntraDeviceId, answer: Answer, outrun: bool) -> Answer {
        match answer {
            Ok(found) => {
                if !outrun {
                    self.kept.keep(device, &found);
                }
                Ok(found)
            }
            Err(failure) => {
                let both = [failure.last_known(), self.kept.last_known(device)];
                let last_known = both.into_iter().flatten().max_by_key(|seen| {
                    let Moment { wall, monotonic } = seen.observed_at;
                    (monotonic, wall)
                });
                let known = u64::from(last_known.is_some());
                self.counted.last_known.fetch_add(known, Relaxed);
                Err(failure.with_last_known(last_known))
            }
        }
    }

    async fn refresh_ripe(self: &Arc<Self>, clock: &dyn Clock) {
        let ripe = self.ripe.open();
        let devices = stream::unfold(&ripe, async |ripe| Some((ripe.next().await, ripe)));
        let refresh = |(device, observed_at)| self.refresh(device, observed_at, clock);
        devices.for_each_concurrent(CONCURRENCY, refresh).await;
    }

    /// Looks a device up, if what is known of it is still of that time and nobody else does so.
    async fn refresh(
        self: &Arc<Self>,
        device: EntraDeviceId,
        observed_at: Moment,
        clock: &dyn Clock,
    ) {
        let live = Freshness {
            now: clock.now(),
            max_age: Duration::ZERO,
        };
        let is_wanted = || {
            let known = self.kept.last_known(device);
            known.is_some_and(|known| known.observed_at == observed_at)
        };
        let fly = |ticket| self.fly(device, live, ticket);
        let Some(flight) = self.flights.begin_first(device, live, is_wanted, fly) else {
            return;
        };
        match flight.await {
            Landing::Answer(Ok(_), _) => self.counted.refreshed_ahead.fetch_add(1, Relaxed),
            Landing::Answer(Err(_), _) => self.counted.refresh_failures.fetch_add(1, Relaxed),
            Landing::Void => return,
        };
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedCompliance")
            .field("source", &self.source)
            .field("kept", &self.kept.found())
            .field("look_ups", &self.flights.len())
            .finish_non_exhaustive()
    }
}
