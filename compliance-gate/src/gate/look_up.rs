//! Asking the source, within bounds.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    time::Duration,
};

use clock::Moment;
use futures_util::future::{Either, select};
use intune_core::{
    EntraDeviceId, Freshness, Observation, Served, SourceFailure, SourceFailureKind,
};

use super::Inner;
use crate::{OnOutage, Policy, caught::caught};

impl Inner {
    /// What the source has at hand. A source that panics has nothing, and neither has one whose observation is too old.
    #[inline]
    pub(super) fn peek(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
        seen: &mut Option<Observation>,
    ) {
        let peek = AssertUnwindSafe(|| *seen = self.source.peek(device, freshness));
        let _ = catch_unwind(peek);
        if let Some(found) = seen
            && !freshness.accepts(found.observed_at)
        {
            *seen = None;
        }
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
            Some(Ok(found)) if took < self.deadline && !is_as_asked(&found, freshness) => {
                Err(SourceFailure::new(SourceFailureKind::MalformedAnswer))
            }
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

/// Whether an answer is as fresh as it was asked to be. A source that is careless of that is not to decide it.
fn is_as_asked(found: &Observation, freshness: Freshness) -> bool {
    if freshness.max_age > Duration::ZERO {
        return freshness.accepts(found.observed_at);
    }
    found.served == Served::Live && freshness.now.nanos_since(found.observed_at) == 0
}
