use std::{sync::Arc, time::Duration};

use clock::{Clock, SystemClock};
use entra_auth::{
    TokenProvider,
    http::{BuildHttpClientError, HttpClient},
};

use crate::{
    GraphClient, GraphEndpoint, RequestBudget,
    wire::{Limits, PATIENCE, Wire},
};

/// A page of 1,000 devices takes about 1 MiB as it is asked for, and 3 MiB if `$select` is ignored.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// Shorter than the patience with a silent server, so that a connection that never stands is told from a request
/// that may have been received.
const CONNECT: Duration = Duration::from_secs(4);

/// Sets the limits of a [`GraphClient`].
///
/// ```no_run
/// use std::{sync::Arc, time::Duration};
/// use clock::SystemClock;
/// use entra_auth::EntraConfig;
/// use env_config::Environment;
/// use intune_graph::{GraphClient, GraphConfig, RequestBudget};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let environment = Environment::process();
/// let clock = Arc::new(SystemClock::new());
/// let tokens = EntraConfig::from_env(&environment)?.client(clock.clone())?;
/// let graph = GraphConfig::from_env(&environment)?;
/// let devices = GraphClient::builder(graph.endpoint().clone(), Arc::new(tokens))
///     .clock(clock)
///     .deadline(Duration::from_secs(5))
///     .budget(RequestBudget::new(1_000, 100))
///     .build()?;
/// # let _ = devices;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct GraphClientBuilder {
    endpoint: GraphEndpoint,
    tokens: Arc<dyn TokenProvider>,
    clock: Option<Arc<dyn Clock>>,
    http: Option<HttpClient>,
    limits: Limits,
}

impl GraphClientBuilder {
    pub(crate) fn new(endpoint: GraphEndpoint, tokens: Arc<dyn TokenProvider>) -> Self {
        Self {
            endpoint,
            tokens,
            clock: None,
            http: None,
            limits: Limits {
                deadline: Duration::from_secs(9),
                budget: RequestBudget::default(),
                in_flight: 12,
            },
        }
    }

    /// Where deadlines, pauses and budgets take their time from. Default: the system's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The connections, in place of the client's own.
    ///
    /// Those have 4 s to stand, are given up after 5 s without a byte of an answer, and carry at most 4 MiB of it,
    /// decompressed. Of others, set such limits too: the deadline bounds a call, but each of its exchanges needs
    /// time left for another.
    pub fn http(mut self, http: HttpClient) -> Self {
        self.http = Some(http);
        self
    }

    /// The time for a whole call, from its token to its last page's last byte. Default: 9 s.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.limits.deadline = limit;
        self
    }

    /// How many requests may be sent. Default: what Intune publishes.
    pub fn budget(mut self, budget: RequestBudget) -> Self {
        self.limits.budget = budget;
        self
    }

    /// How many exchanges may be in flight at once, at least 1. Default: 12.
    pub fn in_flight(mut self, exchanges: usize) -> Self {
        self.limits.in_flight = exchanges;
        self
    }

    /// Makes the client. Opens no connection.
    ///
    /// # Errors
    ///
    /// TLS can't be set up, for instance because the machine has no root certificates.
    pub fn build(self) -> Result<GraphClient, BuildHttpClientError> {
        let http = match self.http {
            Some(http) => http,
            None => HttpClient::builder()
                .connect_timeout(CONNECT)
                .idle_timeout(PATIENCE)
                // The deadline comes first, by the clock that was given.
                .timeout(self.limits.deadline.saturating_add(PATIENCE))
                .max_body(MAX_BODY)
                .user_agent(concat!("intune-graph/", env!("CARGO_PKG_VERSION")))
                .build()?,
        };
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let wire = Wire::new(self.endpoint, self.tokens, http, clock, self.limits);
        Ok(GraphClient::over(wire))
    }
}
