use std::{num::NonZeroU32, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use clock::{Clock, Moment, Monotonic};
use entra_auth::http::HttpClient;
use governor::{
    Quota, RateLimiter,
    clock::Clock as GovernorClock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use http::{Request, StatusCode};
use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, Jwk, PublicKeyUse},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::Mutex;

use super::IssuerSpec;

/// After this long the keys are fetched anew, so that a withdrawn one stops counting.
const FRESH: Duration = Duration::from_secs(3600);
/// So long the keys serve if they can't be fetched anew.
const USABLE: Duration = Duration::from_secs(24 * 3600);
/// Fetches that may follow each other at once; after them, one in [`FETCH_INTERVAL`].
const FETCH_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(4);
const FETCH_INTERVAL: Duration = Duration::from_secs(30);

/// The signing keys of one issuer, found by discovery and kept up to date.
///
/// An unknown key id may mean that the issuer has rotated its keys, or that somebody makes key ids up. So it is
/// a reason to fetch them, but only so often.
#[derive(Debug)]
pub(super) struct IssuerKeys {
    spec: IssuerSpec,
    http: HttpClient,
    clock: Arc<dyn Clock>,
    known: ArcSwapOption<KeySet>,
    fetching: Mutex<()>,
    fetches: RateLimiter<NotKeyed, InMemoryState, Injected, NoOpMiddleware<Nanos>>,
}

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has no such key.
    Unknown,
    /// The issuer's keys can't be had.
    Unavailable,
}

#[derive(Debug)]
struct KeySet {
    fetched_at: Moment,
    keys: Vec<Jwk>,
}

impl IssuerKeys {
    pub(super) fn new(spec: IssuerSpec, http: HttpClient, clock: Arc<dyn Clock>) -> Self {
        let quota = Quota::with_period(FETCH_INTERVAL)
            .unwrap_or(Quota::per_minute(NonZeroU32::MIN))
            .allow_burst(FETCH_BURST);
        let fetches = RateLimiter::direct_with_clock(quota, Injected(Arc::clone(&clock)));
        Self {
            spec,
            http,
            clock,
            known: ArcSwapOption::empty(),
            fetching: Mutex::new(()),
            fetches,
        }
    }

    pub(super) fn spec(&self) -> &IssuerSpec {
        &self.spec
    }

    /// Finds the key that a token's header names.
    pub(super) async fn find(
        &self,
        kid: Option<&str>,
        alg: Algorithm,
    ) -> Result<DecodingKey, NoKey> {
        if let Some(key) = self
            .known_within(FRESH)
            .and_then(|known| known.find(kid, alg))
        {
            return Ok(key);
        }
        // One fetch for all who wait; the others find its result.
        let _one = self.fetching.lock().await;
        if let Some(key) = self
            .known_within(FRESH)
            .and_then(|known| known.find(kid, alg))
        {
            return Ok(key);
        }
        if self.fetches.check().is_err() {
            let known = self.known_within(USABLE).ok_or(NoKey::Unavailable)?;
            return known.find(kid, alg).ok_or(NoKey::Unknown);
        }
        match self.fetch().await {
            Some(fetched) => {
                let key = fetched.find(kid, alg).ok_or(NoKey::Unknown);
                self.known.store(Some(Arc::new(fetched)));
                key
            }
            None => {
                let known = self.known_within(USABLE);
                known
                    .and_then(|known| known.find(kid, alg))
                    .ok_or(NoKey::Unavailable)
            }
        }
    }

    /// Whether keys are at hand, fetching them if they aren't.
    pub(super) async fn are_available(&self) -> bool {
        if self.known_within(USABLE).is_some() {
            return true;
        }
        let _ = self.find(None, Algorithm::RS256).await;
        self.known_within(USABLE).is_some()
    }

    fn known_within(&self, age: Duration) -> Option<Arc<KeySet>> {
        let known = self.known.load_full()?;
        (self.clock.now().since(known.fetched_at) < age).then_some(known)
    }

    async fn fetch(&self) -> Option<KeySet> {
        let fetched_at = self.clock.now();
        let metadata: Metadata = self.get(&self.spec.discovery_url()).await?;
        if metadata.issuer != self.spec.issuer {
            tracing::error!(
                issuer = self.spec.issuer,
                "the issuer's metadata names another issuer"
            );
            return None;
        }
        let encrypted = self.spec.issuer.starts_with("https:");
        if encrypted && !metadata.jwks_uri.starts_with("https:") {
            tracing::error!(
                issuer = self.spec.issuer,
                "the issuer's keys are not served over https"
            );
            return None;
        }
        let set: Set = self.get(&metadata.jwks_uri).await?;
        // A key of a kind that isn't known here must not hide the others.
        let keys = set
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok());
        Some(KeySet {
            fetched_at,
            keys: keys.filter(is_for_signatures).collect(),
        })
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Option<T> {
        let request = Request::get(url)
            .header("Accept", "application/json")
            .body(Bytes::new())
            .ok()?;
        let response = match self.http.send(request).await {
            Ok(response) if response.status() == StatusCode::OK => response,
            Ok(response) => {
                let status = response.status().as_u16();
                tracing::warn!(
                    issuer = self.spec.issuer,
                    status,
                    "the issuer's keys can't be had"
                );
                return None;
            }
            Err(error) => {
                tracing::warn!(issuer = self.spec.issuer, %error, "the issuer's keys can't be had");
                return None;
            }
        };
        serde_json::from_slice(response.body()).ok()
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

fn is_for_signatures(key: &Jwk) -> bool {
    let asymmetric = matches!(
        key.algorithm,
        AlgorithmParameters::RSA(_)
            | AlgorithmParameters::EllipticCurve(_)
            | AlgorithmParameters::OctetKeyPair(_)
    );
    asymmetric && key.common.public_key_use != Some(PublicKeyUse::Encryption)
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
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
