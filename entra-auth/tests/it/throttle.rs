//! What Entra ID asks for with `Retry-After` is remembered.

use std::time::Duration;

use clock::{Clock as _, ManualClock};
use entra_auth::{EntraClient, RetryPolicy, Scope, TokenError, TokenErrorKind::*};
use futures_util::FutureExt as _;

use crate::{
    drive::{Answer::*, *},
    support::*,
};

/// What a caller gets that never waits.
fn at_once(client: &EntraClient, scope: &Scope) -> TokenError {
    let outcome = client.token(scope).now_or_never();
    outcome.unwrap().unwrap_err()
}

/// An endpoint that has asked for patience just now.
async fn throttled(answer: Answer) -> (Endpoint, ManualClock, EntraClient) {
    let (endpoint, clock) = (Endpoint::with(vec![answer], HOUR).await, noon());
    let client = client_retrying(&endpoint.server.url, &clock, RetryPolicy::new());
    client.token(&graph()).await.unwrap_err();
    assert_eq!(endpoint.count(), 1, "believed, not tried again");
    (endpoint, clock, client)
}

#[tokio::test]
async fn every_caller_of_every_scope_gets_the_typed_failure_at_once() {
    for status in [429, 503, 500, 408] {
        let (endpoint, clock, client) = throttled(Status(status, Some("60"))).await;
        clock.advance(secs(1));
        let capable = client.with_continuous_access_evaluation();
        for _ in 0..1000 {
            for (client, scope) in [
                (&client, graph()),
                (&client.clone(), vault()),
                (&capable, graph()),
            ] {
                let error = at_once(client, &scope);
                assert_eq!(error.kind(), Throttled);
                assert!(error.is_transient());
                assert_eq!(error.retry_after(), Some(secs(59)));
                assert_eq!(error.status(), Some(status));
            }
        }
        assert_eq!(endpoint.count(), 1);
    }
}

#[tokio::test]
async fn the_rest_counts_down_and_ends_exactly() {
    let (endpoint, clock, client) = throttled(Status(429, Some("60"))).await;
    let rest = |error: TokenError| error.retry_after().unwrap();
    for scope in [graph(), vault()] {
        assert_eq!(rest(at_once(&client, &scope)), secs(60));
    }
    clock.advance(Duration::from_millis(500));
    for scope in [graph(), vault()] {
        let expected = Duration::from_millis(59_500);
        assert_eq!(rest(at_once(&client, &scope)), expected);
    }
    clock.advance(Duration::from_millis(59_499));
    for scope in [graph(), vault()] {
        assert_eq!(rest(at_once(&client, &scope)), MILLI);
    }
    assert_eq!(endpoint.count(), 1);
    clock.advance(MILLI);
    client.token(&graph()).await.unwrap();
    client.token(&vault()).await.unwrap();
    assert_eq!(endpoint.count(), 3);
}

#[tokio::test]
async fn a_date_is_as_good_as_a_number() {
    let headers = [
        ("date", "Mon, 23 Nov 2026 09:00:00 GMT"),
        ("retry-after", "Mon, 23 Nov 2026 09:00:30 GMT"),
    ];
    let server = Server::start(move |_| async move { response(503, &headers, "".into()) }).await;
    let client = server.client(&noon());
    client.token(&graph()).await.unwrap_err();
    let error = at_once(&client, &vault());
    assert_eq!(error.retry_after(), Some(secs(30)));
}

#[tokio::test]
async fn no_wait_is_believed_that_is_longer_than_the_cap() {
    for (policy, cap) in [
        (RetryPolicy::new(), 300),
        (RetryPolicy::new().longest_retry_after(secs(20)), 20),
    ] {
        let (endpoint, clock) = (
            Endpoint::with(vec![Status(503, Some("31536000"))], HOUR).await,
            noon(),
        );
        let client = client_retrying(&endpoint.server.url, &clock, policy);
        let error = client.token(&graph()).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(secs(cap)));
        clock.advance(secs(cap) - MILLI);
        at_once(&client, &graph());
        clock.advance(MILLI);
        client.token(&graph()).await.unwrap();
    }
}

#[tokio::test]
async fn a_429_that_names_no_time_is_remembered_for_a_while_and_a_503_is_not() {
    let endpoint = Endpoint::new(Status(429, None)).await;
    let client = endpoint.client(&noon());
    let error = client.token(&graph()).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (Throttled, Some(429)));
    assert!(error.retry_after() >= Some(secs(1)));
    at_once(&client, &vault());
    assert_eq!(endpoint.count(), 1);

    let endpoint = Endpoint::with(vec![Status(503, None)], HOUR).await;
    let client = endpoint.client(&noon());
    client.token(&graph()).await.unwrap_err();
    client.token(&vault()).await.unwrap();
}

#[tokio::test]
async fn neither_a_success_nor_a_refusal_asks_for_patience() {
    for answer in [
        Refusal(401, WRONG_SECRET),
        Status(404, Some("60")),
        Status(307, Some("60")),
        Status(503, Some("0")),
        Status(503, Some("-1")),
        Status(503, Some("soon")),
    ] {
        let endpoint = Endpoint::with(vec![answer], HOUR).await;
        let client = endpoint.client(&noon());
        client.token(&graph()).await.unwrap_err();
        client.token(&vault()).await.unwrap();
    }
}

#[tokio::test]
async fn sleeping_through_it_counts_and_a_clock_set_back_does_not_prolong_it() {
    let (_, clock, client) = throttled(Status(429, Some("60"))).await;
    clock.suspend(secs(60));
    client.token(&graph()).await.unwrap();

    let (_, clock, client) = throttled(Status(429, Some("60"))).await;
    clock.set_wall("2020-01-01T00:00:00Z".parse().unwrap());
    at_once(&client, &vault());
    clock.advance(secs(60));
    client.token(&vault()).await.unwrap();
}

/// Two requests under way at once, which are told to wait for so long, one after the other.
async fn told_in_turn(waits: [&'static str; 2]) -> (Server, ManualClock, EntraClient) {
    let gate = Gate::new();
    let held = gate.clone();
    let server = Server::start(move |request| {
        let gate = held.clone();
        async move {
            let scope = request.form().remove("scope").unwrap();
            if scope == graph().as_str() {
                return response(429, &[("retry-after", waits[0])], "".into());
            }
            gate.pass().await;
            response(429, &[("retry-after", waits[1])], "".into())
        }
    })
    .await;
    let clock = noon();
    let client = server.client(&clock);
    let other = client.clone();
    let second = tokio::spawn(async move { other.token(&vault()).await });
    gate.arrival().await;
    client.token(&graph()).await.unwrap_err();
    gate.release(1);
    second.await.unwrap().unwrap_err();
    gate.release(99);
    (server, clock, client)
}

#[tokio::test]
async fn of_two_waits_the_longer_holds() {
    for waits in [["200", "5"], ["5", "200"]] {
        let (server, clock, client) = told_in_turn(waits).await;
        clock.advance(secs(199));
        assert_eq!(at_once(&client, &graph()).kind(), Throttled);
        assert_eq!(server.count(), 2, "{waits:?}");
        clock.advance(secs(1));
        client.token(&graph()).await.unwrap_err();
        assert_eq!(server.count(), 3, "{waits:?}");
    }
}

#[tokio::test]
async fn a_series_under_way_ends_when_another_scope_is_told_to_wait() {
    let server = Server::start(|request| async move {
        let is_graph = request.form()["scope"] == graph().as_str();
        match is_graph {
            true => response(503, &[], "".into()),
            false => response(429, &[("retry-after", "60")], "".into()),
        }
    })
    .await;
    let mut time = Time::new();
    let policy = RetryPolicy::new().waits(secs(5), secs(5));
    let client = time.client(&server, policy);
    let other = client.clone();
    let series = tokio::spawn(async move { other.token(&graph()).await });
    let (_total, wait) = (time.next_sleep().await, time.next_sleep().await);
    client.token(&vault()).await.unwrap_err();
    time.clock.advance(wait);
    assert_eq!(series.await.unwrap().unwrap_err().kind(), Throttled);
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_living_token_goes_on_to_be_served_meanwhile() {
    let (endpoint, clock) = (Endpoint::new(HOUR).await, noon());
    let client = endpoint.client(&clock);
    let token = client.token(&graph()).await.unwrap();
    endpoint.now_says(Status(429, Some("250")));
    client.token(&vault()).await.unwrap_err();
    assert!(client.token(&graph()).await.unwrap().is_same(&token));

    // Due for replacement, which has to wait.
    clock.advance(secs(56 * 60));
    assert!(client.token(&graph()).await.unwrap().is_same(&token));
    let requests = endpoint.count();
    for _ in 0..24 {
        clock.advance(secs(9));
        assert!(client.token(&graph()).await.unwrap().is_same(&token));
    }
    assert_eq!(endpoint.count(), requests);
    assert!(!token.is_expired(clock.now()));
    clock.advance(secs(24));
    assert_eq!(at_once(&client, &graph()).kind(), Throttled);
}

#[tokio::test]
async fn the_background_waits_as_long_and_then_asks() {
    let (endpoint, clock) = (Endpoint::new(HOUR).await, noon());
    let client = endpoint.client(&clock);
    let keeping = keep_fresh(&client);
    let token = client.token(&graph()).await.unwrap();
    endpoint.now_says(Status(429, Some("250")));
    clock.advance(secs(1800));
    settled(&clock, 1).await;
    assert_eq!(endpoint.count(), 2);
    endpoint.now_says(HOUR);
    clock.advance(secs(250) - MILLI);
    settled(&clock, 1).await;
    assert_eq!(endpoint.count(), 2);
    assert!(client.peek(&graph()).unwrap().is_same(&token));
    clock.advance(MILLI);
    settled(&clock, 1).await;
    assert_eq!(endpoint.count(), 3);
    assert!(!client.peek(&graph()).unwrap().is_same(&token));
    drop(keeping.stop);
    keeping.task.await.unwrap();
}

#[tokio::test]
async fn a_refusal_with_an_absurd_wait_keeps_no_token_from_being_replaced() {
    let (endpoint, clock) = (Endpoint::new(HOUR).await, noon());
    let client = endpoint.client(&clock);
    let keeping = keep_fresh(&client);
    let token = client.token(&graph()).await.unwrap();
    endpoint.now_says(Status(404, Some("31536000")));
    clock.advance(secs(1800));
    settled(&clock, 1).await;
    assert_eq!(endpoint.count(), 2);
    endpoint.now_says(HOUR);
    clock.advance(secs(300));
    settled(&clock, 1).await;
    assert!(!client.peek(&graph()).unwrap().is_same(&token));
    drop(keeping.stop);
    keeping.task.await.unwrap();
}
