mod flight;

use std::{
    collections::HashMap,
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use clock::Moment;
use futures_util::future::{BoxFuture, FutureExt as _};

use self::flight::{Flight, WeakFlight};
use crate::{AccessToken, Scope, TokenError, TokenErrorKind};

/// A token is replaced this long before it ends, so that none ends on its way to an API.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// But of a short life, no more than a tenth is given away: each fetched token is used.
const MARGIN_DIVISOR: u32 = 10;
/// While a token that couldn't be replaced still lives, the next attempt waits at least this long.
const PAUSE: Duration = Duration::from_secs(30);
const MAX_SCOPES: usize = 64;

pub(crate) type Outcome = Result<AccessToken, TokenError>;
pub(crate) type Fetch = Flight<Outcome>;

/// For each scope, the token that is served and the fetch that is under way.
///
/// The lock is held for a look at the map, never while anybody waits for the network.
#[derive(Default)]
pub(crate) struct TokenCache {
    slots: RwLock<Slots>,
}

#[derive(Default)]
struct Slots {
    by_scope: HashMap<Scope, Slot>,
    last_flight: u64,
}

#[derive(Default)]
struct Slot {
    served: Option<Served>,
    flight: Option<UnderWay>,
}

struct Served {
    token: AccessToken,
    until_age: Duration,
}

/// The callers own the fetch; it ends with the last of them.
struct UnderWay {
    id: u64,
    fetch: WeakFlight<Outcome>,
}

impl TokenCache {
    /// The token for `scope`, unless it is time for another one.
    pub(crate) fn peek(&self, scope: &Scope, now: Moment) -> Option<AccessToken> {
        let slots = self.read();
        let served = slots.by_scope.get(scope)?.served.as_ref()?;
        (served.token.age(now) < served.until_age).then(|| served.token.clone())
    }

    /// Joins the fetch for `scope` that is under way, or starts one.
    ///
    /// A fetch may start just after another one has stored its token: it must [`peek`](Self::peek).
    pub(crate) fn join(
        self: &Arc<Self>,
        scope: &Scope,
        now: Moment,
        start: impl FnOnce() -> BoxFuture<'static, Outcome>,
    ) -> Result<Fetch, TokenError> {
        let mut slots = self.write();
        if let Some(fetch) = slots.fetch_under_way(scope) {
            return Ok(fetch);
        }
        if !slots.has_room_for(scope, now) {
            return Err(TokenError::new(TokenErrorKind::TooManyScopes));
        }
        slots.last_flight += 1;
        let fetch = start();
        let landing = Landing {
            cache: Arc::clone(self),
            scope: scope.clone(),
            flight: slots.last_flight,
        };
        let fetch = async move {
            let _landing = landing;
            // Of those who wait for a shared future, a panic would leave some waiting for ever.
            let outcome = AssertUnwindSafe(fetch).catch_unwind().await;
            outcome.unwrap_or_else(|_| Err(panicked()))
        };
        let fetch = Flight::new(fetch);
        let flight = fetch.downgrade().map(|fetch| UnderWay {
            id: slots.last_flight,
            fetch,
        });
        slots.slot(scope).flight = flight;
        Ok(fetch)
    }

    /// Puts the outcome of a fetch to use: a token replaces the one before it; in place of a failure,
    /// the token before it goes on to be served while it lives.
    pub(crate) fn settle(&self, scope: &Scope, now: Moment, outcome: Outcome) -> Outcome {
        match outcome {
            Ok(token) => {
                self.write().slot(scope).served = Some(Served::new(token.clone()));
                Ok(token)
            }
            Err(error) => match self.write().slot(scope).outlast(&error, now) {
                Some(token) => Ok(token),
                None => Err(error),
            },
        }
    }

    pub(crate) fn invalidate(&self, scope: &Scope, rejected: &AccessToken) {
        let mut slots = self.write();
        if let Some(slot) = slots.by_scope.get_mut(scope) {
            slot.served.take_if(|served| served.token.is_same(rejected));
        }
        slots.drop_if_empty(scope);
    }

    fn read(&self) -> RwLockReadGuard<'_, Slots> {
        self.slots.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Slots> {
        self.slots.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Served {
    fn new(token: AccessToken) -> Self {
        let lifetime = token.lifetime();
        let until_age = lifetime.saturating_sub(MARGIN.min(lifetime / MARGIN_DIVISOR));
        Self { token, until_age }
    }
}

impl Slot {
    /// The token that is served although it couldn't be replaced, if it still lives.
    fn outlast(&mut self, error: &TokenError, now: Moment) -> Option<AccessToken> {
        self.served.take_if(|served| served.token.is_expired(now));
        let served = self.served.as_mut()?;
        let pause = error.retry_after().unwrap_or_default().max(PAUSE);
        let next_attempt = served.token.age(now).saturating_add(pause);
        served.until_age = next_attempt.min(served.token.lifetime());
        Some(served.token.clone())
    }
}

impl Slots {
    fn slot(&mut self, scope: &Scope) -> &mut Slot {
        self.by_scope.entry(scope.clone()).or_default()
    }

    fn fetch_under_way(&self, scope: &Scope) -> Option<Fetch> {
        self.by_scope.get(scope)?.flight.as_ref()?.fetch.upgrade()
    }

    fn has_room_for(&mut self, scope: &Scope, now: Moment) -> bool {
        if self.by_scope.len() < MAX_SCOPES || self.by_scope.contains_key(scope) {
            return true;
        }
        self.by_scope.retain(|_, slot| {
            let served = slot.served.as_ref();
            slot.flight.is_some() || served.is_some_and(|served| !served.token.is_expired(now))
        });
        self.by_scope.len() < MAX_SCOPES
    }

    fn drop_if_empty(&mut self, scope: &Scope) {
        let is_empty = |slot: &Slot| slot.served.is_none() && slot.flight.is_none();
        if self.by_scope.get(scope).is_some_and(is_empty) {
            self.by_scope.remove(scope);
        }
    }
}

fn panicked() -> TokenError {
    TokenError::new(TokenErrorKind::Unavailable).with_message("the token request panicked")
}

/// Takes a flight off the map when its fetch ends or is dropped.
struct Landing {
    cache: Arc<TokenCache>,
    scope: Scope,
    flight: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut slots = self.cache.write();
        if let Some(slot) = slots.by_scope.get_mut(&self.scope) {
            // A later flight may have found this one abandoned, and taken its place.
            slot.flight.take_if(|flight| flight.id == self.flight);
        }
        slots.drop_if_empty(&self.scope);
    }
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenCache")
            .field("scopes", &self.read().by_scope.len())
            .finish_non_exhaustive()
    }
}
