//! The tenant played, and everything that can be done to it.

pub(crate) mod apps;
pub(crate) mod clock;
mod credentials;
pub(crate) mod device;
pub(crate) mod directory;
mod operate;
pub(crate) mod seed;
pub(crate) mod settings;
mod tokens;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Map, Value};
use tokio::sync::watch;
use url::Url;

use crate::{
    SimConfig,
    actions::{ActionBook, carry_out},
    entra::{
        assertion::Replays,
        grant::{Revocation, TokenSettings},
        keys::KeyRing,
    },
    faults::FaultBook,
    log::RequestLog,
    throttle::Throttle,
};
use apps::App;
use clock::SimClock;
use directory::Directory;
use seed::Identity;
use settings::Settings;

/// A handle on the tenant that a [`Sim`](crate::Sim) plays; clones are the same tenant.
///
/// [`Sim`](crate::Sim) dereferences to it. Everything here is also reachable over HTTP under `/_sim/`.
#[derive(Clone)]
pub struct Tenant(pub(crate) Arc<Shared>);

/// What all clones of a handle share.
pub(crate) struct Shared {
    pub(crate) identity: Identity,
    pub(crate) base: Url,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) keys: KeyRing,
    pub(crate) held: watch::Sender<usize>,
    pub(crate) arrivals: watch::Sender<u64>,
    pub(crate) stopped: watch::Sender<bool>,
    state: Mutex<State>,
}

/// What changes while the tenant is played.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) devices: Directory,
    pub(crate) faults: FaultBook,
    pub(crate) log: RequestLog,
    pub(crate) clock: SimClock,
    pub(crate) actions: ActionBook,
    pub(crate) throttle: Throttle,
    pub(crate) settings: Settings,
    /// The first application comes first, and stays.
    pub(crate) apps: Vec<App>,
    pub(crate) page_size: usize,
    pub(crate) sparse_pages: bool,
    pub(crate) tokens: TokenSettings,
    pub(crate) replays: Replays,
    pub(crate) revocation: Revocation,
    pub(crate) beta_wipe: bool,
}

impl State {
    pub(crate) fn new(config: &SimConfig, clock: SimClock) -> Self {
        Self {
            devices: Directory::default(),
            faults: FaultBook::default(),
            log: RequestLog::default(),
            clock,
            actions: ActionBook::new(config.delays),
            throttle: Throttle::new(config.throttling),
            settings: Settings::default(),
            apps: Vec::new(),
            page_size: config.page_size.clamp(1, crate::graph::MAX_PAGE),
            sparse_pages: false,
            tokens: TokenSettings::default(),
            replays: Replays::default(),
            revocation: Revocation::default(),
            beta_wipe: config.beta_wipe,
        }
    }
}

impl Tenant {
    pub(crate) fn new(
        identity: Identity,
        base: Url,
        ca: Option<PathBuf>,
        keys: KeyRing,
        mut state: State,
    ) -> Self {
        state.apps.push(App::first(&identity));
        Self(Arc::new(Shared {
            identity,
            base,
            ca,
            keys,
            held: watch::Sender::new(0),
            arrivals: watch::Sender::new(0),
            stopped: watch::Sender::new(false),
            state: Mutex::new(state),
        }))
    }

    /// The state as of now: whatever was due has happened.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = state.clock.now();
        carry_out::settle(&mut state, now);
        state
    }

    /// The root of everything served, such as `http://127.0.0.1:40123/`.
    #[must_use]
    pub fn base_url(&self) -> &Url {
        &self.0.base
    }

    /// The authority host, to which a client adds the tenant.
    #[must_use]
    pub fn authority(&self) -> &Url {
        &self.0.base
    }

    /// The Graph root, to which a client adds `/v1.0`.
    #[must_use]
    pub fn graph(&self) -> &Url {
        &self.0.base
    }

    /// The tenant id, a GUID.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.0.identity.tenant
    }

    /// The id of the application that may ask for app-only tokens.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.0.identity.client_id
    }

    /// The application's secret.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.0.identity.client_secret
    }

    /// The issuer of Entra-like user tokens: `{authority}/{tenant}/v2.0`.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("{}{}/v2.0", self.0.base, self.tenant())
    }

    /// The issuer of Keycloak-like user tokens: `{base}/realms/{name}`.
    #[must_use]
    pub fn keycloak_issuer(&self) -> String {
        format!("{}realms/{}", self.0.base, self.0.identity.realm)
    }

    /// The issuer of service-account tokens: `{base}/kubernetes`.
    #[must_use]
    pub fn kubernetes_issuer(&self) -> String {
        format!("{}kubernetes", self.0.base)
    }

    /// The file with the certificate of the authority, if TLS is served.
    #[must_use]
    pub fn ca(&self) -> Option<&Path> {
        self.0.ca.as_deref()
    }

    /// How to reach the tenant, as the binary prints it: the client secret is in it.
    #[must_use]
    pub fn connection(&self) -> Value {
        let root = self.0.base.as_str().trim_end_matches('/');
        let mut connection = Map::new();
        let mut add = |name: &str, value: &str| connection.insert(name.to_owned(), value.into());
        add("authority", root);
        add("graph", root);
        add("tenant", self.tenant());
        add("client_id", self.client_id());
        add("client_secret", self.client_secret());
        add("issuer", &self.issuer());
        add("keycloak_issuer", &self.keycloak_issuer());
        add("kubernetes_issuer", &self.kubernetes_issuer());
        if let Some(ca) = self.ca() {
            add("ca", &ca.display().to_string());
        }
        Value::Object(connection)
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant")
            .field("base", &self.0.base.as_str())
            .field("tenant", &self.tenant())
            .field("client_id", &self.client_id())
            .field("client_secret", &"[redacted]")
            .finish_non_exhaustive()
    }
}
