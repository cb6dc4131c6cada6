//! How often a caller may come.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use clock::{Clock, Monotonic};
use governor::{
    Quota, RateLimiter, clock::Clock as GovernorClock, middleware::NoOpMiddleware, nanos::Nanos,
    state::keyed::HashMapStateStore,
};
use intune_core::Principal;

/// Of how many callers the pace is remembered. Who comes when there is no room waits until others' pace is forgotten.
const MAX_CALLERS: usize = 10_000;
const NO_ROOM: Duration = Duration::from_secs(1);

/// How often one caller may come: a principal, and each of its delegates.
///
/// Over HTTP it counts requests, over standard input and output calls. The default is 300 a minute, 60 of
/// them at once.
///
/// ```
/// use intune_mcp::RateLimit;
///
/// assert_eq!(RateLimit::default(), RateLimit::per_minute(300).burst(60));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct RateLimit {
    per_minute: NonZeroU32,
    burst: NonZeroU32,
}

impl RateLimit {
    /// So many in a minute, evenly; not less than 1.
    pub fn per_minute(count: u32) -> Self {
        Self {
            per_minute: at_least_one(count),
            burst: NonZeroU32::MIN,
        }
    }

    /// So many of them at once; not less than 1.
    pub fn burst(mut self, count: u32) -> Self {
        self.burst = at_least_one(count);
        self
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::per_minute(300).burst(60)
    }
}

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

type Buckets =
    RateLimiter<Principal, HashMapStateStore<Principal>, Injected, NoOpMiddleware<Nanos>>;

/// Keeps callers to the limit.
#[derive(Debug)]
pub(crate) struct Pace {
    clock: Injected,
    buckets: Buckets,
}

impl Pace {
    pub(crate) fn new(limit: RateLimit, clock: Arc<dyn Clock>) -> Self {
        let clock = Injected(clock);
        let quota = Quota::per_minute(limit.per_minute).allow_burst(limit.burst);
        Self {
            buckets: RateLimiter::hashmap_with_clock(quota, clock.clone()),
            clock,
        }
    }

    /// Lets the caller come once, or says for how long it may not.
    pub(crate) fn take(&self, caller: &Principal) -> Result<(), Duration> {
        if self.buckets.len() >= MAX_CALLERS {
            self.buckets.retain_recent();
            if self.buckets.len() >= MAX_CALLERS {
                return Err(NO_ROOM);
            }
        }
        let taken = self.buckets.check_key(caller);
        taken.map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

/// A wait as headers and results have it: whole seconds, rounded up, at least one.
pub(crate) fn seconds(wait: Duration) -> u64 {
    let begun = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(begun).max(1)
}

/// The injected clock, as the rate limiter reads it.
#[derive(Clone, Debug)]
struct Injected(Arc<dyn Clock>);

impl GovernorClock for Injected {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let since_origin = self.0.now().monotonic.since(Monotonic::from_nanos(0));
        Nanos::new(u64::try_from(since_origin.as_nanos()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use clock::ManualClock;

    use super::*;

    fn pace(limit: RateLimit) -> (ManualClock, Pace) {
        let clock = ManualClock::new("2026-11-23T12:00:00Z".parse().unwrap());
        let pace = Pace::new(limit, Arc::new(clock.clone()));
        (clock, pace)
    }

    fn caller(number: usize) -> Principal {
        Principal::new("https://login.example", number.to_string())
    }

    #[test]
    fn a_wait_is_as_long_as_it_says_and_nobody_elses() {
        let (clock, pace) = pace(RateLimit::per_minute(60).burst(2));
        pace.take(&caller(1)).unwrap();
        pace.take(&caller(1)).unwrap();
        let wait = pace.take(&caller(1)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        pace.take(&caller(2)).unwrap();
        pace.take(&caller(1).with_delegate("agent-7")).unwrap();
        clock.advance(wait);
        pace.take(&caller(1)).unwrap();
    }

    #[test]
    fn a_crowd_is_remembered_up_to_a_bound() {
        let (clock, pace) = pace(RateLimit::per_minute(60));
        for number in 0..MAX_CALLERS {
            pace.take(&caller(number)).unwrap();
        }
        assert_eq!(pace.take(&caller(MAX_CALLERS)), Err(NO_ROOM));
        assert_eq!(pace.buckets.len(), MAX_CALLERS);
        clock.advance(Duration::from_secs(5));
        pace.take(&caller(MAX_CALLERS)).unwrap();
        assert_eq!(pace.buckets.len(), 1);
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        for (wait, whole) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (59_999, 60)] {
            assert_eq!(seconds(Duration::from_millis(wait)), whole);
        }
    }
}
