//! How long a token is served, and by whose clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use clock::Clock as _;
use entra_auth::{RetryPolicy, Scope, TokenErrorKind, TokenProvider as _};
use proptest::prelude::*;

use crate::support::*;

/// Answers the first request with `token-1`, the second with `token-2`, and so on.
async fn numbering(lifetime: u64) -> Server {
    let next = Arc::new(AtomicUsize::new(1));
    Server::start(move |_| {
        let number = next.fetch_add(1, Ordering::SeqCst);
        async move { token_json(&format!("token-{number}"), lifetime) }
    })
    .await
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_hit_makes_no_request() {
    let (server, clock) = (numbering(3600).await, noon());
    let client = server.client(&clock);
    assert!(client.peek(&graph()).is_none());
    let first = client.token(&graph()).await.unwrap();
    for _ in 0..100 {
        assert!(client.token(&graph()).await.unwrap().is_same(&first));
        assert!(client.clone().peek(&graph()).unwrap().is_same(&first));
    }
    assert_eq!(server.count(), 1);
    assert_eq!(text(&first), "token-1");
    assert_eq!(first.expires_at().to_string(), "2026-11-23T13:00:00.000Z");
}

#[tokio::test]
async fn a_token_is_replaced_five_minutes_before_it_ends() {
    let (server, clock) = (numbering(3600).await, noon());
    let client = server.client(&clock);
    client.token(&graph()).await.unwrap();
    clock.advance(secs(55 * 60 - 1));
    assert_eq!(text(&client.token(&graph()).await.unwrap()), "token-1");
    clock.advance(secs(1));
    assert!(client.peek(&graph()).is_none());
    assert_eq!(text(&client.token(&graph()).await.unwrap()), "token-2");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_short_lived_token_is_served_for_nine_tenths_of_its_life() {
    for lifetime in [1, 10, 60, 299, 300, 301, 600, 3000] {
        let (server, clock) = (numbering(lifetime).await, noon());
        let client = server.client(&clock);
        client.token(&graph()).await.unwrap();
        clock.advance(secs(lifetime) * 9 / 10 - Duration::from_millis(1));
        for _ in 0..10 {
            client.token(&graph()).await.unwrap();
        }
        assert_eq!(server.count(), 1, "{lifetime}");
        clock.advance(Duration::from_millis(1));
        assert!(
            !client
                .token(&graph())
                .await
                .unwrap()
                .is_expired(clock.now())
        );
        assert_eq!(server.count(), 2, "{lifetime}");
    }
}

#[tokio::test]
async fn age_runs_from_the_start_of_the_request() {
    let clock = noon();
    let slow = clock.clone();
    let server = Server::start(move |_| {
        slow.advance(secs(400));
        async { token_json(TOKEN, 3600) }
    })
    .await;
    let patient = RetryPolicy::never().deadline(secs(600));
    let token = client_retrying(&server.url, &clock, patient)
        .token(&graph())
        .await
        .unwrap();
    assert_eq!(token.expires_at().to_string(), "2026-11-23T13:00:00.000Z");
    clock.advance(secs(3200));
    assert!(token.is_expired(clock.now()));
}

#[tokio::test]
async fn neither_suspension_nor_a_clock_set_back_keeps_a_token_alive() {
    let (server, clock) = (numbering(3600).await, noon());
    let client = server.client(&clock);
    client.token(&graph()).await.unwrap();
    clock.suspend(secs(3600));
    assert_eq!(text(&client.token(&graph()).await.unwrap()), "token-2");
    clock.set_wall("2020-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(text(&client.token(&graph()).await.unwrap()), "token-2");
    clock.advance(secs(3600));
    assert_eq!(text(&client.token(&graph()).await.unwrap()), "token-3");
}

#[tokio::test]
async fn a_rejected_token_is_forgotten_and_a_newer_one_is_not() {
    let (server, clock) = (numbering(3600).await, noon());
    let client = server.client(&clock);
    let first = client.token(&graph()).await.unwrap();
    client.invalidate(&vault(), &first);
    assert!(client.peek(&graph()).is_some(), "another scope's 401");

    client.invalidate(&graph(), &first);
    let second = client.token(&graph()).await.unwrap();
    assert_eq!(text(&second), "token-2");
    client.invalidate(&graph(), &first);
    assert!(
        client.peek(&graph()).unwrap().is_same(&second),
        "a late 401"
    );
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn each_scope_has_its_own_token() {
    let server = Server::start(|request| async move {
        let scope = request.form().remove("scope").unwrap();
        token_json(&format!("for:{scope}"), 3600)
    })
    .await;
    let client = server.client(&noon());
    for scope in [graph(), vault(), graph(), vault()] {
        let token = client.token(&scope).await.unwrap();
        assert_eq!(text(&token), format!("for:{scope}"));
    }
    assert_eq!(server.count(), 2);
}

/// Succeeds while `up`, and answers 503 with these headers otherwise.
async fn failing_unless(
    up: Arc<AtomicBool>,
    headers: &'static [(&'static str, &'static str)],
) -> Server {
    Server::start(move |_| {
        let up = up.load(Ordering::SeqCst);
        async move {
            if up {
                token_json(TOKEN, 3600)
            } else {
                response(503, headers, "".into())
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_living_token_outlasts_a_failure_to_replace_it() {
    for (headers, pause) in [
        (&[("retry-after", "90")] as &[_], 90),
        (&[("retry-after", "1")], 30),
        (&[], 30),
    ] {
        let up = Arc::new(AtomicBool::new(true));
        let server = failing_unless(Arc::clone(&up), headers).await;
        let clock = noon();
        let client = server.client(&clock);
        let token = client.token(&graph()).await.unwrap();
        up.store(false, Ordering::SeqCst);

        clock.advance(secs(56 * 60));
        for _ in 0..10 {
            assert!(client.token(&graph()).await.unwrap().is_same(&token));
        }
        assert_eq!(server.count(), 2, "one attempt, then a pause");
        clock.advance(secs(pause - 1));
        client.token(&graph()).await.unwrap();
        assert_eq!(server.count(), 2, "{pause}");
        clock.advance(secs(1));
        client.token(&graph()).await.unwrap();
        assert_eq!(server.count(), 3, "{pause}");

        clock.advance(secs(4 * 60));
        let error = client.token(&graph()).await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Unavailable);
        up.store(true, Ordering::SeqCst);
        clock.advance(error.retry_after().unwrap_or(secs(1)));
        assert!(!client.token(&graph()).await.unwrap().is_same(&token));
    }
}

#[tokio::test]
async fn a_rejected_token_does_not_come_back_when_its_replacement_fails() {
    let up = Arc::new(AtomicBool::new(true));
    let server = failing_unless(Arc::clone(&up), &[]).await;
    let client = server.client(&noon());
    let token = client.token(&graph()).await.unwrap();
    up.store(false, Ordering::SeqCst);
    client.invalidate(&graph(), &token);
    client.token(&graph()).await.unwrap_err();
}

#[tokio::test]
async fn the_number_of_scopes_is_bounded() {
    let (server, clock) = (numbering(3600).await, noon());
    let client = server.client(&clock);
    let scope = |n: usize| -> Scope { format!("api://{n}/.default").parse().unwrap() };
    for n in 0..64 {
        client.token(&scope(n)).await.unwrap();
    }
    let error = client.token(&scope(64)).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::TooManyScopes);
    assert!(!error.is_transient());
    assert_eq!(server.count(), 64);
    client.token(&scope(0)).await.unwrap();

    clock.advance(secs(3600));
    client.token(&scope(64)).await.unwrap();
}

proptest! {
    #[test]
    fn a_token_is_expired_exactly_from_its_lifetime_on(lifetime in 1u64..200_000, age in 0u64..400_000) {
        let clock = noon();
        let token = entra_auth::AccessToken::new(TOKEN.into(), clock.now(), secs(lifetime));
        clock.advance(secs(age));
        prop_assert_eq!(token.is_expired(clock.now()), age >= lifetime);
    }
}
