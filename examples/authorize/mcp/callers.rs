//! Who calls a tool, and whether the gate still lets them.

use std::sync::Arc;

use async_trait::async_trait;
use clock::Clock;
use compliance_gate::{Gate, GateRequest};
use intune_core::Operation;
use intune_mcp::{Admission, Caller, CallerVerifier, Liveness, Readmission, VerifyError};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::{
    ac::{Issuer, VerifiedContext},
    host::Host,
};

/// Accepts the Authorization Contexts of this host, for this host.
#[derive(Clone, Debug)]
pub struct AuthorizationContexts {
    issuer: Arc<Issuer>,
    gate: Gate,
    clock: Arc<dyn Clock>,
}

impl AuthorizationContexts {
    /// Those that `host` issues.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        Self {
            issuer: Arc::clone(&host.issuer),
            gate: host.gate.clone(),
            clock: Arc::clone(&host.clock),
        }
    }
}

#[async_trait]
impl CallerVerifier for AuthorizationContexts {
    /// An Authorization Context is for the host that issued it, and names no other resource: being of this issuer,
    /// which signs nothing for others, is being for this resource.
    async fn verify(&self, bearer: &SecretString, _resource: &Url) -> Result<Caller, VerifyError> {
        let now = self.clock.now().wall;
        let shown = self.issuer.verify(bearer.expose_secret(), now);
        let context = shown.map_err(|error| VerifyError::Invalid(error.why()))?;
        let gate = AskGate {
            gate: self.gate.clone(),
            context: context.clone(),
        };
        Ok(Caller::new(context.invocation, Arc::new(gate)))
    }
}

/// Asks the gate about the bearer of an Authorization Context again.
#[derive(Clone, Debug)]
pub struct AskGate {
    /// The gate that let it through.
    pub gate: Gate,
    /// What was shown.
    pub context: VerifiedContext,
}

#[async_trait]
impl Readmission for AskGate {
    async fn readmit(&self, liveness: Liveness) -> Admission {
        let VerifiedContext {
            invocation,
            template,
            device,
            delegator,
            ..
        } = &self.context;
        let request = GateRequest::new(invocation.principal(), template, *device);
        let request = match delegator {
            Some(device) => request.delegator(*device),
            None => request,
        };
        let request = match liveness {
            Liveness::Live => request.live(),
            Liveness::Cached => request,
        };
        let decision = self.gate.evaluate(&request).await;
        let limit = decision.capability_limit();
        let within = |limit: &[_]| {
            let mut operations = Operation::ALL.into_iter();
            operations.all(|it| !invocation.scope().allows(it) || limit.contains(&it.capability()))
        };
        // Broken glass lets nobody use what they were given before, beyond what it gives itself.
        if decision.is_allow() && limit.is_none_or(within) {
            return Admission::Allowed;
        }
        Admission::Denied {
            reason: decision
                .would_reason()
                .unwrap_or(decision.reason())
                .as_str()
                .into(),
            retry_after: decision.retry_after(),
        }
    }
}
