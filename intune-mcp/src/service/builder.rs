use std::{fmt, sync::Arc};

use rmcp::transport::{
    StreamableHttpServerConfig, StreamableHttpService,
    streamable_http_server::session::never::NeverSessionManager,
};
use tokio::sync::Semaphore;
use url::Url;

use super::{
    Challenge, Front, Inner, McpService, ProtectedResourceMetadata, body::MAX_BODY, front::Host,
};
use crate::{CallerVerifier, IntuneTools, server::Server};

const DEFAULT_IN_FLIGHT: usize = 256;

/// Puts an [`McpService`] together.
#[derive(Debug)]
#[must_use]
pub struct McpServiceBuilder {
    tools: IntuneTools,
    verifier: Arc<dyn CallerVerifier>,
    resource: Url,
    authorization_servers: Vec<String>,
    hosts: Vec<Url>,
    origins: Vec<Url>,
    in_flight: usize,
}

impl McpServiceBuilder {
    pub(super) fn new(
        tools: IntuneTools,
        verifier: Arc<dyn CallerVerifier>,
        resource: Url,
    ) -> Self {
        Self {
            tools,
            verifier,
            authorization_servers: Vec::new(),
            hosts: vec![resource.clone()],
            resource,
            origins: Vec::new(),
            in_flight: DEFAULT_IN_FLIGHT,
        }
    }

    /// Adds who issues tokens for this resource, exactly as its own metadata spells it.
    pub fn authorization_server(mut self, issuer: impl Into<String>) -> Self {
        self.authorization_servers.push(issuer.into());
        self
    }

    /// Adds the host and port of a URL to those under which the service is reached: at first the resource's alone.
    pub fn allow_host(mut self, url: Url) -> Self {
        self.hosts.push(url);
        self
    }

    /// Lets web pages of this origin send requests: at first no page may. Answering their preflight requests is
    /// left to the host.
    pub fn allow_origin(mut self, url: Url) -> Self {
        self.origins.push(url);
        self
    }

    /// Sets how many requests are dealt with at once, not less than 1; 256 by default. The others wait.
    pub const fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests;
        self
    }

    /// Makes the service.
    ///
    /// # Errors
    ///
    /// The resource isn't an `http` or `https` URL without user, query and fragment; or a host or origin that was
    /// added isn't such a URL.
    pub fn build(self) -> Result<McpService, BuildServiceError> {
        let is_usable = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        for url in self.hosts.iter().chain(&self.origins) {
            if !is_usable(url) {
                return Err(BuildServiceError(url.scheme().to_owned()));
            }
        }
        let metadata =
            ProtectedResourceMetadata::new(self.resource.clone(), self.authorization_servers);
        // Each request is answered on its own and at once, so there are neither sessions nor streams. What
        // the library could check of hosts and origins has been checked in front of it.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(MAX_BODY)
            .disable_allowed_hosts()
            .disable_allowed_origins();
        let server = Server::new(self.tools.clone(), None);
        let sessions = Arc::new(NeverSessionManager::default());
        let mcp = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
        let room = self.in_flight.clamp(1, Semaphore::MAX_PERMITS);
        Ok(McpService {
            inner: Arc::new(Inner {
                challenge: Challenge {
                    metadata: metadata.url(),
                },
                metadata,
                front: Front {
                    hosts: self.hosts.iter().filter_map(Host::of).collect(),
                    origins: self.origins.iter().map(Url::origin).collect(),
                },
                room: Arc::new(Semaphore::new(room)),
                tools: self.tools,
                verifier: self.verifier,
                resource: self.resource,
            }),
            mcp,
        })
    }
}

/// A URL can't be that of a resource, a host, or an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildServiceError(String);

impl fmt::Display for BuildServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a URL of scheme `{}` can't be that of a resource, host or origin: it must be http or https, \
             without user, query and fragment",
            self.0
        )
    }
}

impl std::error::Error for BuildServiceError {}
