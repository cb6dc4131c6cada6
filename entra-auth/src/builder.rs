use std::{fmt, sync::Arc};

use clock::{Clock, SystemClock};

use crate::{
    ClientId, Cloud, Credential, EntraClient, RetryPolicy, TenantId,
    endpoint::TokenEndpoint,
    http::{BuildHttpClientError, HttpClient, HttpClientBuilder, ServiceUrl},
    request::TokenRequests,
    throttle::Throttle,
};

/// Sets up an [`EntraClient`].
///
/// ```
/// use std::time::Duration;
/// use entra_auth::{Cloud, Credential, EntraClient, RetryPolicy};
///
/// let client = EntraClient::builder(
///     "contoso.onmicrosoft.us".parse()?,
///     "6731de76-14a6-49ae-97bc-6eba6914391e".parse()?,
///     Credential::secret("8fQ~…".into()),
/// )
/// .cloud(Cloud::UsGovHigh)
/// .configure_http(|http| http.connect_timeout(Duration::from_secs(2)))
/// .retry(RetryPolicy::new().deadline(Duration::from_secs(8)))
/// .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct EntraClientBuilder {
    tenant: TenantId,
    client_id: ClientId,
    credential: Credential,
    authority: ServiceUrl,
    http: Http,
    retry: RetryPolicy,
    clock: Arc<dyn Clock>,
}

enum Http {
    Own(HttpClientBuilder),
    Shared(HttpClient),
}

impl EntraClientBuilder {
    pub(crate) fn new(tenant: TenantId, client_id: ClientId, credential: Credential) -> Self {
        Self {
            tenant,
            client_id,
            credential,
            authority: Cloud::Global.authority(),
            http: Http::Own(HttpClient::builder()),
            retry: RetryPolicy::new(),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// The cloud to sign in to. Default: [`Cloud::Global`].
    pub fn cloud(self, cloud: Cloud) -> Self {
        self.authority(cloud.authority())
    }

    /// Where to sign in, in place of a cloud's authority: a cloud that [`Cloud`] doesn't have, or a stand-in.
    pub fn authority(mut self, authority: ServiceUrl) -> Self {
        self.authority = authority;
        self
    }

    /// What to send requests with, shared with others. Default: a client of its own, made as
    /// [`HttpClient::new`] does.
    pub fn http(mut self, http: HttpClient) -> Self {
        self.http = Http::Shared(http);
        self
    }

    /// Adjusts the client's own HTTP client: root certificates, a proxy, limits of time and size.
    ///
    /// Whatever is set, it follows no redirect, repeats no request, and sends to `https` only, loopback aside.
    /// Takes the place of [`http`](Self::http).
    pub fn configure_http(
        mut self,
        adjust: impl FnOnce(HttpClientBuilder) -> HttpClientBuilder,
    ) -> Self {
        self.http = Http::Own(adjust(match self.http {
            Http::Own(builder) => builder,
            Http::Shared(_) => HttpClient::builder(),
        }));
        self
    }

    /// When to ask again after a failure. Default: [`RetryPolicy::new`].
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// What judges the age of tokens, and waits. Default: [`SystemClock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Makes the client. Sends nothing.
    ///
    /// # Errors
    ///
    /// If the HTTP client can't be made, or the authority's path can't be sent over HTTP.
    pub fn build(self) -> Result<EntraClient, BuildEntraClientError> {
        let url = self
            .authority
            .join(&format!("{}/oauth2/v2.0/token", self.tenant))
            .ok()
            .and_then(|url| url.as_str().parse().ok())
            .ok_or(BuildEntraClientError::Authority)?;
        let http = match self.http {
            Http::Own(builder) => builder.build()?,
            Http::Shared(http) => http,
        };
        let requests = TokenRequests {
            endpoint: TokenEndpoint {
                url,
                client_id: self.client_id,
                credential: self.credential,
                http,
                clock: Arc::clone(&self.clock),
            },
            retry: self.retry,
            throttle: Throttle::default(),
            clock: Arc::clone(&self.clock),
        };
        Ok(EntraClient::new(self.tenant, requests, self.clock))
    }
}

/// Shows who will sign in where, never with what.
impl fmt::Debug for EntraClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntraClientBuilder")
            .field("tenant", &self.tenant)
            .field("client_id", &self.client_id)
            .field("credential", &self.credential)
            .field("authority", &self.authority)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

/// Why an [`EntraClient`] couldn't be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildEntraClientError {
    /// The HTTP client couldn't be made.
    #[error("there is no HTTP client to sign in with")]
    Http(#[from] BuildHttpClientError),
    /// The authority can't be continued with the token endpoint's path.
    #[error("the authority's URL can't be continued with the token endpoint's path")]
    Authority,
}
