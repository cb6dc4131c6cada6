use std::{
    fmt::{self, Debug},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use chronicle::TraceParent;
use intune_core::InvocationContext;
use secrecy::SecretString;
use url::Url;

use crate::Readmission;

/// Who calls, as the host verified it, and how the gate is asked about that caller again.
///
/// The caller's scope ends when its Authorization Context does.
#[derive(Clone)]
pub struct Caller {
    context: InvocationContext,
    readmission: Arc<dyn Readmission>,
}

impl Caller {
    /// A caller. All of it comes from what was verified, and nothing from what the caller says of itself.
    #[must_use]
    pub fn new(context: InvocationContext, readmission: Arc<dyn Readmission>) -> Self {
        Self {
            context,
            readmission,
        }
    }

    /// On whose behalf, under which grant, and within what scope.
    #[must_use]
    pub const fn context(&self) -> &InvocationContext {
        &self.context
    }

    pub(crate) fn readmission(&self) -> &dyn Readmission {
        &*self.readmission
    }

    pub(crate) fn with_traceparent(mut self, traceparent: TraceParent) -> Self {
        self.context = self.context.with_traceparent(Some(traceparent));
        self
    }
}

impl Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("context", &self.context)
            .finish_non_exhaustive()
    }
}

/// Finds out whose bearer token a request carries. The host implements it.
///
/// The token must be an Authorization Context issued for this resource: its signature, its life and its
/// audience are checked here, and nothing else is ever accepted in its place. An issuer's token, with which a
/// caller asks for an Authorization Context, is not one.
#[async_trait]
pub trait CallerVerifier: Debug + Send + Sync {
    /// Verifies a bearer token that must have `resource` as its audience.
    ///
    /// # Errors
    ///
    /// [`VerifyError`]
    ///
    /// # Cancel safety
    ///
    /// Verifying has no effect.
    async fn verify(&self, bearer: &SecretString, resource: &Url) -> Result<Caller, VerifyError>;
}

/// Why there is no caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token is none, or not one for this resource, or its time is over. Answered with 401.
    ///
    /// The text goes to the caller: it says what is wrong, and nothing of what the token holds.
    #[error("the bearer token is not accepted: {0}")]
    Invalid(&'static str),
    /// It can't be told now. Answered with 503.
    #[error("bearer tokens can't be verified now")]
    Unavailable {
        /// When to come back.
        retry_after: Duration,
    },
}
