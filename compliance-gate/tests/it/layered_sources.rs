//! A cache around a source that keeps something itself, or that panics.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use crate::common::{Scripted, clock, entra_id, found};
use async_trait::async_trait;
use clock::Clock as _;
use compliance_gate::CachedCompliance;
use intune_core::{
    ComplianceSource, ComplianceState, EntraDeviceId, Freshness, Invalidation, Observation, Served,
    SourceFailure, SourceFailureKind,
};

const MINUTE: Duration = Duration::from_secs(60);

/// A source that keeps something itself: a snapshot, taken once.
#[derive(Debug)]
struct Snapshot {
    taken: Observation,
    live: Arc<Scripted>,
}

#[async_trait]
impl ComplianceSource for Snapshot {
    async fn compliance(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        if freshness.accepts(self.taken.observed_at) {
            return Ok(self.taken);
        }
        let answer = self.live.compliance(device, freshness).await;
        answer.map_err(|failure| failure.with_last_known(Some(self.taken)))
    }
}

/// A minute after a scan, a live look-up denied the device.
async fn denied_after_a_scan() -> (CachedCompliance, Arc<Snapshot>, clock::ManualClock) {
    let clock = clock();
    let taken = Observation::live(clock.now(), found(ComplianceState::Compliant));
    let snapshot = Arc::new(Snapshot {
        taken: taken.served(Served::Snapshot),
        live: Scripted::new(Ok(found(ComplianceState::Noncompliant))).shared(),
    });
    let cache = CachedCompliance::new(snapshot.clone());
    clock.advance(MINUTE);
    let live = Freshness {
        now: clock.now(),
        max_age: Duration::ZERO,
    };
    let denied = cache.compliance(entra_id(0), live).await.unwrap();
    assert_eq!(denied.finding, found(ComplianceState::Noncompliant));
    // Longer than a denied state is kept for.
    clock.advance(2 * MINUTE);
    (cache, snapshot, clock)
}

#[tokio::test]
async fn a_look_up_brings_nothing_older_than_what_is_known() {
    let (cache, snapshot, clock) = denied_after_a_scan().await;
    let asked = Freshness {
        now: clock.now(),
        max_age: 10 * MINUTE,
    };
    let again = cache.compliance(entra_id(0), asked).await.unwrap();
    assert_eq!(again.finding, found(ComplianceState::Noncompliant));
    assert_eq!(snapshot.live.calls(), 2);
    // Of another device nothing is known, and so the scan will do.
    let other = cache.compliance(entra_id(1), asked).await.unwrap();
    assert_eq!(other.served, Served::Snapshot);
}

#[tokio::test]
async fn the_last_known_observation_is_the_later_one() {
    let (cache, snapshot, clock) = denied_after_a_scan().await;
    let down = SourceFailure::new(SourceFailureKind::Unavailable);
    snapshot.live.answer(Err(down));
    let asked = Freshness {
        now: clock.now(),
        max_age: Duration::ZERO,
    };
    let last_known = |failure: SourceFailure| failure.last_known().unwrap().finding;
    let failure = cache.compliance(entra_id(0), asked).await.unwrap_err();
    assert_eq!(last_known(failure), found(ComplianceState::Noncompliant));
    // Of another device, the scan's is all there is.
    let failure = cache.compliance(entra_id(1), asked).await.unwrap_err();
    assert_eq!(last_known(failure), found(ComplianceState::Compliant));
}

/// A source whose invalidation panics.
#[derive(Debug)]
struct Fragile;

#[async_trait]
impl ComplianceSource for Fragile {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        let compliant = found(ComplianceState::Compliant);
        Ok(Observation::live(freshness.now, compliant))
    }

    fn invalidate(&self, _: Invalidation) {
        std::panic::resume_unwind(Box::new("a bug"));
    }
}

#[tokio::test]
async fn what_is_kept_is_forgotten_though_the_source_panics() {
    let cache = CachedCompliance::new(Arc::new(Fragile));
    let asked = Freshness {
        now: clock().now(),
        max_age: MINUTE,
    };
    cache.compliance(entra_id(0), asked).await.unwrap();
    assert!(cache.peek(entra_id(0), asked).is_some());
    let invalidate = || cache.invalidate(Invalidation::Device(entra_id(0)));
    assert!(catch_unwind(AssertUnwindSafe(invalidate)).is_err());
    assert!(cache.peek(entra_id(0), asked).is_none());
}
