use std::fmt;

use serde::{Serialize, Serializer};

/// What Intune says of a device: `complianceState` of a managed device.
///
/// The members are those of
/// [`complianceState`](https://learn.microsoft.com/graph/api/resources/intune-devices-compliancestate);
/// names are compared exactly. The service has sent undeclared members of its enumerations before, so there
/// is an arm for them, and nothing may take it for compliant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ComplianceState {
    /// `compliant`. Includes devices that no policy targets, unless the tenant is set otherwise.
    Compliant,
    /// `inGracePeriod`: not compliant, but tolerated until its grace period expires.
    InGracePeriod,
    /// `noncompliant`
    Noncompliant,
    /// `conflict`: rules contradict each other.
    Conflict,
    /// `error`: the state could not be evaluated.
    Error,
    /// `unknown`: not evaluated yet.
    Unknown,
    /// `configManager`: Configuration Manager owns the answer, not Intune.
    ConfigManager,
    /// Anything else.
    Unrecognized(UnrecognizedState),
}

impl ComplianceState {
    /// Reads the name that the service sent.
    ///
    /// ```
    /// use intune_core::ComplianceState;
    ///
    /// assert_eq!(ComplianceState::from_wire("noncompliant"), ComplianceState::Noncompliant);
    /// // The casing of another Graph enumeration, and so not a value of this one:
    /// let other = ComplianceState::from_wire("nonCompliant");
    /// assert!(matches!(other, ComplianceState::Unrecognized(_)));
    /// assert_eq!(other.as_str(), "nonCompliant");
    /// ```
    #[must_use]
    pub fn from_wire(name: &str) -> Self {
        match name {
            "compliant" => Self::Compliant,
            "inGracePeriod" => Self::InGracePeriod,
            "noncompliant" => Self::Noncompliant,
            "conflict" => Self::Conflict,
            "error" => Self::Error,
            "unknown" => Self::Unknown,
            "configManager" => Self::ConfigManager,
            _ => Self::Unrecognized(UnrecognizedState::new(name)),
        }
    }

    /// The name as the service writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Compliant => "compliant",
            Self::InGracePeriod => "inGracePeriod",
            Self::Noncompliant => "noncompliant",
            Self::Conflict => "conflict",
            Self::Error => "error",
            Self::Unknown => "unknown",
            Self::ConfigManager => "configManager",
            Self::Unrecognized(name) => name.as_str(),
        }
    }
}

impl fmt::Display for ComplianceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ComplianceState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

const CAPACITY: usize = 16;

/// The name of a state that isn't known here, for the record: its first 16 bytes, `?` for what is not
/// visible ASCII.
///
/// Kept inline so that an observation stays `Copy` without a table of names that somebody must own.
// Aligned, as an observation with bytes at odd addresses is slow to copy. Ends at the first zero, if there is one.
#[repr(align(4))]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnrecognizedState([u8; CAPACITY]);

impl UnrecognizedState {
    fn new(name: &str) -> Self {
        let mut bytes = [0; CAPACITY];
        for (kept, byte) in bytes.iter_mut().zip(name.bytes()) {
            *kept = if byte.is_ascii_graphic() { byte } else { b'?' };
        }
        Self(bytes)
    }

    /// The kept part of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let mut kept = self.0.split(|byte| *byte == 0);
        // Only ASCII was ever put in.
        str::from_utf8(kept.next().unwrap_or_default()).unwrap_or_default()
    }
}

impl fmt::Debug for UnrecognizedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
