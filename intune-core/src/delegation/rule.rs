use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{Capability, Operation};

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

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for CeremonyRule {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CeremonyRule".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let operations = Operation::ALL.map(Operation::as_str);
        let capabilities = Capability::ALL.map(Capability::as_str);
        let names: Vec<_> = operations.into_iter().chain(capabilities).collect();
        schemars::json_schema!({"type": "string", "enum": names})
    }
}
