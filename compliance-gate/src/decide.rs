//! The decision table. Pure: the same question has the same answer, and nothing is waited for.

use clock::{Moment, Timestamp};
use intune_core::{
    ComplianceState, DeviceCompliance, EntraDeviceId, Finding, Observation, Served, SourceFailure,
    UserId,
};

use crate::{
    Delegates, DeviceIdentity, EffectivePolicy, Grace, Mode, OnOutage, Outcome, Policy, Reason,
};

/// Who asks, as far as the table is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The device that the token names.
    pub device: DeviceIdentity,
    /// The user that the token names, `oid`.
    pub user: Option<UserId>,
    /// If an agent asks: the device of whoever it acts for, by a token of theirs.
    pub delegator: Option<DeviceIdentity>,
}

/// Whose device a decision was made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceOf {
    /// The asker's own.
    Asker,
    /// That of whoever the asker, an agent, acts for.
    Delegator,
}

impl Asker {
    /// The device to judge by, and whose it is. An agent's own comes first, and if it is invalid, it is judged as that.
    #[inline]
    #[must_use]
    pub fn judged_by(&self, policy: &Policy) -> (DeviceIdentity, DeviceOf) {
        judged_by(policy, &self.device, || self.delegator)
    }
}

#[inline]
pub(crate) fn judged_by(
    policy: &Policy,
    own: &DeviceIdentity,
    delegator: impl FnOnce() -> Option<DeviceIdentity>,
) -> (DeviceIdentity, DeviceOf) {
    if *own == DeviceIdentity::Absent
        && policy.delegates == Delegates::DelegatorDevice
        && let Some(device) = delegator()
    {
        return (device, DeviceOf::Delegator);
    }
    (*own, DeviceOf::Asker)
}

/// What is known of the device when the table is consulted.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// The source has not been asked.
    NotAsked,
    /// The source answered.
    Observed(Observation),
    /// The source failed; [`SourceFailure::last_known`] is what it said before, if anything.
    Failed(&'a SourceFailure),
}

/// What the table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A row matches.
    Decided(Verdict),
    /// No row matches before the source has been asked about this device.
    LookUp(EntraDeviceId),
}

/// The row that matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether the row allows.
    pub outcome: Outcome,
    /// The row's reason.
    pub reason: Reason,
    /// What it was decided by.
    pub observation: Option<Observation>,
    /// The end of the grace or bound that let it through.
    pub valid_until: Option<Timestamp>,
}

/// What a row says, whatever it was decided by.
///
/// The table hands these about, and not verdicts: observations are too large to be copied from hand to hand.
#[derive(Clone, Copy)]
pub(crate) struct Ruling {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Reason,
    pub(crate) valid_until: Option<Timestamp>,
}

impl Ruling {
    const fn by(self, observation: Option<Observation>) -> Verdict {
        Verdict {
            outcome: self.outcome,
            reason: self.reason,
            observation,
            valid_until: self.valid_until,
        }
    }
}

const fn ruling(outcome: Outcome, reason: Reason) -> Ruling {
    Ruling {
        outcome,
        reason,
        valid_until: None,
    }
}

const fn allow(reason: Reason) -> Ruling {
    ruling(Outcome::Allow, reason)
}

const fn deny(reason: Reason) -> Ruling {
    ruling(Outcome::Deny, reason)
}

/// Consults the decision table; the first row that matches decides.
///
/// Mode `report_only` and break-glass entries are not the table's business: the gate turns what comes out here into a
/// report, or into leave for whoever has an entry.
#[must_use]
pub fn decide(policy: &EffectivePolicy, asker: Asker, answer: Answer<'_>, now: Moment) -> Step {
    let settings = policy.policy();
    if let Some(ruling) = by_policy(settings, policy.denies_unknown_template()) {
        return Step::Decided(ruling.by(None));
    }
    let device = match asker.judged_by(settings).0 {
        DeviceIdentity::Present(device) => device,
        DeviceIdentity::Absent => return Step::Decided(by_absence(settings).by(None)),
        DeviceIdentity::Invalid => return Step::Decided(by_invalidity().by(None)),
    };
    match answer {
        Answer::NotAsked => Step::LookUp(device),
        Answer::Observed(observation) => {
            let ruling = by_observation(settings, || asker.user, &observation, now);
            Step::Decided(ruling.by(Some(observation)))
        }
        Answer::Failed(failure) => {
            let (ruling, observation) = by_failure(settings, || asker.user, failure, now);
            Step::Decided(ruling.by(observation))
        }
    }
}

/// The rows that need not even know of a device.
#[inline]
pub(crate) fn by_policy(settings: &Policy, denies_unknown_template: bool) -> Option<Ruling> {
    if settings.mode == Mode::Off {
        Some(allow(Reason::NotEnabled))
    } else if denies_unknown_template {
        Some(deny(Reason::UnknownTemplate))
    } else if !settings.required {
        Some(allow(Reason::NotRequired))
    } else {
        None
    }
}

/// The row for a token that names something that is no device.
pub(crate) const fn by_invalidity() -> Ruling {
    deny(Reason::InvalidDeviceIdentity)
}

/// The rows for a token that names no device.
pub(crate) const fn by_absence(settings: &Policy) -> Ruling {
    match settings.strict {
        true => deny(Reason::NoDeviceIdentity),
        false => allow(Reason::NoDeviceIdentity),
    }
}

/// The rows for what the source answered.
#[inline(never)]
pub(crate) fn by_observation(
    policy: &Policy,
    user: impl FnOnce() -> Option<UserId>,
    observation: &Observation,
    now: Moment,
) -> Ruling {
    match &observation.finding {
        Finding::NotFound => deny(Reason::DeviceNotFound),
        Finding::Conflicting { .. } => deny(Reason::ConflictingRecords),
        Finding::Device(device) => by_device(policy, user, device, now.wall),
    }
}

/// The rows for a source that failed. Also what was known before, if that decided.
pub(crate) fn by_failure(
    policy: &Policy,
    user: impl FnOnce() -> Option<UserId>,
    failure: &SourceFailure,
    now: Moment,
) -> (Ruling, Option<Observation>) {
    let Some((observation, until)) = last_known_good(policy, failure, now) else {
        return (deny(Reason::SourceUnavailable), None);
    };
    let ruling = by_observation(policy, user, &observation, now);
    let ruling = Ruling {
        valid_until: earlier(ruling.valid_until, Some(until)),
        ..ruling
    };
    (ruling, Some(observation))
}

fn last_known_good(
    policy: &Policy,
    failure: &SourceFailure,
    now: Moment,
) -> Option<(Observation, Timestamp)> {
    let OnOutage::LastKnownGood { max_age } = policy.on_outage else {
        return None;
    };
    let observation = failure.last_known()?;
    let age = now.since(observation.observed_at);
    let usable = failure.kind().is_outage() && age <= max_age;
    // By the age, not by the wall clock of then: that may have been set since.
    let until = now.wall.saturating_add(max_age.saturating_sub(age));
    usable.then(|| (observation.served(Served::LastKnownGood), until))
}

#[inline]
fn by_device(
    policy: &Policy,
    user: impl FnOnce() -> Option<UserId>,
    device: &DeviceCompliance,
    now: Timestamp,
) -> Ruling {
    if device.being_removed {
        return deny(Reason::DeviceBeingRemoved);
    }
    if policy.bind_subject && !is_of_user(device, user()) {
        return deny(Reason::SubjectMismatch);
    }
    let mut stale_at = None;
    if let Some(max_age) = policy.max_check_in_age {
        match device.last_check_in {
            Some(check_in) if now.since(check_in) <= max_age => {
                stale_at = Some(check_in.saturating_add(max_age));
            }
            _ => return deny(Reason::DeviceStale),
        }
    }
    let ruling = by_state(policy, device, now);
    Ruling {
        valid_until: earlier(ruling.valid_until, stale_at),
        ..ruling
    }
}

/// Whether the device's user is that of the token. Nobody's device is nobody's.
pub(crate) fn is_of_user(device: &DeviceCompliance, user: Option<UserId>) -> bool {
    device.user_id.is_some() && device.user_id == user
}

#[inline]
fn by_state(policy: &Policy, device: &DeviceCompliance, now: Timestamp) -> Ruling {
    let (outcome, reason) = match device.state {
        ComplianceState::Compliant => (Outcome::Allow, Reason::Compliant),
        ComplianceState::InGracePeriod => {
            return by_grace(policy.in_grace_period, device.grace_expires_at, now);
        }
        ComplianceState::Noncompliant => (policy.noncompliant, Reason::Noncompliant),
        ComplianceState::Conflict => (policy.conflict, Reason::Conflict),
        ComplianceState::Error => (policy.error, Reason::Error),
        ComplianceState::Unknown => (policy.unknown, Reason::Unknown),
        ComplianceState::ConfigManager => (policy.config_manager, Reason::ConfigManager),
        ComplianceState::Unrecognized(_) => (Outcome::Deny, Reason::UnrecognizedState),
    };
    ruling(outcome, reason)
}

fn by_grace(grace: Grace, expires_at: Option<Timestamp>, now: Timestamp) -> Ruling {
    let Grace::UntilExpiry { min_remaining } = grace else {
        return deny(Reason::InGracePeriod);
    };
    // A grace period whose end isn't known has none to rely on.
    match expires_at.map(|expiry| expiry.saturating_sub(min_remaining)) {
        Some(end) if now < end => Ruling {
            valid_until: Some(end),
            ..allow(Reason::InGracePeriod)
        },
        _ => deny(Reason::Noncompliant),
    }
}

#[inline]
pub(crate) fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
