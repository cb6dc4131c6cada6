use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal;)*) => {
        /// Why a decision came out as it did. Exhaustive, so that a host's match breaks when one is added.
        ///
        /// Of each: what it says, and what an operator does about it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code in answers and records, such as `device_not_found`. Codes don't change.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }
    };
}

reasons! {
    /// The gate is off, or the template's mode is. Set `INTUNE_ENABLED`, or `mode`, if it is not to be.
    NotEnabled = "not_enabled";
    /// The template is not in the policy, which denies those. List it, or mind its spelling.
    UnknownTemplate = "unknown_template";
    /// The policy requires no compliance. Set `device_compliance_required` if it should.
    NotRequired = "not_required";
    /// The token's device claim can't be one, or is not its issuer's to make, or not confirmed. Check the issuer's rule
    /// and its claim mapping; from an issuer that is set up well, look into who made the token.
    InvalidDeviceIdentity = "invalid_device_identity";
    /// The token names no device. Sign in on a registered device, by its broker; agents: see `delegates`.
    NoDeviceIdentity = "no_device_identity";
    /// The device's compliance could not be found out. Read the record's `source_error`; see `on_outage`.
    SourceUnavailable = "source_unavailable";
    /// No record has the device's id. Enrol the device in Intune.
    DeviceNotFound = "device_not_found";
    /// The device's records contradict each other. Remove the records of earlier enrolments in Intune.
    ConflictingRecords = "conflicting_records";
    /// A retire, wipe or delete of the device is pending or issued. Nothing: enrol it again once it is done.
    DeviceBeingRemoved = "device_being_removed";
    /// The device's user is not the token's. Set its primary user in Intune; if it is right, ask who signed in.
    SubjectMismatch = "subject_mismatch";
    /// The device hasn't checked in for longer than the policy allows. Sync it.
    DeviceStale = "device_stale";
    /// The device is compliant. Nothing.
    Compliant = "compliant";
    /// The device is within its grace period. Have it put right before that expires.
    InGracePeriod = "in_grace_period";
    /// The device is not compliant, or its grace period is over. Intune's portal says which rule it breaks.
    Noncompliant = "noncompliant";
    /// Compliance rules contradict each other. Mend the policies in Intune that target it.
    Conflict = "conflict";
    /// Intune could not evaluate the device. Its entry in Intune has an error code.
    Error = "error";
    /// Intune has not evaluated the device. Sync it, and wait.
    Unknown = "unknown";
    /// Configuration Manager owns the device's compliance. Move that workload to Intune, or see `states`.
    ConfigManager = "config_manager";
    /// Intune sent a state that isn't known here. Update this crate; until then it stays denied.
    UnrecognizedState = "unrecognized_state";
    /// The decision could not be recorded. Mend the Chronicle's store.
    AuditUnavailable = "audit_unavailable";
    /// A break-glass entry let the person in; the record says what the table said. Look into each use.
    BreakGlass = "break_glass";
}

impl Reason {
    /// Whether the same request may fare better soon, though nobody changes anything.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::SourceUnavailable | Self::AuditUnavailable)
    }

    /// Whether a break-glass entry turns a deny for this reason into an allow.
    ///
    /// Not where the reason tells of a token or device in wrong hands, where the policy doesn't know what is asked for,
    /// and where the use could not be recorded.
    #[must_use]
    pub const fn yields_to_break_glass(self) -> bool {
        match self {
            Self::NoDeviceIdentity
            | Self::SourceUnavailable
            | Self::DeviceNotFound
            | Self::ConflictingRecords
            | Self::DeviceStale
            | Self::InGracePeriod
            | Self::Noncompliant
            | Self::Conflict
            | Self::Error
            | Self::Unknown
            | Self::ConfigManager
            | Self::UnrecognizedState => true,
            Self::InvalidDeviceIdentity
            | Self::DeviceBeingRemoved
            | Self::SubjectMismatch
            | Self::UnknownTemplate
            | Self::AuditUnavailable
            | Self::NotEnabled
            | Self::NotRequired
            | Self::Compliant
            | Self::BreakGlass => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a code.
impl std::str::FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, UnknownReason> {
        let mut all = Self::ALL.iter().copied();
        all.find(|reason| reason.as_str() == code)
            .ok_or(UnknownReason(()))
    }
}

/// A text that is no reason's code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such reason")]
pub struct UnknownReason(());
