use std::collections::BTreeSet;

use clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CeremonyRule, given};
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
///         "operations": ["get_device", "sync_device"],
///         "ceremony_required_for": ["sync_device", "MUTATE"],
///         "delegation_depth": 1,
///         "expires_at": "2026-11-23T07:00:00Z"
///     }"#,
/// )?;
/// assert!(scope.allows(Operation::SyncDevice));
/// assert!(scope.requires_ceremony(Operation::SyncDevice));
/// assert!(!scope.allows(Operation::ListDevices));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DelegationScope {
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
    /// When it ends, as RFC 3339.
    #[cfg_attr(feature = "schemars", schemars(with = "String", extend("format" = "date-time")))]
    expires_at: Timestamp,
}

impl DelegationScope {
    /// A scope that allows nothing.
    #[must_use]
    pub const fn until(expires_at: Timestamp) -> Self {
        Self {
            capabilities: BTreeSet::new(),
            operations: None,
            ceremony_required_for: BTreeSet::new(),
            delegation_depth: 0,
            expires_at,
        }
    }

    /// Allows the operations that take this capability.
    #[must_use]
    pub fn capability(mut self, capability: Capability) -> Self {
        self.capabilities.insert(capability);
        self
    }

    /// Of what the capabilities allow, keeps only these operations, and those named so before.
    #[must_use]
    pub fn operations(mut self, only: impl IntoIterator<Item = Operation>) -> Self {
        self.operations.get_or_insert_default().extend(only);
        self
    }

    /// Sets how many times the scope may be handed on; by default it may not.
    #[must_use]
    pub const fn delegation_depth(mut self, depth: u8) -> Self {
        self.delegation_depth = depth;
        self
    }

    /// Requires a ceremony for an operation, or for all that take a capability.
    #[must_use]
    pub fn ceremony_required_for(mut self, rule: impl Into<CeremonyRule>) -> Self {
        self.ceremony_required_for.insert(rule.into());
        self
    }

    /// Whether the operation's capability is among those given, and the operation not left out. Says nothing
    /// about expiry.
    #[must_use]
    pub fn allows(&self, operation: Operation) -> bool {
        let named = self.operations.as_ref();
        self.capabilities.contains(&operation.capability())
            && named.is_none_or(|named| named.contains(&operation))
    }

    /// Whether the scope asks for a ceremony; a connector may ask for more.
    #[must_use]
    pub fn requires_ceremony(&self, operation: Operation) -> bool {
        let mut rules = self.ceremony_required_for.iter();
        rules.any(|rule| rule.covers(operation))
    }

    /// What of `wanted` this scope has: the least of both in everything, and the approvals that either asks for.
    #[must_use]
    pub fn narrowed_to(&self, wanted: &Self) -> Self {
        let operations = match (&self.operations, &wanted.operations) {
            (Some(ours), Some(theirs)) => Some(ours & theirs),
            (ours, theirs) => ours.as_ref().or(theirs.as_ref()).cloned(),
        };
        Self {
            capabilities: &self.capabilities & &wanted.capabilities,
            operations,
            ceremony_required_for: &self.ceremony_required_for | &wanted.ceremony_required_for,
            delegation_depth: self.delegation_depth.min(wanted.delegation_depth),
            expires_at: self.expires_at.min(wanted.expires_at),
        }
    }

    /// Hands the scope on: what of `wanted` this scope has, and one step less deep.
    ///
    /// # Errors
    ///
    /// The scope may not be handed on any further.
    pub fn delegate(&self, wanted: &Self) -> Result<Self, DelegationError> {
        let depth = self.delegation_depth.checked_sub(1);
        let depth = depth.ok_or(DelegationError(()))?;
        let narrowed = self.narrowed_to(wanted);
        Ok(Self {
            delegation_depth: depth.min(wanted.delegation_depth),
            ..narrowed
        })
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

/// A scope that may not be handed on was to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scope may not be handed on any further")]
pub struct DelegationError(());
