//! The gate's answer, and what it consists of.

mod evidence;
mod http;
mod id;
mod reason;

use std::time::Duration;

use clock::{Moment, Timestamp};
use intune_core::{
    Capability, DelegationScope, EntraDeviceId, Finding, Observation, SourceFailure,
};
use serde::{Deserialize, Serialize, Serializer};

use crate::{DeviceOf, EffectivePolicy, Mode, Policy, decide::Ruling, policy::Held};

pub use evidence::Evidence;
pub(crate) use evidence::{age_ms, grace_expiry};
pub use http::HttpAnswer;
pub use id::DecisionId;
pub use reason::{Reason, UnknownReason};

/// Whether authority may be issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// The gate's answer: an outcome, the reason for it, and what it was decided by.
///
/// It serialises as what a caller may see: `{"id","outcome","reason","retryable","served"?,"enforced","would"?}`.
#[derive(Clone, Debug)]
#[must_use]
pub struct Decision {
    pub(crate) said: Said,
    /// The table's reason, where `reason` is another.
    pub(crate) would_reason: Option<Reason>,
    pub(crate) device: Option<EntraDeviceId>,
    pub(crate) device_of: DeviceOf,
    pub(crate) observation: Option<Observation>,
    /// Boxed: hardly any decision has one, and all are moved.
    pub(crate) failure: Option<Box<SourceFailure>>,
    pub(crate) policy: Held,
}

/// What a decision says, without what it was decided by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) id: DecisionId,
    pub(crate) made_at: Moment,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Reason,
    pub(crate) would: Option<Outcome>,
    pub(crate) valid_until: Option<Timestamp>,
}

impl Said {
    /// What the table ruled, as far as the policy's mode lets it take effect.
    #[inline]
    pub(crate) fn new(ruling: Ruling, settings: &Policy, made_at: Moment) -> Self {
        let reported = settings.mode == Mode::ReportOnly;
        Self {
            id: DecisionId::generate(made_at.wall),
            made_at,
            outcome: match reported {
                true => Outcome::Allow,
                false => ruling.outcome,
            },
            reason: ruling.reason,
            would: reported.then_some(ruling.outcome),
            valid_until: ruling.valid_until,
        }
    }
}

impl Decision {
    /// The decision's id, by which its record is found.
    #[must_use]
    pub const fn id(&self) -> DecisionId {
        self.said.id
    }

    /// When it was made.
    #[must_use]
    pub const fn made_at(&self) -> Timestamp {
        self.said.made_at.wall
    }

    /// Whether authority may be issued.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.said.outcome
    }

    /// Whether authority may be issued, as a condition.
    #[must_use]
    pub fn is_allow(&self) -> bool {
        self.said.outcome == Outcome::Allow
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.said.reason
    }

    /// Whether the policy bound: it only reports, or was broken by an entry, if not. Then
    /// [`would`](Self::would) says what it would have done.
    #[must_use]
    pub const fn is_enforced(&self) -> bool {
        self.said.would.is_none()
    }

    /// What the outcome would have been, had the policy been enforced.
    #[must_use]
    pub const fn would(&self) -> Option<Outcome> {
        self.said.would
    }

    /// Why the outcome would have been that, where [`reason`](Self::reason) doesn't say: the table's reason, if a
    /// break-glass entry was used.
    #[must_use]
    pub const fn would_reason(&self) -> Option<Reason> {
        self.would_reason
    }

    /// Whose device it was judged by.
    #[must_use]
    pub const fn device_of(&self) -> DeviceOf {
        self.device_of
    }

    /// What authority that is issued may give at most: `READ` and `PROPOSE`, if a break-glass entry was used; no limit,
    /// if `None`.
    #[must_use]
    pub fn capability_limit(&self) -> Option<&'static [Capability]> {
        const BROKEN: &[Capability] = &[Capability::Read, Capability::Propose];
        (self.said.reason == Reason::BreakGlass).then_some(BROKEN)
    }

    /// The delegation scope for authority that is issued and ends at `expires_at`: what the template gives by default,
    /// within [`capability_limit`](Self::capability_limit).
    ///
    /// It ends with [`valid_until`](Self::valid_until) at the latest. A deny gives nothing, and neither does an allow
    /// without a look at any device, but for a break-glass entry; which can't be handed on.
    #[must_use]
    pub fn delegation_scope(&self, expires_at: Timestamp) -> DelegationScope {
        let expires_at = self
            .valid_until()
            .map_or(expires_at, |until| expires_at.min(until));
        let nothing = DelegationScope::until(expires_at);
        if !self.is_allow() {
            return nothing;
        }
        let scope = self.policy.delegation_scope().until(expires_at);
        match self.capability_limit() {
            Some(limit) => {
                let limit = limit.iter().copied();
                scope.narrowed_to(&limit.fold(nothing, DelegationScope::capability))
            }
            None if self.evidence().is_some() => scope,
            None => nothing,
        }
    }

    /// How long to wait before the same request may fare better; `None` if waiting alone won't help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        const DEFAULT: Duration = Duration::from_secs(5);
        let asked = self.source_failure().and_then(SourceFailure::retry_after);
        self.is_retryable().then(|| asked.unwrap_or(DEFAULT))
    }

    /// Whether it is a deny that may turn out otherwise soon, though nobody changes anything.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.said.outcome == Outcome::Deny && self.said.reason.is_retryable()
    }

    /// The end of what the decision relied on: authority must not outlive it.
    #[must_use]
    pub const fn valid_until(&self) -> Option<Timestamp> {
        self.said.valid_until
    }

    /// The policy it was decided by.
    #[must_use]
    pub fn policy(&self) -> &EffectivePolicy {
        &self.policy
    }

    /// What went wrong with the source, if anything did; for the operator, not for the caller.
    #[must_use]
    pub const fn source_failure(&self) -> Option<&SourceFailure> {
        match &self.failure {
            Some(failure) => Some(failure),
            None => None,
        }
    }

    /// What is known of the device, to go onto the authority that is issued.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence<'_>> {
        let (Some(device), Some(observation)) = (self.device, self.observation) else {
            return None;
        };
        match observation.finding {
            Finding::Device(found) => Some(Evidence {
                decision: self,
                device,
                observation,
                found,
            }),
            Finding::NotFound | Finding::Conflicting { .. } => None,
        }
    }
}

impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Visible {
            id: DecisionId,
            outcome: Outcome,
            reason: &'static str,
            retryable: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            served: Option<&'static str>,
            enforced: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            would: Option<Outcome>,
        }

        let visible = Visible {
            id: self.said.id,
            outcome: self.said.outcome,
            reason: self.said.reason.as_str(),
            retryable: self.is_retryable(),
            served: self
                .observation
                .map(|observation| observation.served.as_str()),
            enforced: self.is_enforced(),
            would: self.said.would,
        };
        visible.serialize(serializer)
    }
}
