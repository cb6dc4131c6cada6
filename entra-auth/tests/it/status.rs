//! A view of the tokens that costs nothing.

use std::slice;

use clock::Timestamp;
use entra_auth::{TokenErrorKind::*, TokenProvider as _, TokenStatus};

use crate::{
    drive::{Answer::*, *},
    support::*,
};

fn at(seconds: u64) -> Option<Timestamp> {
    use clock::Clock as _;
    Some(noon().now().wall.saturating_add(secs(seconds)))
}

#[tokio::test]
async fn it_tells_of_each_scope_what_became_of_it_and_makes_no_request() {
    let (endpoint, clock) = (Endpoint::new(HOUR).await, noon());
    let client = endpoint.client(&clock);
    assert_eq!(client.status(), []);
    clock.advance(secs(10));
    client.token(&graph()).await.unwrap();

    let fresh = client.status().remove(0);
    assert_eq!(fresh.scope, graph());
    assert!(!fresh.continuous_access_evaluation);
    assert_eq!((fresh.expires_at, fresh.refreshed_at), (at(3610), at(10)));
    assert!(fresh.refresh_at > at(1620) && fresh.refresh_at <= at(1810));
    assert_eq!((fresh.last_error, fresh.failed_at), (None, None));
    for _ in 0..1000 {
        assert_eq!(client.clone().status(), slice::from_ref(&fresh));
    }
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn it_tells_how_replacing_fails_while_the_token_lives_and_that_it_succeeded() {
    let (endpoint, clock) = (Endpoint::new(HOUR).await, noon());
    let client = endpoint.client(&clock);
    client.token(&graph()).await.unwrap();
    endpoint.now_says(Refusal(401, WRONG_SECRET));
    clock.advance(secs(3400));
    client.token(&graph()).await.unwrap();
    let failed = client.status().remove(0);
    assert_eq!((failed.expires_at, failed.refreshed_at), (at(3600), at(0)));
    assert_eq!(
        (failed.last_error, failed.failed_at),
        (Some(InvalidCredential), at(3400))
    );
    assert!(failed.refresh_at >= at(3430));

    clock.advance(secs(200));
    client.token(&graph()).await.unwrap_err();
    let ended = client.status().remove(0);
    assert_eq!((ended.expires_at, ended.refreshed_at), (None, at(0)));
    assert_eq!(ended.failed_at, at(3600));

    endpoint.now_says(HOUR);
    clock.advance(secs(2));
    client.token(&graph()).await.unwrap();
    let mended = client.status().remove(0);
    assert_eq!(
        (mended.expires_at, mended.refreshed_at),
        (at(7202), at(3602))
    );
    assert_eq!((mended.last_error, mended.failed_at), (None, None));
}

#[tokio::test]
async fn a_scope_that_never_had_a_token_is_told_of_too() {
    let endpoint = Endpoint::new(Refusal(400, r#"{"error":"invalid_scope"}"#)).await;
    let client = endpoint.client(&noon());
    client.token(&graph()).await.unwrap_err();
    let TokenStatus {
        expires_at,
        refreshed_at,
        refresh_at,
        last_error,
        ..
    } = client.status().remove(0);
    assert_eq!((expires_at, refreshed_at, refresh_at), (None, None, None));
    assert_eq!(last_error, Some(InvalidScope));
}

#[tokio::test]
async fn an_invalidated_token_is_no_longer_told_of() {
    let endpoint = Endpoint::new(HOUR).await;
    let client = endpoint.client(&noon());
    let token = client.token(&graph()).await.unwrap();
    client.invalidate(&graph(), &token);
    assert_eq!(client.status()[0].expires_at, None);
}

#[tokio::test]
async fn scopes_come_in_order_and_both_caches() {
    let endpoint = Endpoint::new(HOUR).await;
    let client = endpoint.client(&noon());
    let capable = client.with_continuous_access_evaluation();
    capable.token(&graph()).await.unwrap();
    client.token(&vault()).await.unwrap();
    client.token(&graph()).await.unwrap();
    for client in [client, capable] {
        let all = client.status().into_iter();
        let all: Vec<_> = all
            .map(|status| (status.scope, status.continuous_access_evaluation))
            .collect();
        assert_eq!(all, [(graph(), false), (graph(), true), (vault(), false)]);
    }
}

#[tokio::test]
async fn it_shows_no_token() {
    let server = Server::start(|_| async { token_json(TOKEN, 3600) }).await;
    let client = server.client(&noon());
    client.token(&graph()).await.unwrap();
    assert!(!format!("{:?}", client.status()).contains("canary"));
}
