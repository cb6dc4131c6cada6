//! Two hundred callers at once.

use std::{sync::Arc, time::Duration};

use clock::ManualClock;
use futures_util::future::join_all;
use intune_core::{
    DeviceDirectory as _, EntraDeviceId, ManagedDevice, SourceFailure,
    SourceFailureKind::{self, *},
};
use intune_graph::GraphClient;

use crate::support::*;

const CROWD: u32 = 200;
const HEAD: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";

fn device(number: u32) -> EntraDeviceId {
    format!("88888888-0000-4000-8000-{number:012}")
        .parse()
        .unwrap()
}

async fn crowd(client: &GraphClient) -> Vec<Result<Vec<ManagedDevice>, SourceFailure>> {
    join_all((0..CROWD).map(|number| client.records(device(number)))).await
}

async fn all_fail(client: &GraphClient, kind: SourceFailureKind) {
    for outcome in crowd(client).await {
        assert_eq!(outcome.unwrap_err().kind(), kind);
    }
}

#[tokio::test]
async fn a_crowd_asks_a_service_that_is_out_as_often_as_a_few_do() {
    for (status, kind) in [
        (429, Throttled),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
    ] {
        let outage = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let lasts = Arc::clone(&outage);
        let graph = Graph::start(move |_, _| {
            if lasts.load(std::sync::atomic::Ordering::SeqCst) {
                return response(status, &[], "".into());
            }
            ok(page(&[], None))
        })
        .await;
        let clock = Hurried::new();
        let client = hurried(&graph.url, Tokens::default(), &clock)
            .build()
            .unwrap();
        all_fail(&client, kind).await;
        let asked = graph.count();
        assert!((12..=16).contains(&asked), "{status}: {asked}");
        // And it is over when it is over.
        outage.store(false, std::sync::atomic::Ordering::SeqCst);
        clock.advance(Duration::from_secs(31));
        assert!(crowd(&client).await.iter().all(Result::is_ok));
        assert_eq!(graph.count(), asked + 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_come_late_to_an_outage_wait_for_who_is_still_trying() {
    let (graph, clock) = (Graph::saying(503, &[], "").await, noon());
    let client = timed(&graph.url, &clock);
    let calls = (0..CROWD).map(|number| {
        let client = client.clone();
        tokio::spawn(async move { client.records(device(number)).await.unwrap_err() })
    });
    let calls: Vec<_> = calls.collect();
    // However the threads take turns: all have come when each has failed or waits.
    let failed = || calls.iter().filter(|call| call.is_finished()).count();
    until(|| failed() + clock.sleepers() == 200).await;
    while failed() < 200 {
        settle().await;
        clock.advance(Duration::from_millis(200));
    }
    for call in calls {
        assert_eq!(call.await.unwrap().status(), Some(503));
    }
    assert_eq!(graph.count(), 16);
    // Nobody tries any more, so the next one does.
    client.records(device(0)).await.unwrap_err();
    assert_eq!(graph.count(), 17);
}

#[tokio::test]
async fn who_succeeds_after_all_lets_the_others_in() {
    let outages = std::sync::Mutex::new(12);
    let outages = Arc::new(outages);
    let graph = Graph::start(move |_, _| {
        let mut outages = outages.lock().unwrap();
        if *outages > 0 {
            *outages -= 1;
            return response(503, &[], "".into());
        }
        ok(page(&[], None))
    })
    .await;
    let clock = noon();
    let client = timed(&graph.url, &clock);
    let start = || {
        let client = client.clone();
        tokio::spawn(async move { crowd(&client).await })
    };
    // Eight fail, and those who queue with them; four try again.
    let first = start();
    until(|| clock.sleepers() == 4).await;
    settle().await;
    let late = start();
    until(|| clock.sleepers() == 204).await;
    settle().await;
    assert_eq!(graph.count(), 12);
    clock.advance(Duration::from_millis(200));
    assert!(late.await.unwrap().iter().all(Result::is_ok));
    let first = first.await.unwrap();
    assert_eq!(first.iter().filter(|outcome| outcome.is_ok()).count(), 4);
    assert_eq!(graph.count(), 12 + 4 + 200);
}

#[tokio::test]
async fn a_crowd_at_a_closed_door_knocks_a_few_times() {
    let closed = format!("http://{}", Bystander::new().address());
    all_fail(&client(&closed), Unavailable).await;
}

#[tokio::test]
async fn a_crowd_is_not_kept_waiting_by_silence() {
    let (graph, clock) = (Held::start(HEAD, page(&[], None)).await, noon());
    let client = timed(&graph.url, &clock);
    let calls = {
        let client = client.clone();
        tokio::spawn(async move { crowd(&client).await })
    };
    until(|| graph.asked() == 12 && clock.sleepers() == 200).await;
    clock.advance(Duration::from_secs(9));
    for outcome in calls.await.unwrap() {
        assert_eq!(outcome.unwrap_err().kind(), TimedOut);
    }
    assert_eq!(graph.asked(), 12);
    graph.release(1_000);
    assert!(crowd(&client).await.iter().all(Result::is_ok));
}

/// How many exchanges of a crowd are in flight at once.
async fn in_flight(limit: Option<usize>) -> usize {
    let graph = Held::start(HEAD, page(&[], None)).await;
    let clock: ManualClock = noon();
    let client = GraphClient::builder(endpoint(&graph.url), Arc::new(Tokens::default()));
    let client = client.clock(Arc::new(clock.clone()));
    let client = match limit {
        Some(limit) => client.in_flight(limit),
        None => client,
    };
    let client = client.build().unwrap();
    let calls = tokio::spawn(async move { crowd(&client).await });
    until(|| clock.sleepers() == 200).await;
    settle().await;
    let asked = graph.asked();
    graph.release(1_000);
    assert!(calls.await.unwrap().iter().all(Result::is_ok));
    assert_eq!(graph.asked(), 200);
    asked
}

#[tokio::test]
async fn twelve_are_in_flight_and_the_others_queue() {
    assert_eq!(in_flight(None).await, 12);
    assert_eq!(in_flight(Some(3)).await, 3);
    assert_eq!(in_flight(Some(0)).await, 1);
}

#[tokio::test]
async fn an_outage_is_told_to_those_who_queue_and_to_nobody_after() {
    let graph = Graph::saying(503, &[("request-id", OTHER)], "").await;
    let client = hurried(&graph.url, Tokens::default(), &Hurried::new());
    let client = client.in_flight(1).build().unwrap();
    let failures = crowd(&client).await;
    // One tries, three times; all the others learn it from that one.
    assert_eq!(graph.count(), 3);
    for failure in failures {
        let failure = failure.unwrap_err();
        assert_eq!(
            (failure.status(), failure.request_id()),
            (Some(503), Some(OTHER))
        );
    }
    client.records(device(0)).await.unwrap_err();
    assert!(graph.count() > 3);
}

#[tokio::test]
async fn what_is_about_one_request_is_not_told_to_others() {
    for status in [400, 403, 404, 500] {
        let graph = Graph::saying(status, &[], "").await;
        let client = client(&graph.url);
        assert!(crowd(&client).await.iter().all(Result::is_err));
        assert_eq!(graph.count(), 200, "{status}");
    }
}
