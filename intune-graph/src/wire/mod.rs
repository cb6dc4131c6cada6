//! Exchanges with Graph: when one may begin, how long it may take, and whether it is tried again.

mod budget;
mod call;
mod deadline;
mod gate;
mod pause;
mod places;
mod prepaid;
mod retry;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use clock::Clock;
use entra_auth::{
    TokenProvider,
    http::{HttpClient, ServiceUrl},
};

pub use self::budget::RequestBudget;
pub(crate) use self::call::Call;
use self::{deadline::Deadline, gate::Gate, retry::RetryBudget};
use crate::GraphEndpoint;

/// A server that says nothing for so long is out.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What a request does at the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    /// It asks for a change that is harmless by itself, and can't be had to a large number.
    Propose,
    /// It changes something, or may.
    Write,
}

impl Effect {
    /// The least permission that is documented for it.
    pub(crate) const fn documented_permission(self) -> &'static str {
        match self {
            Self::Read => "DeviceManagementManagedDevices.Read.All",
            Self::Propose | Self::Write => {
                "DeviceManagementManagedDevices.PrivilegedOperations.All"
            }
        }
    }
}

/// The way to a tenant's Graph. Clones share its gate.
#[derive(Clone)]
pub(crate) struct Wire {
    endpoint: GraphEndpoint,
    tokens: Arc<dyn TokenProvider>,
    http: HttpClient,
    clock: Arc<dyn Clock>,
    deadline: Duration,
    gate: Arc<Gate>,
    retries: Arc<RetryBudget>,
}

impl Wire {
    pub(crate) fn new(
        endpoint: GraphEndpoint,
        tokens: Arc<dyn TokenProvider>,
        http: HttpClient,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Self {
        Self {
            endpoint,
            tokens,
            http,
            deadline: limits.deadline,
            gate: Gate::new(limits.budget, limits.in_flight, Arc::clone(&clock)).into(),
            retries: RetryBudget::full(clock.now().monotonic).into(),
            clock,
        }
    }

    /// The same way, through the same gate, for another application.
    pub(crate) fn with_tokens(&self, tokens: Arc<dyn TokenProvider>) -> Self {
        Self {
            tokens,
            ..self.clone()
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) const fn root(&self) -> &ServiceUrl {
        self.endpoint.root()
    }

    /// Begins a call, which has so much time for all its exchanges.
    pub(crate) fn call(&self) -> Call<'_> {
        Call {
            wire: self,
            deadline: Deadline::after(self.deadline, Arc::clone(&self.clock)),
            token_was_replaced: false,
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("endpoint", &self.endpoint)
            .field("tokens", &self.tokens)
            .field("http", &self.http)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) deadline: Duration,
    pub(crate) budget: RequestBudget,
    pub(crate) in_flight: usize,
}
