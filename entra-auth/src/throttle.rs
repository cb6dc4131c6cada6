use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use clock::Moment;

use crate::TokenError;

/// What Entra ID asked for the last time that it asked for patience. It holds for all scopes.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<Option<HoldOff>>);

#[derive(Debug)]
struct HoldOff {
    because_of: TokenError,
    since: Moment,
    wait: Duration,
}

impl HoldOff {
    fn rest(&self, now: Moment) -> Duration {
        self.wait.saturating_sub(now.since(self.since))
    }
}

impl Throttle {
    pub(crate) fn hold_off(&self, because_of: &TokenError, since: Moment, wait: Duration) {
        let mut held = self.lock();
        // The longer one holds: requests that were under way together may be told different times.
        let is_shorter = |held: &HoldOff| held.rest(since) > wait;
        if !held.as_ref().is_some_and(is_shorter) {
            *held = Some(HoldOff {
                because_of: because_of.clone(),
                since,
                wait,
            });
        }
    }

    /// The failure that whoever asks gets, as long as the wait runs.
    pub(crate) fn check(&self, now: Moment) -> Result<(), TokenError> {
        let mut held = self.lock();
        held.take_if(|held| held.rest(now).is_zero());
        match held.as_ref() {
            None => Ok(()),
            Some(held) => Err(held.because_of.still_throttled(held.rest(now))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<HoldOff>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
