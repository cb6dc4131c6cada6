//! Actions pass the gate that reads pass.

use std::{sync::Arc, time::Duration};

use intune_core::{DeviceDirectory as _, SourceFailureKind::*};
use intune_graph::{GraphActions, GraphClient, RequestBudget};

use crate::support::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A Graph that throttles requests of this method, and accepts the others.
async fn throttling(method: &'static str, retry_after: &'static str) -> Graph {
    Graph::start(move |request, _| match request.method.as_str() {
        this if this == method => {
            response(429, &[("retry-after", retry_after.to_owned())], "".into())
        }
        "POST" => response(204, &[], "".into()),
        _ => ok(page(&[], None)),
    })
    .await
}

fn operator(client: &GraphClient) -> GraphActions {
    acting_as(client, &Tokens::default())
}

#[tokio::test]
async fn an_action_that_is_throttled_pauses_the_reads() {
    let (graph, clock) = (throttling("POST", "30").await, noon());
    let client = timed(&graph.url, &clock);
    let outcome = lock(&operator(&client)).await;
    assert_eq!(outcome.as_str(), "unknown");
    let failure = client.records(device_id()).await.unwrap_err();
    assert_eq!(
        (failure.kind(), failure.status(), failure.retry_after()),
        (Throttled, None, Some(seconds(30)))
    );
    assert_eq!(graph.count(), 1);
    clock.advance(seconds(30));
    client.records(device_id()).await.unwrap();
}

#[tokio::test]
async fn a_read_that_is_throttled_pauses_the_actions() {
    let (graph, clock) = (throttling("GET", "30").await, noon());
    let client = timed(&graph.url, &clock);
    client.records(device_id()).await.unwrap_err();
    let acting = operator(&client);
    let failure = rejection(lock(&acting).await);
    assert_eq!(
        (failure.kind(), failure.status(), failure.retry_after()),
        (Throttled, None, Some(seconds(30)))
    );
    assert_eq!((graph.count(), clock.sleepers()), (1, 0));

    // A pause that leaves time is waited for.
    clock.advance(seconds(25));
    let call = start_lock(&acting);
    until(|| clock.sleepers() == 1).await;
    clock.advance(seconds(5));
    assert_eq!(call.await.unwrap().as_str(), "accepted");
    assert_eq!(graph.count(), 2);
}

#[tokio::test]
async fn the_published_budget_of_writes_is_kept() {
    let graph = Graph::saying(204, &[], "").await;
    let clock = Hurried::new();
    let client = hurried(&graph.url, Tokens::default(), &clock);
    let acting = operator(&client.build().unwrap());
    for _ in 0..40 {
        lock(&acting).await;
    }
    assert_eq!(clock.waited(), Duration::ZERO);
    for _ in 0..160 {
        assert_eq!(lock(&acting).await.as_str(), "accepted");
    }
    // 8 a second, so that no 20 s hold more than 200.
    let waited = clock.waited().as_secs_f64();
    assert!((19.9..=20.1).contains(&waited), "{waited}");
    assert_eq!(graph.count(), 200);
}

#[tokio::test]
async fn an_action_beyond_the_budget_is_not_sent() {
    let (graph, clock) = (Graph::saying(204, &[], "").await, noon());
    let client = GraphClient::builder(endpoint(&graph.url), Arc::new(Tokens::default()))
        .clock(Arc::new(clock.clone()))
        // One write in 20 s.
        .budget(RequestBudget::new(2_000, 1))
        .build()
        .unwrap();
    let acting = operator(&client);
    assert_eq!(lock(&acting).await.as_str(), "accepted");
    let failure = rejection(lock(&acting).await);
    assert_eq!(failure.kind(), Throttled);
    assert_eq!(failure.retry_after().unwrap().as_secs(), 20);
    assert_eq!((graph.count(), clock.sleepers()), (1, 0));
}

#[tokio::test]
async fn actions_that_wait_for_their_budget_keep_no_read_waiting() {
    let graph = throttling("none", "").await;
    let clock = noon();
    let client = timed(&graph.url, &clock);
    let acting = operator(&client);
    let calls: Vec<_> = (0..80).map(|_| start_lock(&acting)).collect();
    until(|| graph.count() == 40 && clock.sleepers() == 40).await;
    settle().await;
    // In no time at all.
    for _ in 0..300 {
        client.records(device_id()).await.unwrap();
    }
    for _ in 0..41 {
        settle().await;
        clock.advance(Duration::from_millis(125));
    }
    for call in calls {
        assert_eq!(call.await.unwrap().as_str(), "accepted");
    }
}

#[tokio::test]
async fn an_action_whose_time_passes_in_the_queue_is_not_sent() {
    let (graph, clock) = (Raw::start(vec![Treatment::Hang]).await, noon());
    let client = GraphClient::builder(endpoint(&graph.url), Arc::new(Tokens::default()));
    let client = client.clock(Arc::new(clock.clone())).in_flight(1);
    let client = client.build().unwrap();
    let first = start_lock(&operator(&client));
    until(|| graph.count() == 1).await;
    let second = start_lock(&operator(&client));
    until(|| clock.sleepers() == 2).await;
    clock.advance(seconds(9));
    assert_eq!(first.await.unwrap().as_str(), "unknown");
    let failure = rejection(second.await.unwrap());
    assert_eq!(failure.kind(), TimedOut);
    assert_eq!(graph.count(), 1);
}

#[tokio::test]
async fn an_action_whose_turn_comes_too_late_is_not_sent() {
    // The place is free at the very moment at which the time is over.
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let (graph, clock) = (Held::start(answer, page(&[], None)).await, noon());
    let client = GraphClient::builder(endpoint(&graph.url), Arc::new(Tokens::default()));
    let client = client.clock(Arc::new(clock.clone())).in_flight(1);
    let client = client.build().unwrap();
    let reader = client.clone();
    let read = tokio::spawn(async move { reader.records(device_id()).await });
    until(|| graph.asked() == 1).await;
    let call = start_lock(&operator(&client));
    until(|| clock.sleepers() == 2).await;
    read.abort();
    clock.advance(seconds(9));
    let failure = rejection(call.await.unwrap());
    assert_eq!(failure.kind(), TimedOut);
    assert_eq!(graph.asked(), 1);
}

#[tokio::test]
async fn an_action_that_slept_through_its_deadline_is_not_sent() {
    let (graph, clock) = (throttling("GET", "5").await, noon());
    let client = timed(&graph.url, &clock);
    let reader = client.clone();
    let read = tokio::spawn(async move { reader.records(device_id()).await });
    until(|| graph.count() == 1).await;
    settle().await;
    let call = start_lock(&operator(&client));
    until(|| clock.sleepers() == 2).await;
    // The machine was suspended, or the thread.
    clock.advance(seconds(9));
    rejection(call.await.unwrap());
    read.abort();
    assert!(
        graph
            .received()
            .iter()
            .all(|request| request.method == "GET")
    );
}

#[tokio::test]
async fn an_outage_that_a_read_finds_spares_the_actions_that_queue() {
    let graph = Graph::saying(503, &[], "").await;
    let client = hurried(&graph.url, Tokens::default(), &Hurried::new());
    let client = client.in_flight(1).build().unwrap();
    let (reader, acting) = (client.clone(), operator(&client));
    let (read, outcome) = tokio::join!(reader.records(device_id()), lock(&acting));
    read.unwrap_err();
    assert_eq!(rejection(outcome).kind(), Unavailable);
    assert!(
        graph
            .received()
            .iter()
            .all(|request| request.method == "GET")
    );
    // And whoever comes after tries.
    assert_eq!(lock(&acting).await.as_str(), "unknown");
}

#[tokio::test]
async fn an_action_without_time_for_a_token_is_not_sent() {
    use async_trait::async_trait;
    use entra_auth::{AccessToken, Scope, TokenError, TokenProvider};

    #[derive(Clone, Debug)]
    struct NoToken;

    #[async_trait]
    impl TokenProvider for NoToken {
        async fn token(&self, _: &Scope) -> Result<AccessToken, TokenError> {
            std::future::pending().await
        }

        fn invalidate(&self, _: &Scope, _: &AccessToken) {}
    }

    let (graph, clock) = (Bystander::new(), noon());
    let client = timed(&format!("http://{}", graph.address()), &clock);
    let call = start_lock(&acting_as(&client, &NoToken));
    until(|| clock.sleepers() == 1).await;
    clock.advance(seconds(9));
    assert_eq!(rejection(call.await.unwrap()).kind(), TimedOut);
    graph.assert_left_alone();
}
