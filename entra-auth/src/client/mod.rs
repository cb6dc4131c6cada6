mod background;
mod inner;

use std::{
    fmt,
    sync::{Arc, atomic::AtomicUsize},
};

use async_trait::async_trait;
use clock::Clock;

use self::inner::Inner;
use crate::{
    AccessToken, ClaimsChallenge, ClientId, Credential, EntraClientBuilder, Scope, TenantId,
    TokenError, TokenErrorKind, TokenOptions, TokenProvider, TokenStatus,
    cache::{TokenCache, Want},
    request::TokenRequests,
};

/// Gets access tokens for one application of one tenant. Clones share the cache.
///
/// It speaks the client credentials grant
/// ([RFC 6749, section 4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)) with
/// [Entra ID's token endpoint, version 2](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
///
/// ```no_run
/// use entra_auth::{Credential, EntraClient};
///
/// # async fn example(secret: secrecy::SecretString) -> Result<(), Box<dyn std::error::Error>> {
/// let client = EntraClient::builder(
///     "contoso.onmicrosoft.com".parse()?,
///     "6731de76-14a6-49ae-97bc-6eba6914391e".parse()?,
///     Credential::secret(secret),
/// )
/// .build()?;
/// let token = client.token(&"https://graph.microsoft.com/.default".parse()?).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EntraClient {
    inner: Arc<Inner>,
    /// Whether its callers handle claims challenges. Their tokens are kept apart.
    capable: bool,
}

impl EntraClient {
    /// Starts a client that signs in to [`Cloud::Global`](crate::Cloud::Global), over an HTTP client of
    /// its own.
    pub fn builder(
        tenant: TenantId,
        client_id: ClientId,
        credential: Credential,
    ) -> EntraClientBuilder {
        EntraClientBuilder::new(tenant, client_id, credential)
    }

    pub(crate) fn new(tenant: TenantId, requests: TokenRequests, clock: Arc<dyn Clock>) -> Self {
        let changed = Arc::default();
        let inner = Inner {
            tenant,
            requests,
            clock,
            plain: TokenCache::new(&changed),
            capable: TokenCache::new(&changed),
            keepers: AtomicUsize::new(0),
            changed,
        };
        Self {
            inner: Arc::new(inner),
            capable: false,
        }
    }

    /// This client, for callers that handle claims challenges: the API may then revoke its tokens at once, and so
    /// lets them live for up to 28 hours.
    ///
    /// Such a caller, on a 401, looks for a [`ClaimsChallenge`], and asks once more with the token of
    /// [`token_for_challenge`](TokenProvider::token_for_challenge). Of Microsoft's APIs only Graph plays along
    /// ([continuous access evaluation for workload identities][cae]). Those tokens are kept apart from the others.
    ///
    /// [cae]: https://learn.microsoft.com/entra/identity/conditional-access/concept-continuous-access-evaluation-workload
    #[must_use]
    pub fn with_continuous_access_evaluation(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            capable: true,
        }
    }

    /// The token for `scope` if the cache has one to serve. Waits for no request, allocates nothing.
    #[must_use]
    pub fn peek(&self, scope: &Scope) -> Option<AccessToken> {
        let now = self.inner.clock.now();
        let cache = self.cache();
        cache.peek(scope, now).or_else(|| {
            // It is due. To wait is for one caller only, and for none if it happens in the background.
            let slot = cache.find(scope)?;
            self.inner.held(&slot, now)
        })
    }

    /// A token for `scope`, from the cache or from Entra ID.
    ///
    /// A cached one is neither waited for nor allocated. Otherwise all who ask for the scope share one request, its
    /// success and its failure.
    ///
    /// # Errors
    ///
    /// If no token can be had; [`TokenError::is_transient`] says whether trying later may help. A failure is
    /// also for those who come within a second.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on other callers: the request goes on as long as anybody waits for it.
    pub async fn token(&self, scope: &Scope) -> Result<AccessToken, TokenError> {
        match self.peek(scope) {
            Some(token) => Ok(token),
            // Boxed, so that a hit doesn't carry the room for a miss.
            None => Box::pin(self.obtain(scope, Want::default())).await,
        }
    }

    /// A token for `scope` that meets `options`, as [`token`](Self::token) gets it.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token), and [`TooShortLived`](TokenErrorKind::TooShortLived) if Entra ID's tokens don't
    /// live that long.
    ///
    /// # Cancel safety
    ///
    /// As [`token`](Self::token).
    pub async fn token_with(
        &self,
        scope: &Scope,
        options: TokenOptions,
    ) -> Result<AccessToken, TokenError> {
        let want = Want {
            min_remaining: options.min_remaining,
            ..Want::default()
        };
        match self.peek(scope) {
            Some(token) if want.is_met_by(&token, self.inner.clock.now()) => Ok(token),
            _ => Box::pin(self.obtain(scope, want)).await,
        }
    }

    /// How the tokens do that were asked for. It waits for no request, and makes none.
    #[must_use]
    pub fn status(&self) -> Vec<TokenStatus> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let mut all = Vec::new();
        for (capable, cache) in [(false, &inner.plain), (true, &inner.capable)] {
            let slots = cache.all().into_iter();
            all.extend(slots.map(|(scope, slot)| {
                let report = slot.report(now);
                TokenStatus {
                    scope,
                    continuous_access_evaluation: capable,
                    expires_at: report.token.map(|token| token.expires_at()),
                    refreshed_at: report.refreshed_at.map(|at| at.wall),
                    refresh_at: report.due_in.map(|due| now.wall.saturating_add(due)),
                    last_error: report.failure.map(|(kind, _)| kind),
                    failed_at: report.failure.map(|(_, at)| at.wall),
                }
            }));
        }
        all.sort_by(|one, other| one.scope.cmp(&other.scope));
        all
    }

    fn cache(&self) -> &TokenCache {
        self.inner.cache(self.capable)
    }

    async fn obtain(&self, scope: &Scope, want: Want) -> Result<AccessToken, TokenError> {
        let inner = &self.inner;
        let asked_at = inner.clock.now();
        let slot = self.cache().slot(scope, asked_at)?;
        loop {
            let now = inner.clock.now();
            let outcome = match inner.known(&slot, &want, now) {
                Some(outcome) => outcome,
                None => inner.join(&slot, scope, self.capable, &want).await,
            };
            let now = inner.clock.now();
            match outcome {
                Ok(token) if want.is_met_by(&token, now) => return Ok(token),
                // Somebody else's request, from before or for less.
                Ok(token) if token.requested_at().monotonic < asked_at.monotonic => {}
                // The machine slept while it was on its way.
                Ok(token) if token.is_expired(now) => {
                    return Err(TokenError::new(TokenErrorKind::TimedOut));
                }
                Ok(_) => return Err(TokenError::new(TokenErrorKind::TooShortLived)),
                // What couldn't be replaced goes on to be served while it lives.
                Err(error) => {
                    let living = slot.living(now);
                    return living
                        .filter(|token| want.is_met_by(token, now))
                        .ok_or(error);
                }
            }
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl TokenProvider for EntraClient {
    async fn token(&self, scope: &Scope) -> Result<AccessToken, TokenError> {
        self.token(scope).await
    }

    fn peek(&self, scope: &Scope) -> Option<AccessToken> {
        self.peek(scope)
    }

    fn invalidate(&self, scope: &Scope, rejected: &AccessToken) {
        self.cache().invalidate(scope, rejected);
    }

    async fn token_for_challenge(
        &self,
        scope: &Scope,
        rejected: &AccessToken,
        challenge: &ClaimsChallenge,
    ) -> Result<AccessToken, TokenError> {
        let newer = self.peek(scope).filter(|token| !token.is_same(rejected));
        if let Some(token) = newer {
            return Ok(token);
        }
        self.invalidate(scope, rejected);
        let want = Want {
            instead_of: Some(rejected.clone()),
            claims: Some(challenge.parameter(self.capable)),
            ..Want::default()
        };
        self.obtain(scope, want).await
    }
}

/// Shows who signs in where, never with what.
impl fmt::Debug for EntraClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = &self.inner.requests.endpoint;
        f.debug_struct("EntraClient")
            .field("tenant", &self.inner.tenant)
            .field("client_id", &endpoint.client_id)
            .field("endpoint", &endpoint.url)
            .field("continuous_access_evaluation", &self.capable)
            .field("cache", self.cache())
            .finish_non_exhaustive()
    }
}
