//! Tokens that are replaced before anybody has to wait for the next one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use clock::{Clock, ManualClock, Moment, Sleep};
use entra_auth::{AccessToken, Credential, EntraClient, TokenError, TokenProvider as _};
use futures_util::poll;

use crate::{
    drive::{Answer::*, *},
    support::*,
};

/// A client whose token is kept fresh, and which has one by now.
async fn kept(endpoint: &Endpoint) -> (EntraClient, ManualClock, Keeping, AccessToken) {
    let clock = noon();
    let client = endpoint.client(&clock);
    let keeping = keep_fresh(&client);
    settled(&clock, 1).await;
    let token = client.token(&graph()).await.unwrap();
    settled(&clock, 1).await;
    (client, clock, keeping, token)
}

/// Lets time pass, and everything happen that then happens.
async fn pass(clock: &ManualClock, time: Duration) {
    clock.advance(time);
    settled(clock, 1).await;
}

async fn stopped(keeping: Keeping) {
    drop(keeping.stop);
    keeping.task.await.unwrap();
}

#[tokio::test]
async fn a_token_is_replaced_when_entra_id_says_or_at_half_its_life_or_up_to_a_tenth_earlier() {
    let with = |lifetime, members| TokenWith { lifetime, members };
    for (answer, at) in [
        (HOUR, 1800),
        (Token { lifetime: 86_398 }, 43_199),
        (with(86_398, r#","refresh_in":50000"#), 50_000),
        (with(3600, r#","refresh_in":"1000""#), 1000),
        // None that makes sense.
        (with(3600, r#","refresh_in":3600"#), 1800),
        (with(3600, r#","refresh_in":3590"#), 1800),
        (with(3600, r#","refresh_in":-1"#), 1800),
        (with(3600, r#","refresh_in":null"#), 1800),
    ] {
        let endpoint = Endpoint::new(answer).await;
        let mut planned = Vec::new();
        for _ in 0..8 {
            let before = endpoint.count();
            let (client, clock, keeping, token) = kept(&endpoint).await;
            let refresh_at = client.status()[0].refresh_at.unwrap();
            planned.push(refresh_at.since(noon().now().wall));
            pass(&clock, secs(at) * 9 / 10 - MILLI).await;
            assert_eq!(endpoint.count(), before + 1, "{at}");
            pass(&clock, secs(at) / 10 + MILLI).await;
            assert_eq!(endpoint.count(), before + 2, "{at}");
            assert!(!client.peek(&graph()).unwrap().is_same(&token));
            stopped(keeping).await;
        }
        let band = secs(at) * 9 / 10..=secs(at);
        assert!(planned.iter().all(|age| band.contains(age)), "{planned:?}");
        assert!(planned.iter().any(|age| *age != planned[0]), "by chance");
    }
}

#[tokio::test]
async fn the_old_token_is_served_while_a_request_is_under_way() {
    let gate = Gate::new();
    let held = gate.clone();
    let server = Server::start(move |_| {
        let gate = held.clone();
        async move {
            gate.pass().await;
            token_json(TOKEN, 3600)
        }
    })
    .await;
    let clock = noon();
    let client = server.client(&clock);
    let keeping = keep_fresh(&client);
    gate.release(1);
    let old = client.token(&graph()).await.unwrap();
    gate.arrival().await;
    settled(&clock, 1).await;
    clock.advance(secs(1800));
    gate.arrival().await;
    for time in [0, 1500, 299] {
        clock.advance(secs(time));
        for _ in 0..1000 {
            assert!(client.token(&graph()).await.unwrap().is_same(&old));
        }
    }
    assert_eq!(server.count(), 2);
    stopped(keeping).await;
}

#[tokio::test]
async fn while_the_server_fails_none_of_a_thousand_callers_waits_as_long_as_the_token_lives() {
    for failure in [
        Status(503, None),
        Status(429, Some("40")),
        Refusal(401, WRONG_SECRET),
        Refusal(200, "<html>"),
    ] {
        let endpoint = Endpoint::new(HOUR).await;
        let (client, clock, keeping, token) = kept(&endpoint).await;
        endpoint.now_says(failure);
        let mut asked_at = Vec::new();
        for second in (5..3600).step_by(5) {
            pass(&clock, secs(5)).await;
            if endpoint.count() > asked_at.len() + 1 {
                asked_at.push(second);
                assert_eq!(endpoint.count(), asked_at.len() + 1, "no bursts");
            }
            for _ in 0..if second % 600 == 0 || second > 3590 {
                1000
            } else {
                1
            } {
                let served = poll!(Box::pin(client.token(&graph())));
                let std::task::Poll::Ready(Ok(served)) = served else {
                    panic!("{served:?} after {second} s");
                };
                assert!(served.is_same(&token));
            }
        }
        let pauses: Vec<_> = asked_at.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(
            pauses.iter().all(|pause| (30..=305).contains(pause)),
            "{pauses:?}"
        );
        assert!(pauses.len() > 3);

        // Not a moment longer.
        clock.advance(secs(5));
        assert!(client.peek(&graph()).is_none());
        stopped(keeping).await;
    }
}

#[tokio::test]
async fn when_the_server_recovers_the_token_is_replaced_without_a_caller() {
    let endpoint = Endpoint::new(HOUR).await;
    let (client, clock, keeping, _) = kept(&endpoint).await;
    endpoint.now_says(Status(503, None));
    for _ in 0..100 {
        pass(&clock, secs(60)).await;
    }
    assert!(client.peek(&graph()).is_none());
    assert!(client.status()[0].last_error.is_some());
    endpoint.now_says(HOUR);
    for _ in 0..5 {
        pass(&clock, secs(60)).await;
    }
    assert!(client.peek(&graph()).is_some());
    assert_eq!(client.status()[0].last_error, None);
    stopped(keeping).await;
}

#[tokio::test]
async fn it_stops_when_told_and_when_dropped() {
    for told in [true, false] {
        let endpoint = Endpoint::new(HOUR).await;
        let (client, clock, keeping, _) = kept(&endpoint).await;
        if told {
            stopped(keeping).await;
        } else {
            keeping.task.abort();
            assert!(keeping.task.await.unwrap_err().is_cancelled());
        }
        assert_eq!(clock.sleepers(), 0);
        for _ in 0..56 {
            clock.advance(secs(60));
            settled(&clock, 0).await;
        }
        assert_eq!(endpoint.count(), 1);
        // From now on the callers see to it themselves.
        assert_eq!(text(&client.token(&graph()).await.unwrap()), "token-2");
    }
}

#[tokio::test]
async fn it_stops_in_the_midst_of_a_request() {
    let gate = Gate::new();
    let held = gate.clone();
    let server = Server::start(move |_| {
        let gate = held.clone();
        async move {
            gate.pass().await;
            token_json(TOKEN, 3600)
        }
    })
    .await;
    let clock = noon();
    let client = server.client(&clock);
    let keeping = keep_fresh(&client);
    gate.release(1);
    client.token(&graph()).await.unwrap();
    gate.arrival().await;
    settled(&clock, 1).await;
    clock.advance(secs(1800));
    gate.arrival().await;
    stopped(keeping).await;
    assert_eq!(clock.sleepers(), 0);
    assert!(client.peek(&graph()).is_some());
}

#[tokio::test]
async fn it_fetches_after_an_invalidation() {
    let endpoint = Endpoint::new(HOUR).await;
    let (client, clock, keeping, token) = kept(&endpoint).await;
    client.invalidate(&graph(), &token);
    settled(&clock, 1).await;
    for _ in 0..100_000 {
        if client.peek(&graph()).is_some() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(text(&client.peek(&graph()).unwrap()), "token-2");
    assert_eq!(endpoint.count(), 2);
    stopped(keeping).await;
}

#[tokio::test]
async fn a_new_scope_wakes_it() {
    let endpoint = Endpoint::new(Token { lifetime: 80 }).await;
    // It sleeps for longer than this token's half life when the scope is asked for.
    let (_client, clock, keeping, _) = kept(&endpoint).await;
    pass(&clock, secs(40)).await;
    assert_eq!(endpoint.count(), 2);
    stopped(keeping).await;
}

#[tokio::test]
async fn without_a_scope_it_does_nothing() {
    let endpoint = Endpoint::new(HOUR).await;
    let clock = noon();
    let keeping = keep_fresh(&endpoint.client(&clock));
    for _ in 0..100 {
        settled(&clock, 1).await;
        clock.advance(secs(3600));
    }
    assert_eq!(endpoint.count(), 0);
    stopped(keeping).await;
}

#[tokio::test]
async fn two_of_them_make_no_more_requests_than_one() {
    let endpoint = Endpoint::new(HOUR).await;
    let (client, clock, first, _) = kept(&endpoint).await;
    let second = keep_fresh(&client);
    settled(&clock, 2).await;
    for expected in 2..5 {
        clock.advance(secs(1800));
        settled(&clock, 2).await;
        assert_eq!(endpoint.count(), expected);
    }
    stopped(first).await;
    pass(&clock, secs(1800)).await;
    assert_eq!(endpoint.count(), 5);
    stopped(second).await;
}

#[tokio::test]
async fn after_a_suspension_it_asks_within_a_minute() {
    let endpoint = Endpoint::new(HOUR).await;
    let (client, clock, keeping, _) = kept(&endpoint).await;
    clock.suspend(secs(7200));
    assert!(client.peek(&graph()).is_none());
    pass(&clock, secs(60)).await;
    assert_eq!(text(&client.peek(&graph()).unwrap()), "token-2");
    stopped(keeping).await;
}

#[tokio::test]
async fn a_clock_that_is_set_makes_no_burst() {
    let endpoint = Endpoint::new(HOUR).await;
    let (_, clock, keeping, _) = kept(&endpoint).await;
    for wall in [
        "2027-11-23T12:00:00Z",
        "2020-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ] {
        clock.set_wall(wall.parse().unwrap());
        for _ in 0..10 {
            pass(&clock, secs(60)).await;
        }
    }
    assert!(endpoint.count() <= 4, "{}", endpoint.count());
    stopped(keeping).await;
}

#[tokio::test]
async fn a_token_that_is_to_be_replaced_at_once_is_not_asked_for_without_pause() {
    for answer in [
        TokenWith {
            lifetime: 3600,
            members: r#","refresh_in":0.000001"#,
        },
        TokenWith {
            lifetime: 3600,
            members: r#","refresh_in":1"#,
        },
        Token { lifetime: 1 },
    ] {
        let endpoint = Endpoint::new(answer).await;
        let (_, clock, keeping, _) = kept(&endpoint).await;
        for _ in 0..60 {
            pass(&clock, secs(1)).await;
        }
        assert!(endpoint.count() <= 4, "{} in a minute", endpoint.count());
        stopped(keeping).await;
    }
}

#[tokio::test]
async fn a_credential_that_panics_is_left_alone_for_a_while() {
    let endpoint = Endpoint::new(HOUR).await;
    let (clock, calls) = (noon(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    let credential = Credential::assertion(move |_| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            assert_eq!(call, 0, "on purpose");
            Ok::<_, TokenError>("assertion".into())
        }
    });
    let client = EntraClient::builder(TENANT.parse().unwrap(), CLIENT.parse().unwrap(), credential)
        .authority(endpoint.server.url.clone())
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let keeping = keep_fresh(&client);
    let token = client.token(&graph()).await.unwrap();
    settled(&clock, 1).await;
    for _ in 0..359 {
        pass(&clock, secs(10)).await;
        assert!(client.peek(&graph()).unwrap().is_same(&token));
    }
    let calls = calls.load(Ordering::SeqCst);
    assert!((4..=60).contains(&calls), "{calls}");
    stopped(keeping).await;
}

/// Panics while it is told to.
#[derive(Debug)]
struct Faulty {
    clock: ManualClock,
    fails: AtomicBool,
    readings: AtomicUsize,
}

impl Clock for Faulty {
    fn now(&self) -> Moment {
        self.readings.fetch_add(1, Ordering::SeqCst);
        assert!(!self.fails.load(Ordering::SeqCst), "on purpose");
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep(duration)
    }
}

#[tokio::test]
async fn a_clock_that_panics_ends_it_and_nothing_else() {
    let endpoint = Endpoint::new(HOUR).await;
    let time = noon();
    let clock = Arc::new(Faulty {
        clock: time.clone(),
        fails: AtomicBool::new(false),
        readings: AtomicUsize::new(0),
    });
    let client = builder(&endpoint.server.url, &time)
        .clock(clock.clone())
        .build()
        .unwrap();
    let keeping = keep_fresh(&client);
    client.token(&graph()).await.unwrap();
    settled(&time, 1).await;
    let before = clock.readings.load(Ordering::SeqCst);
    clock.fails.store(true, Ordering::SeqCst);
    time.advance(secs(60));
    assert!(keeping.task.await.unwrap_err().is_panic());
    assert!(clock.readings.load(Ordering::SeqCst) < before + 10);
    clock.fails.store(false, Ordering::SeqCst);
    // Nobody relies on a background that is gone.
    time.advance(secs(3300));
    assert_eq!(text(&client.token(&graph()).await.unwrap()), "token-2");
}
