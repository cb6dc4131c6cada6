//! What a simulator is started with, and why a start fails.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use thiserror::Error;

use crate::{Throttling, actions::Delays};

/// What [`Sim::start`](crate::Sim::start) plays, and where.
///
/// The default is a tenant of twelve devices grown from seed 1, served over plain HTTP on a port that the
/// system chooses. The same seed gives the same tenant id, client id, client secret and devices.
///
/// ```
/// let config = intune_sim::SimConfig::default().seed(7).devices(50).page_size(10);
/// # let _ = config;
/// ```
#[derive(Clone)]
pub struct SimConfig {
    pub(crate) seed: u64,
    pub(crate) devices: usize,
    pub(crate) listen: SocketAddr,
    pub(crate) tenant: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<String>,
    pub(crate) start_time: Option<SystemTime>,
    pub(crate) tls: Option<PathBuf>,
    pub(crate) page_size: usize,
    pub(crate) delays: Delays,
    pub(crate) throttling: Throttling,
    pub(crate) beta_wipe: bool,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            devices: 12,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tenant: None,
            client_id: None,
            client_secret: None,
            start_time: None,
            tls: None,
            page_size: crate::graph::MAX_PAGE,
            delays: Delays {
                check_in: Duration::from_secs(60),
                removal: Duration::from_secs(300),
            },
            throttling: Throttling::default(),
            beta_wipe: false,
        }
    }
}

impl SimConfig {
    /// Grows the tenant from another seed.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many device records the tenant starts with.
    ///
    /// The first twelve hold one of every kind; further ones are mostly compliant.
    #[must_use]
    pub fn devices(mut self, devices: usize) -> Self {
        self.devices = devices;
        self
    }

    /// Sets the loopback address to listen on; port 0 lets the system choose.
    #[must_use]
    pub fn listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Sets the tenant id, a GUID, instead of the seed's.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Sets the client id, a GUID, instead of the seed's.
    #[must_use]
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Sets the client secret instead of the seed's.
    #[must_use]
    pub fn client_secret(mut self, client_secret: impl Into<String>) -> Self {
        self.client_secret = Some(client_secret.into());
        self
    }

    /// Sets the simulated time at the start, which the dates of the seeded devices are relative to.
    ///
    /// It goes on from there. Tokens are always issued and judged by real time.
    #[must_use]
    pub fn start_time(mut self, start_time: SystemTime) -> Self {
        self.start_time = Some(start_time);
        self
    }

    /// Serves over TLS, and writes the certificate of its authority to `ca.pem` in this directory.
    ///
    /// The server certificate is for `127.0.0.1`, `::1` and `localhost`. No private key is written.
    #[must_use]
    pub fn tls(mut self, directory: impl Into<PathBuf>) -> Self {
        self.tls = Some(directory.into());
        self
    }

    /// Sets the most rows that the service puts on one page: 1 to 1000.
    #[must_use]
    pub fn page_size(mut self, rows: usize) -> Self {
        self.page_size = rows;
        self
    }

    /// Sets how long after an action its device checks in, in simulated time; one minute by default.
    #[must_use]
    pub fn check_in_after(mut self, delay: Duration) -> Self {
        self.delays.check_in = delay;
        self
    }

    /// Sets how long after that check-in a retired or wiped device is gone; five minutes by default.
    #[must_use]
    pub fn removal_after(mut self, delay: Duration) -> Self {
        self.delays.removal = delay;
        self
    }

    /// Sets whether and how Graph throttles; as published by default.
    #[must_use]
    pub fn throttling(mut self, throttling: Throttling) -> Self {
        self.throttling = throttling;
        self
    }

    /// Lets `wipe` take and ignore `obliterationBehavior` and `useProtectedWipe`, as some pages document.
    ///
    /// They are parameters of beta: v1.0 refuses them, and so does the simulator by default.
    #[must_use]
    pub fn beta_wipe_parameters(mut self, accepted: bool) -> Self {
        self.beta_wipe = accepted;
        self
    }
}

impl fmt::Debug for SimConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimConfig")
            .field("seed", &self.seed)
            .field("devices", &self.devices)
            .field("listen", &self.listen)
            .field("tenant", &self.tenant)
            .field("client_id", &self.client_id)
            .field(
                "client_secret",
                &self.client_secret.as_ref().map(|_| "[redacted]"),
            )
            .field("start_time", &self.start_time)
            .field("tls", &self.tls)
            .field("page_size", &self.page_size)
            .field("delays", &self.delays)
            .field("throttling", &self.throttling)
            .field("beta_wipe", &self.beta_wipe)
            .finish()
    }
}

/// Why a simulator did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address would be reachable from other machines.
    #[error("`{0}` is not a loopback address: listen on 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// A tenant or client id is not a GUID.
    #[error("the {what} `{value}` is not a GUID")]
    NotAGuid {
        /// Which value it is.
        what: &'static str,
        /// The value given.
        value: String,
    },
    /// The address can't be listened on.
    #[error("can't listen on `{listen}`")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate of the authority can't be written.
    #[error("can't write `{}`", path.display())]
    WriteCertificate {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key or certificate can't be made.
    #[error("can't make keys and certificates")]
    Crypto(#[source] Box<dyn std::error::Error + Send + Sync>),
}
