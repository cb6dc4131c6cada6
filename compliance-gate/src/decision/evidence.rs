use clock::{Moment, Timestamp};
use intune_core::{ComplianceState, DeviceCompliance, EntraDeviceId, Finding, Observation};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::Decision;
use crate::record;

/// What a decision knew of the device, as it goes onto an Authorization Context.
///
/// It serialises as `{"decision_id","entra_device_id","managed_device_id","state","observed_at","age_ms",
/// "last_check_in"?,"grace_expires_at"?,"served","policy"}`; times are RFC 3339, and `policy` is as in the
/// decision's record.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub(super) decision: &'a Decision,
    pub(super) device: EntraDeviceId,
    pub(super) observation: Observation,
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
        fields.serialize_field("policy", &record::policy(&self.decision.policy))?;
        fields.end()
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
