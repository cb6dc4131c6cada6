//! An answer that has landed and is still to be fetched ends with an invalidation as one under way does.

use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll, time::Duration};

use crate::common::{Scripted, device, entra_id, found, now};
use compliance_gate::CachedCompliance;
use intune_core::{
    ComplianceSource, ComplianceState, Freshness, Invalidation, Observation, SourceFailure,
};

type LookUp<'a> = Pin<Box<dyn Future<Output = Result<Observation, SourceFailure>> + Send + 'a>>;

fn fresh() -> Freshness {
    Freshness {
        now: now(),
        max_age: Duration::from_secs(300),
    }
}

fn held() -> (Arc<Scripted>, CachedCompliance) {
    let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
    (source.clone(), CachedCompliance::new(source))
}

fn look_up(cache: &CachedCompliance) -> LookUp<'_> {
    cache.compliance(entra_id(0), fresh())
}

async fn begin(look_up: &mut LookUp<'_>) {
    let poll = poll_fn(|context| Poll::Ready(look_up.as_mut().poll(context).is_pending()));
    assert!(poll.await);
}

#[tokio::test]
async fn no_invalidation_that_concerns_it_lets_it_be_fetched() {
    let intunes = device(ComplianceState::Compliant).managed_device_id;
    for what in [
        Invalidation::Device(entra_id(0)),
        Invalidation::ManagedDevice(intunes),
        Invalidation::All,
    ] {
        let (source, cache) = held();
        let (mut first, mut second) = (look_up(&cache), look_up(&cache));
        begin(&mut first).await;
        begin(&mut second).await;
        source.release(2);
        assert_eq!(
            first.await.unwrap().finding,
            found(ComplianceState::Compliant)
        );
        source.answer(Ok(found(ComplianceState::Noncompliant)));
        cache.invalidate(what);
        let second = second.await.unwrap().finding;
        assert_eq!(second, found(ComplianceState::Noncompliant), "{what:?}");
    }
}

/// That somebody else looks the device up again by then makes the old answer no better.
#[tokio::test]
async fn a_later_look_up_does_not_let_it_be_fetched_either() {
    let (source, cache) = held();
    let (mut first, mut second) = (look_up(&cache), look_up(&cache));
    begin(&mut first).await;
    begin(&mut second).await;
    source.release(1);
    assert_eq!(
        first.await.unwrap().finding,
        found(ComplianceState::Compliant)
    );
    cache.invalidate(Invalidation::Device(entra_id(0)));
    source.answer(Ok(found(ComplianceState::Noncompliant)));
    let mut later = look_up(&cache);
    begin(&mut later).await;
    assert_eq!(source.calls(), 2);
    // It isn't handed out, but waits for the later look-up.
    begin(&mut second).await;
    source.release(1);
    assert_eq!(
        second.await.unwrap().finding,
        found(ComplianceState::Noncompliant)
    );
    assert_eq!(
        later.await.unwrap().finding,
        found(ComplianceState::Noncompliant)
    );
    assert_eq!(source.calls(), 2);
}

#[tokio::test]
async fn what_does_not_concern_it_leaves_it() {
    let other = "11111111-2222-4333-8444-999999999999".parse().unwrap();
    for what in [
        Invalidation::Device(entra_id(1)),
        Invalidation::ManagedDevice(other),
    ] {
        let (source, cache) = held();
        let (mut first, mut second) = (look_up(&cache), look_up(&cache));
        begin(&mut first).await;
        begin(&mut second).await;
        source.release(1);
        assert!(first.await.is_ok());
        cache.invalidate(what);
        let second = second.await.unwrap().finding;
        assert_eq!(second, found(ComplianceState::Compliant), "{what:?}");
        assert_eq!(source.calls(), 1);
    }
}
