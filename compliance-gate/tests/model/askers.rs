//! Those who ask the cache, and what must be true of each answer they get.

use std::{
    collections::HashSet,
    future::poll_fn,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use clock::{Clock, ManualClock};
use compliance_gate::{CacheBuilder, CacheCounters, CachedCompliance};
use intune_core::{
    ComplianceSource, Freshness, Invalidation, Observation, Served, SourceFailure,
    SourceFailureKind,
};
use shuttle::{
    future::block_on,
    rand::{Rng as _, thread_rng},
};

use crate::service::{RoundTrip, Service, device, number, others_turn, version};

pub(crate) const TTL: Duration = Duration::from_secs(300);
pub(crate) const LIVE: Duration = Duration::ZERO;

/// How often an asker is polled before it leaves.
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    Endless,
    Polls(usize),
}

impl Patience {
    pub(crate) fn any() -> Self {
        match thread_rng().gen_range(0..4) {
            3 => Self::Endless,
            polls => Self::Polls(polls),
        }
    }
}

/// Of the size of the test, since each access takes its time.
pub(crate) fn small_cache(source: Arc<dyn ComplianceSource>) -> CacheBuilder {
    let few = NonZeroUsize::MIN.saturating_add(1);
    let builder = CachedCompliance::builder(source).jitter_percent(0);
    builder.capacity(few).not_found_capacity(few)
}

#[derive(Clone)]
pub(crate) struct Asker {
    cache: CachedCompliance,
    service: Arc<Service>,
    clock: ManualClock,
    /// The version before which all is invalidated, for certain.
    valid_from: Arc<AtomicUsize>,
    /// Whether anything has been invalidated.
    has_invalidated: Arc<AtomicBool>,
    /// The look-ups whose failure somebody has got.
    failures: Arc<Mutex<HashSet<usize>>>,
    /// Of the look-ups that were found in the cache, the one that began last.
    last_peeked: Arc<AtomicUsize>,
}

impl Asker {
    pub(crate) fn new(service: &Arc<Service>) -> Self {
        Self::of(small_cache(Arc::clone(service) as _).build(), service)
    }

    /// Asks a cache that can tell the time, and so look up ahead.
    pub(crate) fn timed(service: &Arc<Service>) -> Self {
        let asker = Self::new(service);
        let cache = small_cache(Arc::clone(service) as _).clock(Arc::new(asker.clock.clone()));
        Self {
            cache: cache.build(),
            ..asker
        }
    }

    /// Looks up ahead for as long as something else takes.
    pub(crate) fn refresh(&self) {
        block_on(self.cache.refresh_until(async {
            for _ in 0..thread_rng().gen_range(1..4) {
                RoundTrip::begin().await;
            }
        }));
    }

    pub(crate) fn counters(&self) -> CacheCounters {
        self.cache.counters()
    }

    /// Asks a cache whose answers come from the service.
    pub(crate) fn of(cache: CachedCompliance, service: &Arc<Service>) -> Self {
        Self {
            cache,
            service: Arc::clone(service),
            clock: ManualClock::new("2026-11-23T06:00:00Z".parse().unwrap()),
            valid_from: Arc::default(),
            has_invalidated: Arc::default(),
            failures: Arc::default(),
            last_peeked: Arc::default(),
        }
    }

    /// What the cache answers, unless patience ends before.
    pub(crate) fn ask(
        &self,
        max_age: Duration,
        patience: Patience,
    ) -> Option<Result<Observation, SourceFailure>> {
        let freshness = Freshness {
            now: self.clock.now(),
            max_age,
        };
        let begun = self.service.begun();
        let known_failures = self.failures.lock().unwrap().clone();
        let mut joined = None;
        let mut polls = 0;
        let mut look_up = self.cache.compliance(device(), freshness);
        block_on(poll_fn(|context| {
            let valid_from = self.valid_from.load(SeqCst);
            if let Poll::Ready(answer) = look_up.as_mut().poll(context) {
                match &answer {
                    Ok(observation) => {
                        self.service.assert_is_whole(observation);
                        let is_newer = number(observation) >= begun;
                        assert!(is_newer || freshness.accepts(observation.observed_at));
                        assert!(version(observation) >= valid_from, "it was invalidated");
                    }
                    Err(failure) => {
                        let last_known = failure.last_known();
                        assert!(last_known.is_none_or(|known| version(&known) >= valid_from));
                        if let Some(number) = number_of(&answer) {
                            let is_known = known_failures.contains(&number);
                            assert!(!is_known, "others had it before anybody asked");
                            self.failures.lock().unwrap().insert(number);
                        }
                    }
                }
                if !self.has_invalidated.load(SeqCst)
                    && let (Some(joined), Some(number)) = (joined, number_of(&answer))
                {
                    assert!(number < joined, "it has moved on to another look-up");
                }
                return Poll::Ready(Some(answer));
            }
            joined.get_or_insert_with(|| self.service.begun());
            match patience {
                Patience::Polls(last) if polls == last => Poll::Ready(None),
                _ => {
                    polls += 1;
                    Poll::Pending
                }
            }
        }))
    }

    /// Which look-up's observation is in the cache.
    pub(crate) fn peek(&self) -> Option<usize> {
        let freshness = Freshness {
            now: self.clock.now(),
            max_age: Duration::MAX,
        };
        let valid_from = self.valid_from.load(SeqCst);
        let last_peeked = self.last_peeked.load(SeqCst);
        let kept = self.cache.peek(device(), freshness)?;
        assert!(version(&kept) >= valid_from, "it was invalidated");
        assert!(number(&kept) >= last_peeked, "a newer one was replaced");
        self.service.assert_is_whole(&kept);
        assert_eq!(kept.served, Served::Cache);
        self.last_peeked.fetch_max(number(&kept), SeqCst);
        Some(number(&kept))
    }

    pub(crate) fn change_and_invalidate(&self, what: Invalidation) {
        self.has_invalidated.store(true, SeqCst);
        let version = self.service.change();
        self.cache.invalidate(what);
        self.valid_from.fetch_max(version, SeqCst);
        others_turn();
    }

    pub(crate) fn let_time_pass(&self, duration: Duration) {
        self.clock.advance(duration);
        others_turn();
    }

    pub(crate) fn assert_nothing_is_under_way(&self) {
        assert_eq!(self.service.under_way(), 0);
        let cache = format!("{:?}", self.cache);
        assert!(cache.contains("look_ups: 0"), "{cache}");
    }
}

fn number_of(answer: &Result<Observation, SourceFailure>) -> Option<usize> {
    match answer {
        Ok(observation) => Some(number(observation)),
        Err(failure) if failure.kind() == SourceFailureKind::Unavailable => {
            failure.status().map(usize::from)
        }
        Err(_) => None,
    }
}
