//! Reads that are tried again, and those that are not.

use std::{sync::Arc, time::Duration};

use intune_core::{DeviceDirectory as _, SourceFailureKind};

use crate::support::*;

/// A Graph whose first answers are these statuses, and whose further ones are the device.
async fn failing(statuses: Vec<u16>, retry_after: Option<&'static str>) -> Graph {
    let statuses = std::sync::Mutex::new(statuses.into_iter());
    let statuses = Arc::new(statuses);
    Graph::start(move |_, _| {
        let Some(status) = statuses.lock().unwrap().next() else {
            return ok(page(&[row(RECORD)], None));
        };
        let headers = retry_after.map(|value| ("retry-after", value.to_owned()));
        response(status, headers.as_slice(), "".into())
    })
    .await
}

fn attempts(graph: &Graph) -> Vec<Option<String>> {
    let received = graph.received();
    let attempt = |request: &Received| {
        let header = request.headers.get("retry-attempt")?;
        Some(header.to_str().unwrap().to_owned())
    };
    received.iter().map(attempt).collect()
}

#[tokio::test]
async fn an_outage_that_ends_is_not_noticed() {
    for status in [429, 502, 503, 504] {
        let graph = failing(vec![status; 2], None).await;
        let clock = Hurried::new();
        let client = hurried(&graph.url, Tokens::default(), &clock)
            .build()
            .unwrap();
        assert_eq!(client.records(device_id()).await.unwrap().len(), 1);
        let expected = [None, Some("1".to_owned()), Some("2".to_owned())];
        assert_eq!(attempts(&graph), expected);
        let received = graph.received();
        assert_eq!(received[0].target, received[2].target);
        assert_ne!(
            received[0].header("client-request-id"),
            received[1].header("client-request-id")
        );
        let waited = clock.waited();
        let (least, most) = match status {
            // The pause, twice, and the waits of a retry.
            429 => (Duration::from_secs(3), Duration::from_millis(5_100)),
            _ => (Duration::ZERO, Duration::from_millis(600)),
        };
        assert!(least <= waited && waited <= most, "{status}: {waited:?}");
    }
}

#[tokio::test]
async fn a_wish_to_be_left_alone_is_granted() {
    for status in [429, 503] {
        let graph = failing(vec![status], Some("7.5")).await;
        let clock = Hurried::new();
        let client = hurried(&graph.url, Tokens::default(), &clock)
            .build()
            .unwrap();
        client.records(device_id()).await.unwrap();
        let waited = clock.waited().as_secs_f64();
        assert!((7.5..=7.7).contains(&waited), "{status}: {waited}");
    }
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    for (status, retry_after, told) in [(503, "9", 9), (429, "9", 9), (429, "3600", 3600)] {
        let graph = failing(vec![status], Some(retry_after)).await;
        let clock = noon();
        let client = timed(&graph.url, &clock);
        let failure = client.records(device_id()).await.unwrap_err();
        assert_eq!(failure.status(), Some(status));
        assert_eq!(failure.retry_after(), Some(Duration::from_secs(told)));
        assert_eq!(graph.count(), 1);
        assert_eq!(clock.sleepers(), 0);
    }
}

#[tokio::test]
async fn what_is_no_outage_is_not_tried_again() {
    for status in [400, 403, 404, 408, 409, 412, 500, 501, 507, 509] {
        let graph = failing(vec![status], None).await;
        let clock = Hurried::new();
        let client = hurried(&graph.url, Tokens::default(), &clock)
            .build()
            .unwrap();
        let failure = client.records(device_id()).await.unwrap_err();
        assert_eq!(failure.status(), Some(status));
        assert_eq!((graph.count(), clock.waited()), (1, Duration::ZERO));
    }
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once_a_call_whatever_else_happens() {
    let graph = failing(vec![503, 401, 503], None).await;
    let tokens = Tokens::default();
    let client = hurried(&graph.url, tokens.clone(), &Hurried::new());
    client.build().unwrap().records(device_id()).await.unwrap();
    assert_eq!(tokens.invalidated().len(), 1);
    assert_eq!(graph.count(), 4);

    let graph = failing(vec![401, 503, 401], None).await;
    let tokens = Tokens::default();
    let client = hurried(&graph.url, tokens.clone(), &Hurried::new());
    let failure = client
        .build()
        .unwrap()
        .records(device_id())
        .await
        .unwrap_err();
    assert_eq!(failure.kind(), SourceFailureKind::CredentialRejected);
    assert_eq!(tokens.invalidated().len(), 1);
    assert_eq!(graph.count(), 3);
}

#[tokio::test]
async fn all_callers_together_have_few_repetitions() {
    let graph = Graph::saying(503, &[], "").await;
    let clock = Hurried::new();
    let client = hurried(&graph.url, Tokens::default(), &clock)
        .build()
        .unwrap();
    for _ in 0..20 {
        client.records(device_id()).await.unwrap_err();
    }
    // Four repetitions, since 20 outages took no time to speak of.
    assert!(clock.waited() < Duration::from_secs(10));
    assert_eq!(graph.count(), 20 + 4);
    // Time gives some back.
    clock.advance(Duration::from_secs(10));
    client.clone().records(device_id()).await.unwrap_err();
    client.records(device_id()).await.unwrap_err();
    assert_eq!(graph.count(), 24 + 2 + 1);
}
