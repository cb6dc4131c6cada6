//! Only while somebody looks devices up ahead is it noted which, and no more than can be kept up with.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{ops::Range, sync::Arc, time::Duration};

use crate::common::{Scripted, clock, entra_id, found, settle};
use clock::{Clock, ManualClock};
use compliance_gate::CachedCompliance;
use intune_core::{ComplianceSource, ComplianceState, Freshness};
use tokio::{sync::oneshot, task::JoinHandle};

/// In the last quarter of the five minutes for which a copy serves.
const RIPE: Duration = Duration::from_secs(250);

struct Fixture {
    source: Arc<Scripted>,
    clock: ManualClock,
    cache: CachedCompliance,
}

impl Fixture {
    fn new() -> Self {
        let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
        let clock = clock();
        let cache = CachedCompliance::builder(source.clone()).jitter_percent(0);
        let cache = cache.clock(Arc::new(clock.clone())).build();
        Self {
            source,
            clock,
            cache,
        }
    }

    fn asked(&self) -> Freshness {
        Freshness {
            now: self.clock.now(),
            max_age: Duration::from_secs(300),
        }
    }

    async fn look_up(&self, devices: Range<u32>) {
        for n in devices {
            let answer = self.cache.compliance(entra_id(n), self.asked()).await;
            answer.unwrap();
        }
    }

    /// Asks for what is kept.
    fn peek(&self, devices: Range<u32>) {
        for n in devices {
            assert!(self.cache.peek(entra_id(n), self.asked()).is_some());
        }
    }

    async fn refresh(&self) -> (oneshot::Sender<()>, JoinHandle<()>) {
        let (stop, stopped) = oneshot::channel::<()>();
        let cache = self.cache.clone();
        let refreshing = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            cache.refresh_until(stopped).await;
        });
        settle().await;
        (stop, refreshing)
    }
}

#[tokio::test]
async fn what_is_asked_for_while_nobody_looks_ahead_is_not_looked_up_later() {
    let it = Fixture::new();
    let (stop, refreshing) = it.refresh().await;
    it.look_up(0..2).await;
    it.clock.advance(RIPE);
    // The one is noted before it ends, the other when it has ended.
    it.peek(0..1);
    drop(stop);
    refreshing.await.unwrap();
    it.peek(1..2);
    let (_stop, _refreshing) = it.refresh().await;
    assert_eq!(it.source.calls(), 2);
    // Who is asked for now is looked up.
    it.look_up(2..3).await;
    it.clock.advance(RIPE);
    it.peek(2..3);
    settle().await;
    assert_eq!(it.source.calls(), 4);
}

/// Of two who look ahead, one may end.
#[tokio::test]
async fn the_last_who_looks_ahead_ends_it() {
    let it = Fixture::new();
    let (first, refreshing) = it.refresh().await;
    let (_second, _goes_on) = it.refresh().await;
    it.look_up(0..1).await;
    it.clock.advance(RIPE);
    drop(first);
    refreshing.await.unwrap();
    it.peek(0..1);
    settle().await;
    assert_eq!(it.source.calls(), 2);
}

#[tokio::test]
async fn what_cannot_be_kept_up_with_is_left_out() {
    const MANY: u32 = 20_000;
    let it = Fixture::new();
    let (_stop, _refreshing) = it.refresh().await;
    it.look_up(0..MANY).await;
    it.clock.advance(RIPE);
    it.peek(0..MANY);
    settle().await;
    let ahead = it.cache.counters().refreshed_ahead;
    assert!((1000..10_000).contains(&ahead), "{ahead}");
    // There is room again.
    it.look_up(MANY..MANY + 1).await;
    it.clock.advance(RIPE);
    it.peek(MANY..MANY + 1);
    settle().await;
    assert_eq!(it.cache.counters().refreshed_ahead, ahead + 1);
}
