use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use clock::Monotonic;

use super::Effect;

/// Longer than any call: what isn't used by then was for a call that is over.
const VALID: Duration = Duration::from_secs(60);

/// Writes that were taken out of the budget for requests that are about to be sent.
#[derive(Debug, Default)]
pub(super) struct Prepaid(Mutex<Vec<(Effect, Monotonic)>>);

impl Prepaid {
    pub(super) fn add(&self, effect: Effect, now: Monotonic) {
        self.valid(now, |paid| paid.push((effect, now)));
    }

    pub(super) fn take(&self, effect: Effect, now: Monotonic) -> bool {
        self.valid(now, |paid| {
            let found = paid.iter().position(|(paid_for, _)| *paid_for == effect);
            found.map(|index| paid.remove(index)).is_some()
        })
    }

    fn valid<T>(
        &self,
        now: Monotonic,
        change: impl FnOnce(&mut Vec<(Effect, Monotonic)>) -> T,
    ) -> T {
        let mut paid = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paid.retain(|(_, at)| now.since(*at) < VALID);
        change(&mut paid)
    }
}
