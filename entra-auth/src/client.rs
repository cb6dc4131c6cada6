use std::{fmt, sync::Arc};

use async_trait::async_trait;
use clock::Clock;
use futures_util::future::FutureExt as _;

use crate::{
    AccessToken, ClientId, Credential, EntraClientBuilder, Scope, TenantId, TokenError,
    TokenProvider, cache::TokenCache, endpoint::TokenEndpoint,
};

/// Gets access tokens for one application of one tenant. Clones share the cache.
///
/// It speaks the client credentials grant
/// ([RFC 6749, section 4.4](https://www.rfc-editor.org/rfc/rfc6749#section-4.4)) with
/// [Entra ID's token endpoint, version 2](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
///
/// ```no_run
/// use entra_auth::{Credential, EntraClient, TokenProvider};
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
pub struct EntraClient(Arc<Inner>);

struct Inner {
    tenant: TenantId,
    endpoint: TokenEndpoint,
    clock: Arc<dyn Clock>,
    cache: Arc<TokenCache>,
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

    pub(crate) fn new(tenant: TenantId, endpoint: TokenEndpoint, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            tenant,
            endpoint,
            clock,
            cache: Arc::default(),
        }))
    }

    /// The token for `scope` if the cache has one to serve. Waits for no request, allocates nothing.
    #[must_use]
    pub fn peek(&self, scope: &Scope) -> Option<AccessToken> {
        self.0.cache.peek(scope, self.0.clock.now())
    }
}

#[async_trait]
impl TokenProvider for EntraClient {
    async fn token(&self, scope: &Scope) -> Result<AccessToken, TokenError> {
        if let Some(token) = self.peek(scope) {
            return Ok(token);
        }
        let inner = &self.0;
        let fetch = inner.cache.join(scope, inner.clock.now(), || {
            Arc::clone(inner).fetch(scope.clone()).boxed()
        })?;
        fetch.await
    }

    fn invalidate(&self, scope: &Scope, rejected: &AccessToken) {
        self.0.cache.invalidate(scope, rejected);
    }
}

impl Inner {
    async fn fetch(self: Arc<Self>, scope: Scope) -> Result<AccessToken, TokenError> {
        if let Some(token) = self.cache.peek(&scope, self.clock.now()) {
            return Ok(token);
        }
        let outcome = self.endpoint.request(&scope).await;
        self.cache.settle(&scope, self.clock.now(), outcome)
    }
}

/// Shows who signs in where, never with what.
impl fmt::Debug for EntraClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraClient")
            .field("tenant", &self.0.tenant)
            .field("client_id", &self.0.endpoint.client_id)
            .field("endpoint", &self.0.endpoint.url)
            .field("cache", &self.0.cache)
            .finish_non_exhaustive()
    }
}
