//! Which failures are tried again, after what waits, and for how long.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use clock::Clock as _;
use entra_auth::{
    Credential, CredentialSource, EntraClient, RetryPolicy, TokenError, TokenErrorKind::*,
};
use futures_util::poll;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{
    drive::{Answer::*, *},
    support::*,
};

#[tokio::test]
async fn what_may_pass_by_itself_is_asked_again() {
    let temporarily = r#"{"error":"temporarily_unavailable","error_description":"AADSTS90033: x"}"#;
    for failure in [
        Status(408, None),
        Status(429, None),
        Status(500, None),
        Status(502, None),
        Status(503, None),
        Status(504, None),
        Status(599, None),
        Refusal(500, WRONG_SECRET),
        Refusal(503, "<html>"),
        Refusal(400, temporarily),
    ] {
        let endpoint = Endpoint::with(vec![failure; 3], HOUR).await;
        let mut time = Time::new();
        let client = time.client(&endpoint.server, RetryPolicy::new());
        let (outcome, waits) = time.run(client.token(&graph())).await;
        assert_eq!(text(&outcome.unwrap()), "token-1");
        assert_eq!((endpoint.count(), waits.len()), (4, 3));
        assert_eq!(client.status()[0].last_error, None);
    }
}

#[tokio::test]
async fn what_will_not_pass_is_asked_once() {
    for (status, body) in [
        (401, WRONG_SECRET),
        (401, ""),
        (400, r#"{"error":"invalid_scope","error_codes":[70011]}"#),
        (400, r#"{"error":"unauthorized_client"}"#),
        (400, r#"{"error":"invalid_request","error_codes":[90002]}"#),
        (400, r#"{"error":"something_new","error_codes":[4711]}"#),
        (403, "forbidden"),
        (404, ""),
        (301, ""),
        (307, ""),
        (200, "{}"),
        (200, "<html>"),
        (204, ""),
    ] {
        let endpoint = Endpoint::new(Refusal(status, body)).await;
        let mut time = Time::new();
        let client = time.client(&endpoint.server, RetryPolicy::new());
        let (outcome, waits) = time.run(client.token(&graph())).await;
        assert!(!outcome.unwrap_err().is_transient(), "{status} {body}");
        assert_eq!((endpoint.count(), waits.len()), (1, 0), "{status} {body}");
    }
}

#[tokio::test]
async fn a_loop_that_entra_id_complains_of_does_not_go_on_at_once() {
    let complaint = r#"{"error":"invalid_grant","error_description":"AADSTS50196: a loop","error_codes":[50196]}"#;
    let endpoint = Endpoint::new(Refusal(400, complaint)).await;
    let mut time = Time::new();
    let client = time.client(&endpoint.server, RetryPolicy::new());
    let (outcome, _) = time.run(client.token(&graph())).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), Throttled);
    assert!(error.retry_after() >= Some(secs(1)));
    assert_eq!(endpoint.count(), 1);
    time.clock.advance(secs(1));
    assert_eq!(client.token(&graph()).await.unwrap_err().kind(), Throttled);
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test]
async fn a_connection_that_fails_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut time = Time::new();
    let builder = builder(&url.parse().unwrap(), &time.clock).clock(time.teller());
    let client = builder.build().unwrap();
    let (outcome, waits) = time.run(client.token(&graph())).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.status()), (Unavailable, None));
    assert!(error.source().is_some());
    assert_eq!(waits.len(), 3);
}

/// Reads requests, and answers each as far as this goes, or not at all.
async fn broken(answer: Option<&'static [u8]>) -> (entra_auth::http::ServiceUrl, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            let (mut peer, _) = listener.accept().await.unwrap();
            let _read = peer.read(&mut [0; 4096]).await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            match answer {
                Some(answer) => peer.write_all(answer).await.unwrap(),
                None => kept.push(peer),
            }
        }
    });
    (url.parse().unwrap(), count)
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_never_comes_is_asked_for_again() {
    for (answer, kind) in [
        (Some(b"".as_slice()), Unavailable),
        (
            Some(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"access_token\":\"canary"),
            Unavailable,
        ),
        (None, TimedOut),
    ] {
        let (url, count) = broken(answer).await;
        let mut time = Time::new();
        let client = builder(&url, &time.clock)
            .clock(time.teller())
            .retry(RetryPolicy::new().attempts(3))
            .configure_http(|http| http.timeout(Duration::from_millis(30)))
            .build()
            .unwrap();
        let (outcome, waits) = time.run(client.token(&graph())).await;
        assert_eq!(outcome.unwrap_err().kind(), kind);
        assert_eq!((count.load(Ordering::SeqCst), waits.len()), (3, 2));
    }
}

#[tokio::test]
async fn waits_are_random_up_to_a_bound_that_doubles_up_to_a_limit() {
    let endpoint = Endpoint::new(Status(503, None)).await;
    let bounds = [100, 200, 400, 500, 500].map(Duration::from_millis);
    let policy = RetryPolicy::new().attempts(6);
    let policy = policy.waits(Duration::from_millis(100), Duration::from_millis(500));
    let mut seen = vec![Vec::new(); bounds.len()];
    let mut time = Time::new();
    for _ in 0..50 {
        let client = time.client(&endpoint.server, policy);
        let (_, waits) = time.run(client.token(&graph())).await;
        assert_eq!(waits.len(), bounds.len());
        for (seen, wait) in seen.iter_mut().zip(waits) {
            seen.push(wait);
        }
    }
    for (seen, bound) in seen.iter().zip(bounds) {
        assert!(seen.iter().all(|wait| *wait <= bound), "{seen:?}");
        // The full range: neither half stays empty, but by a chance of one in 2^50.
        assert!(seen.iter().any(|wait| *wait < bound / 2), "{seen:?}");
        assert!(seen.iter().any(|wait| *wait > bound / 2), "{seen:?}");
    }
}

#[tokio::test]
async fn by_default_there_are_four_attempts_and_waits_of_up_to_a_second() {
    let endpoint = Endpoint::new(Status(503, None)).await;
    let mut time = Time::new();
    let client = time.client(&endpoint.server, RetryPolicy::new());
    let (outcome, waits) = time.run(client.token(&graph())).await;
    assert_eq!(outcome.unwrap_err().status(), Some(503));
    assert_eq!(endpoint.count(), 4);
    for (wait, bound) in waits.iter().zip([250, 500, 1000]) {
        assert!(*wait <= Duration::from_millis(bound), "{waits:?}");
    }
}

#[tokio::test]
async fn there_are_as_many_attempts_as_were_asked_for_and_at_least_one() {
    let endpoint = Endpoint::new(Status(500, None)).await;
    for (attempts, expected) in [(0, 1), (1, 1), (2, 2), (6, 6), (70, 70)] {
        let before = endpoint.count();
        let mut time = Time::new();
        let policy = RetryPolicy::new().attempts(attempts);
        let policy = policy.waits(MILLI, secs(1)).deadline(secs(3600));
        let client = time.client(&endpoint.server, policy);
        let (outcome, waits) = time.run(client.token(&graph())).await;
        assert_eq!(outcome.unwrap_err().kind(), Unavailable);
        assert_eq!(endpoint.count() - before, expected);
        assert_eq!(waits.len(), expected - 1);
    }
}

#[tokio::test]
async fn settings_at_the_end_of_their_range_are_no_trouble() {
    let endpoint = Endpoint::new(Status(503, None)).await;
    let longest = RetryPolicy::new()
        .waits(Duration::MAX, Duration::MAX)
        .deadline(Duration::MAX)
        .longest_retry_after(Duration::MAX);
    let mut time = Time::new();
    let client = time.client(&endpoint.server, longest);
    let mut series = Box::pin(async { client.token(&graph()).await });
    let total = tokio::select! {
        _ = &mut series => panic!("it would wait for ages"),
        total = time.next_sleep() => total,
    };
    assert_eq!(total, Duration::MAX);
    drop(series);

    let nothing = RetryPolicy::new().waits(Duration::ZERO, Duration::ZERO);
    let client = time.client(&endpoint.server, nothing);
    let (outcome, waits) = time.run(client.token(&graph())).await;
    outcome.unwrap_err();
    assert_eq!(waits, [Duration::ZERO; 3]);
    let client = time.client(&endpoint.server, nothing.deadline(Duration::ZERO));
    assert_eq!(client.token(&graph()).await.unwrap_err().kind(), TimedOut);
}

#[tokio::test]
async fn the_deadline_ends_it_all_and_the_last_failure_is_told() {
    let endpoint = Endpoint::new(Status(503, None)).await;
    let mut time = Time::new();
    let policy = RetryPolicy::new().attempts(u32::MAX);
    let policy = policy.waits(secs(2), secs(2)).deadline(secs(20));
    let client = time.client(&endpoint.server, policy);
    let start = time.clock.now();
    let (outcome, _) = time.run(client.token(&graph())).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.status()), (Unavailable, Some(503)));
    assert_eq!(time.clock.now().since(start), secs(20));
    assert!(endpoint.count() > 8);
}

#[tokio::test]
async fn the_deadline_bounds_a_request_that_hangs() {
    let (url, _) = broken(None).await;
    let clock = noon();
    let client = client_retrying(&url, &clock, RetryPolicy::new().deadline(secs(7)));
    let mut caller = Box::pin(async { client.token(&graph()).await });
    assert!(poll!(&mut caller).is_pending());
    clock.advance(secs(7) - MILLI);
    assert!(poll!(&mut caller).is_pending());
    clock.advance(MILLI);
    let error = caller.await.unwrap_err();
    assert_eq!(error.kind(), TimedOut);
    assert!(error.is_transient());
}

#[tokio::test]
async fn the_deadline_bounds_a_credential_that_does_not_come() {
    let clock = noon();
    let never = Credential::assertion(|_| std::future::pending::<Result<_, TokenError>>());
    let client = EntraClient::builder(TENANT.parse().unwrap(), CLIENT.parse().unwrap(), never)
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let mut caller = Box::pin(async { client.token(&graph()).await });
    assert!(poll!(&mut caller).is_pending());
    clock.advance(secs(20));
    assert_eq!(caller.await.unwrap_err().kind(), TimedOut);
}

#[tokio::test]
async fn a_leader_that_leaves_between_two_attempts_hands_over() {
    let endpoint = Endpoint::with(vec![Status(503, None)], HOUR).await;
    let mut time = Time::new();
    let policy = RetryPolicy::new().waits(secs(5), secs(5));
    let client = time.client(&endpoint.server, policy);
    let mut leader = Box::pin(async { client.token(&graph()).await });
    assert!(poll!(&mut leader).is_pending());
    let other = client.clone();
    let follower = tokio::spawn(async move { other.token(&graph()).await });
    let sleeps = async { (time.next_sleep().await, time.next_sleep().await) };
    let (_, wait) = tokio::select! {
        _ = &mut leader => panic!("it has to wait"),
        sleeps = sleeps => sleeps,
    };
    drop(leader);
    time.clock.advance(wait);
    follower.await.unwrap().unwrap();
    assert_eq!(endpoint.count(), 2);
}

/// Counts how often it was asked, and has so many secrets to give.
#[derive(Debug)]
struct Counting {
    asked: AtomicUsize,
    has: usize,
}

#[async_trait]
impl CredentialSource for Counting {
    async fn credential(
        &self,
        _: Option<&TokenError>,
    ) -> Result<Credential, Box<dyn Error + Send + Sync>> {
        match self.asked.fetch_add(1, Ordering::SeqCst) {
            asked if asked < self.has => Ok(Credential::secret(SECRET.into())),
            _ => Err("no other".into()),
        }
    }
}

/// How many requests are made, how often the source is asked, and what comes of it.
async fn with_source(has: usize, once: Vec<Answer>, always: Answer) -> (usize, usize, TokenError) {
    let endpoint = Endpoint::with(once, always).await;
    let source = Arc::new(Counting {
        asked: AtomicUsize::new(0),
        has,
    });
    let mut time = Time::new();
    let client = EntraClient::builder(
        TENANT.parse().unwrap(),
        CLIENT.parse().unwrap(),
        Credential::from_source(source.clone()),
    )
    .authority(endpoint.server.url.clone())
    .clock(time.teller())
    .build()
    .unwrap();
    let (outcome, _) = time.run(client.token(&graph())).await;
    let asked = source.asked.load(Ordering::SeqCst);
    (endpoint.count(), asked, outcome.unwrap_err())
}

#[tokio::test]
async fn two_refused_credentials_are_two_requests_and_no_more() {
    let refused = Refusal(401, WRONG_SECRET);
    let (requests, asked, error) = with_source(9, vec![], refused.clone()).await;
    assert_eq!((requests, asked, error.kind()), (2, 2, InvalidCredential));
    // Nor is it more if the server had to be asked again before.
    let (requests, asked, error) = with_source(9, vec![Status(503, None)], refused).await;
    assert_eq!((requests, asked, error.kind()), (3, 3, InvalidCredential));
}

#[tokio::test]
async fn a_source_without_another_credential_leaves_the_refusal() {
    let (requests, asked, error) = with_source(1, vec![], Refusal(401, WRONG_SECRET)).await;
    assert_eq!((requests, asked, error.kind()), (1, 2, InvalidCredential));
    assert_eq!(error.aadsts_codes(), [7_000_215]);
}

#[tokio::test]
async fn a_credential_that_can_not_be_had_is_not_asked_for_again_and_again() {
    let (requests, asked, error) = with_source(0, vec![], HOUR).await;
    assert_eq!(
        (requests, asked, error.kind()),
        (0, 1, CredentialUnavailable)
    );
}

#[tokio::test]
async fn a_refusal_of_the_moment_is_none_of_the_credential() {
    // By its status it is throttling, whatever the body says.
    let server =
        Server::start(|_| async { response(429, &[("retry-after", "60")], WRONG_SECRET.into()) })
            .await;
    let source = Arc::new(Counting {
        asked: AtomicUsize::new(0),
        has: 9,
    });
    let client =
        crate::credential_support::client_with(&server, Credential::from_source(source.clone()));
    let error = client.token(&graph()).await.unwrap_err();
    assert_eq!(error.kind(), Throttled);
    assert_eq!(
        (server.count(), source.asked.load(Ordering::SeqCst)),
        (1, 1)
    );
}
