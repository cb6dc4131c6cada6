//! What is looked up ahead is what is still known, and what nobody else looks up.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{future::pending, sync::Arc, time::Duration};

use crate::common::{Scripted, clock, entra_id, found, settle};
use clock::{Clock, ManualClock};
use compliance_gate::CachedCompliance;
use intune_core::{ComplianceSource, ComplianceState, Freshness, Invalidation, Served};

const MAX_AGE: Duration = Duration::from_secs(300);

fn asked(clock: &ManualClock, max_age: Duration) -> Freshness {
    Freshness {
        now: clock.now(),
        max_age,
    }
}

/// A cache that looks devices up ahead, and has one in the last quarter of its life.
async fn with_a_ripe_device(source: &Arc<Scripted>) -> (CachedCompliance, ManualClock) {
    let clock = clock();
    let cache = CachedCompliance::builder(source.clone()).jitter_percent(0);
    let cache = cache.clock(Arc::new(clock.clone())).build();
    let refreshed = cache.clone();
    tokio::spawn(async move { refreshed.refresh_until(pending()).await });
    settle().await;
    let first = cache.compliance(entra_id(0), asked(&clock, MAX_AGE)).await;
    assert_eq!(first.unwrap().served, Served::Live);
    clock.advance(Duration::from_secs(250));
    (cache, clock)
}

fn compliant() -> Arc<Scripted> {
    Scripted::new(Ok(found(ComplianceState::Compliant))).shared()
}

#[tokio::test]
async fn what_was_invalidated_meanwhile_is_not_looked_up_ahead() {
    let source = compliant();
    let (cache, clock) = with_a_ripe_device(&source).await;
    assert!(cache.peek(entra_id(0), asked(&clock, MAX_AGE)).is_some());
    cache.invalidate(Invalidation::Device(entra_id(0)));
    settle().await;
    assert_eq!(source.calls(), 1);
    assert_eq!(cache.peek(entra_id(0), asked(&clock, MAX_AGE)), None);
}

#[tokio::test]
async fn what_somebody_has_looked_up_meanwhile_is_not_looked_up_again() {
    let source = compliant();
    let (cache, clock) = with_a_ripe_device(&source).await;
    assert!(cache.peek(entra_id(0), asked(&clock, MAX_AGE)).is_some());
    let live = asked(&clock, Duration::ZERO);
    cache.compliance(entra_id(0), live).await.unwrap();
    settle().await;
    assert_eq!(source.calls(), 2);
    assert_eq!(cache.counters().refreshed_ahead, 0);
}

#[tokio::test]
async fn what_somebody_is_looking_up_is_not_looked_up_by_another() {
    let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
    source.release(1);
    let (cache, clock) = with_a_ripe_device(&source).await;
    let (asking, live) = (cache.clone(), asked(&clock, Duration::ZERO));
    let asking = tokio::spawn(async move { asking.compliance(entra_id(0), live).await });
    settle().await;
    assert!(cache.peek(entra_id(0), asked(&clock, MAX_AGE)).is_some());
    settle().await;
    assert_eq!(source.calls(), 2);
    source.release(1);
    assert_eq!(asking.await.unwrap().unwrap().served, Served::Live);
    settle().await;
    assert_eq!((source.calls(), cache.counters().refreshed_ahead), (2, 0));
}
