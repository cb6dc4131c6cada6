use std::{fmt, sync::Arc, time::Duration};

use clock::{Moment, Timestamp};
use intune_core::{EntraDeviceId, Finding, Observation, SourceFailure};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use uuid::Uuid;

use crate::EffectivePolicy;

/// Whether authority may be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It may.
    Allow,
    /// It may not. Also the answer to everything that went wrong on the way to one.
    Deny,
}

impl Outcome {
    /// The name in answers and records: `allow`, `deny`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

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

/// The id of a decision: a UUID, version 7.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DecisionId(Uuid);

impl DecisionId {
    pub(crate) fn generate(now: Timestamp) -> Self {
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
        Self(Uuid::new_v7(uuid::Timestamp::from_unix(
            uuid::NoContext,
            millis / 1000,
            nanos,
        )))
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecisionId({})", self.0)
    }
}

impl Serialize for DecisionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The gate's answer: an outcome, the reason for it, and what it was decided by.
///
/// It serialises as what a caller may see: `{"id","outcome","reason","retryable","served"?,"enforced","would"?}`.
#[derive(Clone, Debug)]
#[must_use]
pub struct Decision {
    pub(crate) id: DecisionId,
    pub(crate) made_at: Moment,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Reason,
    pub(crate) would: Option<Outcome>,
    pub(crate) device: Option<EntraDeviceId>,
    pub(crate) observation: Option<Observation>,
    pub(crate) failure: Option<SourceFailure>,
    pub(crate) valid_until: Option<Timestamp>,
    pub(crate) policy: Arc<EffectivePolicy>,
}

impl Decision {
    /// The decision's id, by which its record is found.
    #[must_use]
    pub const fn id(&self) -> DecisionId {
        self.id
    }

    /// When it was made.
    #[must_use]
    pub const fn made_at(&self) -> Timestamp {
        self.made_at.wall
    }

    /// Whether authority may be issued.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Whether authority may be issued, as a condition.
    #[must_use]
    pub fn is_allow(&self) -> bool {
        self.outcome == Outcome::Allow
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Whether the policy bound. If not, [`would`](Self::would) says what it would have done.
    #[must_use]
    pub const fn is_enforced(&self) -> bool {
        self.would.is_none()
    }

    /// What the outcome would have been, had the policy been enforced.
    #[must_use]
    pub const fn would(&self) -> Option<Outcome> {
        self.would
    }

    /// How long to wait before the same request may fare better; `None` if waiting alone won't help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        const DEFAULT: Duration = Duration::from_secs(5);
        let asked = self.failure.as_ref().and_then(SourceFailure::retry_after);
        self.is_retryable().then(|| asked.unwrap_or(DEFAULT))
    }

    /// Whether it is a deny that may turn out otherwise soon, though nobody changes anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.outcome == Outcome::Deny && self.reason.is_retryable()
    }

    /// The end of what the decision relied on: authority must not outlive it.
    #[must_use]
    pub const fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// The policy it was decided by.
    #[must_use]
    pub fn policy(&self) -> &EffectivePolicy {
        &self.policy
    }

    /// What went wrong with the source, if anything did; for the operator, not for the caller.
    #[must_use]
    pub const fn source_failure(&self) -> Option<&SourceFailure> {
        self.failure.as_ref()
    }

    /// What is known of the device, to go onto the authority that is issued.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence<'_>> {
        let (Some(device), Some(observation)) = (self.device, self.observation) else {
            return None;
        };
        match observation.finding {
            Finding::Device(_) => Some(Evidence {
                decision: self,
                device,
                observation,
            }),
            Finding::NotFound | Finding::Conflicting { .. } => None,
        }
    }
}

impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Decision", 7)?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("outcome", &self.outcome)?;
        fields.serialize_field("reason", self.reason.as_str())?;
        fields.serialize_field("retryable", &self.is_retryable())?;
        if let Some(observation) = &self.observation {
            fields.serialize_field("served", observation.served.as_str())?;
        }
        fields.serialize_field("enforced", &self.is_enforced())?;
        if let Some(would) = &self.would {
            fields.serialize_field("would", would)?;
        }
        fields.end()
    }
}

/// What a decision knew of the device, as it goes onto an Authorization Context.
///
/// It serialises as `{"decision_id","entra_device_id","managed_device_id","state","observed_at","age_ms",
/// "last_check_in"?,"grace_expires_at"?,"served","policy_digest"}`; times are RFC 3339.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    decision: &'a Decision,
    device: EntraDeviceId,
    observation: Observation,
}

impl Serialize for Evidence<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Evidence", 10)?;
        fields.serialize_field("decision_id", &self.decision.id)?;
        fields.serialize_field("entra_device_id", &self.device)?;
        if let Finding::Device(found) = &self.observation.finding {
            fields.serialize_field("managed_device_id", &found.managed_device_id)?;
            fields.serialize_field("state", &found.state)?;
            if let Some(check_in) = &found.last_check_in {
                fields.serialize_field("last_check_in", check_in)?;
            }
            if let Some(expiry) = grace_expiry(found) {
                fields.serialize_field("grace_expires_at", &expiry)?;
            }
        }
        let observed_at = self.observation.observed_at;
        fields.serialize_field("observed_at", &observed_at.wall)?;
        fields.serialize_field("age_ms", &age_ms(self.decision.made_at, observed_at))?;
        fields.serialize_field("served", self.observation.served.as_str())?;
        fields.serialize_field("policy_digest", self.decision.policy.digest())?;
        fields.end()
    }
}

/// A grace expiry means something only in grace: elsewhere it is a sentinel.
pub(crate) fn grace_expiry(found: &intune_core::DeviceCompliance) -> Option<Timestamp> {
    (found.state == intune_core::ComplianceState::InGracePeriod)
        .then_some(found.grace_expires_at)
        .flatten()
}

pub(crate) fn age_ms(now: Moment, observed_at: Moment) -> u64 {
    u64::try_from(now.since(observed_at).as_millis()).unwrap_or(u64::MAX)
}
