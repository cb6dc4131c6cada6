use std::time::Duration;

use intune_core::ComplianceState;

/// What a required device must fulfil beyond its state, and what happens when that can't be found out.
///
/// The defaults: grace periods count until they expire, no other state than compliant is let through, the
/// device's own check-in may be of any age and its user anybody, an outage of the source denies, and so
/// does a record that can't be kept.
///
/// ```
/// use std::time::Duration;
/// use compliance_gate::{Conditions, OnOutage};
///
/// let conditions = Conditions::new()
///     .max_check_in_age(Duration::from_secs(7 * 24 * 3600))
///     .bind_subject(true)
///     .on_outage(OnOutage::LastKnownGood { max_age: Duration::from_secs(600) });
/// # let _ = conditions;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    pub(crate) max_check_in_age: Option<Duration>,
    pub(crate) bind_subject: bool,
    pub(crate) grace: Grace,
    pub(crate) tolerated: Tolerated,
    pub(crate) on_outage: OnOutage,
    pub(crate) on_audit_failure: OnAuditFailure,
}

impl Conditions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Denies a device whose last check-in is older, or not known.
    #[must_use]
    pub const fn max_check_in_age(mut self, age: Duration) -> Self {
        self.max_check_in_age = Some(age);
        self
    }

    /// Denies a device whose user is not the token's `oid`.
    #[must_use]
    pub const fn bind_subject(mut self, bind: bool) -> Self {
        self.bind_subject = bind;
        self
    }

    /// Sets what a grace period is worth.
    #[must_use]
    pub const fn grace(mut self, grace: Grace) -> Self {
        self.grace = grace;
        self
    }

    /// Lets a state through that is denied by default.
    ///
    /// It has no effect on an [`Unrecognized`](ComplianceState::Unrecognized) state, which is always denied,
    /// nor on states that have rules of their own ([`grace`](Self::grace)).
    #[must_use]
    pub const fn tolerate(mut self, state: ComplianceState) -> Self {
        self.tolerated = self.tolerated.with(state);
        self
    }

    /// Sets what happens when the source can't answer.
    #[must_use]
    pub const fn on_outage(mut self, rule: OnOutage) -> Self {
        self.on_outage = rule;
        self
    }

    /// Sets what happens when a decision can't be recorded.
    #[must_use]
    pub const fn on_audit_failure(mut self, rule: OnAuditFailure) -> Self {
        self.on_audit_failure = rule;
        self
    }
}

/// What a grace period is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// The device counts until so long before its grace period expires.
    UntilExpiry {
        /// How much of the grace period must be left.
        min_remaining: Duration,
    },
    /// Nothing: a device in grace is denied.
    Deny,
}

impl Default for Grace {
    fn default() -> Self {
        Self::UntilExpiry {
            min_remaining: Duration::ZERO,
        }
    }
}

/// What happens when the source can't answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnOutage {
    /// Deny.
    #[default]
    Deny,
    /// Decide by the last observation, if the source is down, slow or busy. A source that refuses us, or
    /// answers nonsense, is no outage.
    LastKnownGood {
        /// An observation older than this won't do.
        max_age: Duration,
    },
}

/// What happens when a decision can't be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnAuditFailure {
    /// Deny, to be tried again.
    #[default]
    Deny,
    /// Let the decision stand without a record.
    BestEffort,
}

/// The states that are let through although they are not compliant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tolerated(u8);

impl Tolerated {
    const fn bit(state: ComplianceState) -> u8 {
        match state {
            ComplianceState::Noncompliant => 1,
            ComplianceState::Conflict => 1 << 1,
            ComplianceState::Error => 1 << 2,
            ComplianceState::Unknown => 1 << 3,
            ComplianceState::ConfigManager => 1 << 4,
            ComplianceState::Compliant
            | ComplianceState::InGracePeriod
            | ComplianceState::Unrecognized(_) => 0,
        }
    }

    const fn with(self, state: ComplianceState) -> Self {
        Self(self.0 | Self::bit(state))
    }

    pub(crate) const fn contains(self, state: ComplianceState) -> bool {
        self.0 & Self::bit(state) != 0
    }
}
