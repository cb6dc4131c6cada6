use std::sync::Arc;

use clock::{Clock, SystemClock};

use crate::{
    ClientId, Cloud, Credential, EntraClient, TenantId,
    endpoint::TokenEndpoint,
    http::{BuildHttpClientError, HttpClient, ServiceUrl},
};

/// Sets up an [`EntraClient`].
#[derive(Debug)]
#[must_use]
pub struct EntraClientBuilder {
    tenant: TenantId,
    client_id: ClientId,
    credential: Credential,
    authority: ServiceUrl,
    http: Option<HttpClient>,
    clock: Arc<dyn Clock>,
}

impl EntraClientBuilder {
    pub(crate) fn new(tenant: TenantId, client_id: ClientId, credential: Credential) -> Self {
        Self {
            tenant,
            client_id,
            credential,
            authority: Cloud::Global.authority(),
            http: None,
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Where to sign in. Default: that of [`Cloud::Global`].
    pub fn authority(mut self, authority: ServiceUrl) -> Self {
        self.authority = authority;
        self
    }

    /// What to send requests with. Default: [`HttpClient::new`].
    pub fn http(mut self, http: HttpClient) -> Self {
        self.http = Some(http);
        self
    }

    /// What judges the age of tokens. Default: [`SystemClock`].
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
            Some(http) => http,
            None => HttpClient::new()?,
        };
        let endpoint = TokenEndpoint {
            url,
            client_id: self.client_id,
            credential: self.credential,
            http,
            clock: Arc::clone(&self.clock),
        };
        Ok(EntraClient::new(self.tenant, endpoint, self.clock))
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
