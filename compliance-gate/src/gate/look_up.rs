//! Asking the source, within bounds.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    time::Duration,
};

use clock::Moment;
use futures_util::future::{Either, select};
use intune_core::{EntraDeviceId, Freshness, Observation, SourceFailure, SourceFailureKind};

use super::Inner;
use crate::{OnOutage, Policy, caught::caught};

impl Inner {
    /// What the source has at hand. A source that panics has nothing.
    #[inline]
    pub(super) fn peek(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
        seen: &mut Option<Observation>,
    ) {
        let peek = AssertUnwindSafe(|| *seen = self.source.peek(device, freshness));
        let _ = catch_unwind(peek);
    }

    /// Asks the source, and gives up at the deadline. Also says what time it is then.
    pub(super) async fn look_up(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
        policy: &Policy,
    ) -> (Result<Observation, SourceFailure>, Moment) {
        let answer = caught(async { self.source.compliance(device, freshness).await });
        let answer = match select(pin!(answer), self.clock.sleep(self.deadline)).await {
            Either::Left((answer, _)) => Some(answer),
            Either::Right(((), _)) => None,
        };
        let now = self.clock.now();
        let took = now.since(freshness.now);
        let answer = match answer {
            Some(answer) if took < self.deadline => answer,
            // A refusal is none the less one for being late; only in an outage the last known state may serve.
            Some(Err(refusal)) if !refusal.kind().is_outage() => Err(refusal),
            // None came, or too late: the machine may have been suspended meanwhile.
            _ => Err(self.timed_out(device, freshness, policy)),
        };
        self.counters.looked_up(took, answer.is_err());
        (answer, now)
    }

    fn timed_out(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
        policy: &Policy,
    ) -> SourceFailure {
        let last_known = match policy.on_outage {
            OnOutage::Deny => None,
            OnOutage::LastKnownGood { .. } => {
                let any_age = Freshness {
                    max_age: Duration::MAX,
                    ..freshness
                };
                let mut seen = None;
                self.peek(device, any_age, &mut seen);
                seen
            }
        };
        SourceFailure::new(SourceFailureKind::TimedOut).with_last_known(last_known)
    }
}
