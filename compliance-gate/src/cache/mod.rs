//! Observations kept in memory, and one look-up for all who ask at once.

mod flight;
mod flights;
mod sync;

use std::{fmt, num::NonZeroUsize, sync::Arc};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use intune_core::{
    ComplianceSource, EntraDeviceId, Freshness, Invalidation, Observation, Served, SourceFailure,
    SourceFailureKind,
};

use crate::caught::caught;
use flight::Flight;
use flights::{Answer, Flights, Landing, concerns};
use sync::ShardedLruCache;

const MAX_CAPACITY: usize = 1 << 22;
/// How often a look-up that an invalidation voided is begun again.
const ATTEMPTS: usize = 3;
/// How many look-ups [`CachedCompliance::compliance_many`] has under way at once.
const CONCURRENCY: usize = 16;
const DEFAULT_CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(99_999);

/// A cache around a [`ComplianceSource`], which is a source itself. Clones share it.
///
/// - Whether an observation is fresh enough is judged when it is asked for, by [`Freshness`]: the cache has
///   no time-out of its own. An observation too old to serve is kept for
///   [`last_known`](SourceFailure::last_known) until the least recently used make room.
/// - All who miss on one device at once share one look-up, its failure included, unless they ask for a live
///   answer. Failures aren't kept.
/// - A look-up goes on as long as anybody waits for it, whoever began it.
/// - An observation whose look-up began before an invalidation neither stays nor is handed out.
///
/// ```
/// # use std::sync::Arc;
/// # use intune_core::{ComplianceSource, DirectoryCompliance};
/// use compliance_gate::CachedCompliance;
///
/// # fn with(live: DirectoryCompliance) {
/// let source = CachedCompliance::new(Arc::new(live));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CachedCompliance {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn ComplianceSource>,
    kept: ShardedLruCache<EntraDeviceId, Observation>,
    flights: Flights,
}

impl CachedCompliance {
    /// A cache of about 100,000 devices.
    #[must_use]
    pub fn new(source: Arc<dyn ComplianceSource>) -> Self {
        Self::with_capacity(source, DEFAULT_CAPACITY)
    }

    /// A cache of about so many devices, at most 4 million; the least recently used make room.
    ///
    /// Room for all of them, some 150 bytes each, is reserved at once.
    #[must_use]
    pub fn with_capacity(source: Arc<dyn ComplianceSource>, devices: NonZeroUsize) -> Self {
        let kept = ShardedLruCache::new(devices.get().min(MAX_CAPACITY));
        Self {
            inner: Arc::new(Inner {
                source,
                kept,
                flights: Flights::default(),
            }),
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

    fn peek(&self, device: EntraDeviceId, freshness: Freshness) -> Option<Observation> {
        let kept = self.inner.kept.get(&device)?;
        freshness
            .accepts(kept.observed_at)
            .then(|| kept.served(Served::Cache))
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
        // The inner layers first, so that no new look-up finds the old state there.
        self.inner.source.invalidate(what);
        let kept = &self.inner.kept;
        match what {
            Invalidation::Device(device) => self.inner.flights.void(device, || {
                kept.remove(&device);
            }),
            Invalidation::ManagedDevice(id) => self.inner.flights.void_what_concerns(id, || {
                kept.retain(|_, observation| !concerns(observation, id));
            }),
            Invalidation::All => self.inner.flights.void_all(|| kept.clear()),
        }
    }
}

impl Inner {
    fn join_or_begin(
        self: &Arc<Self>,
        device: EntraDeviceId,
        freshness: Freshness,
    ) -> Flight<Landing> {
        let inner = Arc::clone(self);
        self.flights.join_or_begin(
            device,
            freshness,
            // Somebody may have landed since the caller looked.
            || {
                let kept = self.kept.peek(&device);
                kept.filter(|kept| freshness.accepts(kept.observed_at))
            },
            move |ticket| async move {
                let look_up = async { inner.source.compliance(device, freshness).await };
                let answer = caught(look_up).await;
                let settle = |answer, outrun| inner.settle(device, answer, outrun);
                inner.flights.land(ticket, answer, settle)
            },
        )
    }

    /// Keeps what a flight brought, unless a later flight was faster; to a failure, adds what is kept.
    fn settle(&self, device: EntraDeviceId, answer: Answer, outrun: bool) -> Answer {
        match answer {
            Ok(found) => {
                if !outrun {
                    self.kept.set(device, found);
                }
                Ok(found)
            }
            Err(failure) => {
                let last_known = failure.last_known().or_else(|| self.kept.peek(&device));
                Err(failure.with_last_known(last_known))
            }
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedCompliance")
            .field("source", &self.source)
            .field("kept", &self.kept.len())
            .field("look_ups", &self.flights.len())
            .finish_non_exhaustive()
    }
}
