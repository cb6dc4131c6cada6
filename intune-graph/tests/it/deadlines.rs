//! A call ends in time, whatever it meets.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use entra_auth::{AccessToken, Scope, TokenError, TokenProvider, http::HttpClient};
use intune_core::{DeviceDirectory as _, SourceFailure, SourceFailureKind::*};
use intune_graph::GraphClient;
use tokio::{io::AsyncWriteExt as _, net::TcpListener, task::JoinHandle};

use crate::support::*;

const NINE: Duration = Duration::from_secs(9);
const TICK: Duration = Duration::from_millis(1);

fn look_up(client: &GraphClient) -> JoinHandle<Option<SourceFailure>> {
    let client = client.clone();
    tokio::spawn(async move { client.records(device_id()).await.err() })
}

/// That the call ends at nine seconds and no sooner.
async fn ends_in_time(
    clock: &clock::ManualClock,
    call: JoinHandle<Option<SourceFailure>>,
) -> SourceFailure {
    clock.advance(NINE - TICK);
    settle().await;
    assert!(!call.is_finished());
    clock.advance(TICK);
    call.await.unwrap().unwrap()
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let (graph, clock) = (Held::start("", "").await, noon());
    let client = timed(&graph.url, &clock);
    let call = look_up(&client);
    until(|| graph.asked() == 1).await;
    let failure = ends_in_time(&clock, call).await;
    assert_eq!((failure.kind(), failure.status()), (TimedOut, None));
    assert!(failure.request_id().is_some());
    assert_eq!((graph.asked(), clock.sleepers()), (1, 0));
}

#[tokio::test]
async fn a_body_that_drips() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let drips = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&drips);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        while stream.write_all(b"1\r\n \r\n").await.is_ok() {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    let clock = noon();
    let call = look_up(&timed(&url, &clock));
    until(|| drips.load(std::sync::atomic::Ordering::SeqCst) > 10).await;
    assert_eq!(ends_in_time(&clock, call).await.kind(), TimedOut);
    // The connection goes with the call.
    server.await.unwrap();
}

#[derive(Debug)]
struct NoToken;

#[async_trait]
impl TokenProvider for NoToken {
    async fn token(&self, _: &Scope) -> Result<AccessToken, TokenError> {
        std::future::pending().await
    }

    fn invalidate(&self, _: &Scope, _: &AccessToken) {}
}

#[tokio::test]
async fn a_token_that_never_comes() {
    let (graph, clock) = (Bystander::new(), noon());
    let url = format!("http://{}", graph.address());
    let client = GraphClient::builder(endpoint(&url), Arc::new(NoToken));
    let client = client.clock(Arc::new(clock.clone())).build().unwrap();
    let call = look_up(&client);
    until(|| clock.sleepers() == 1).await;
    assert_eq!(ends_in_time(&clock, call).await.kind(), TimedOut);
    graph.assert_left_alone();
}

#[tokio::test]
async fn a_queue_that_never_moves() {
    let (graph, clock) = (Held::start("", "").await, noon());
    let client = GraphClient::builder(endpoint(&graph.url), Arc::new(Tokens::default()));
    let client = client.clock(Arc::new(clock.clone())).in_flight(1);
    let client = client.build().unwrap();
    let first = look_up(&client);
    until(|| graph.asked() == 1).await;
    clock.advance(Duration::from_secs(4));
    let second = look_up(&client);
    until(|| clock.sleepers() == 2).await;
    clock.advance(Duration::from_secs(5));
    // The one in flight has found the service out; the other needn't.
    let first = first.await.unwrap().unwrap();
    assert_eq!(first.kind(), TimedOut);
    assert_eq!(second.await.unwrap().unwrap(), first);
    assert_eq!(graph.asked(), 1);
}

#[tokio::test]
async fn many_pages_have_one_deadline_together() {
    let clock = noon();
    let passing = clock.clone();
    let graph = Graph::start(move |request, own| {
        passing.advance(Duration::from_secs(2));
        let number: usize = request
            .option("$skiptoken")
            .map_or(0, |number| number.parse().unwrap());
        ok(page(&[], Some(page_link(own, number + 1).into())))
    })
    .await;
    let client = timed(&graph.url, &clock);
    let failure = client.records(device_id()).await.unwrap_err();
    assert_eq!(failure.kind(), TimedOut);
    assert_eq!(graph.count(), 5);
}

#[tokio::test]
async fn the_deadline_can_be_set() {
    let (graph, clock) = (Held::start("", "").await, noon());
    let client = GraphClient::builder(endpoint(&graph.url), Arc::new(Tokens::default()))
        .clock(Arc::new(clock.clone()))
        .deadline(Duration::from_secs(2))
        .build()
        .unwrap();
    let call = look_up(&client);
    until(|| graph.asked() == 1).await;
    clock.advance(Duration::from_secs(2));
    assert_eq!(call.await.unwrap().unwrap().kind(), TimedOut);
}

#[tokio::test]
async fn silence_is_an_outage_and_tried_again() {
    let graph = Held::start("", "").await;
    let http = HttpClient::builder().idle_timeout(Duration::from_millis(50));
    let client = client_with(&graph.url, Tokens::default(), http.build().unwrap());
    let failure = client.records(device_id()).await.unwrap_err();
    assert_eq!(failure.kind(), TimedOut);
    assert_eq!(graph.asked(), 3);
}

#[tokio::test]
async fn a_caller_that_leaves_leaves_its_place() {
    let (graph, clock) = (Held::start("", "").await, noon());
    let client = timed(&graph.url, &clock);
    let calls: Vec<_> = (0..20).map(|_| look_up(&client)).collect();
    until(|| graph.asked() == 12).await;
    settle().await;
    assert_eq!(graph.asked(), 12);
    for call in calls.iter().take(12) {
        call.abort();
    }
    until(|| graph.asked() == 20).await;
    calls.iter().for_each(JoinHandle::abort);
    until(|| clock.sleepers() == 0).await;
}
