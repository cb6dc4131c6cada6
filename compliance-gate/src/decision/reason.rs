use std::fmt;

/// Why a decision came out as it did. Exhaustive, so that a host's match breaks when one is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The gate is off.
    NotEnabled,
    /// The template is not in the policy, which denies those.
    UnknownTemplate,
    /// The policy requires no compliance.
    NotRequired,
    /// The token's device claim can't be one, or is not its issuer's to make.
    InvalidDeviceIdentity,
    /// The token names no device.
    NoDeviceIdentity,
    /// The device's compliance could not be found out.
    SourceUnavailable,
    /// No record has the device's id.
    DeviceNotFound,
    /// The device's records contradict each other.
    ConflictingRecords,
    /// A retire, wipe or delete of the device is pending or issued.
    DeviceBeingRemoved,
    /// The device's user is not the token's.
    SubjectMismatch,
    /// The device hasn't checked in for longer than the policy allows.
    DeviceStale,
    /// The device is compliant.
    Compliant,
    /// The device is within its grace period.
    InGracePeriod,
    /// The device is not compliant, or its grace period is over.
    Noncompliant,
    /// Compliance rules contradict each other.
    Conflict,
    /// Intune could not evaluate the device.
    Error,
    /// Intune has not evaluated the device.
    Unknown,
    /// Configuration Manager owns the device's compliance.
    ConfigManager,
    /// Intune sent a state that isn't known here.
    UnrecognizedState,
    /// The decision could not be recorded.
    AuditUnavailable,
}

impl Reason {
    /// The code in answers and records, such as `device_not_found`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotEnabled => "not_enabled",
            Self::UnknownTemplate => "unknown_template",
            Self::NotRequired => "not_required",
            Self::InvalidDeviceIdentity => "invalid_device_identity",
            Self::NoDeviceIdentity => "no_device_identity",
            Self::SourceUnavailable => "source_unavailable",
            Self::DeviceNotFound => "device_not_found",
            Self::ConflictingRecords => "conflicting_records",
            Self::DeviceBeingRemoved => "device_being_removed",
            Self::SubjectMismatch => "subject_mismatch",
            Self::DeviceStale => "device_stale",
            Self::Compliant => "compliant",
            Self::InGracePeriod => "in_grace_period",
            Self::Noncompliant => "noncompliant",
            Self::Conflict => "conflict",
            Self::Error => "error",
            Self::Unknown => "unknown",
            Self::ConfigManager => "config_manager",
            Self::UnrecognizedState => "unrecognized_state",
            Self::AuditUnavailable => "audit_unavailable",
        }
    }

    /// Whether the same request may fare better soon, though nobody changes anything.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::SourceUnavailable | Self::AuditUnavailable)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
