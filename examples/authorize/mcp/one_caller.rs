//! One caller for standard input and output, whom the environment names by a token.

use std::{fmt, sync::Arc};

use compliance_gate::{GateRequest, Reason};
use intune_core::AccordTemplate;
use intune_mcp::Caller;

use super::AskGate;
use crate::{
    ac::{Grant, SigningError, VerifyError},
    bearer::Rejection,
    host::Host,
};

/// Why a token's bearer gets no Authorization Context.
#[derive(Debug)]
pub enum NoContext {
    /// The token isn't accepted.
    Token(Rejection),
    /// The gate denies.
    Denied(Reason),
    /// None could be made.
    Signing,
}

/// Asks the gate for an Authorization Context with an issuer's token, and takes its bearer for the caller.
///
/// The caller is one for as long as the context is in force: 15 minutes at most.
///
/// # Errors
///
/// Why there is none.
pub async fn caller(
    host: &Host,
    token: &str,
    template: &AccordTemplate,
) -> Result<Caller, NoContext> {
    let token = host.verifier.verify(token).await;
    let token = token.map_err(NoContext::Token)?;
    let device = host.identity.identify(&token.claims);
    let request = GateRequest::new(&token.principal, template, device);
    let decision = host.gate.evaluate(&request).await;
    if !decision.is_allow() {
        return Err(NoContext::Denied(decision.reason()));
    }
    let issued = host.issuer.issue(Grant {
        principal: &token.principal,
        template,
        device,
        delegator: None,
        decision: &decision,
        token_expires_at: token.expires_at,
    })?;
    let context = host.issuer.verify(issued.token(), host.clock.now().wall)?;
    let gate = AskGate {
        gate: host.gate.clone(),
        context: context.clone(),
    };
    Ok(Caller::new(context.invocation, Arc::new(gate)))
}

impl From<SigningError> for NoContext {
    fn from(_: SigningError) -> Self {
        Self::Signing
    }
}

impl From<VerifyError> for NoContext {
    fn from(_: VerifyError) -> Self {
        Self::Signing
    }
}

impl fmt::Display for NoContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(rejection) => rejection.fmt(f),
            Self::Denied(reason) => write!(f, "the gate denies: {}", reason.as_str()),
            Self::Signing => f.write_str("no Authorization Context can be made"),
        }
    }
}

impl std::error::Error for NoContext {}
