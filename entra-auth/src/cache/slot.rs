//! One scope: the token that is served, the fetch that is under way, and how the last one went.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use clock::Moment;
use futures_util::future::FutureExt as _;
use tokio::sync::Notify;

use super::{
    flight::{Flight, WeakFlight},
    sync::{Mutex, MutexGuard, PoisonError, Published},
};
use crate::{AccessToken, TokenError, TokenErrorKind, token};

/// So far apart are attempts to replace a token that still lives; doubled with each failure in a row.
const PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// So long a failure is also for those of a crowd who come when it has just been answered.
const FAILURE_LASTS: Duration = Duration::from_secs(1);

pub(crate) type Outcome = Result<AccessToken, TokenError>;

/// What a caller needs of a token, beyond that it lives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Want {
    pub(crate) min_remaining: Duration,
    /// A token that won't do, although it may live.
    pub(crate) instead_of: Option<AccessToken>,
    /// The `claims` that Entra ID shall be asked for.
    pub(crate) claims: Option<Arc<str>>,
}

impl Want {
    pub(crate) fn is_met_by(&self, token: &AccessToken, now: Moment) -> bool {
        let is_rejected = |rejected: &AccessToken| rejected.is_same(token);
        !token.is_expired(now)
            && token.remaining(now) >= self.min_remaining
            && !self.instead_of.as_ref().is_some_and(is_rejected)
    }
}

/// The lock is held for a look, never while anybody waits for the network.
pub(crate) struct Slot {
    served: Published<token::Inner>,
    state: Mutex<State>,
    /// Told of tokens that come or go, and of fetches that end.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    flight: Option<UnderWay>,
    last_flight: u64,
    /// The one that brought the token, or the one before it.
    served_by: FlightId,
    /// When the served token, or the one before it, was stored.
    refreshed_at: Option<Moment>,
    /// The age at which the background replaces the token: it varies, so that replicas don't come together.
    refresh_at: Duration,
    failure: Option<Failure>,
}

/// Which of a slot's fetches.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FlightId(u64);

/// The callers own the fetch; it ends with the last of them.
struct UnderWay {
    id: FlightId,
    claims: Option<Arc<str>>,
    fetch: WeakFlight<Outcome>,
}

/// How the latest attempt ended, if it failed.
struct Failure {
    error: TokenError,
    at: Moment,
    /// How many in a row.
    count: u32,
}

/// What a slot can tell of itself.
pub(crate) struct Report {
    pub(crate) token: Option<AccessToken>,
    pub(crate) refreshed_at: Option<Moment>,
    pub(crate) failure: Option<(TokenErrorKind, Moment)>,
    pub(crate) due_in: Option<Duration>,
}

impl Slot {
    pub(super) fn new(changed: Arc<Notify>) -> Self {
        Self {
            served: Published::default(),
            state: Mutex::default(),
            changed,
        }
    }

    /// The token until it is due to be replaced.
    pub(crate) fn peek(&self, now: Moment) -> Option<AccessToken> {
        self.served.read(|served| {
            let token = AccessToken::of(served?);
            (!token.is_due(now)).then_some(token)
        })
    }

    /// The token, whatever its age.
    pub(super) fn served(&self) -> Option<Arc<token::Inner>> {
        self.served.read(|served| served.cloned())
    }

    /// The token, due or not, while it lives.
    pub(crate) fn living(&self, now: Moment) -> Option<AccessToken> {
        let token = self.served.read(|served| served.map(AccessToken::of))?;
        (!token.is_expired(now)).then_some(token)
    }

    /// The living token that is due, if somebody is replacing it, or has just failed to.
    pub(crate) fn held(&self, now: Moment) -> Option<AccessToken> {
        let token = self.living(now)?;
        let state = self.lock();
        (state.flight.is_some() || state.pause(now) > Duration::ZERO).then_some(token)
    }

    /// The latest failure, for those who come just after it. Nothing is spared where no request was made.
    pub(crate) fn failure(&self, now: Moment) -> Option<TokenError> {
        self.lock().latest_failure(now)
    }

    /// Joins the fetch that is under way, or starts one.
    ///
    /// A fetch may start just after another one has ended: it must [look again](Self::look_again).
    pub(crate) fn join<F>(
        self: &Arc<Self>,
        now: Moment,
        claims: Option<Arc<str>>,
        start: impl FnOnce(FlightId) -> F,
    ) -> Flight<Outcome>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let mut state = self.lock();
        if let Some(fetch) = state.flight_for(claims.as_deref()) {
            return fetch;
        }
        state.last_flight += 1;
        let id = FlightId(state.last_flight);
        let landing = Landing {
            slot: Arc::clone(self),
            flight: id,
        };
        let fetch = start(id);
        let fetch = Flight::new(async move {
            // Of those who wait for a shared future, a panic would leave some waiting for ever.
            let outcome = AssertUnwindSafe(fetch).catch_unwind().await;
            outcome.unwrap_or_else(|_| {
                let error = panicked();
                landing.slot.lock().fail(now, &error);
                Err(error)
            })
        });
        state.flight = fetch
            .downgrade()
            .map(|fetch| UnderWay { id, claims, fetch });
        fetch
    }

    /// What there is for a fetch without a request: what the one before it brought.
    pub(crate) fn look_again(&self, flight: FlightId, now: Moment, want: &Want) -> Option<Outcome> {
        let mut state = self.lock();
        let token = self.peek(now).filter(|token| want.is_met_by(token, now));
        let failure = || state.latest_failure(now).filter(|_| want.claims.is_none());
        let outcome = token.map(Ok).or_else(|| failure().map(Err))?;
        state.take_off(flight);
        Some(outcome)
    }

    /// Keeps what a fetch brought: a token, to be refreshed at this age, or that it failed. Of a fetch that was
    /// overtaken by a later one, nothing.
    ///
    /// From then on nobody joins it: its token may be rejected before those who wait for it have it.
    pub(super) fn settle(
        &self,
        flight: FlightId,
        now: Moment,
        outcome: &Outcome,
        refresh_at: impl FnOnce(&AccessToken) -> Duration,
    ) {
        let mut state = self.lock();
        state.take_off(flight);
        match outcome {
            Ok(token) => {
                let served = self.served.read(|served| served.map(AccessToken::of));
                // By when they were asked for; a coarse clock may not tell, but then the one that began later does.
                let age = |token: &AccessToken, by: FlightId| (token.requested_at().monotonic, by);
                if served.is_some_and(|it| age(&it, state.served_by) > age(token, flight)) {
                    return;
                }
                state.served_by = flight;
                state.refresh_at = refresh_at(token);
                state.refreshed_at = Some(now);
                state.failure = None;
                self.served.publish(Some(token.clone().into_inner()));
            }
            // Of one that was overtaken, nobody need hear.
            Err(_) if flight < state.served_by => {}
            Err(error) => state.fail(now, error),
        }
    }

    pub(super) fn invalidate(&self, rejected: &AccessToken) {
        let state = self.lock();
        let is_served = self
            .served
            .read(|served| served.is_some_and(|served| AccessToken::of(served).is_same(rejected)));
        if is_served {
            self.served.publish(None);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// In how much time the background should replace the token. Never, if there has been none, and not now, if
    /// somebody is at it.
    pub(crate) fn due_in(&self, now: Moment) -> Option<Duration> {
        let state = self.lock();
        let refreshed_at = state.refreshed_at?;
        if state.flight.is_some() {
            return None;
        }
        let token = self.served.read(|served| served.map(AccessToken::of));
        let due = token.map_or(Duration::ZERO, |token| {
            let due = state.refresh_at.saturating_sub(token.age(now));
            // A server that would like it replaced at once isn't asked without pause.
            due.max(PAUSE.saturating_sub(now.since(refreshed_at)))
        });
        Some(due.max(state.pause(now)))
    }

    pub(crate) fn report(&self, now: Moment) -> Report {
        let due_in = self.due_in(now);
        let state = self.lock();
        let failure = state.failure.as_ref();
        Report {
            token: self.living(now),
            refreshed_at: state.refreshed_at,
            failure: failure.map(|failure| (failure.error.kind(), failure.at)),
            due_in,
        }
    }

    /// Whether there is anything in it to lose.
    pub(super) fn is_in_use(&self, now: Moment) -> bool {
        self.living(now).is_some() || self.lock().flight.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The fetch under way, if it asks for these claims, or for any where it doesn't matter.
    ///
    /// It is to be awaited, or dropped after the lock: with the last of those who hold it the fetch ends, and
    /// takes the lock.
    fn flight_for(&self, claims: Option<&str>) -> Option<Flight<Outcome>> {
        let flight = self.flight.as_ref()?;
        let asks_for_them = claims.is_none() || flight.claims.as_deref() == claims;
        asks_for_them.then(|| flight.fetch.upgrade())?
    }

    /// A later flight may have found this one abandoned, and taken its place.
    fn take_off(&mut self, flight: FlightId) {
        self.flight.take_if(|under_way| under_way.id == flight);
    }

    fn latest_failure(&self, now: Moment) -> Option<TokenError> {
        let failure = self.failure.as_ref()?;
        let cost_a_request = failure.error.kind() != TokenErrorKind::CredentialUnavailable;
        (cost_a_request && now.since(failure.at) < FAILURE_LASTS).then(|| failure.error.clone())
    }

    fn fail(&mut self, now: Moment, error: &TokenError) {
        let count = self.failure.as_ref().map_or(0, |failure| failure.count);
        self.failure = Some(Failure {
            error: error.clone(),
            at: now,
            count: count.saturating_add(1),
        });
    }

    /// How long the next attempt shall wait while a token lives.
    fn pause(&self, now: Moment) -> Duration {
        let Some(failure) = &self.failure else {
            return Duration::ZERO;
        };
        let doubled = PAUSE.saturating_mul(1 << failure.count.saturating_sub(1).min(4));
        let asked = failure.error.retry_after().unwrap_or_default();
        let pause = doubled.min(LONGEST_PAUSE).max(asked);
        pause.saturating_sub(now.since(failure.at))
    }
}

fn panicked() -> TokenError {
    TokenError::new(TokenErrorKind::Unavailable).with_message("the token request panicked")
}

/// Takes a flight off its slot when its fetch ends or is dropped.
struct Landing {
    slot: Arc<Slot>,
    flight: FlightId,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.slot.lock().take_off(self.flight);
        self.slot.changed.notify_waiters();
    }
}
