use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use clock::{Clock, Moment, Monotonic};
use entra_auth::http::HttpClient;
use futures_util::future::{BoxFuture, FutureExt as _, Shared};
use governor::{
    Quota, RateLimiter,
    clock::Clock as GovernorClock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use jsonwebtoken::{Algorithm, DecodingKey, jwk::Jwk};

use super::{IssuerSpec, discovery::Discovery};

/// After this long the keys are fetched anew, so that a withdrawn one stops counting.
const FRESH: Duration = Duration::from_secs(3600);
/// So long the keys serve if they can't be fetched anew.
const USABLE: Duration = Duration::from_secs(24 * 3600);
/// Fetches that may follow each other at once; after them, one in [`FETCH_INTERVAL`].
const FETCH_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);
const FETCH_INTERVAL: Duration = Duration::from_secs(10);

/// The signing keys of one issuer, found by discovery and kept up to date.
///
/// An unknown key id may mean that the issuer has rotated its keys, or that somebody makes key ids up. So it is
/// a reason to fetch them, but only so often.
#[derive(Debug)]
pub(super) struct IssuerKeys {
    discovery: Discovery,
    known: Arc<ArcSwapOption<KeySet>>,
    under_way: Mutex<Option<Fetch>>,
    fetches: RateLimiter<NotKeyed, InMemoryState, Injected, NoOpMiddleware<Nanos>>,
}

/// A fetch that those who wait for it share. It is kept here too: if all of them leave, the next to come carries
/// it on. Else those who ask for made-up keys and leave would use up the fetches and nothing would come of any.
type Fetch = Shared<BoxFuture<'static, Option<Arc<KeySet>>>>;

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has no such key.
    Unknown,
    /// The issuer's keys can't be had.
    Unavailable,
}

enum Join {
    /// A fetch has just brought the key.
    Landed(DecodingKey),
    /// A fetch is under way.
    Joined(Fetch),
    /// It is a new one.
    Begun(Fetch),
    /// There have been too many.
    TooSoon,
}

#[derive(Debug)]
pub(super) struct KeySet {
    pub(super) fetched_at: Moment,
    pub(super) keys: Vec<Jwk>,
}

impl IssuerKeys {
    pub(super) fn new(spec: IssuerSpec, http: HttpClient, clock: Arc<dyn Clock>) -> Self {
        let quota = Quota::with_period(FETCH_INTERVAL)
            .unwrap_or(Quota::per_minute(NonZeroU32::MIN))
            .allow_burst(FETCH_BURST);
        let fetches = RateLimiter::direct_with_clock(quota, Injected(Arc::clone(&clock)));
        Self {
            discovery: Discovery { spec, http, clock },
            known: Arc::default(),
            under_way: Mutex::default(),
            fetches,
        }
    }

    pub(super) fn spec(&self) -> &IssuerSpec {
        &self.discovery.spec
    }

    /// Finds the key that a token's header names.
    pub(super) async fn find(
        &self,
        kid: Option<&str>,
        alg: Algorithm,
    ) -> Result<DecodingKey, NoKey> {
        if let Some(key) = self.known(FRESH, kid, alg) {
            return Ok(key);
        }
        let usable = || self.known(USABLE, kid, alg);
        // Twice, since a fetch that others began may have read the keys too early for us.
        for _ in 0..2 {
            let (fetch, begun) = match self.join_or_begin(kid, alg) {
                Join::Landed(key) => return Ok(key),
                Join::TooSoon => break,
                Join::Begun(fetch) => (fetch, true),
                Join::Joined(fetch) => (fetch, false),
            };
            // Who has a key that still serves carries others' fetches on, but doesn't wait for them.
            let fetched = match fetch.clone().now_or_never() {
                Some(fetched) => fetched,
                None if begun => fetch.await,
                None => match usable() {
                    Some(key) => return Ok(key),
                    None => fetch.await,
                },
            };
            let Some(fetched) = fetched else {
                return usable().ok_or(NoKey::Unavailable);
            };
            match fetched.find(kid, alg) {
                Some(key) => return Ok(key),
                None if begun => return Err(NoKey::Unknown),
                None => {}
            }
        }
        self.known_within(USABLE).ok_or(NoKey::Unavailable)?;
        usable().ok_or(NoKey::Unknown)
    }

    fn join_or_begin(&self, kid: Option<&str>, alg: Algorithm) -> Join {
        let mut under_way = self.lock();
        if let Some(key) = self.known(FRESH, kid, alg) {
            return Join::Landed(key);
        }
        if let Some(fetch) = under_way.as_ref().filter(|fetch| fetch.peek().is_none()) {
            return Join::Joined(fetch.clone());
        }
        if self.fetches.check().is_err() {
            return Join::TooSoon;
        }
        let (discovery, known) = (self.discovery.clone(), Arc::clone(&self.known));
        let fetch = async move {
            let fetched = Arc::new(discovery.fetch().await?);
            known.store(Some(Arc::clone(&fetched)));
            Some(fetched)
        };
        let fetch = fetch.boxed().shared();
        *under_way = Some(fetch.clone());
        Join::Begun(fetch)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Fetch>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether keys are at hand, fetching them if they aren't.
    pub(super) async fn are_available(&self) -> bool {
        if self.known_within(USABLE).is_some() {
            return true;
        }
        let _ = self.find(None, Algorithm::RS256).await;
        self.known_within(USABLE).is_some()
    }

    fn known(&self, age: Duration, kid: Option<&str>, alg: Algorithm) -> Option<DecodingKey> {
        self.known_within(age)?.find(kid, alg)
    }

    fn known_within(&self, age: Duration) -> Option<Arc<KeySet>> {
        let known = self.known.load_full()?;
        (self.discovery.clock.now().since(known.fetched_at) < age).then_some(known)
    }
}

impl KeySet {
    /// The key with this id; without an id, the one key that there is.
    fn find(&self, kid: Option<&str>, alg: Algorithm) -> Option<DecodingKey> {
        let jwk = match (kid, self.keys.as_slice()) {
            (Some(kid), keys) => keys
                .iter()
                .find(|key| key.common.key_id.as_deref() == Some(kid))?,
            (None, [only]) => only,
            (None, _) => return None,
        };
        // A key that says what it is for is for nothing else.
        let for_alg = jwk
            .common
            .key_algorithm
            .is_none_or(|own| own.to_string() == format!("{alg:?}"));
        for_alg.then(|| DecodingKey::from_jwk(jwk).ok()).flatten()
    }
}

/// The host's clock, as the rate limiter reads it.
#[derive(Clone, Debug)]
struct Injected(Arc<dyn Clock>);

impl GovernorClock for Injected {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let since_origin = self.0.now().monotonic.since(Monotonic::from_nanos(0));
        Nanos::new(u64::try_from(since_origin.as_nanos()).unwrap_or(u64::MAX))
    }
}
