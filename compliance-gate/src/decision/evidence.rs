use clock::{Moment, Timestamp};
use intune_core::{ComplianceState, DeviceCompliance, EntraDeviceId, ManagedDeviceId, Observation};
use serde::{Serialize, Serializer};

use super::{Decision, DecisionId};
use crate::record;

/// What a decision knew of the device, as it goes onto an Authorization Context.
///
/// It serialises as `{"decision_id","entra_device_id","managed_device_id","state","observed_at","age_ms",
/// "last_check_in"?,"grace_expires_at"?,"served","device_of"?,"policy"}`; times are RFC 3339, `policy` is as in the
/// decision's record, and `device_of` is `delegator` if the device isn't the asker's own.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub(super) decision: &'a Decision,
    pub(super) device: EntraDeviceId,
    pub(super) observation: Observation,
    pub(super) found: DeviceCompliance,
}

impl Serialize for Evidence<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Visible {
            decision_id: DecisionId,
            entra_device_id: EntraDeviceId,
            managed_device_id: ManagedDeviceId,
            state: ComplianceState,
            observed_at: Timestamp,
            age_ms: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            last_check_in: Option<Timestamp>,
            #[serde(skip_serializing_if = "Option::is_none")]
            grace_expires_at: Option<Timestamp>,
            served: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            device_of: Option<&'static str>,
            policy: chronicle::events::Policy,
        }

        let observed_at = self.observation.observed_at;
        let visible = Visible {
            decision_id: self.decision.id(),
            entra_device_id: self.device,
            managed_device_id: self.found.managed_device_id,
            state: self.found.state,
            observed_at: observed_at.wall,
            age_ms: age_ms(self.decision.said.made_at, observed_at),
            last_check_in: self.found.last_check_in,
            grace_expires_at: grace_expiry(&self.found),
            served: self.observation.served.as_str(),
            device_of: record::not_own(self.decision.device_of),
            policy: record::policy(&self.decision.policy),
        };
        visible.serialize(serializer)
    }
}

/// A grace expiry means something only in grace: elsewhere it is a sentinel.
pub(crate) fn grace_expiry(found: &DeviceCompliance) -> Option<Timestamp> {
    (found.state == ComplianceState::InGracePeriod)
        .then_some(found.grace_expires_at)
        .flatten()
}

pub(crate) fn age_ms(now: Moment, observed_at: Moment) -> u64 {
    u64::try_from(now.since(observed_at).as_millis()).unwrap_or(u64::MAX)
}
