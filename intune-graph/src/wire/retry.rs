use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use clock::Monotonic;

/// How often an exchange is tried, the first time included.
pub(super) const ATTEMPTS: u32 = 3;

const FIRST: Duration = Duration::from_millis(200);
const LAST: Duration = Duration::from_secs(5);

/// How long to wait before the `retry`-th repetition: up to 200 ms, doubled with each, at most 5 s. `fraction` of
/// one is chance.
pub(super) fn backoff(retry: u32, fraction: f64) -> Duration {
    let doublings = retry.saturating_sub(1).min(16);
    let longest = FIRST.saturating_mul(1 << doublings).min(LAST);
    longest.mul_f64(fraction.clamp(0.0, 1.0))
}

/// What one repetition costs, in time without any.
const COST: Duration = Duration::from_secs(10);
/// What one success is worth.
const WORTH: Duration = Duration::from_secs(2);
const MOST: Duration = Duration::from_secs(40);

/// How many repetitions all calls together may still make: four at once, and then one in 10 s or for 5 successes.
///
/// Else a crowd would ask a service that is failing three times as often as one that works.
#[derive(Debug)]
pub(super) struct RetryBudget(Mutex<Credit>);

#[derive(Debug)]
struct Credit {
    saved: Duration,
    at: Monotonic,
}

impl RetryBudget {
    pub(super) fn full(now: Monotonic) -> Self {
        Self(Mutex::new(Credit {
            saved: MOST,
            at: now,
        }))
    }

    /// Takes one repetition out, if there is one.
    pub(super) fn take(&self, now: Monotonic) -> bool {
        self.change(now, |saved| match saved.checked_sub(COST) {
            Some(rest) => (rest, true),
            None => (saved, false),
        })
    }

    pub(super) fn succeeded(&self, now: Monotonic) {
        self.change(now, |saved| (MOST.min(saved.saturating_add(WORTH)), ()));
    }

    fn change<T>(&self, now: Monotonic, change: impl FnOnce(Duration) -> (Duration, T)) -> T {
        let mut credit = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = credit.saved.saturating_add(now.since(credit.at)).min(MOST);
        let (saved, result) = change(saved);
        *credit = Credit {
            saved,
            at: credit.at.max(now),
        };
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::from_nanos(seconds * 1_000_000_000)
    }

    fn taken(budget: &RetryBudget, now: Monotonic) -> usize {
        (0..100).filter(|_| budget.take(now)).count()
    }

    #[test]
    fn four_at_once_and_then_by_time_and_by_success() {
        let budget = RetryBudget::full(at(0));
        assert_eq!(taken(&budget, at(0)), 4);
        assert_eq!(taken(&budget, at(9)), 0);
        assert_eq!(taken(&budget, at(10)), 1);
        for _ in 0..4 {
            budget.succeeded(at(10));
        }
        assert_eq!(taken(&budget, at(10)), 0);
        budget.succeeded(at(10));
        assert_eq!(taken(&budget, at(10)), 1);
        assert_eq!(taken(&budget, at(1_000_000)), 4);
    }

    #[test]
    fn a_clock_that_was_read_earlier_gives_nothing_twice() {
        let budget = RetryBudget::full(at(0));
        assert_eq!(taken(&budget, at(0)), 4);
        assert_eq!(taken(&budget, at(10)), 1);
        assert_eq!(taken(&budget, at(5)), 0);
        assert_eq!(taken(&budget, at(10)), 0);
    }

    #[test]
    fn the_wait_doubles_and_is_anything_up_to_its_bound() {
        let bounds = [200, 400, 800, 1_600, 3_200, 5_000, 5_000];
        for (retry, bound) in (1..).zip(bounds) {
            let most = backoff(retry, 1.0).as_secs_f64() * 1_000.0;
            assert!((most - f64::from(bound)).abs() < 0.01, "{most}");
            assert_eq!(backoff(retry, 0.0), Duration::ZERO);
        }
    }
}
