use std::{fmt, time::Duration};

use clock::Timestamp;

use crate::{CeremonyRefusal, InvocationId, OpenCeremony, Operation, SourceFailure};

/// Why an operation was not carried out. Of an action: certainly nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationError {
    pub(super) invocation: InvocationId,
    pub(super) kind: OperationErrorKind,
}

impl OperationError {
    /// The id under which the invocation is on record.
    #[must_use]
    pub const fn invocation(&self) -> InvocationId {
        self.invocation
    }

    /// Why.
    #[must_use]
    pub const fn kind(&self) -> &OperationErrorKind {
        &self.kind
    }
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)
    }
}

impl std::error::Error for OperationError {}

/// Kinds of [`OperationError`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperationErrorKind {
    /// The scope doesn't give the capability that this operation takes.
    CapabilityMissing(Operation),
    /// The scope ended at this time.
    ScopeExpired(Timestamp),
    /// The connector was built without actions.
    OperationsOff,
    /// An operator has stopped actions.
    OperationsStopped,
    /// It would wipe the requester's own device.
    OwnDevice,
    /// So many devices were changed that none is left of the budget for this long.
    BudgetExhausted(Duration),
    /// Intune has no device of that id.
    DeviceNotFound,
    /// The devices can't be read.
    SourceFailed(SourceFailure),
    /// Somebody else must approve first. The same request with this ceremony's id will do then.
    CeremonyRequired(OpenCeremony),
    /// The ceremony that came with the request doesn't count, or none can be had.
    CeremonyRefused(CeremonyRefusal),
    /// What was asked for can't be recorded, so it isn't done; what was read isn't handed out.
    AuditUnavailable,
}

impl OperationErrorKind {
    /// The reason in records, such as `capability_missing`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::CapabilityMissing(_) => "capability_missing",
            Self::ScopeExpired(_) => "scope_expired",
            Self::OperationsOff => "operations_off",
            Self::OperationsStopped => "operations_stopped",
            Self::OwnDevice => "own_device",
            Self::BudgetExhausted(_) => "budget_exhausted",
            Self::DeviceNotFound => "device_not_found",
            Self::SourceFailed(failure) => failure.kind().as_str(),
            Self::CeremonyRequired(_) => "ceremony_required",
            Self::CeremonyRefused(refusal) => refusal.as_str(),
            Self::AuditUnavailable => "audit_unavailable",
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::AuditUnavailable | Self::OperationsStopped | Self::BudgetExhausted(_) => true,
            Self::SourceFailed(failure) => failure.kind().is_outage(),
            Self::CeremonyRefused(refusal) => refusal.is_retryable(),
            _ => false,
        }
    }
}

impl fmt::Display for OperationErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CapabilityMissing(operation) => write!(
                f,
                "`{operation}` takes the capability {}, which the caller's scope doesn't give",
                operation.capability()
            ),
            Self::ScopeExpired(at) => write!(f, "the caller's scope ended at {at}"),
            Self::OperationsOff => f.write_str("this host can't act on devices"),
            Self::OperationsStopped => f.write_str("an operator has stopped all actions"),
            Self::OwnDevice => f.write_str("nobody wipes their own device: let somebody else ask"),
            Self::BudgetExhausted(wait) => write!(
                f,
                "too many devices were changed of late: the next can be in {} s",
                wait.as_secs().saturating_add(1)
            ),
            Self::DeviceNotFound => f.write_str("Intune has no device of that id"),
            Self::SourceFailed(failure) => failure.fmt(f),
            Self::CeremonyRequired(open) => write!(
                f,
                "somebody else must approve ceremony `{}` before {}",
                open.id, open.expires_at
            ),
            Self::CeremonyRefused(refusal) => refusal.fmt(f),
            Self::AuditUnavailable => f.write_str("the operation can't be recorded now"),
        }
    }
}
