//! A caller asks for a token that lives on for so long.

use std::time::Duration;

use clock::Clock as _;
use entra_auth::{TokenErrorKind::*, TokenOptions};
use futures_util::future::join_all;

use crate::{
    drive::{Answer::*, *},
    support::*,
};

fn living(remaining: Duration) -> TokenOptions {
    TokenOptions::new().min_remaining(remaining)
}

#[tokio::test]
async fn a_token_that_lives_long_enough_is_served_from_the_cache() {
    let (endpoint, clock) = (Endpoint::new(HOUR).await, noon());
    let client = endpoint.client(&clock);
    let token = client.token(&graph()).await.unwrap();
    clock.advance(secs(900));
    for remaining in [secs(0), secs(60), secs(2700)] {
        let served = client.token_with(&graph(), living(remaining)).await;
        assert!(served.unwrap().is_same(&token));
    }
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn one_that_does_not_is_replaced_for_everybody() {
    let (endpoint, clock) = (Endpoint::new(HOUR).await, noon());
    let client = endpoint.client(&clock);
    client.token(&graph()).await.unwrap();
    clock.advance(secs(900));
    let options = living(secs(2700) + MILLI);
    let token = client.token_with(&graph(), options).await.unwrap();
    assert_eq!(token.remaining(clock.now()), secs(3600));
    assert!(client.peek(&graph()).unwrap().is_same(&token));
    assert_eq!(endpoint.count(), 2);
}

#[tokio::test]
async fn a_token_that_is_due_or_ends_soon_is_never_too_long_lived() {
    let (endpoint, clock) = (Endpoint::new(HOUR).await, noon());
    let client = endpoint.client(&clock);
    let keeping = keep_fresh(&client);
    client.token(&graph()).await.unwrap();
    endpoint.now_says(Status(503, None));
    clock.advance(secs(3590));
    settled(&clock, 1).await;
    // Plain callers are content with it.
    client.token(&graph()).await.unwrap();
    clock.advance(secs(1));
    let error = client
        .token_with(&graph(), living(secs(60)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Unavailable);
    client.token(&graph()).await.unwrap();
    drop(keeping.stop);
    keeping.task.await.unwrap();
}

#[tokio::test]
async fn what_no_new_token_meets_is_an_error_and_not_asked_for_again_and_again() {
    let (endpoint, clock) = (Endpoint::new(HOUR).await, noon());
    let client = endpoint.client(&clock);
    for second in 0..120 {
        for remaining in [secs(3600) + MILLI, Duration::MAX] {
            let error = client
                .token_with(&graph(), living(remaining))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), TooShortLived, "{second}");
            assert!(!error.is_transient());
        }
        // Others take what there is.
        client.token(&graph()).await.unwrap();
        clock.advance(secs(1));
    }
    assert!(endpoint.count() <= 5, "{} in two minutes", endpoint.count());
}

#[tokio::test]
async fn callers_who_want_more_and_less_share_a_request() {
    let (endpoint, clock) = (Endpoint::new(HOUR).await, noon());
    let client = endpoint.client(&clock);
    let callers = (0..1000).map(|n| {
        let client = &client;
        async move {
            client
                .token_with(&graph(), living(secs(n % 3600)))
                .await
                .unwrap()
        }
    });
    let tokens = join_all(callers).await;
    assert!(tokens.iter().all(|token| token.is_same(&tokens[0])));
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn who_joins_a_request_that_brings_too_little_is_told_so_without_another() {
    let endpoint = Endpoint::new(Token { lifetime: 600 }).await;
    let clock = noon();
    let client = endpoint.client(&clock);
    let scope = graph();
    // Asked for before the other comes.
    let mut early = Box::pin(client.token(&scope));
    assert!(futures_util::poll!(&mut early).is_pending());
    clock.advance(MILLI);
    let late = client.token_with(&scope, living(secs(3000)));
    let (early, late) = futures_util::future::join(early, late).await;
    assert_eq!(text(&early.unwrap()), "token-1");
    assert_eq!(late.unwrap_err().kind(), TooShortLived);
    assert_eq!(endpoint.count(), 1);
}
