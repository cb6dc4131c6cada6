//! Recorded decisions, made again under another policy.

mod cases;
mod recorded;

use chronicle::events::DeviceComplianceChecked;
use clock::Timestamp;
use serde::Serialize;

use crate::{Mode, Outcome, Policies, Reason, Step, decide};
use recorded::Recorded;

/// What a decision came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Ruling {
    /// What was done.
    pub outcome: Outcome,
    /// Whether that was what the policy said: not if it only reports, or a break-glass entry was used.
    pub enforced: bool,
    /// What the policy said, where that isn't what was done.
    pub would: Option<Outcome>,
    /// Why.
    pub reason: Reason,
}

/// What another policy would have made of a recorded decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// The same.
    Same(Ruling),
    /// Something else.
    Changed {
        /// What the record says.
        before: Ruling,
        /// What the other policy says.
        after: Ruling,
    },
    /// It depends on something that isn't in the record.
    CantTell(Missing),
}

/// What isn't in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Missing {
    /// Something in it has no form that this version knows.
    #[error("the record can't be read")]
    Readable,
    /// Whether the token named a device.
    #[error("the record doesn't say whether the token named a device")]
    Identity,
    /// The state of the device: it wasn't looked up.
    #[error("the device was not looked up")]
    Device,
    /// A fresher state: the other policy would have looked the device up.
    #[error("the state of the device was older than the policy takes")]
    Fresher,
    /// Whether the device's user is the token's.
    #[error("the record doesn't say whether the device's user is the token's")]
    User,
    /// What was known of the device before the source failed.
    #[error("the record doesn't say what was known of the device before the source failed")]
    LastKnown,
}

/// Makes a recorded decision again, under `policies`. `made_at` is the record's `time`.
///
/// It is the same table, over what the record says of the token and the device; nothing is looked up. What the record
/// doesn't say is tried in every way there is, and if that makes a difference, the answer is that one can't tell. One
/// thing is taken for granted: where the device was looked up, the other policy would have looked it up too, with the
/// same answer.
///
/// ```
/// use chronicle::events::DeviceComplianceChecked;
/// use compliance_gate::{Missing, Outcome, Policies, PolicyLayer, Reason, Replayed, replay};
///
/// let record: DeviceComplianceChecked = serde_json::from_str(r#"{
///     "decision_id": "019ab0d5-6c00-7000-8000-000000000000",
///     "outcome": "allow", "enforced": true, "reason": "no_device_identity", "retryable": false,
///     "accord_template": "device-management", "identity": {"own": "absent"},
///     "principal": {"issuer": "https://login.example/t1/v2.0", "subject": "adele"},
///     "policy": {"digest": "…", "required": true, "strict": false, "mode": "enforce", "layers": {}, "loosened": false}
/// }"#)?;
/// let strict = Policies::builder().global(PolicyLayer::new().strict(true)).build()?;
/// let Replayed::Changed { after, .. } = replay(&record, "2026-11-23T06:00:00Z".parse()?, &strict) else {
///     panic!("nothing has changed");
/// };
/// assert_eq!((after.outcome, after.reason), (Outcome::Deny, Reason::NoDeviceIdentity));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn replay(
    event: &DeviceComplianceChecked,
    made_at: Timestamp,
    policies: &Policies,
) -> Replayed {
    match try_replay(event, made_at, policies) {
        Ok((before, after)) if before == after => Replayed::Same(before),
        Ok((before, after)) => Replayed::Changed { before, after },
        Err(missing) => Replayed::CantTell(missing),
    }
}

fn try_replay(
    event: &DeviceComplianceChecked,
    made_at: Timestamp,
    policies: &Policies,
) -> Result<(Ruling, Ruling), Missing> {
    let recorded = Recorded::read(event, made_at)?;
    let policy = policies.for_template(&recorded.template);
    let mut after = None;
    for (asker, answer, missing) in recorded.cases(policy.policy()) {
        let verdict = match decide(policy, asker, answer.as_answer(), recorded.now) {
            Step::Decided(verdict) => verdict,
            Step::LookUp(_) => return Err(missing),
        };
        let reported = policy.policy().mode == Mode::ReportOnly;
        let entry = || policy.break_glass(&recorded.principal, &recorded.template, made_at);
        let broken = verdict.outcome == Outcome::Deny
            && !reported
            && verdict.reason.yields_to_break_glass()
            && entry().is_some();
        let ruling = Ruling {
            outcome: match reported || broken {
                true => Outcome::Allow,
                false => verdict.outcome,
            },
            enforced: !reported && !broken,
            would: (reported || broken).then_some(verdict.outcome),
            reason: match broken {
                true => Reason::BreakGlass,
                false => verdict.reason,
            },
        };
        if after.is_some_and(|after| after != ruling) {
            return Err(missing);
        }
        after = Some(ruling);
    }
    Ok((recorded.ruling, after.ok_or(Missing::Readable)?))
}
