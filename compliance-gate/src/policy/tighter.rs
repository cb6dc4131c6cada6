//! What *tighter* means, setting by setting.

use std::{cmp::Reverse, time::Duration};

use super::{Delegates, Grace, OnAuditFailure, OnOutage, Policy, Setting};
use crate::Outcome;

impl Policy {
    /// Whether `self` is looser than `other` in any setting, as [`loosened`](Self::loosened) has it.
    #[must_use]
    pub fn is_looser_than(self, other: Self) -> bool {
        self.loosened(other).next().is_some()
    }

    /// The settings in which `self` is looser than `other`.
    ///
    /// If there is none, nothing that `other` denies is allowed by `self`, given the same device, asker and
    /// observation. Each setting is compared by itself, whether or not the others leave it an effect; only
    /// `delegates` depends on `strict`:
    ///
    /// | setting | looser |
    /// | --- | --- |
    /// | `device_compliance_required`, `strict`, `bind_subject` | `false` than `true` |
    /// | `mode` | `off` than `report_only` than `enforce` |
    /// | `max_age_seconds`, `max_check_in_age_seconds` | more than less; `"unlimited"` is the most |
    /// | `on_outage` | `last_known_good_seconds` than `"deny"`, and more than less |
    /// | `in_grace_period` | anything than `"deny"`, and less `min_remaining_seconds` than more |
    /// | the other `states` | `"allow"` than `"deny"` |
    /// | `on_audit_failure` | `"best_effort"` than `"deny"` |
    /// | `delegates` | `"delegator_device"`, where `other` is strict: it opens a way in. `"own_device"`, where `self` is permissive: it drops a check |
    pub fn loosened(self, other: Self) -> impl Iterator<Item = Setting> {
        let settings = Setting::ALL.iter().copied();
        settings.filter(move |setting| is_looser(*setting, &self, &other))
    }
}

fn is_looser(setting: Setting, this: &Policy, other: &Policy) -> bool {
    let opens = |this: Outcome, other: Outcome| this == Outcome::Allow && other == Outcome::Deny;
    match setting {
        Setting::Required => other.required && !this.required,
        Setting::Strict => other.strict && !this.strict,
        Setting::Mode => this.mode < other.mode,
        Setting::MaxAge => this.max_age > other.max_age,
        Setting::MaxCheckInAge => check_in_bound(this) > check_in_bound(other),
        Setting::OnOutage => outage_bound(this.on_outage) > outage_bound(other.on_outage),
        Setting::BindSubject => other.bind_subject && !this.bind_subject,
        Setting::Delegates => match (this.delegates, other.delegates) {
            (Delegates::DelegatorDevice, Delegates::OwnDevice) => other.strict,
            (Delegates::OwnDevice, Delegates::DelegatorDevice) => !this.strict,
            (Delegates::OwnDevice, Delegates::OwnDevice)
            | (Delegates::DelegatorDevice, Delegates::DelegatorDevice) => false,
        },
        Setting::InGracePeriod => grace_worth(this) > grace_worth(other),
        Setting::Noncompliant => opens(this.noncompliant, other.noncompliant),
        Setting::Conflict => opens(this.conflict, other.conflict),
        Setting::Error => opens(this.error, other.error),
        Setting::Unknown => opens(this.unknown, other.unknown),
        Setting::ConfigManager => opens(this.config_manager, other.config_manager),
        Setting::OnAuditFailure => {
            this.on_audit_failure == OnAuditFailure::BestEffort
                && other.on_audit_failure == OnAuditFailure::Deny
        }
    }
}

/// How old an observation may be in an outage; `None`, less than any age, if none will do.
const fn outage_bound(rule: OnOutage) -> Option<Duration> {
    match rule {
        OnOutage::Deny => None,
        OnOutage::LastKnownGood { max_age } => Some(max_age),
    }
}

/// How long ago the check-in may be. Without a bound there need be none, which is more than the longest bound allows.
fn check_in_bound(policy: &Policy) -> (bool, Duration) {
    let bound = policy.max_check_in_age;
    (bound.is_none(), bound.unwrap_or_default())
}

/// What a grace period is worth: the more, the less of it must be left; `None`, less than any, if nothing.
const fn grace_worth(policy: &Policy) -> Option<Reverse<Duration>> {
    match policy.in_grace_period {
        Grace::UntilExpiry { min_remaining } => Some(Reverse(min_remaining)),
        Grace::Deny => None,
    }
}
