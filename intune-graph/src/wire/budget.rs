use std::{num::NonZeroU32, sync::Arc, time::Duration};

use clock::{Clock, Monotonic};
use governor::{
    Quota, RateLimiter,
    clock::Clock as GovernorClock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};

use super::Effect;

/// The time for which Intune's limits are published.
const WINDOW: Duration = Duration::from_secs(20);

/// How many requests a client may send in any 20 seconds.
///
/// The default is what Intune [publishes](https://learn.microsoft.com/graph/throttling-limits#intune-devices-service-limits)
/// for one application in one tenant: 2,000 requests, of them 200 writes. Processes that share an application
/// share its limits, so give each a part.
///
/// ```
/// use intune_graph::RequestBudget;
///
/// // One of four replicas.
/// let quarter = RequestBudget::new(500, 50);
/// assert_ne!(quarter, RequestBudget::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestBudget {
    requests: NonZeroU32,
    writes: NonZeroU32,
}

impl RequestBudget {
    /// A budget for any 20 seconds; `writes` count among `requests`, too. Neither is less than 1.
    #[must_use]
    pub fn new(requests: u32, writes: u32) -> Self {
        let at_least_one = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        Self {
            requests: at_least_one(requests),
            writes: at_least_one(writes),
        }
    }
}

impl Default for RequestBudget {
    fn default() -> Self {
        Self::new(2_000, 200)
    }
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, Injected, NoOpMiddleware<Nanos>>;

/// Keeps to a budget.
#[derive(Debug)]
pub(super) struct Limiter {
    clock: Injected,
    requests: Bucket,
    writes: Bucket,
    /// Three quarters of the writes: the rest is kept for what somebody approved.
    proposals: Bucket,
}

impl Limiter {
    pub(super) fn new(budget: RequestBudget, clock: Arc<dyn Clock>) -> Self {
        let clock = Injected(clock);
        let bucket = |limit| RateLimiter::direct_with_clock(quota(limit), clock.clone());
        Self {
            requests: bucket(budget.requests),
            writes: bucket(budget.writes),
            proposals: bucket(three_quarters(budget.writes)),
            clock,
        }
    }

    /// Takes one request out of the budget, or says for how long there is none. A write counts as both.
    pub(super) fn take(&self, effect: Effect) -> Result<(), Duration> {
        // The smaller first: writes that find it spent shall not spend the other.
        if effect == Effect::Propose {
            self.take_from(&self.proposals)?;
        }
        if effect != Effect::Read {
            self.take_from(&self.writes)?;
        }
        self.take_from(&self.requests)
    }

    fn take_from(&self, bucket: &Bucket) -> Result<(), Duration> {
        let taken = bucket.check();
        taken.map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

fn three_quarters(limit: NonZeroU32) -> NonZeroU32 {
    let quarter = limit.get() / 4;
    NonZeroU32::new(limit.get() - quarter).unwrap_or(NonZeroU32::MIN)
}

/// A fifth of the limit at once, the rest evenly: what a bucket of that size lets through in a window is its
/// burst and what flows in meanwhile, so both together are the limit.
fn quota(limit: NonZeroU32) -> Quota {
    let burst = NonZeroU32::new(limit.get() / 5).unwrap_or(NonZeroU32::MIN);
    let evenly = limit.get() - burst.get();
    let period = match u64::from(evenly) {
        // Not within a window at all.
        0 => WINDOW + Duration::from_nanos(1),
        evenly => Duration::from_nanos((WINDOW.as_nanos() as u64).div_ceil(evenly)),
    };
    let quota = Quota::with_period(period).unwrap_or(Quota::per_hour(NonZeroU32::MIN));
    quota.allow_burst(burst)
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
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    /// When each request of a crowd that always wants more, and asks again at these intervals, is let through.
    fn sent(budget: RequestBudget, effect: Effect, steps: &[u64]) -> Vec<u64> {
        let clock = ManualClock::new("2026-11-23T12:00:00Z".parse().unwrap());
        let limiter = Limiter::new(budget, Arc::new(clock.clone()));
        let (mut now, mut sent) = (0, Vec::new());
        for step in steps {
            while limiter.take(effect).is_ok() {
                sent.push(now);
            }
            clock.advance(Duration::from_nanos(*step));
            now += step;
        }
        sent
    }

    fn most_in_any_window(sent: &[u64]) -> usize {
        let window = 20 * SECOND;
        let within = |start: u64| {
            let window = start..=start + window;
            sent.iter().filter(|at| window.contains(at)).count()
        };
        // A fullest window begins with a request.
        sent.iter().map(|&at| within(at)).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_budget(
            limit in 1_u32..60,
            steps in prop::collection::vec(prop_oneof![0..SECOND, 0..25 * SECOND, Just(20 * SECOND)], 1..80),
        ) {
            for effect in [Effect::Read, Effect::Write] {
                let budget = match effect {
                    Effect::Read => RequestBudget::new(limit, 1_000),
                    Effect::Propose | Effect::Write => RequestBudget::new(1_000, limit),
                };
                let most = most_in_any_window(&sent(budget, effect, &steps));
                prop_assert!(most <= limit as usize, "{most} of {limit}");
            }
        }
    }

    #[test]
    fn the_published_budget_is_used_and_kept() {
        let steps = vec![SECOND / 100; 4_100];
        let reads = sent(RequestBudget::default(), Effect::Read, &steps);
        let writes = sent(RequestBudget::default(), Effect::Write, &steps);
        assert_eq!(most_in_any_window(&reads), 2_000);
        assert_eq!(most_in_any_window(&writes), 200);
        // 400 at once and 80 a second.
        assert_eq!(reads.iter().filter(|&&at| at == 0).count(), 400);
    }

    #[test]
    fn a_wait_is_as_long_as_it_says() {
        let clock = ManualClock::new("2026-11-23T12:00:00Z".parse().unwrap());
        let limiter = Limiter::new(RequestBudget::new(1, 1), Arc::new(clock.clone()));
        limiter.take(Effect::Write).unwrap();
        let wait = limiter.take(Effect::Read).unwrap_err();
        assert!(
            wait > WINDOW && wait < WINDOW + Duration::from_millis(1),
            "{wait:?}"
        );
        clock.advance(wait);
        limiter.take(Effect::Read).unwrap();
    }
}
