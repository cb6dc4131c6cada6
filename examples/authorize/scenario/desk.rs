//! Where operations are asked for, and what came of each.

use std::{sync::Arc, time::Duration};

use clock::{Clock, SystemClock};
use intune_core::{
    Capability, CeremonyId, DelegationScope, IntuneConnector, InvocationContext, Invoked,
    Operation, OperationError, OperationErrorKind,
};

use crate::ac::Issuer;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What was asked of the connector, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) operation: Operation,
    pub(super) what: &'static str,
    pub(super) result: String,
    pub(super) expected: &'static str,
}

impl Step {
    pub(super) fn is_as_expected(&self) -> bool {
        self.result == self.expected
    }
}

/// The connector, and whose Authorization Contexts it goes by.
pub(super) struct Desk {
    pub(super) connector: IntuneConnector,
    issuer: Arc<Issuer>,
    pub(super) steps: Vec<Step>,
}

impl Desk {
    pub(super) const fn new(connector: IntuneConnector, issuer: Arc<Issuer>) -> Self {
        Self {
            connector,
            issuer,
            steps: Vec::new(),
        }
    }

    /// What an Authorization Context gives its bearer, if it is one.
    pub(super) fn shown(&self, token: &str) -> Result<InvocationContext, Failure> {
        let now = SystemClock::new().now().wall;
        Ok(self.issuer.verify(token, now)?.invocation)
    }

    pub(super) fn read<T>(
        &mut self,
        (operation, what): (Operation, &'static str),
        read: &Result<T, OperationError>,
        expected: &'static str,
    ) {
        let result = match read {
            Ok(_) => "succeeded",
            Err(error) => error.kind().as_str(),
        };
        self.note(operation, what, result, expected);
    }

    pub(super) fn acted(
        &mut self,
        (operation, what): (Operation, &'static str),
        invoked: &Result<Invoked, OperationError>,
        expected: &'static str,
    ) {
        let result = match invoked {
            Ok(invoked) => invoked.outcome.as_str(),
            Err(error) => error.kind().as_str(),
        };
        self.note(operation, what, result, expected);
    }

    pub(super) fn note(
        &mut self,
        operation: Operation,
        what: &'static str,
        result: &str,
        expected: &'static str,
    ) {
        self.steps.push(Step {
            operation,
            what,
            result: result.to_owned(),
            expected,
        });
    }
}

/// Of what a context gives, only these capabilities.
pub(super) fn only(context: &InvocationContext, capabilities: &[Capability]) -> InvocationContext {
    let none = DelegationScope::until(context.scope().expires_at());
    let wanted = capabilities
        .iter()
        .copied()
        .fold(none, DelegationScope::capability);
    context.clone().narrowed_to(&wanted)
}

/// A context whose time is over.
pub(super) fn over(context: &InvocationContext) -> InvocationContext {
    let a_second_ago = SystemClock::new()
        .now()
        .wall
        .saturating_sub(Duration::from_secs(1));
    let wanted = DelegationScope::until(a_second_ago).capability(Capability::Read);
    context.clone().narrowed_to(&wanted)
}

/// The ceremony that a first try opened.
pub(super) fn opened(asked: &Result<Invoked, OperationError>) -> Result<CeremonyId, Failure> {
    match asked.as_ref().map_err(OperationError::kind) {
        Err(OperationErrorKind::CeremonyRequired(open)) => Ok(open.id),
        other => Err(format!("no ceremony was opened: {other:?}").into()),
    }
}
