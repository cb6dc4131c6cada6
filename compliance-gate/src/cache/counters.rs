//! What happens in the cache, counted.

use std::{
    array, ptr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// What has happened in a cache since it was made, and what is in it now.
///
/// Each number is right by itself; together they are of one moment only if nothing happens meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheCounters {
    /// How often an observation at hand was served.
    ///
    /// Counted without a lock: very rarely, of two hits at the same time on different threads only one counts.
    pub hits: u64,
    /// How often somebody had to wait for a look-up; also those who asked for a live answer.
    pub misses: u64,
    /// Of the misses, those that shared a look-up somebody else had begun.
    pub shared: u64,
    /// Failures that were handed out with the last known observation.
    pub last_known: u64,
    /// Look-ups that ended: with an observation, a failure, or nothing that still counted.
    pub look_ups: u64,
    /// Of these, those that failed.
    pub failures: u64,
    /// How long they took together. Zero without a clock.
    pub look_up_time: Duration,
    /// How long the slowest of them took. Zero without a clock.
    pub slowest_look_up: Duration,
    /// Observations replaced before they were too old.
    pub refreshed_ahead: u64,
    /// Attempts at that which failed.
    pub refresh_failures: u64,
    /// Devices forgotten to make room for others.
    pub evictions: u64,
    /// Devices of which something is kept.
    pub devices: usize,
    /// Ids kept as those of no device.
    pub not_found: usize,
}

/// Memory that is written by different threads is this far apart.
#[repr(align(128))]
#[derive(Default)]
struct Apart<T>(T);

const STRIPES: usize = 64;

/// The counters of everything but what is in the stores.
pub(super) struct Counted {
    /// Hits, by thread.
    hits: [Apart<AtomicU64>; STRIPES],
    pub(super) misses: AtomicU64,
    pub(super) shared: AtomicU64,
    pub(super) last_known: AtomicU64,
    look_ups: AtomicU64,
    failures: AtomicU64,
    look_up_nanos: AtomicU64,
    slowest_nanos: AtomicU64,
    pub(super) refreshed_ahead: AtomicU64,
    pub(super) refresh_failures: AtomicU64,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            hits: array::from_fn(|_| Apart::default()),
            misses: AtomicU64::default(),
            shared: AtomicU64::default(),
            last_known: AtomicU64::default(),
            look_ups: AtomicU64::default(),
            failures: AtomicU64::default(),
            look_up_nanos: AtomicU64::default(),
            slowest_nanos: AtomicU64::default(),
            refreshed_ahead: AtomicU64::default(),
            refresh_failures: AtomicU64::default(),
        }
    }
}

impl Counted {
    /// Counts a hit for a nanosecond, in memory that hardly ever another thread writes.
    #[inline]
    pub(super) fn hit(&self) {
        if let Some(Apart(hits)) = self.hits.get(stripe()) {
            // Not `fetch_add`, which locks the line and takes longer than the rest of the bookkeeping.
            hits.store(hits.load(Relaxed).wrapping_add(1), Relaxed);
        }
    }

    pub(super) fn look_up(&self, took: Option<Duration>, failed: bool) {
        self.look_ups.fetch_add(1, Relaxed);
        self.failures.fetch_add(u64::from(failed), Relaxed);
        let nanos = took.unwrap_or_default().as_nanos();
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        self.look_up_nanos.fetch_add(nanos, Relaxed);
        self.slowest_nanos.fetch_max(nanos, Relaxed);
    }

    /// All but what is in the stores.
    pub(super) fn read(&self) -> CacheCounters {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        CacheCounters {
            hits: self.hits.iter().map(|Apart(hits)| read(hits)).sum(),
            misses: read(&self.misses),
            shared: read(&self.shared),
            last_known: read(&self.last_known),
            look_ups: read(&self.look_ups),
            failures: read(&self.failures),
            look_up_time: Duration::from_nanos(read(&self.look_up_nanos)),
            slowest_look_up: Duration::from_nanos(read(&self.slowest_nanos)),
            refreshed_ahead: read(&self.refreshed_ahead),
            refresh_failures: read(&self.refresh_failures),
            ..CacheCounters::default()
        }
    }
}

/// A number of this thread, as good as any: where a variable of its own lies.
#[inline]
pub(crate) fn stripe() -> usize {
    thread_local! {
        static OWN: u8 = const { 0 };
    }
    let address = OWN.with(|own| ptr::from_ref(own).addr()) as u64;
    // The multiplier of Fibonacci hashing.
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize % STRIPES
}
