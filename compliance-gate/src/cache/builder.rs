use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use clock::Clock;
use intune_core::ComplianceSource;

use super::{
    CachedCompliance,
    lifetimes::{Lifetimes, nanos},
};

const MAX_CAPACITY: usize = 1 << 22;
const CAPACITY: usize = 100_000;
const NOT_FOUND_CAPACITY: usize = 10_000;
/// A device that is repaired is let in after a minute, and one that isn't costs no more than a look-up a minute.
const DENIED_TTL: Duration = Duration::from_secs(60);
/// Who waits at a device that is being enrolled asks again soon.
const NOT_FOUND_TTL: Duration = Duration::from_secs(30);
const JITTER_PERCENT: u8 = 10;
const MAX_JITTER_PERCENT: u8 = 50;
const LOOK_UP_DEADLINE: Duration = Duration::from_secs(10);

/// Settings of a [`CachedCompliance`].
///
/// No lifetime lets an observation serve for longer than the asker accepts.
#[derive(Clone, Debug)]
#[must_use]
pub struct CacheBuilder {
    pub(super) source: Arc<dyn ComplianceSource>,
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) capacity: usize,
    pub(super) not_found_capacity: usize,
    pub(super) lifetimes: Lifetimes,
    pub(super) look_up_deadline: Duration,
}

impl CacheBuilder {
    pub(super) fn new(source: Arc<dyn ComplianceSource>) -> Self {
        let builder = Self {
            source,
            clock: None,
            capacity: CAPACITY,
            not_found_capacity: NOT_FOUND_CAPACITY,
            lifetimes: Lifetimes {
                allowed: u64::MAX,
                denied: nanos(DENIED_TTL),
                not_found: nanos(NOT_FOUND_TTL),
                jitter: 0,
            },
            look_up_deadline: LOOK_UP_DEADLINE,
        };
        builder.jitter_percent(JITTER_PERCENT)
    }

    /// Lets the cache tell the time.
    ///
    /// Only then are look-ups ended at their deadline and timed, and does
    /// [`refresh_until`](CachedCompliance::refresh_until) do anything.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// How many devices are kept at most: 100,000 if not set, never more than 4 million.
    ///
    /// Each takes some 130 bytes once the cache is full; it grows as devices come.
    pub const fn capacity(mut self, devices: NonZeroUsize) -> Self {
        let devices = devices.get();
        self.capacity = if devices < MAX_CAPACITY {
            devices
        } else {
            MAX_CAPACITY
        };
        self
    }

    /// About how many ids are kept that are no device's: 10,000 if not set.
    ///
    /// They have a store of their own, so that whoever makes ids up displaces no device.
    pub const fn not_found_capacity(mut self, ids: NonZeroUsize) -> Self {
        let ids = ids.get();
        self.not_found_capacity = if ids < MAX_CAPACITY {
            ids
        } else {
            MAX_CAPACITY
        };
        self
    }

    /// How long a device serves that is compliant or in grace. As long as the asker accepts, if not set.
    pub const fn compliant_ttl(mut self, ttl: Duration) -> Self {
        self.lifetimes.allowed = nanos(ttl);
        self
    }

    /// How long any other state serves, and records that disagree: 60 seconds if not set.
    ///
    /// So long does a device that was repaired wait.
    pub const fn denied_ttl(mut self, ttl: Duration) -> Self {
        self.lifetimes.denied = nanos(ttl);
        self
    }

    /// How long it serves that no device has an id: 30 seconds if not set.
    pub const fn not_found_ttl(mut self, ttl: Duration) -> Self {
        self.lifetimes.not_found = nanos(ttl);
        self
    }

    /// By how much lifetimes are shortened at most: 10 percent if not set, never more than 50.
    ///
    /// By how much for one device is up to its id and this process, so that a fleet which was looked up at once
    /// isn't so again.
    pub const fn jitter_percent(mut self, percent: u8) -> Self {
        let percent = if percent < MAX_JITTER_PERCENT {
            percent
        } else {
            MAX_JITTER_PERCENT
        };
        self.lifetimes.jitter = percent as u64 * 1024 / 100;
        self
    }

    /// After what time a look-up fails as timed out, for all who share it: 10 seconds if not set.
    ///
    /// Without a [`clock`](Self::clock) it isn't ended, but joined by nobody else from then on.
    pub const fn look_up_deadline(mut self, deadline: Duration) -> Self {
        self.look_up_deadline = deadline;
        self
    }

    /// Makes the cache.
    #[must_use]
    pub fn build(self) -> CachedCompliance {
        CachedCompliance::with(self)
    }
}
