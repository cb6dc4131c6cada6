use std::{collections::BTreeSet, fmt, str::FromStr};

use clock::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{Capability, Operation};

/// What a caller may do, and until when. What it doesn't name isn't allowed.
///
/// Capabilities don't include each other: who has `MUTATE` alone may not look. As data, unknown names and
/// fields are errors, and an expiry is required:
///
/// ```
/// use intune_core::{DelegationScope, Operation};
///
/// let scope: DelegationScope = serde_json::from_str(
///     r#"{
///         "capabilities": ["READ", "PROPOSE"],
///         "ceremony_required_for": ["sync_device", "MUTATE"],
///         "expires_at": "2026-11-23T07:00:00Z"
///     }"#,
/// )?;
/// assert!(scope.allows(Operation::SyncDevice));
/// assert!(scope.requires_ceremony(Operation::SyncDevice));
/// assert!(!scope.allows(Operation::WipeDevice));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelegationScope {
    capabilities: BTreeSet<Capability>,
    #[serde(default)]
    ceremony_required_for: BTreeSet<CeremonyRule>,
    expires_at: Timestamp,
}

impl DelegationScope {
    /// A scope that allows nothing.
    #[must_use]
    pub const fn until(expires_at: Timestamp) -> Self {
        Self {
            capabilities: BTreeSet::new(),
            ceremony_required_for: BTreeSet::new(),
            expires_at,
        }
    }

    /// Allows the operations that take this capability.
    #[must_use]
    pub fn capability(mut self, capability: Capability) -> Self {
        self.capabilities.insert(capability);
        self
    }

    /// Requires a ceremony for an operation, or for all that take a capability.
    #[must_use]
    pub fn ceremony_required_for(mut self, rule: impl Into<CeremonyRule>) -> Self {
        self.ceremony_required_for.insert(rule.into());
        self
    }

    /// Whether the operation's capability is among those given. Says nothing about expiry.
    #[must_use]
    pub fn allows(&self, operation: Operation) -> bool {
        self.capabilities.contains(&operation.capability())
    }

    /// Whether the scope asks for a ceremony; a connector may ask for more.
    #[must_use]
    pub fn requires_ceremony(&self, operation: Operation) -> bool {
        let mut rules = self.ceremony_required_for.iter();
        rules.any(|rule| rule.covers(operation))
    }

    /// Whether it is over.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// When it ends: the first instant at which nothing is allowed any more.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// What needs a ceremony: an operation, or every operation that takes a capability. Written as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CeremonyRule {
    /// This operation.
    Operation(Operation),
    /// Every operation that takes this capability.
    Capability(Capability),
}

impl CeremonyRule {
    /// Whether the rule applies to this operation.
    #[must_use]
    pub fn covers(self, operation: Operation) -> bool {
        match self {
            Self::Operation(named) => named == operation,
            Self::Capability(capability) => capability == operation.capability(),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Operation(operation) => operation.as_str(),
            Self::Capability(capability) => capability.as_str(),
        }
    }
}

impl From<Operation> for CeremonyRule {
    fn from(operation: Operation) -> Self {
        Self::Operation(operation)
    }
}

impl From<Capability> for CeremonyRule {
    fn from(capability: Capability) -> Self {
        Self::Capability(capability)
    }
}

/// A text that names neither an operation nor a capability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such operation or capability; known are list_devices, get_device, get_compliance, \
     sync_device, remote_lock, retire_device, wipe_device, READ, PROPOSE, MUTATE"
)]
pub struct ParseCeremonyRuleError(());

impl FromStr for CeremonyRule {
    type Err = ParseCeremonyRuleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let operation = text.parse().map(Self::Operation);
        let rule = operation.or_else(|_| text.parse().map(Self::Capability));
        rule.map_err(|_| ParseCeremonyRuleError(()))
    }
}

impl fmt::Display for CeremonyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for CeremonyRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CeremonyRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
