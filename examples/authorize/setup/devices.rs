//! The tenant's devices: how they are signed in to, read, and operated.

use std::{sync::Arc, time::Duration};

use clock::Clock;
use entra_auth::{EntraClient, EntraConfig, Scope};
use env_config::{ConfigError, Environment};
use intune_core::{ApprovalRule, ComplianceSource, InMemoryCeremonies, IntuneConnector};
use intune_graph::{GraphActions, GraphClient, GraphConfig, OperationsConfig};

use super::Failure;
use crate::{ac::ISSUER, host::Operations, watched::WatchedSink};

/// How the tenant is signed in to, read, and operated.
pub(super) struct TenantConfig {
    entra: EntraConfig,
    graph: GraphConfig,
    operations: OperationsConfig,
}

impl TenantConfig {
    pub(super) fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let entra = EntraConfig::from_env(environment);
        let graph = GraphConfig::from_env(environment);
        let operations = OperationsConfig::from_env(environment);
        match (entra, graph, operations) {
            (Ok(entra), Ok(graph), Ok(operations)) => Ok(Self {
                entra,
                graph,
                operations,
            }),
            (entra, graph, operations) => {
                let errors = [entra.err(), graph.err(), operations.err()];
                let union = ConfigError::union(errors.into_iter().flatten());
                #[expect(clippy::expect_used, reason = "one of them is an error")]
                Err(union.expect("a setting is wrong"))
            }
        }
    }
}

/// The tenant's devices, read with one application and operated with the same or another, or not at all.
pub(super) struct Devices {
    pub(super) graph: GraphClient,
    pub(super) actions: Option<GraphActions>,
    pub(super) tokens: (EntraClient, Scope),
    tenant: String,
}

impl Devices {
    pub(super) fn of(tenant: &TenantConfig, clock: &Arc<dyn Clock>) -> Result<Self, Failure> {
        // The Graph client handles claims challenges, so that Entra ID can revoke its tokens at once.
        let tokens = tenant.entra.client(Arc::clone(clock))?;
        let tokens = tokens.with_continuous_access_evaluation();
        let endpoint = tenant.graph.endpoint();
        let graph = GraphClient::builder(endpoint.clone(), Arc::new(tokens.clone()))
            .clock(Arc::clone(clock))
            .build()?;
        let bearer = match tenant.operations.application(&tenant.entra) {
            Some(operator) if tenant.operations.is_apart() => {
                let operator = operator.client(Arc::clone(clock))?;
                Some(operator.with_continuous_access_evaluation())
            }
            Some(_) => Some(tokens.clone()),
            None => None,
        };
        let actions = bearer.map(|bearer| graph.actions(Arc::new(bearer)));
        Ok(Self {
            graph,
            actions,
            tokens: (tokens, endpoint.scope().clone()),
            tenant: tenant.entra.tenant().to_string(),
        })
    }

    pub(super) fn operations(
        &self,
        source: Arc<dyn ComplianceSource>,
        max_age: Duration,
        sink: &Arc<WatchedSink>,
        approvers: ApprovalRule,
        clock: &Arc<dyn Clock>,
    ) -> Result<Operations, Failure> {
        let ceremonies = InMemoryCeremonies::new(approvers.clone(), Arc::clone(clock));
        let directory = Arc::new(self.graph.clone());
        let mut connector = IntuneConnector::builder(directory, source, Arc::clone(clock))
            .chronicle(sink.clone(), ISSUER.parse()?)
            .ceremonies(Arc::new(ceremonies.clone()))
            .tenant(&*self.tenant)
            .max_age(max_age);
        if let Some(actions) = &self.actions {
            connector = connector.actions(Arc::new(actions.clone()));
        }
        Ok(Operations {
            connector: connector.build()?,
            ceremonies,
            approvers,
        })
    }
}
