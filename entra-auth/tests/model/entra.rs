//! Entra ID as a client sees it: requests that take their time, each with a token, a failure, or nothing.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, LazyLock, Mutex as Ghost,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use clock::ManualClock;
use entra_auth::{AccessToken, Credential, EntraClient, RetryPolicy, http::HttpClient};
use http::{Request, Response};
use secrecy::ExposeSecret as _;
use shuttle::{
    rand::{Rng as _, thread_rng},
    sync::{Mutex, atomic::AtomicBool},
    thread,
};

pub(crate) const LIFE: Duration = Duration::from_secs(3600);
/// The age at which the background replaces a token, at the latest.
pub(crate) const REFRESH: Duration = Duration::from_secs(1800);
/// The age at which whoever asks for a token replaces it.
pub(crate) const DUE: Duration = Duration::from_secs(3300);

/// How requests end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    Answer,
    Fail,
    Panic,
    Never,
    /// Those that answer a challenge with a token, all others never.
    AnswerChallenges,
    /// With a token or a failure.
    Either,
    /// In any way but never.
    Anything,
}

/// Its own records are `std`'s: keeping them is no point at which others get their turn.
#[derive(Debug)]
pub(crate) struct Entra {
    plan: Ghost<Plan>,
    clock: ManualClock,
    requests: Ghost<Vec<Form>>,
    under_way: Ghost<HashMap<Form, usize>>,
    most_at_once: AtomicUsize,
}

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Form {
    pub(crate) scope: String,
    pub(crate) claims: Option<String>,
}

/// The roots of trust are read once.
static HTTP: LazyLock<HttpClient> = LazyLock::new(|| HttpClient::new().unwrap());

impl Entra {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        Arc::new(Self {
            plan: Ghost::new(plan),
            clock: ManualClock::new("2026-11-23T06:00:00Z".parse().unwrap()),
            requests: Ghost::default(),
            under_way: Ghost::default(),
            most_at_once: AtomicUsize::new(0),
        })
    }

    pub(crate) fn client(self: &Arc<Self>) -> EntraClient {
        let entra = Arc::clone(self);
        let http = HTTP.clone().answered_by(Arc::new(move |request| {
            Box::pin(Arc::clone(&entra).answer(request))
        }));
        EntraClient::builder(
            "contoso.onmicrosoft.com".parse().unwrap(),
            "6731de76-14a6-49ae-97bc-6eba6914391e".parse().unwrap(),
            Credential::secret("secret".into()),
        )
        .http(http)
        .retry(RetryPolicy::never())
        .clock(Arc::new(self.clock.clone()))
        .build()
        .unwrap()
    }

    pub(crate) const fn clock(&self) -> &ManualClock {
        &self.clock
    }

    pub(crate) fn switch_to(&self, plan: Plan) {
        *self.plan.lock().unwrap() = plan;
    }

    /// How many requests have begun. They are numbered in that order.
    pub(crate) fn begun(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// What a request asked for.
    pub(crate) fn form(&self, number: usize) -> Form {
        self.requests.lock().unwrap()[number].clone()
    }

    /// Of those with the same form.
    pub(crate) fn most_at_once(&self) -> usize {
        self.most_at_once.load(SeqCst)
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way.lock().unwrap().values().sum()
    }

    async fn answer(self: Arc<Self>, request: Request<Bytes>) -> Response<Bytes> {
        let begun = self.begin(&request);
        let plan = match *self.plan.lock().unwrap() {
            Plan::AnswerChallenges if begun.form.claims.is_none() => Plan::Never,
            Plan::AnswerChallenges => Plan::Answer,
            Plan::Either => any(&[Plan::Answer, Plan::Fail]),
            Plan::Anything => any(&[Plan::Answer, Plan::Answer, Plan::Fail, Plan::Panic]),
            plan => plan,
        };
        if plan == Plan::Never {
            std::future::pending::<()>().await;
        }
        for _ in 0..thread_rng().gen_range(0..3) {
            RoundTrip::begin().await;
        }
        let number = begun.number;
        match plan {
            Plan::Answer => response(
                200,
                format!(
                    r#"{{"token_type":"Bearer","expires_in":{},"refresh_in":{},"access_token":"{number}"}}"#,
                    LIFE.as_secs(),
                    REFRESH.as_secs(),
                ),
            ),
            // Without the panic hook, by which shuttle would take it for the end of the test.
            Plan::Panic => std::panic::resume_unwind(Box::new("a bug below")),
            _ => response(
                400,
                format!(r#"{{"error":"invalid_scope","trace_id":"{number}"}}"#),
            ),
        }
    }

    fn begin(&self, request: &Request<Bytes>) -> Begun<'_> {
        let mut form = Form::default();
        for (name, value) in url::form_urlencoded::parse(request.body()) {
            match &*name {
                "scope" => form.scope = value.into_owned(),
                "claims" => form.claims = Some(value.into_owned()),
                _ => {}
            }
        }
        let mut requests = self.requests.lock().unwrap();
        requests.push(form.clone());
        let mut under_way = self.under_way.lock().unwrap();
        let same = under_way.entry(form.clone()).or_default();
        *same += 1;
        self.most_at_once.fetch_max(*same, SeqCst);
        let number = requests.len() - 1;
        drop((requests, under_way));
        // No two tokens were requested at the same time.
        self.clock.advance(Duration::from_millis(1));
        Begun {
            entra: self,
            number,
            form,
        }
    }
}

struct Begun<'a> {
    entra: &'a Entra,
    number: usize,
    form: Form,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let mut under_way = self.entra.under_way.lock().unwrap();
        *under_way.get_mut(&self.form).unwrap() -= 1;
    }
}

fn response(status: u16, body: String) -> Response<Bytes> {
    let response = Response::builder().status(status);
    response.body(body.into()).unwrap()
}

/// Which request brought it.
pub(crate) fn number(token: &AccessToken) -> usize {
    token.secret().expose_secret().parse().unwrap()
}

pub(crate) fn any<T: Copy>(of: &[T]) -> T {
    of[thread_rng().gen_range(0..of.len())]
}

/// Waits for another thread, as for the network.
struct RoundTrip;

impl RoundTrip {
    fn begin() -> Signal {
        let signal = Signal::default();
        let other_end = signal.clone();
        thread::spawn(move || other_end.give());
        signal
    }
}

/// A future that completes when it is told so.
#[derive(Clone, Default)]
pub(crate) struct Signal(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_given: bool,
    waker: Option<Waker>,
}

impl Signal {
    pub(crate) fn give(&self) {
        let mut state = self.0.lock().unwrap();
        state.is_given = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Signal {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.is_given {
            return Poll::Ready(());
        }
        state.waker = Some(context.waker().clone());
        drop(state);
        others_turn();
        Poll::Pending
    }
}

/// Lets the scheduler choose who goes on.
pub(crate) fn others_turn() {
    AtomicBool::new(false).load(SeqCst);
}
