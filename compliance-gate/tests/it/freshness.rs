//! How long the cache keeps what, and how it stays fresh.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{future::pending, num::NonZeroUsize, sync::Arc, time::Duration};

use crate::common::{Scripted, clock, device, entra_id, found, settle};
use clock::{Clock, ManualClock};
use compliance_gate::{CacheBuilder, CachedCompliance};
use intune_core::{
    ComplianceSource, ComplianceState, Finding, Freshness, Invalidation, MockComplianceSource,
    Observation, Served, SourceFailure, SourceFailureKind,
};
use tokio::{sync::oneshot, task::JoinHandle};

const MAX_AGE: Duration = Duration::from_secs(300);
const MILLISECOND: Duration = Duration::from_millis(1);

fn fresh(clock: &ManualClock) -> Freshness {
    Freshness {
        now: clock.now(),
        max_age: MAX_AGE,
    }
}

/// Of an age that a test can foresee.
fn exact(source: &Arc<Scripted>, clock: &ManualClock) -> CacheBuilder {
    let builder = CachedCompliance::builder(source.clone()).jitter_percent(0);
    builder.clock(Arc::new(clock.clone()))
}

fn few(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

fn unavailable() -> Result<Finding, SourceFailure> {
    Err(SourceFailure::new(SourceFailureKind::Unavailable))
}

/// How long this finding serves somebody who accepts five minutes.
async fn lifetime(finding: Finding, cache: impl Fn(CacheBuilder) -> CacheBuilder) -> Duration {
    let source = Scripted::new(Ok(finding)).shared();
    let clock = clock();
    let cache = cache(exact(&source, &clock)).build();
    cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    let start = clock.now();
    while cache.peek(entra_id(0), fresh(&clock)).is_some() {
        clock.advance(Duration::from_millis(500));
    }
    clock.now().since(start)
}

#[tokio::test]
async fn what_is_denied_is_asked_again_sooner() {
    let mut removed = device(ComplianceState::Compliant);
    removed.being_removed = true;
    let mut doubly = device(ComplianceState::Noncompliant);
    doubly.being_removed = true;
    let by_default = |cache| cache;
    let unrecognized = ComplianceState::from_wire("quarantined");
    for (finding, expected) in [
        (found(ComplianceState::Compliant), 300),
        (found(ComplianceState::InGracePeriod), 300),
        (found(ComplianceState::Noncompliant), 60),
        (found(ComplianceState::Conflict), 60),
        (found(ComplianceState::Error), 60),
        (found(ComplianceState::Unknown), 60),
        (found(ComplianceState::ConfigManager), 60),
        (found(unrecognized), 60),
        (Finding::Device(removed), 60),
        (Finding::Device(doubly), 60),
        (Finding::Conflicting { records: 2 }, 60),
        (Finding::NotFound, 30),
    ] {
        let lifetime = lifetime(finding, by_default).await;
        assert_eq!(lifetime, Duration::from_secs(expected), "{finding:?}");
    }
}

#[tokio::test]
async fn each_lifetime_can_be_set_but_not_beyond_what_the_asker_accepts() {
    let set = |cache: CacheBuilder| {
        cache
            .compliant_ttl(Duration::from_secs(20))
            .denied_ttl(Duration::from_secs(1))
            .not_found_ttl(Duration::from_secs(3000))
    };
    for (finding, expected) in [
        (found(ComplianceState::Compliant), 20),
        (found(ComplianceState::Noncompliant), 1),
        (Finding::NotFound, 300),
    ] {
        assert_eq!(
            lifetime(finding, set).await,
            Duration::from_secs(expected),
            "{finding:?}"
        );
    }
}

#[tokio::test]
async fn a_repaired_device_is_not_locked_out() {
    let source = Scripted::new(Ok(found(ComplianceState::Noncompliant))).shared();
    let clock = clock();
    let cache = CachedCompliance::new(source.clone());
    cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    source.answer(Ok(found(ComplianceState::Compliant)));
    clock.advance(Duration::from_secs(60));
    let now = cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    assert_eq!(now.finding, found(ComplianceState::Compliant));
}

#[tokio::test]
async fn what_is_kept_is_what_was_found() {
    let mut odd = device(ComplianceState::from_wire("a name of more than 16 bytes"));
    odd.user_id = Some("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee".parse().unwrap());
    odd.grace_expires_at = Some(clock::Timestamp::MAX);
    odd.last_check_in = Some(clock::Timestamp::MIN);
    odd.records = u16::MAX;
    let mut removed = device(ComplianceState::InGracePeriod);
    removed.being_removed = true;
    removed.last_check_in = None;
    removed.records = 0;
    for finding in [
        Finding::Device(odd),
        Finding::Device(removed),
        Finding::Conflicting { records: 7 },
        Finding::NotFound,
    ] {
        let cache = CachedCompliance::new(Scripted::new(Ok(finding)).shared());
        let clock = clock();
        clock.advance(Duration::from_nanos(1));
        let live = cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
        let kept = cache.peek(entra_id(0), fresh(&clock)).unwrap();
        assert_eq!(kept, live.served(Served::Cache));
    }
}

/// Names of states are remembered, and so there must be an end to it.
#[tokio::test]
async fn a_service_that_makes_names_up_fills_nothing() {
    let source = Scripted::new(Ok(Finding::NotFound)).shared();
    let cache = CachedCompliance::new(source.clone());
    let clock = clock();
    for n in 0..100 {
        let state = ComplianceState::from_wire(&format!("state {n}"));
        source.answer(Ok(found(state)));
        let live = cache.compliance(entra_id(n), fresh(&clock)).await.unwrap();
        assert_eq!(live.finding, found(state));
        let kept = cache.peek(entra_id(n), fresh(&clock));
        assert!(kept.is_none_or(|kept| kept.finding == found(state)));
    }
    assert!(cache.counters().devices < 100);
}

#[tokio::test]
async fn devices_looked_up_together_expire_one_by_one() {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let clock = clock();
    let cache = CachedCompliance::new(source);
    for n in 0..1000 {
        cache.compliance(entra_id(n), fresh(&clock)).await.unwrap();
    }
    let kept = || {
        (0..1000)
            .filter(|n| cache.peek(entra_id(*n), fresh(&clock)).is_some())
            .count()
    };
    clock.advance(Duration::from_secs(269));
    assert_eq!(kept(), 1000);
    clock.advance(Duration::from_secs(16));
    assert!((300..700).contains(&kept()), "{}", kept());
    clock.advance(Duration::from_secs(15));
    assert_eq!(kept(), 0);
}

#[tokio::test]
async fn who_accepts_any_age_gets_the_last_observation() {
    for finding in [found(ComplianceState::Noncompliant), Finding::NotFound] {
        let cache = CachedCompliance::new(Scripted::new(Ok(finding)).shared());
        let clock = clock();
        let first = cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
        clock.advance(100 * MAX_AGE);
        let any_age = Freshness {
            max_age: Duration::MAX,
            ..fresh(&clock)
        };
        assert_eq!(cache.peek(entra_id(0), fresh(&clock)), None);
        let kept = cache.peek(entra_id(0), any_age).unwrap();
        assert_eq!(kept, first.served(Served::Cache));
    }
}

#[tokio::test]
async fn ids_of_no_device_displace_no_device() {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let clock = clock();
    let cache = CachedCompliance::new(source.clone());
    for n in 0..100 {
        cache.compliance(entra_id(n), fresh(&clock)).await.unwrap();
    }
    source.answer(Ok(Finding::NotFound));
    // Twice as many as there is room for devices.
    for n in 100..200_100 {
        cache.compliance(entra_id(n), fresh(&clock)).await.unwrap();
    }
    let kept = cache.counters();
    assert_eq!((kept.devices, kept.evictions), (100, 0));
    assert!(kept.not_found <= 11_000, "{}", kept.not_found);
    assert!((0..100).all(|n| cache.peek(entra_id(n), fresh(&clock)).is_some()));
}

#[tokio::test]
async fn a_device_that_comes_or_goes_is_kept_once() {
    let source = Scripted::new(Ok(Finding::NotFound)).shared();
    let clock = clock();
    let cache = CachedCompliance::new(source.clone());
    for (finding, kept) in [
        (Finding::NotFound, (0, 1)),
        (found(ComplianceState::Compliant), (1, 0)),
        (Finding::NotFound, (0, 1)),
    ] {
        source.answer(Ok(finding));
        let live = Freshness {
            max_age: Duration::ZERO,
            ..fresh(&clock)
        };
        cache.compliance(entra_id(0), live).await.unwrap();
        let peeked = cache.peek(entra_id(0), fresh(&clock)).unwrap();
        assert_eq!(peeked.finding, finding);
        let counters = cache.counters();
        assert_eq!((counters.devices, counters.not_found), kept);
    }
    cache.invalidate(Invalidation::Device(entra_id(0)));
    assert_eq!(cache.peek(entra_id(0), fresh(&clock)), None);
}

#[tokio::test]
async fn the_number_of_devices_is_bounded_and_those_in_use_stay() {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let clock = clock();
    for capacity in [1, 2, 3, 64, 1000] {
        let cache = exact(&source, &clock).capacity(few(capacity)).build();
        for n in 0..5000 {
            cache.compliance(entra_id(n), fresh(&clock)).await.unwrap();
            // Somebody asks for the first one all the time.
            let _ = cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
        }
        let counters = cache.counters();
        assert_eq!(counters.devices, capacity);
        let kept = (0..5000)
            .filter(|n| cache.peek(entra_id(*n), fresh(&clock)).is_some())
            .count();
        assert_eq!(kept, capacity);
        let replaced = u64::try_from(capacity).unwrap() + counters.evictions;
        assert_eq!(replaced, counters.look_ups);
        if capacity >= 3 {
            assert_eq!(counters.look_ups, 5000, "the first one was never displaced");
        }
    }
}

/// A cache whose devices are looked up ahead until `stop` is dropped.
struct Refreshing {
    source: Arc<Scripted>,
    clock: ManualClock,
    cache: CachedCompliance,
    stop: oneshot::Sender<()>,
    refreshing: JoinHandle<()>,
}

impl Refreshing {
    fn of(source: Arc<Scripted>) -> Self {
        let clock = clock();
        let cache = exact(&source, &clock).build();
        let (stop, stopped) = oneshot::channel();
        let refreshed = cache.clone();
        let refreshing = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            refreshed.refresh_until(stopped).await;
        });
        Self {
            source,
            clock,
            cache,
            stop,
            refreshing,
        }
    }

    async fn ask(&self) -> Observation {
        let answer = self.cache.compliance(entra_id(0), fresh(&self.clock)).await;
        settle().await;
        answer.unwrap()
    }

    async fn advance(&self, by: Duration) {
        settle().await;
        self.clock.advance(by);
        settle().await;
    }
}

#[tokio::test]
async fn a_device_that_is_asked_for_is_looked_up_before_anybody_waits() {
    let hot = Refreshing::of(Scripted::new(Ok(found(ComplianceState::Compliant))).shared());
    settle().await;
    assert_eq!(hot.ask().await.served, Served::Live);
    for _ in 0..3000 {
        hot.clock.advance(Duration::from_secs(1));
        let served = hot.cache.peek(entra_id(0), fresh(&hot.clock)).unwrap();
        assert!(hot.clock.now().since(served.observed_at) <= Duration::from_secs(225));
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
    settle().await;
    // Once in 225 or 226 seconds, three quarters of its life.
    assert_eq!(hot.source.calls(), 1 + 13);
    let counters = hot.cache.counters();
    assert_eq!((counters.refreshed_ahead, counters.misses), (13, 1));
    assert_eq!(counters.hits, 3000);
}

#[tokio::test]
async fn a_device_that_nobody_asks_for_is_left_alone() {
    let cold = Refreshing::of(Scripted::new(Ok(found(ComplianceState::Compliant))).shared());
    settle().await;
    cold.ask().await;
    cold.advance(224 * 1000 * MILLISECOND).await;
    cold.ask().await;
    cold.advance(200 * 1000 * MILLISECOND).await;
    assert_eq!(cold.source.calls(), 1);
}

#[tokio::test]
async fn a_refresh_that_fails_disturbs_nobody() {
    let hot = Refreshing::of(Scripted::new(Ok(found(ComplianceState::Compliant))).shared());
    settle().await;
    hot.ask().await;
    hot.source.answer(unavailable());
    hot.advance(Duration::from_secs(250)).await;
    for _ in 0..49 {
        assert_eq!(hot.ask().await.served, Served::Cache);
        hot.advance(Duration::from_secs(1)).await;
    }
    // It was tried once, and not at every request of an outage.
    assert_eq!(hot.source.calls(), 2);
    assert_eq!(hot.cache.counters().refresh_failures, 1);
    hot.source.answer(Ok(found(ComplianceState::Compliant)));
    hot.advance(Duration::from_secs(1)).await;
    assert_eq!(hot.ask().await.served, Served::Live);
}

#[tokio::test]
async fn a_refresh_under_way_cannot_bring_an_invalidated_state_back() {
    let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
    let hot = Refreshing::of(source);
    hot.source.release(1);
    settle().await;
    hot.ask().await;
    hot.advance(Duration::from_secs(250)).await;
    hot.ask().await;
    assert_eq!(hot.source.calls(), 2);
    hot.source.answer(Ok(found(ComplianceState::Noncompliant)));
    hot.cache.invalidate(Invalidation::Device(entra_id(0)));
    hot.source.release(1);
    settle().await;
    assert_eq!(hot.cache.peek(entra_id(0), fresh(&hot.clock)), None);
    assert_eq!(hot.cache.counters().refreshed_ahead, 0);
}

#[tokio::test]
async fn who_misses_joins_a_refresh_and_goes_on_with_it_when_it_is_stopped() {
    let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
    let hot = Refreshing::of(source);
    hot.source.release(1);
    settle().await;
    hot.ask().await;
    hot.advance(Duration::from_secs(299)).await;
    hot.ask().await;
    hot.advance(Duration::from_secs(1)).await;
    let (cache, asked) = (hot.cache.clone(), fresh(&hot.clock));
    let waiting = tokio::spawn(async move { cache.compliance(entra_id(0), asked).await });
    settle().await;
    assert_eq!(hot.source.calls(), 2);
    drop(hot.stop);
    hot.refreshing.await.unwrap();
    hot.source.release(1);
    assert_eq!(waiting.await.unwrap().unwrap().served, Served::Live);
    assert_eq!(hot.source.calls(), 2);
}

#[tokio::test]
async fn without_somebody_who_refreshes_nothing_is_done_ahead() {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let clock = clock();
    let cache = exact(&source, &clock).build();
    cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    clock.advance(Duration::from_secs(250));
    assert!(cache.peek(entra_id(0), fresh(&clock)).is_some());
    // Nor does one come to know of what was asked before.
    let refreshed = cache.clone();
    tokio::spawn(async move { refreshed.refresh_until(pending()).await });
    settle().await;
    assert_eq!(source.calls(), 1);
    assert!(cache.peek(entra_id(0), fresh(&clock)).is_some());
    settle().await;
    assert_eq!(source.calls(), 2);
}

#[tokio::test]
async fn a_crowd_is_held_no_longer_than_the_deadline_of_the_first() {
    let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
    let clock = clock();
    let cache = exact(&source, &clock).build();
    let ask = || {
        let (cache, asked) = (cache.clone(), fresh(&clock));
        tokio::spawn(async move { cache.compliance(entra_id(0), asked).await })
    };
    let first = ask();
    settle().await;
    clock.advance(Duration::from_secs(10) - MILLISECOND);
    let last = ask();
    settle().await;
    assert!(!first.is_finished() && !last.is_finished());
    clock.advance(MILLISECOND);
    for waiting in [first, last] {
        let failure = waiting.await.unwrap().unwrap_err();
        assert_eq!(failure.kind(), SourceFailureKind::TimedOut);
    }
    let counters = cache.counters();
    assert_eq!((source.calls(), counters.shared), (1, 1));
    assert_eq!(counters.slowest_look_up, Duration::from_secs(10));
    assert_eq!(counters.look_up_time, Duration::from_secs(10));
}

#[tokio::test]
async fn it_counts_what_happens() {
    let mut source = MockComplianceSource::new();
    let finding = found(ComplianceState::Compliant);
    let failure = SourceFailure::new(SourceFailureKind::Throttled);
    let mut answers = vec![Err(failure), Ok(finding)];
    source
        .expect_compliance()
        .times(2)
        .returning(move |_, asked| {
            let answer = answers.pop().unwrap();
            answer.map(|finding| Observation::live(asked.now, finding))
        });
    let clock = clock();
    let cache = CachedCompliance::builder(Arc::new(source)).build();
    for _ in 0..3 {
        cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    }
    clock.advance(MAX_AGE);
    let failure = cache.compliance(entra_id(0), fresh(&clock)).await;
    assert!(failure.unwrap_err().last_known().is_some());
    let counters = cache.counters();
    assert_eq!((counters.hits, counters.misses), (2, 2));
    assert_eq!(counters.shared, 0);
    assert_eq!((counters.look_ups, counters.failures), (2, 1));
    assert_eq!((counters.last_known, counters.devices), (1, 1));
}
