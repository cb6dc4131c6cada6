//! The cache: one look-up for all who ask at once, and nothing old after an invalidation.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::{
    fmt,
    future::{Future, poll_fn},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use crate::common::{self, Scripted, clock, entra_id, found, settle};
use async_trait::async_trait;
use clock::{Clock, ManualClock};
use compliance_gate::CachedCompliance;
use intune_core::{
    ComplianceSource, ComplianceState, EntraDeviceId, Finding, Freshness, Invalidation,
    MockComplianceSource, Observation, Served, SourceFailure, SourceFailureKind,
};

const TTL: Duration = Duration::from_secs(300);

fn fresh(clock: &ManualClock) -> Freshness {
    Freshness {
        now: clock.now(),
        max_age: TTL,
    }
}

fn live(clock: &ManualClock) -> Freshness {
    Freshness {
        now: clock.now(),
        max_age: Duration::ZERO,
    }
}

/// Whose observations are of an age that a test can foresee.
fn cache(source: Arc<dyn ComplianceSource>) -> CachedCompliance {
    CachedCompliance::builder(source).jitter_percent(0).build()
}

fn compliant() -> Result<Finding, SourceFailure> {
    Ok(found(ComplianceState::Compliant))
}

fn noncompliant() -> Result<Finding, SourceFailure> {
    Ok(found(ComplianceState::Noncompliant))
}

#[tokio::test]
async fn a_hit_asks_nobody_and_says_so() {
    let mut source = MockComplianceSource::new();
    let finding = found(ComplianceState::Compliant);
    source
        .expect_compliance()
        .times(1)
        .returning(move |_, freshness| Ok(Observation::live(freshness.now, finding)));
    let cache = cache(Arc::new(source));
    let clock = clock();

    let first = cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    clock.advance(TTL - Duration::from_millis(1));
    let second = cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    assert_eq!((first.served, second.served), (Served::Live, Served::Cache));
    assert_eq!(first.observed_at, second.observed_at);
    assert_eq!(cache.peek(entra_id(0), fresh(&clock)), Some(second));
}

#[tokio::test]
async fn at_the_ttl_it_asks_again() {
    let source = Scripted::new(compliant()).shared();
    let cache = cache(source.clone());
    let clock = clock();
    cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    clock.advance(TTL);
    cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    assert_eq!(source.calls(), 2);
}

#[tokio::test]
async fn a_suspended_machine_does_not_keep_observations_young() {
    let source = Scripted::new(compliant()).shared();
    let cache = cache(source.clone());
    let clock = clock();
    cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    clock.suspend(TTL);
    cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    assert_eq!(source.calls(), 2);
}

#[tokio::test]
async fn live_means_live() {
    let source = Scripted::new(compliant()).shared();
    let cache = cache(source.clone());
    let clock = clock();
    for _ in 0..3 {
        let observation = cache.compliance(entra_id(0), live(&clock)).await.unwrap();
        assert_eq!(observation.served, Served::Live);
    }
    assert_eq!(source.calls(), 3);
}

async fn concurrent(
    answer: Result<Finding, SourceFailure>,
) -> (usize, Vec<Result<Observation, SourceFailure>>) {
    let source = Scripted::held(answer).shared();
    let cache = cache(source.clone());
    let clock = clock();
    let begun = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..200)
        .map(|_| {
            let (cache, freshness, begun) = (cache.clone(), fresh(&clock), begun.clone());
            tokio::spawn(async move {
                let mut look_up = cache.compliance(entra_id(0), freshness);
                let waits =
                    poll_fn(|context| Poll::Ready(look_up.as_mut().poll(context).is_pending()));
                assert!(waits.await);
                begun.fetch_add(1, Ordering::SeqCst);
                look_up.await
            })
        })
        .collect();
    while begun.load(Ordering::SeqCst) < 200 {
        tokio::task::yield_now().await;
    }
    source.release(200);
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.unwrap());
    }
    (source.calls(), answers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_callers_share_one_look_up() {
    let (calls, answers) = concurrent(compliant()).await;
    assert_eq!(calls, 1);
    assert!(answers.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_callers_share_one_failure_which_is_not_kept() {
    let failure = SourceFailure::new(SourceFailureKind::Unavailable).with_status(503);
    let (calls, answers) = concurrent(Err(failure.clone())).await;
    assert_eq!(calls, 1);
    assert!(
        answers
            .iter()
            .all(|answer| answer.as_ref() == Err(&failure))
    );

    let source = Scripted::new(Err(failure)).shared();
    let cache = cache(source.clone());
    let clock = clock();
    assert!(cache.compliance(entra_id(0), fresh(&clock)).await.is_err());
    source.answer(compliant());
    assert!(cache.compliance(entra_id(0), fresh(&clock)).await.is_ok());
}

#[tokio::test]
async fn devices_do_not_wait_for_each_other() {
    let source = Scripted::held(compliant()).shared();
    let cache = cache(source.clone());
    let clock = clock();
    let (slow, freshness) = (cache.clone(), fresh(&clock));
    let slow = tokio::spawn(async move { slow.compliance(entra_id(0), freshness).await });
    let (other, freshness) = (cache.clone(), fresh(&clock));
    let other = tokio::spawn(async move { other.compliance(entra_id(1), freshness).await });
    settle().await;
    assert_eq!(source.calls(), 2);
    source.release(2);
    assert!(slow.await.unwrap().is_ok() && other.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_caller_who_leaves_hands_the_look_up_over() {
    let source = Scripted::held(compliant()).shared();
    let cache = cache(source.clone());
    let clock = clock();
    let spawn = || {
        let (cache, freshness) = (cache.clone(), fresh(&clock));
        tokio::spawn(async move { cache.compliance(entra_id(0), freshness).await })
    };
    let leader = spawn();
    settle().await;
    let follower = spawn();
    settle().await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    source.release(1);
    assert!(follower.await.unwrap().is_ok());
    assert_eq!(source.calls(), 1);
}

/// A source whose look-ups end at the second poll, and in the midst of the first one let a test do something.
struct Interrupted(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupted")
    }
}

#[async_trait]
impl ComplianceSource for Interrupted {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        let in_the_midst = poll_fn(|context| match self.0.lock().unwrap().take() {
            None => Poll::Ready(()),
            Some(interruption) => {
                context.waker().wake_by_ref();
                interruption();
                Poll::Pending
            }
        });
        in_the_midst.await;
        compliant().map(|finding| Observation::live(freshness.now, finding))
    }
}

/// Whether it has been woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_caller_who_was_woken_and_leaves_hands_the_look_up_over_too() {
    let source = Arc::new(Interrupted(Mutex::default()));
    let cache = cache(source.clone());
    let clock = clock();
    let follower = {
        let (cache, freshness) = (cache.clone(), fresh(&clock));
        async move { cache.compliance(entra_id(0), freshness).await }
    };
    let follower = Arc::new(Mutex::new(Box::pin(follower)));
    let woken = Arc::new(Woken::default());
    let poll = {
        let (follower, woken) = (follower.clone(), woken.clone());
        move || {
            let waker = woken.clone().into();
            let mut follower = follower.lock().unwrap();
            follower.as_mut().poll(&mut Context::from_waker(&waker))
        }
    };
    let poll_follower = poll.clone();
    let interruption = move || assert!(poll_follower().is_pending());
    *source.0.lock().unwrap() = Some(Box::new(interruption));

    let mut leader = cache.compliance(entra_id(0), fresh(&clock));
    let mut context = Context::from_waker(Waker::noop());
    assert!(leader.as_mut().poll(&mut context).is_pending());
    assert!(!woken.0.load(Ordering::SeqCst));
    drop(leader);
    assert!(woken.0.load(Ordering::SeqCst));
    assert!(matches!(poll(), Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn a_look_up_nobody_waits_for_ends_and_leaves_nothing() {
    let source = Scripted::held(compliant()).shared();
    let cache = cache(source.clone());
    let clock = clock();
    let (only, freshness) = (cache.clone(), fresh(&clock));
    let only = tokio::spawn(async move { only.compliance(entra_id(0), freshness).await });
    settle().await;
    only.abort();
    let _ = only.await;
    source.release(1);
    assert!(cache.compliance(entra_id(0), fresh(&clock)).await.is_ok());
    assert_eq!(
        (source.calls(), source.ended.load(Ordering::SeqCst)),
        (2, 1)
    );
}

#[derive(Debug)]
struct Panicking;

#[async_trait]
impl ComplianceSource for Panicking {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        _: Freshness,
    ) -> Result<Observation, SourceFailure> {
        panic!("a bug in a source")
    }
}

#[tokio::test]
async fn a_panic_in_the_source_is_a_failure() {
    let cache = cache(Arc::new(Panicking));
    for _ in 0..2 {
        let failure = cache
            .compliance(entra_id(0), fresh(&clock()))
            .await
            .unwrap_err();
        assert_eq!(failure.kind(), SourceFailureKind::Interrupted);
    }
}

#[tokio::test]
async fn a_failure_carries_the_last_known_observation() {
    let source = Scripted::new(compliant()).shared();
    let cache = cache(source.clone());
    let clock = clock();
    let first = cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    source.answer(Err(SourceFailure::new(SourceFailureKind::Unavailable)));
    clock.advance(10 * TTL);
    let failure = cache
        .compliance(entra_id(0), fresh(&clock))
        .await
        .unwrap_err();
    assert_eq!(
        failure.last_known().map(|known| known.observed_at),
        Some(first.observed_at)
    );
}

#[tokio::test]
async fn invalidation_reaches_every_layer() {
    let source = Scripted::new(compliant()).shared();
    let cache = cache(source.clone());
    let clock = clock();
    let managed = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    for what in [
        Invalidation::Device(entra_id(0)),
        Invalidation::ManagedDevice(managed),
        Invalidation::All,
    ] {
        cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
        cache.invalidate(what);
        assert_eq!(cache.peek(entra_id(0), fresh(&clock)), None, "{what:?}");
        assert_eq!(source.invalidations.lock().unwrap().last(), Some(&what));
    }
}

#[tokio::test]
async fn a_look_up_under_way_cannot_bring_an_invalidated_state_back() {
    let managed = "11111111-2222-4333-8444-555555555555".parse().unwrap();
    for what in [
        Invalidation::Device(entra_id(0)),
        Invalidation::ManagedDevice(managed),
        Invalidation::All,
    ] {
        let source = Scripted::held(compliant()).shared();
        let cache = cache(source.clone());
        let clock = clock();
        let (caller, freshness) = (cache.clone(), fresh(&clock));
        let caller = tokio::spawn(async move { caller.compliance(entra_id(0), freshness).await });
        settle().await;
        // The service has read the old state; now it changes, and we are told.
        source.answer(noncompliant());
        cache.invalidate(what);
        source.release(2);
        let observation = caller.await.unwrap().unwrap();
        assert_eq!(
            observation.finding,
            found(ComplianceState::Noncompliant),
            "{what:?}"
        );
        let kept = cache.peek(entra_id(0), fresh(&clock)).unwrap();
        assert_eq!(kept.finding, found(ComplianceState::Noncompliant));
    }
}

#[tokio::test]
async fn many_are_answered_in_their_order() {
    let source = Scripted::new(compliant()).shared();
    source
        .answers
        .lock()
        .unwrap()
        .insert(entra_id(1), Ok(Finding::NotFound));
    let cache = cache(source);
    let devices: Vec<_> = (0..40).map(entra_id).collect();
    let answers = cache.compliance_many(&devices, fresh(&clock())).await;
    assert_eq!(answers.len(), 40);
    let not_found = answers
        .iter()
        .position(|answer| answer.as_ref().unwrap().finding == Finding::NotFound);
    assert_eq!(not_found, Some(1));
}

#[tokio::test]
async fn a_panic_before_the_look_up_begins_is_a_failure_too() {
    // A mock without expectations panics when it is called, not when it is polled.
    let cache = cache(Arc::new(MockComplianceSource::new()));
    let failure = cache
        .compliance(entra_id(0), fresh(&clock()))
        .await
        .unwrap_err();
    assert_eq!(failure.kind(), SourceFailureKind::Interrupted);
}

/// A source whose look-ups end when, and with what, the test says; in any order.
#[derive(Debug, Default)]
struct Directed {
    under_way: std::sync::Mutex<Vec<tokio::sync::oneshot::Sender<Result<Finding, SourceFailure>>>>,
}

impl Directed {
    /// Ends the n-th look-up that began.
    fn end(&self, n: usize, answer: Result<Finding, SourceFailure>) {
        let (closed, _) = tokio::sync::oneshot::channel();
        let mut under_way = self.under_way.lock().unwrap();
        let look_up = std::mem::replace(under_way.get_mut(n).unwrap(), closed);
        let _ = look_up.send(answer);
    }

    fn begun(&self) -> usize {
        self.under_way.lock().unwrap().len()
    }
}

#[async_trait]
impl ComplianceSource for Directed {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        let (end, ended) = tokio::sync::oneshot::channel();
        self.under_way.lock().unwrap().push(end);
        let answer = ended.await.unwrap();
        answer.map(|finding| Observation::live(freshness.now, finding))
    }
}

type Waiting = tokio::task::JoinHandle<Result<Observation, SourceFailure>>;

async fn ask(cache: &CachedCompliance, device: u32, freshness: Freshness) -> Waiting {
    let cache = cache.clone();
    let waiting = tokio::spawn(async move { cache.compliance(entra_id(device), freshness).await });
    settle().await;
    waiting
}

#[tokio::test]
async fn of_two_live_look_ups_the_one_that_began_later_is_kept() {
    let source = Arc::new(Directed::default());
    let cache = cache(source.clone());
    // Both within one tick of the clock.
    let clock = clock();
    let older = ask(&cache, 0, live(&clock)).await;
    let later = ask(&cache, 0, live(&clock)).await;
    assert_eq!(source.begun(), 2);
    source.end(1, noncompliant());
    assert_eq!(
        later.await.unwrap().unwrap().finding,
        noncompliant().unwrap()
    );
    source.end(0, compliant());
    // It is what the older one asked for, but not what is so by now.
    assert_eq!(older.await.unwrap().unwrap().finding, compliant().unwrap());
    let kept = cache.peek(entra_id(0), fresh(&clock)).unwrap();
    assert_eq!(kept.finding, noncompliant().unwrap());
}

#[tokio::test]
async fn an_older_look_up_is_kept_if_the_later_one_fails() {
    let source = Arc::new(Directed::default());
    let cache = cache(source.clone());
    let clock = clock();
    let older = ask(&cache, 0, live(&clock)).await;
    let later = ask(&cache, 0, live(&clock)).await;
    source.end(1, Err(SourceFailure::new(SourceFailureKind::Throttled)));
    assert!(later.await.unwrap().is_err());
    source.end(0, compliant());
    assert!(older.await.unwrap().is_ok());
    assert!(cache.peek(entra_id(0), fresh(&clock)).is_some());
}

/// The first look-up, of four who ask when it has gone on for so long, one of them after it.
async fn who_joins(max_age: Duration, limit: Duration) {
    let source = Arc::new(Directed::default());
    let cache = cache(source.clone());
    let clock = clock();
    let fresh = || Freshness {
        now: clock.now(),
        max_age,
    };
    let first = ask(&cache, 0, fresh()).await;
    clock.advance(limit - Duration::from_millis(1));
    let joins = ask(&cache, 0, fresh()).await;
    assert_eq!(source.begun(), 1);
    clock.advance(Duration::from_millis(1));
    let begins = ask(&cache, 0, fresh()).await;
    assert_eq!(source.begun(), 2);
    let joins_the_later = ask(&cache, 0, fresh()).await;
    assert_eq!(source.begun(), 2);
    source.end(0, compliant());
    source.end(1, noncompliant());
    for (waiting, answer) in [
        (first, compliant()),
        (joins, compliant()),
        (begins, noncompliant()),
        (joins_the_later, noncompliant()),
    ] {
        assert_eq!(waiting.await.unwrap().unwrap().finding, answer.unwrap());
    }
}

#[tokio::test]
async fn nobody_joins_a_look_up_that_is_too_old_for_them() {
    who_joins(Duration::from_secs(4), Duration::from_secs(4)).await;
}

#[tokio::test]
async fn nobody_joins_a_look_up_that_has_had_its_time() {
    who_joins(TTL, Duration::from_secs(10)).await;
}

#[tokio::test]
async fn invalidating_one_device_leaves_the_look_ups_of_others() {
    let source = Arc::new(Directed::default());
    let cache = cache(source.clone());
    let clock = clock();
    let one = ask(&cache, 0, fresh(&clock)).await;
    let other = ask(&cache, 1, fresh(&clock)).await;
    cache.invalidate(Invalidation::Device(entra_id(1)));
    // Nor does an id of Intune's that has nothing to do with it.
    let unrelated = "11111111-2222-4333-8444-999999999999".parse().unwrap();
    cache.invalidate(Invalidation::ManagedDevice(unrelated));
    source.end(0, compliant());
    assert!(one.await.unwrap().is_ok());
    source.end(1, compliant());
    settle().await;
    assert_eq!(source.begun(), 3);
    source.end(2, noncompliant());
    assert_eq!(
        other.await.unwrap().unwrap().finding,
        noncompliant().unwrap()
    );
}

#[tokio::test]
async fn a_look_up_that_is_voided_again_and_again_is_given_up() {
    let source = Arc::new(Directed::default());
    let cache = cache(source.clone());
    let waiting = ask(&cache, 0, fresh(&clock())).await;
    for n in 0..3 {
        cache.invalidate(Invalidation::All);
        source.end(n, compliant());
        settle().await;
    }
    let failure = waiting.await.unwrap().unwrap_err();
    assert_eq!(
        (failure.kind(), source.begun()),
        (SourceFailureKind::Interrupted, 3)
    );
}

#[tokio::test]
async fn who_has_not_fetched_the_answer_yet_does_not_get_it_after_an_invalidation() {
    let source = Scripted::held(compliant()).shared();
    let cache = cache(source.clone());
    let clock = clock();
    let mut first = cache.compliance(entra_id(0), fresh(&clock));
    let mut second = cache.compliance(entra_id(0), fresh(&clock));
    for waiting in [&mut first, &mut second] {
        let poll = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending()));
        assert!(poll.await);
    }
    source.release(2);
    assert_eq!(first.await.unwrap().finding, compliant().unwrap());
    source.answer(noncompliant());
    cache.invalidate(Invalidation::Device(entra_id(0)));
    assert_eq!(second.await.unwrap().finding, noncompliant().unwrap());
}

#[tokio::test]
async fn a_failure_is_for_those_who_waited_for_it() {
    let source = Scripted::held(Err(SourceFailure::new(SourceFailureKind::Unavailable))).shared();
    let cache = cache(source.clone());
    let clock = clock();
    let mut first = cache.compliance(entra_id(0), fresh(&clock));
    let mut slow = cache.compliance(entra_id(0), fresh(&clock));
    for waiting in [&mut first, &mut slow] {
        let poll = poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending()));
        assert!(poll.await);
    }
    source.release(2);
    assert!(first.await.is_err());
    // The failure is still there for the slow one; the service has recovered.
    source.answer(compliant());
    assert!(cache.compliance(entra_id(0), fresh(&clock)).await.is_ok());
    assert!(slow.await.is_err());
}

#[tokio::test]
async fn any_record_of_a_device_can_be_the_one_that_is_invalidated() {
    let other_record = "11111111-2222-4333-8444-999999999999".parse().unwrap();
    let mut several = common::device(ComplianceState::Compliant);
    several.records = 2;
    for finding in [
        Finding::Device(several),
        Finding::Conflicting { records: 2 },
    ] {
        let cache = cache(Scripted::new(Ok(finding)).shared());
        let clock = clock();
        cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
        cache.invalidate(Invalidation::ManagedDevice(other_record));
        assert_eq!(cache.peek(entra_id(0), fresh(&clock)), None, "{finding:?}");
    }
    let cache = cache(Scripted::new(compliant()).shared());
    let clock = clock();
    cache.compliance(entra_id(0), fresh(&clock)).await.unwrap();
    cache.invalidate(Invalidation::ManagedDevice(other_record));
    assert!(cache.peek(entra_id(0), fresh(&clock)).is_some());
}
