//! Callers that come together share one request, and don't hinder each other.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use clock::{Clock, ManualClock, Moment, Sleep};
use entra_auth::{AccessToken, EntraClient, Scope, TokenError, TokenErrorKind};
use futures_util::{future::join_all, poll};

use crate::{drive::Gate, support::*};

/// Answers for Graph stand before the gate.
async fn gated(gate: &Arc<Gate>, status: u16) -> Server {
    let gate = Arc::clone(gate);
    Server::start(move |request| {
        let gate = Arc::clone(&gate);
        async move {
            if request.form().get("scope") == Some(&graph().to_string()) {
                gate.pass().await;
            }
            if status == 200 {
                token_json(TOKEN, 3600)
            } else {
                response(status, &[], WRONG_SECRET.into())
            }
        }
    })
    .await
}

type Caller = Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send>>;

/// A caller that has asked and waits.
async fn waiting(client: &EntraClient, scope: Scope) -> Caller {
    let client = client.clone();
    let mut caller: Caller = Box::pin(async move { client.token(&scope).await });
    assert!(poll!(&mut caller).is_pending());
    caller
}

async fn thousand(client: &EntraClient) -> Vec<Caller> {
    let mut callers = Vec::new();
    for _ in 0..1000 {
        callers.push(waiting(client, graph()).await);
    }
    callers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_cold_callers_make_one_request() {
    let gate = Gate::new();
    let server = gated(&gate, 200).await;
    let client = server.client(&noon());
    let callers = thousand(&client).await;
    gate.release(1);
    let tokens: Vec<_> = join_all(callers)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(tokens.iter().all(|token| token.is_same(&tokens[0])));
    assert_eq!(server.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_with_a_wrong_secret_make_one_request() {
    let gate = Gate::new();
    let server = gated(&gate, 401).await;
    let clock = noon();
    let client = server.client(&clock);
    let callers = thousand(&client).await;
    gate.release(1);
    for outcome in join_all(callers).await {
        assert_eq!(
            outcome.unwrap_err().kind(),
            TokenErrorKind::InvalidCredential
        );
    }
    client.token(&graph()).await.unwrap_err();
    assert_eq!(server.count(), 1, "nor do those who come just after them");

    clock.advance(Duration::from_secs(1));
    gate.release(1);
    client.token(&graph()).await.unwrap_err();
    assert_eq!(server.count(), 2, "a failure isn't remembered for longer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_threads_racing_make_one_request() {
    let server = Server::saying(
        200,
        &[],
        format!(r#"{{"token_type":"Bearer","expires_in":3600,"access_token":"{TOKEN}"}}"#),
    )
    .await;
    let client = server.client(&noon());
    let callers = (0..1000).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.token(&graph()).await.unwrap() })
    });
    join_all(callers)
        .await
        .into_iter()
        .for_each(|token| drop(token.unwrap()));
    assert_eq!(server.count(), 1);
}

/// A caller whose request stands before the gate.
async fn standing(client: &EntraClient, gate: &Gate) -> Caller {
    let mut caller = waiting(client, graph()).await;
    tokio::select! {
        _ = &mut caller => panic!("the gate is shut"),
        () = gate.arrival() => caller,
    }
}

#[tokio::test]
async fn a_scope_that_hangs_does_not_hinder_another() {
    let gate = Gate::new();
    let server = gated(&gate, 200).await;
    let client = server.client(&noon());
    let hanging = standing(&client, &gate).await;
    for _ in 0..3 {
        client.token(&vault()).await.unwrap();
        assert!(client.peek(&vault()).is_some());
    }
    assert_eq!(server.count(), 2);
    gate.release(1);
    hanging.await.unwrap();
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_request_to_the_others() {
    for leaving in 0..3 {
        let gate = Gate::new();
        let server = gated(&gate, 200).await;
        let client = server.client(&noon());
        let mut callers = Vec::new();
        for _ in 0..3 {
            callers.push(waiting(&client, graph()).await);
        }
        let mut leader = callers.remove(leaving);
        tokio::select! {
            _ = &mut leader => panic!("the gate is shut"),
            () = gate.arrival() => {}
        }
        drop(leader);
        gate.release(1);
        for outcome in join_all(callers).await {
            outcome.unwrap();
        }
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_ends_and_leaves_nothing_behind() {
    let gate = Gate::new();
    let server = gated(&gate, 200).await;
    let client = server.client(&noon());
    drop(standing(&client, &gate).await);
    // More scopes than the client holds: each is gone when its caller is.
    for n in 0..200 {
        drop(waiting(&client, format!("api://{n}/.default").parse().unwrap()).await);
    }
    gate.release(2);
    client.token(&graph()).await.unwrap();
    assert_eq!(
        server
            .received()
            .iter()
            .filter(|r| r.form()["scope"] == graph().as_str())
            .count(),
        2
    );
}

#[tokio::test]
async fn making_room_for_a_scope_leaves_requests_under_way_alone() {
    let gate = Gate::new();
    let (server, clock) = (gated(&gate, 200).await, noon());
    let client = server.client(&clock);
    let scope = |n: usize| -> Scope { format!("api://{n}/.default").parse().unwrap() };
    for n in 1..64 {
        client.token(&scope(n)).await.unwrap();
    }
    clock.advance(Duration::from_secs(3600));
    let standing = standing(&client, &gate).await;
    client.token(&scope(64)).await.unwrap();
    let joining = waiting(&client, graph()).await;
    gate.release(1);
    let (first, second) = (standing.await.unwrap(), joining.await.unwrap());
    assert!(first.is_same(&second));
    assert_eq!(server.count(), 65);
}

/// Runs a hook once, at the second reading.
struct HookedClock {
    clock: ManualClock,
    countdown: AtomicI64,
    hook: std::sync::Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl std::fmt::Debug for HookedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HookedClock")
    }
}

impl Clock for HookedClock {
    fn now(&self) -> Moment {
        if self.countdown.fetch_sub(1, Ordering::SeqCst) == 1 {
            let hook = self.hook.lock().unwrap().take();
            hook.unwrap()();
        }
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep(duration)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_overtaken_by_a_whole_request_uses_its_token() {
    let server = Server::start(|_| async { token_json(TOKEN, 3600) }).await;
    let clock = Arc::new(HookedClock {
        clock: noon(),
        countdown: AtomicI64::new(2),
        hook: std::sync::Mutex::default(),
    });
    let client = EntraClient::builder(
        TENANT.parse().unwrap(),
        CLIENT.parse().unwrap(),
        entra_auth::Credential::secret(SECRET.into()),
    )
    .authority(server.url.clone())
    .clock(Arc::clone(&clock) as Arc<dyn Clock>)
    .build()
    .unwrap();
    // Between the caller's look at the cache and its request, another caller does it all.
    let (other, handle) = (client.clone(), tokio::runtime::Handle::current());
    *clock.hook.lock().unwrap() = Some(Box::new(move || {
        let overtaking = move || handle.block_on(async { other.token(&graph()).await.unwrap() });
        drop(std::thread::spawn(overtaking).join().unwrap());
    }));
    client.token(&graph()).await.unwrap();
    assert_eq!(server.count(), 1);
}

/// Panics at one reading, counted down to zero.
#[derive(Debug)]
struct FaultyClock {
    clock: ManualClock,
    countdown: AtomicI64,
}

impl Clock for FaultyClock {
    fn now(&self) -> Moment {
        assert_ne!(
            self.countdown.fetch_sub(1, Ordering::SeqCst),
            1,
            "on purpose"
        );
        self.clock.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep(duration)
    }
}

#[tokio::test]
async fn a_panic_during_a_request_does_not_lock_the_scope() {
    let server = Server::start(|_| async { token_json(TOKEN, 3600) }).await;
    let mut errors = 0;
    for reading in 1..=10 {
        let time = noon();
        let clock = FaultyClock {
            clock: time.clone(),
            countdown: AtomicI64::new(reading),
        };
        let client = EntraClient::builder(
            TENANT.parse().unwrap(),
            CLIENT.parse().unwrap(),
            entra_auth::Credential::secret(SECRET.into()),
        )
        .authority(server.url.clone())
        .clock(Arc::new(clock))
        .build()
        .unwrap();
        let caller = client.clone();
        match tokio::spawn(async move { caller.token(&graph()).await }).await {
            Ok(Ok(_)) => continue,
            Ok(Err(_)) => errors += 1,
            Err(panic) => assert!(panic.is_panic()),
        }
        time.advance(Duration::from_secs(1));
        client.token(&graph()).await.unwrap();
    }
    assert!(
        errors > 0,
        "a panic within the request reaches its callers as an error"
    );
}
