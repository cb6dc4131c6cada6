//! `EntraClient`, and what it could cost at the least.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use clock::{Clock as _, Moment, SystemClock};
use entra_auth::{EntraClient, EntraConfig, Scope, TokenProvider};
use env_config::Environment;
use secrecy::SecretString;

use crate::{Measure, ready, wait_for};

/// One token that needs no looking up.
pub(crate) struct Floor {
    clock: SystemClock,
    token: ArcSwap<Bare>,
}

struct Bare {
    requested_at: Moment,
    renew_at: Duration,
    _secret: SecretString,
}

impl Floor {
    pub(crate) fn new() -> Self {
        let clock = SystemClock::new();
        let token = Bare {
            requested_at: clock.now(),
            renew_at: Duration::from_secs(55 * 60),
            _secret: "eyJ0eXAi…".into(),
        };
        Self {
            clock,
            token: ArcSwap::from_pointee(token),
        }
    }

    pub(crate) fn measure(&self, measure: &mut impl Measure) {
        measure.path("floor: ArcSwap load and expiry check", || {
            || {
                let now = self.clock.now();
                let token = self.token.load();
                let lives = now.since(token.requested_at) < token.renew_at;
                lives.then(|| Arc::clone(&token)).expect("it lives")
            }
        });
    }
}

pub(crate) struct Client {
    client: EntraClient,
    provider: Arc<dyn TokenProvider>,
    scope: Scope,
}

impl Client {
    pub(crate) fn signed_in() -> Self {
        let config = EntraConfig::from_env(&Environment::process()).expect("the stage is set");
        let clock = Arc::new(SystemClock::new());
        let client = config.client(clock).expect("a client can be made");
        let scope = crate::stage::SCOPE.parse().expect("it is a scope");
        wait_for(client.token(&scope)).expect("the tenant gives a token");
        Self {
            provider: Arc::new(client.clone()),
            client,
            scope,
        }
    }

    pub(crate) fn measure(&self, measure: &mut impl Measure) {
        let (client, provider, scope) = (&self.client, &*self.provider, &self.scope);
        measure.path("EntraClient::peek", || {
            || client.peek(scope).expect("it is cached")
        });
        measure.path("EntraClient::token", || {
            || ready(client.token(scope)).expect("it is cached")
        });
        measure.path("dyn TokenProvider::peek", || {
            || provider.peek(scope).expect("it is cached")
        });
        measure.path("dyn TokenProvider::token", || {
            || ready(provider.token(scope)).expect("it is cached")
        });
    }
}
