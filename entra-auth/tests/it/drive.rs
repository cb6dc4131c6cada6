//! Time that a test moves, and a token endpoint that changes its mind.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::response::Response;
use clock::{Clock, ManualClock, Moment, Sleep};
use entra_auth::{EntraClient, RetryPolicy, http::HttpClient};
use tokio::{
    sync::{
        Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
    task::{JoinHandle, yield_now},
};

use crate::support::*;

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const MILLI: Duration = Duration::from_millis(1);

/// A clock that tells for how long others would like to sleep.
pub(crate) struct Time {
    pub(crate) clock: ManualClock,
    http: HttpClient,
    telling: UnboundedSender<Duration>,
    sleeps: UnboundedReceiver<Duration>,
}

#[derive(Debug)]
struct Telling(ManualClock, UnboundedSender<Duration>);

impl Clock for Telling {
    fn now(&self) -> Moment {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        // The test may have heard enough.
        let _heard = self.1.send(duration);
        self.0.sleep(duration)
    }
}

impl Time {
    pub(crate) fn new() -> Self {
        let (telling, sleeps) = unbounded_channel();
        Self {
            clock: noon(),
            http: HttpClient::new().unwrap(),
            telling,
            sleeps,
        }
    }

    pub(crate) fn teller(&self) -> Arc<dyn Clock> {
        Arc::new(Telling(self.clock.clone(), self.telling.clone()))
    }

    pub(crate) fn client(&self, server: &Server, retry: RetryPolicy) -> EntraClient {
        let builder = builder(&server.url, &self.clock).http(self.http.clone());
        builder.clock(self.teller()).retry(retry).build().unwrap()
    }

    /// The sleep that somebody begins next.
    pub(crate) async fn next_sleep(&mut self) -> Duration {
        self.sleeps.recv().await.unwrap()
    }

    /// Runs a series of requests and lets it sleep as long as it likes, up to its total deadline, which it sleeps
    /// for first. Tells the waits between its requests.
    pub(crate) async fn run<T>(&mut self, series: impl Future<Output = T>) -> (T, Vec<Duration>) {
        while self.sleeps.try_recv().is_ok() {}
        let mut series = pin!(series);
        let (mut left, mut waits) = (None, Vec::new());
        loop {
            let wait = tokio::select! {
                biased;
                outcome = &mut series => {
                    // Those that were no waits at all.
                    while let Ok(wait) = self.sleeps.try_recv() {
                        match left {
                            None => left = Some(wait),
                            Some(_) => waits.push(wait),
                        }
                    }
                    return (outcome, waits);
                }
                wait = self.sleeps.recv() => wait.unwrap(),
            };
            match &mut left {
                None => left = Some(wait),
                Some(left) => {
                    waits.push(wait);
                    let step = wait.min(*left);
                    *left -= step;
                    self.clock.advance(step);
                }
            }
        }
    }
}

/// Waits until so many sleep, and nobody does anything else.
pub(crate) async fn settled(clock: &ManualClock, sleepers: usize) {
    // Those who were woken go first.
    for _ in 0..5 {
        yield_now().await;
    }
    for _ in 0..1_000_000 {
        if clock.sleepers() == sleepers {
            return;
        }
        yield_now().await;
    }
    assert_eq!(clock.sleepers(), sleepers);
}

/// What a token endpoint says.
#[derive(Clone)]
pub(crate) enum Answer {
    /// `token-1`, `token-2` and so on, for so many seconds.
    Token { lifetime: u64 },
    /// The same, with members of its own, such as `,"refresh_in":60`.
    TokenWith {
        lifetime: u64,
        members: &'static str,
    },
    /// A status, with `Retry-After` if it is to have one.
    Status(u16, Option<&'static str>),
    /// A status and a body.
    Refusal(u16, &'static str),
}

pub(crate) const HOUR: Answer = Answer::Token { lifetime: 3600 };

/// A server that a test tells what to say next.
pub(crate) struct Endpoint {
    pub(crate) server: Server,
    http: HttpClient,
    answers: Arc<Mutex<Answers>>,
}

struct Answers {
    once: Vec<Answer>,
    always: Answer,
    tokens: u32,
}

impl Answers {
    fn next(&mut self) -> Response {
        let answer = match self.once.is_empty() {
            true => self.always.clone(),
            false => self.once.remove(0),
        };
        let (lifetime, members) = match answer {
            Answer::Token { lifetime } => (lifetime, ""),
            Answer::TokenWith { lifetime, members } => (lifetime, members),
            Answer::Status(status, None) => return response(status, &[], "busy".into()),
            Answer::Status(status, Some(wait)) => {
                return response(status, &[("retry-after", wait)], "busy".into());
            }
            Answer::Refusal(status, body) => return response(status, &[], body.into()),
        };
        self.tokens += 1;
        let number = self.tokens;
        let body = format!(
            r#"{{"token_type":"Bearer","expires_in":{lifetime},"access_token":"token-{number}"{members}}}"#
        );
        response(200, &[], body.into())
    }
}

impl Endpoint {
    pub(crate) async fn new(always: Answer) -> Self {
        Self::with(Vec::new(), always).await
    }

    /// Says each of the first answers once.
    pub(crate) async fn with(once: Vec<Answer>, always: Answer) -> Self {
        let answers = Arc::new(Mutex::new(Answers {
            once,
            always,
            tokens: 0,
        }));
        let shared = Arc::clone(&answers);
        let server = Server::start(move |_| {
            let answer = shared.lock().unwrap().next();
            async { answer }
        })
        .await;
        let http = HttpClient::new().unwrap();
        Self {
            server,
            http,
            answers,
        }
    }

    pub(crate) fn now_says(&self, always: Answer) {
        self.answers.lock().unwrap().always = always;
    }

    pub(crate) fn count(&self) -> usize {
        self.server.count()
    }

    /// A client that asks once.
    pub(crate) fn client(&self, clock: &ManualClock) -> EntraClient {
        client(&self.server.url, clock, self.http.clone())
    }
}

/// A client's tokens kept fresh, until it is told to stop.
pub(crate) struct Keeping {
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) fn keep_fresh(client: &EntraClient) -> Keeping {
    let (stop, stopped) = oneshot::channel();
    let client = client.clone();
    let task = tokio::spawn(async move {
        client.keep_fresh(async { drop(stopped.await) }).await;
    });
    Keeping { stop, task }
}

/// Holds answers until they are let go.
pub(crate) struct Gate {
    arrived: Semaphore,
    released: Semaphore,
}

impl Gate {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            arrived: Semaphore::new(0),
            released: Semaphore::new(0),
        })
    }

    pub(crate) async fn pass(&self) {
        self.arrived.add_permits(1);
        self.released.acquire().await.unwrap().forget();
    }

    /// Waits until a request stands before the gate.
    pub(crate) async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    pub(crate) fn release(&self, requests: usize) {
        self.released.add_permits(requests);
    }
}
