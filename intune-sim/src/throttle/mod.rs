//! Throttling: the limits of Intune's devices service, per application and for the whole tenant.

mod window;

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use window::Window;

/// Whether Graph throttles, and how it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Throttling {
    /// Nothing is throttled.
    Off,
    /// As documented: [`Limits::PUBLISHED`], and 429 from the gateway with a whole `Retry-After`.
    #[default]
    Published,
    /// Answers as documented, with other limits.
    Limited {
        /// The limits.
        #[serde(default)]
        limits: Limits,
    },
    /// As users report it: 429 from Intune's back end, without `Retry-After`.
    AsSeen {
        /// The limits, by default [`Limits::SEEN`].
        #[serde(default = "Limits::seen")]
        limits: Limits,
    },
}

/// How many requests are answered within a sliding window.
///
/// ```
/// use intune_sim::{Limits, SimConfig, Throttling};
///
/// let limits = Limits { app_writes: 2, ..Limits::PUBLISHED };
/// let config = SimConfig::default().throttling(Throttling::Limited { limits });
/// # let _ = config;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The length of the window in seconds.
    pub window_seconds: u32,
    /// Requests of any method, per application.
    pub app_requests: u32,
    /// POST, PUT, PATCH and DELETE, per application.
    pub app_writes: u32,
    /// Requests of any method, all applications together.
    pub tenant_requests: u32,
    /// POST, PUT, PATCH and DELETE, all applications together.
    pub tenant_writes: u32,
}

impl Limits {
    /// The documented limits of the Intune devices service.
    pub const PUBLISHED: Self = Self {
        window_seconds: 20,
        app_requests: 2000,
        app_writes: 200,
        tenant_requests: 4000,
        tenant_writes: 400,
    };

    /// A tenth of the documented ones: the service is reported to refuse far earlier.
    pub const SEEN: Self = Self {
        window_seconds: 20,
        app_requests: 200,
        app_writes: 20,
        tenant_requests: 400,
        tenant_writes: 40,
    };

    fn seen() -> Self {
        Self::SEEN
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::PUBLISHED
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// By the gateway, which says in how many seconds to come again.
    Gateway(u64),
    /// By the back end, which doesn't.
    BackEnd,
}

/// The requests of the last seconds.
#[derive(Debug)]
pub(crate) struct Throttle {
    mode: Throttling,
    /// By client id; those of the whole tenant under the empty one.
    callers: BTreeMap<String, Caller>,
}

#[derive(Debug, Default)]
struct Caller {
    requests: Window,
    writes: Window,
}

impl Throttle {
    pub(crate) fn new(mode: Throttling) -> Self {
        Self {
            mode,
            callers: BTreeMap::new(),
        }
    }

    /// Changes the mode, and counts anew.
    pub(crate) fn set(&mut self, mode: Throttling) {
        *self = Self::new(mode);
    }

    pub(crate) fn mode(&self) -> Throttling {
        self.mode
    }

    /// Counts a request, refused or not, and says whether it's refused.
    pub(crate) fn count(
        &mut self,
        client_id: &str,
        write: bool,
        now: DateTime<Utc>,
    ) -> Result<(), Refused> {
        let limits = match self.mode {
            Throttling::Off => return Ok(()),
            Throttling::Published => Limits::PUBLISHED,
            Throttling::Limited { limits } | Throttling::AsSeen { limits } => limits,
        };
        let length = Duration::from_secs(limits.window_seconds.into());
        let mut wait: Option<u64> = None;
        for (caller, requests, writes) in [
            (client_id, limits.app_requests, limits.app_writes),
            ("", limits.tenant_requests, limits.tenant_writes),
        ] {
            let caller = self.callers.entry(caller.to_owned()).or_default();
            wait = wait.max(caller.requests.count(now, length, requests));
            if write {
                wait = wait.max(caller.writes.count(now, length, writes));
            }
        }
        match (self.mode, wait) {
            (_, None) => Ok(()),
            (Throttling::AsSeen { .. }, Some(_)) => Err(Refused::BackEnd),
            (_, Some(seconds)) => Err(Refused::Gateway(seconds)),
        }
    }
}
