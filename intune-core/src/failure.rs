use std::{fmt, sync::Arc, time::Duration};

use crate::Observation;

/// Why a source could not answer. Cloned for everybody who waited for the same look-up.
///
/// It carries no URL, token, or text from a body. Whether an older observation may serve instead is for
/// policy to decide, so it rides along as [`last_known`](Self::last_known).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFailure {
    kind: SourceFailureKind,
    status: Option<u16>,
    code: Option<Arc<str>>,
    request_id: Option<Arc<str>>,
    permission: Option<Arc<str>>,
    retry_after: Option<Duration>,
    // Boxed, so that a `Result` stays small.
    last_known: Option<Box<Observation>>,
}

impl SourceFailure {
    /// A failure of this kind.
    #[must_use]
    pub const fn new(kind: SourceFailureKind) -> Self {
        Self {
            kind,
            status: None,
            code: None,
            request_id: None,
            permission: None,
            retry_after: None,
            last_known: None,
        }
    }

    /// Adds the HTTP status of the answer.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Adds the service's error code, such as `Authorization_RequestDenied`.
    #[must_use]
    pub fn with_code(mut self, code: &str) -> Self {
        self.code = Some(printable(code));
        self
    }

    /// Adds the permission that would do, such as `DeviceManagementManagedDevices.Read.All`.
    #[must_use]
    pub fn with_permission(mut self, permission: &str) -> Self {
        self.permission = Some(printable(permission));
        self
    }

    /// Adds the id of the request, which the service's support asks for.
    #[must_use]
    pub fn with_request_id(mut self, id: &str) -> Self {
        self.request_id = Some(printable(id));
        self
    }

    /// Adds how long the service asked to be left alone.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Adds the last observation of the device, however old.
    #[must_use]
    pub fn with_last_known(mut self, observation: Option<Observation>) -> Self {
        self.last_known = observation.map(Box::new);
        self
    }

    /// What kind of failure it is.
    #[must_use]
    pub const fn kind(&self) -> SourceFailureKind {
        self.kind
    }

    /// The HTTP status of the answer, if there was one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// The service's error code, if it gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The permission that the application lacks, if that is known.
    #[must_use]
    pub fn permission(&self) -> Option<&str> {
        self.permission.as_deref()
    }

    /// The id of the request: the service's, or the one that the request carried if no answer named one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// How long the service asked to be left alone, if it did.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The last observation of the device, if any is kept.
    #[must_use]
    pub fn last_known(&self) -> Option<Observation> {
        self.last_known.as_deref().copied()
    }
}

const MAX_TEXT: usize = 96;

/// Keeps what a service sent short and on one line, since it ends up in logs and records.
pub(crate) fn printable(text: &str) -> Arc<str> {
    let kept = text.chars().take(MAX_TEXT);
    kept.map(|c| if c.is_ascii_graphic() { c } else { '?' })
        .collect::<String>()
        .into()
}

impl fmt::Display for SourceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.explanation())?;
        if let Some(permission) = self.permission() {
            write!(f, ": grant it `{permission}`")?;
        }
        if let Some(status) = self.status {
            write!(f, ", HTTP status {status}")?;
        }
        if let Some(code) = self.code() {
            write!(f, ", code `{code}`")?;
        }
        if let Some(id) = self.request_id() {
            write!(f, ", request id `{id}`")?;
        }
        Ok(())
    }
}

impl std::error::Error for SourceFailure {}

/// Kinds of [`SourceFailure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceFailureKind {
    /// No access token could be had, or the service rejected it.
    CredentialRejected,
    /// The application lacks a permission.
    PermissionMissing,
    /// Intune holds the request for a second administrator:
    /// [Multi Admin Approval](https://learn.microsoft.com/intune/intune-service/fundamentals/multi-admin-approval).
    /// Not done, and not refused either.
    ApprovalRequired,
    /// Intune refuses the tenant: no licence, or not set up.
    LicenceMissing,
    /// The service asks for fewer requests.
    Throttled,
    /// The service can't be reached or is failing.
    Unavailable,
    /// No answer in time.
    TimedOut,
    /// The answer is not what the protocol says, or too large.
    MalformedAnswer,
    /// The service refused the request for another reason.
    Refused,
    /// The look-up ended without an answer: its task was cancelled or failed.
    Interrupted,
}

impl SourceFailureKind {
    /// The name used in records, such as `throttled`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CredentialRejected => "credential_rejected",
            Self::PermissionMissing => "permission_missing",
            Self::ApprovalRequired => "approval_required",
            Self::LicenceMissing => "licence_missing",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed_out",
            Self::MalformedAnswer => "malformed_answer",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
        }
    }

    /// Whether the service itself was down, slow or busy, rather than refusing us or answering wrongly.
    #[must_use]
    pub const fn is_outage(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::TimedOut)
    }

    const fn explanation(self) -> &'static str {
        match self {
            Self::CredentialRejected => "the service rejected our credential",
            Self::PermissionMissing => "the application lacks a permission for this request",
            Self::ApprovalRequired => {
                "the tenant holds the request for Multi Admin Approval by another administrator"
            }
            Self::LicenceMissing => "Intune refuses this tenant: check its licence",
            Self::Throttled => "the service asks for fewer requests",
            Self::Unavailable => "the service is unavailable",
            Self::TimedOut => "the service did not answer in time",
            Self::MalformedAnswer => "the service's answer could not be understood",
            Self::Refused => "the service refused the request",
            Self::Interrupted => "the look-up ended without an answer",
        }
    }
}
