//! What went wrong, in a form that a model can act on.

use std::time::Duration;

use intune_core::{
    CeremonyRefusal, OpenCeremony, OperationError, OperationErrorKind, SourceFailure,
    SourceFailureKind,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Answer, text::shown};
use crate::rate::seconds;

/// Why a call did nothing.
#[derive(Debug)]
pub(crate) struct ToolError(
    // Boxed, so that a `Result` stays small.
    Box<Failure>,
);

/// What a caller is told of it. None of its texts is the service's.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Failure {
    /// What kind of failure it is.
    error: ErrorKind,
    /// A code for why, such as `noncompliant` or `capability_missing`.
    reason: String,
    /// What is wrong.
    message: String,
    /// What to do about it.
    what_to_do: String,
    /// Whether the same call may do better later, though nobody changes anything.
    retryable: bool,
    /// The id under which the refusal is on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    invocation_id: Option<String>,
    /// The ceremony that must be approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    ceremony_id: Option<String>,
    /// When that ceremony ends, approved or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    expires_at: Option<String>,
    /// How long to wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u64>,
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ErrorKind {
    /// Somebody else must approve first.
    CeremonyRequired,
    /// It isn't allowed.
    Denied,
    /// There were too many requests.
    Throttled,
    /// It can't be done now, or not by this server.
    Unavailable,
    /// There is no such device.
    NotFound,
    /// The arguments aren't what the input schema says.
    InvalidArguments,
}

impl ToolError {
    fn new(
        error: ErrorKind,
        reason: &str,
        message: impl Into<String>,
        what_to_do: impl Into<String>,
    ) -> Self {
        Self(Box::new(Failure {
            error,
            reason: reason.to_owned(),
            message: message.into(),
            what_to_do: what_to_do.into(),
            retryable: false,
            invocation_id: None,
            ceremony_id: None,
            expires_at: None,
            retry_after_seconds: None,
        }))
    }

    fn after(mut self, wait: Option<Duration>) -> Self {
        self.0.retryable = true;
        self.0.retry_after_seconds = wait.map(seconds);
        self
    }

    pub(crate) fn reason(&self) -> &str {
        &self.0.reason
    }

    /// `message` says which argument, and what it must be.
    pub(super) fn invalid(message: String) -> Self {
        let todo = "Correct the arguments and call again.";
        Self::new(
            ErrorKind::InvalidArguments,
            "invalid_arguments",
            message,
            todo,
        )
    }

    pub(super) fn foreign_cursor() -> Self {
        Self::new(
            ErrorKind::InvalidArguments,
            "invalid_cursor",
            "`cursor` is not one that this server gave for these filters, or it is over",
            "Give `next_cursor` back as it came, with the same filters, or begin again without `cursor`.",
        )
    }

    pub(super) fn unavailable(reason: &str, wait: Option<Duration>) -> Self {
        let message = "the operation can't be carried out now; nothing was sent";
        let todo = "Try again later. If it stays so, tell the operator of this server the reason.";
        Self::new(ErrorKind::Unavailable, reason, message, todo).after(wait)
    }

    /// The call ended without an answer.
    pub(super) fn interrupted() -> Self {
        let message = "the call ended without an answer";
        let todo = "If it was to change a device, look at that first: it may have been sent. Tell the \
                    operator of this server.";
        Self::new(ErrorKind::Unavailable, "interrupted", message, todo)
    }

    /// The caller came too often.
    pub(crate) fn too_often(wait: Duration) -> Self {
        let message = "there were too many calls; nothing was sent";
        let todo = "Wait for `retry_after_seconds`, then call again, and less often.";
        Self::new(ErrorKind::Throttled, "rate_limited", message, todo).after(Some(wait))
    }

    /// The gate wouldn't let the caller in now.
    pub(super) fn not_readmitted(reason: &str, wait: Option<Duration>) -> Self {
        let message = "the device that the caller works from isn't trusted now; nothing was sent";
        let todo = match wait {
            Some(_) => "Wait for `retry_after_seconds`, then call again.",
            None => {
                "Don't repeat the call. The user must bring the device they work from back into \
                 compliance, and get a new Authorization Context."
            }
        };
        let error = Self::new(ErrorKind::Denied, &shown(reason), message, todo);
        match wait {
            Some(_) => error.after(wait),
            None => error,
        }
    }

    fn ceremony_required(open: OpenCeremony) -> Self {
        let mut error = Self::new(
            ErrorKind::CeremonyRequired,
            "ceremony_required",
            "somebody else must approve this first; nothing was sent",
            "Tell the user the `ceremony_id`, so that another person approves it before `expires_at`. \
             Then repeat the same call with `ceremony_id`.",
        );
        error.0.ceremony_id = Some(open.id.to_string());
        error.0.expires_at = Some(open.expires_at.to_string());
        error
    }

    fn ceremony_refused(refusal: CeremonyRefusal) -> Self {
        let todo = match refusal {
            CeremonyRefusal::Unavailable => return Self::unavailable(refusal.as_str(), None),
            CeremonyRefusal::Pending => {
                "Wait until another person has approved it, then repeat the same call."
            }
            CeremonyRefusal::Denied => {
                "Don't repeat the call: the approver said no. Tell the user."
            }
            CeremonyRefusal::TooMany => "Wait until some are decided, then call again.",
            CeremonyRefusal::ReadOnly => "Tell the operator of this server the reason.",
            _ => "Repeat the call without `ceremony_id` to open a ceremony for exactly this.",
        };
        let message = refusal.to_string();
        let mut error = Self::new(ErrorKind::Denied, refusal.as_str(), message, todo);
        error.0.retryable = refusal.is_retryable();
        error
    }

    fn source_failed(failure: &SourceFailure) -> Self {
        let (kind, wait) = (failure.kind(), failure.retry_after());
        if kind == SourceFailureKind::Throttled {
            let message = "Intune asks for fewer requests; nothing was sent";
            let todo = "Wait for `retry_after_seconds`, or some minutes, then call again.";
            let error = Self::new(ErrorKind::Throttled, kind.as_str(), message, todo);
            return error.after(wait);
        }
        let mut error = Self::unavailable(kind.as_str(), wait);
        error.0.retryable = kind.is_outage();
        error
    }

    fn denied(kind: &OperationErrorKind) -> Self {
        let todo = match kind {
            OperationErrorKind::CapabilityMissing(operation) => format!(
                "Get an Authorization Context whose scope gives {}, if the user may have one.",
                operation.capability()
            ),
            OperationErrorKind::OwnDevice => "Let somebody else ask for it.".to_owned(),
            OperationErrorKind::ScopeExpired(_) => "Get a new Authorization Context.".to_owned(),
            _ => "Tell the operator of this server the reason.".to_owned(),
        };
        Self::new(ErrorKind::Denied, kind.as_str(), kind.to_string(), todo)
    }
}

impl From<OperationError> for ToolError {
    fn from(error: OperationError) -> Self {
        let kind = error.kind();
        let mut told = match kind {
            OperationErrorKind::CeremonyRequired(open) => Self::ceremony_required(*open),
            OperationErrorKind::CeremonyRefused(refusal) => Self::ceremony_refused(*refusal),
            OperationErrorKind::SourceFailed(failure) => Self::source_failed(failure),
            OperationErrorKind::AuditUnavailable => Self::unavailable(kind.as_str(), None),
            OperationErrorKind::DeviceNotFound => Self::new(
                ErrorKind::NotFound,
                kind.as_str(),
                "Intune has no device of that id; nothing was sent",
                "Look for the device with `list_devices`, and give its `managed_device_id`.",
            ),
            OperationErrorKind::OperationsStopped => Self::unavailable(kind.as_str(), None),
            OperationErrorKind::BudgetExhausted(wait) => Self::new(
                ErrorKind::Throttled,
                kind.as_str(),
                "too many devices were changed of late; nothing was sent",
                "Wait for `retry_after_seconds`, then call again.",
            )
            .after(Some(*wait)),
            _ => Self::denied(kind),
        };
        told.0.invocation_id = Some(error.invocation().to_string());
        told
    }
}

impl From<ToolError> for Answer {
    fn from(error: ToolError) -> Self {
        let text = format!("Not done: {}. {}", error.0.message, error.0.what_to_do);
        Self::new(&error.0, text, true)
    }
}
