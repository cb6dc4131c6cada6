//! Leaving a service alone that asks for it, and asking no more of it than it publishes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use intune_core::{DeviceDirectory as _, SourceFailure, SourceFailureKind::Throttled};
use intune_graph::{GraphClient, RequestBudget};

use crate::support::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A Graph that says once to be left alone for so long.
async fn busy(retry_after: &'static str) -> Graph {
    let is_busy = Arc::new(AtomicBool::new(true));
    Graph::start(move |_, _| {
        if is_busy.swap(false, Ordering::SeqCst) {
            return response(429, &[("retry-after", retry_after.to_owned())], "".into());
        }
        ok(page(&[row(RECORD)], None))
    })
    .await
}

fn look_up(
    client: &GraphClient,
) -> tokio::task::JoinHandle<Result<Vec<intune_core::ManagedDevice>, SourceFailure>> {
    let client = client.clone();
    tokio::spawn(async move { client.records(device_id()).await })
}

#[tokio::test]
async fn a_pause_is_everybodys_and_those_it_leaves_time_wait_for_its_end() {
    let (graph, clock) = (busy("5").await, noon());
    let client = timed(&graph.url, &clock);
    let first = look_up(&client);
    until(|| graph.count() == 1 && clock.sleepers() == 1).await;
    settle().await;
    let second = look_up(&client);
    until(|| clock.sleepers() == 2).await;
    clock.advance(Duration::from_millis(4_999));
    settle().await;
    assert_eq!(graph.count(), 1);
    // Who was told waits a little longer, by chance.
    clock.advance(Duration::from_millis(1));
    second.await.unwrap().unwrap();
    clock.advance(Duration::from_millis(200));
    first.await.unwrap().unwrap();
    assert_eq!(graph.count(), 3);
}

#[tokio::test]
async fn those_a_pause_leaves_no_time_are_told_at_once() {
    let (graph, clock) = (busy("30").await, noon());
    let client = timed(&graph.url, &clock);
    let told = client.records(device_id()).await.unwrap_err();
    assert_eq!(
        (told.status(), told.retry_after()),
        (Some(429), Some(seconds(30)))
    );
    for (passed, remaining) in [(0, 30), (10, 20), (11, 9)] {
        clock.advance(seconds(passed));
        let failure = client.device(record_id()).await.unwrap_err();
        assert_eq!(
            (failure.kind(), failure.retry_after()),
            (Throttled, Some(seconds(remaining)))
        );
        assert_eq!((graph.count(), clock.sleepers()), (1, 0));
    }
    clock.advance(seconds(1));
    let waiting = look_up(&client);
    until(|| clock.sleepers() == 1).await;
    clock.advance(seconds(8));
    waiting.await.unwrap().unwrap();
    assert_eq!(graph.count(), 2);
}

#[tokio::test]
async fn a_pause_ends_after_a_minute_whatever_the_caller_is_told() {
    let (graph, clock) = (busy("3600").await, noon());
    let client = timed(&graph.url, &clock);
    let told = client.records(device_id()).await.unwrap_err();
    assert_eq!(told.retry_after(), Some(seconds(3600)));
    let failure = client.records(device_id()).await.unwrap_err();
    assert_eq!(failure.retry_after(), Some(seconds(60)));
    clock.advance(seconds(60));
    client.records(device_id()).await.unwrap();
    assert_eq!(graph.count(), 2);
}

#[tokio::test]
async fn a_pause_without_a_length_doubles_while_the_service_stays_busy() {
    let (graph, clock) = (Graph::saying(429, &[], "").await, noon());
    let client = GraphClient::builder(endpoint(&graph.url), Arc::new(Tokens::default()))
        .clock(Arc::new(clock.clone()))
        // Too short for any pause, so that each call is asked once and told how long it is.
        .deadline(Duration::from_millis(500))
        .build()
        .unwrap();
    for least in [1, 2, 4, 8, 16, 20, 20] {
        let failure = client.records(device_id()).await.unwrap_err();
        let told = failure.retry_after().unwrap();
        assert!(
            seconds(least) <= told && told <= seconds(least) * 3 / 2,
            "{told:?}"
        );
        assert_eq!(failure.status(), Some(429));
        clock.advance(told);
    }
    assert_eq!(graph.count(), 7);
}

#[tokio::test]
async fn another_tenants_client_has_a_pause_of_its_own() {
    let (busy, idle, clock) = (busy("30").await, Graph::of(vec![]).await, noon());
    timed(&busy.url, &clock)
        .records(device_id())
        .await
        .unwrap_err();
    timed(&idle.url, &clock).records(device_id()).await.unwrap();
}

#[tokio::test]
async fn who_finds_the_budget_spent_waits_if_there_is_time() {
    let (graph, clock) = (Graph::of(vec![]).await, noon());
    let client = GraphClient::builder(endpoint(&graph.url), Arc::new(Tokens::default()))
        .clock(Arc::new(clock.clone()))
        // One at once, and one every 5 s.
        .budget(RequestBudget::new(5, 1))
        .build()
        .unwrap();
    client.records(device_id()).await.unwrap();
    let (second, third) = (look_up(&client), look_up(&client.clone()));
    until(|| clock.sleepers() == 2).await;
    settle().await;
    assert_eq!(graph.count(), 1);
    clock.advance(seconds(5));
    let (second, third) = (second.await.unwrap(), third.await.unwrap());
    let failure = second.and(third).unwrap_err();
    assert_eq!((failure.kind(), failure.status()), (Throttled, None));
    assert_eq!(failure.retry_after(), Some(seconds(5)));
    assert_eq!(graph.count(), 2);
    // Nothing was asked of the service that it refused, so there is no pause either.
    clock.advance(seconds(5));
    client.records(device_id()).await.unwrap();
}

#[tokio::test]
async fn the_published_budget_is_the_default() {
    let graph = Graph::of(vec![]).await;
    let clock = Hurried::new();
    let client = hurried(&graph.url, Tokens::default(), &clock)
        .build()
        .unwrap();
    for _ in 0..400 {
        client.records(device_id()).await.unwrap();
    }
    assert_eq!(clock.waited(), Duration::ZERO);
    for _ in 0..40 {
        client.records(device_id()).await.unwrap();
    }
    // 80 a second.
    let waited = clock.waited().as_secs_f64();
    assert!((0.49..=0.51).contains(&waited), "{waited}");
}
