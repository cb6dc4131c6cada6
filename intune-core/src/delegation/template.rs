use std::collections::BTreeSet;

use clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CeremonyRule, DelegationScope, given};
use crate::{Capability, Operation};

/// The scope that an accord gives by default: a [`DelegationScope`] that doesn't know yet when it ends.
///
/// ```
/// use intune_core::{Operation, ScopeTemplate};
///
/// let template: ScopeTemplate = serde_json::from_str(r#"{"capabilities": ["READ"]}"#)?;
/// let scope = template.until("2026-11-23T07:00:00Z".parse()?);
/// assert!(scope.allows(Operation::GetDevice));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ScopeTemplate {
    /// What the caller may do at all.
    capabilities: BTreeSet<Capability>,
    /// Of that, only these operations; all, if absent.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schemars", schemars(with = "BTreeSet<Operation>"))]
    operations: Option<BTreeSet<Operation>>,
    /// What takes an approval: operations, or capabilities.
    #[serde(default)]
    ceremony_required_for: BTreeSet<CeremonyRule>,
    /// How many times the scope may be handed on.
    #[serde(default)]
    delegation_depth: u8,
}

impl ScopeTemplate {
    /// Looking, and nothing else.
    #[must_use]
    pub fn read_only() -> Self {
        Self {
            capabilities: BTreeSet::from([Capability::Read]),
            ..Self::default()
        }
    }

    /// For production: everything, and an approval for all that takes `MUTATE`.
    #[must_use]
    pub fn production() -> Self {
        Self {
            capabilities: BTreeSet::from(Capability::ALL),
            ceremony_required_for: BTreeSet::from([Capability::Mutate.into()]),
            ..Self::default()
        }
    }

    /// The scope, for a grant that ends at this time.
    #[must_use]
    pub fn until(&self, expires_at: Timestamp) -> DelegationScope {
        let none = DelegationScope::until(expires_at).delegation_depth(self.delegation_depth);
        let scope = self
            .capabilities
            .iter()
            .copied()
            .fold(none, DelegationScope::capability);
        let scope = match &self.operations {
            Some(only) => scope.operations(only.iter().copied()),
            None => scope,
        };
        let rules = self.ceremony_required_for.iter().copied();
        rules.fold(scope, DelegationScope::ceremony_required_for)
    }
}
