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

impl Throttle {
    pub(crate) fn hold_off(&self, because_of: &TokenError, since: Moment, wait: Duration) {
        *self.lock() = Some(HoldOff {
            because_of: because_of.clone(),
            since,
            wait,
        });
    }

    /// The failure that whoever asks gets, as long as the wait runs.
    pub(crate) fn check(&self, now: Moment) -> Result<(), TokenError> {
        let mut held = self.lock();
        held.take_if(|held| now.since(held.since) >= held.wait);
        match held.as_ref() {
            None => Ok(()),
            Some(held) => {
                let rest = held.wait.saturating_sub(now.since(held.since));
                Err(held.because_of.still_throttled(rest))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<HoldOff>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
