use intune_core::{ComplianceState, EntraDeviceId, Finding, Observation};
use schemars::JsonSchema;
use serde::Serialize;

use super::Answer;

/// What is known of a device's compliance.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ComplianceAnswer {
    /// The device that was asked for.
    entra_device_id: String,
    /// What Intune's records of the device say together.
    finding: FindingKind,
    /// What the record that decides says; present if `finding` is `device`.
    #[serde(skip_serializing_if = "Option::is_none")]
    compliance: Option<Compliance>,
    /// When Intune was asked.
    #[schemars(extend("format" = "date-time"))]
    observed_at: String,
    /// `live`, `cache`, `snapshot`, or `last_known_good`: older than wanted, since Intune can't be reached.
    served: &'static str,
}

#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FindingKind {
    /// One record decides.
    Device,
    /// Intune has no device of that id.
    NotFound,
    /// Records that are equally recent contradict each other.
    ConflictingRecords,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Compliance {
    /// Intune's id of the device: what `sync_device` and `remote_lock` take.
    managed_device_id: String,
    /// `compliant`, `inGracePeriod`, `noncompliant`, `conflict`, `error`, `unknown`, `configManager`, or another.
    state: String,
    /// When the grace period ends, in grace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    grace_expires_at: Option<String>,
    /// When the device last checked in, if ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    last_check_in: Option<String>,
    /// Whether a retire, wipe or delete is pending or issued.
    being_removed: bool,
    /// How many records Intune has of the device.
    records: u16,
}

impl ComplianceAnswer {
    pub(super) fn new(device: EntraDeviceId, observation: &Observation) -> Self {
        let (finding, compliance) = match observation.finding {
            Finding::NotFound => (FindingKind::NotFound, None),
            Finding::Conflicting { .. } => (FindingKind::ConflictingRecords, None),
            Finding::Device(found) => {
                let grace = found.grace_expires_at;
                let in_grace = found.state == ComplianceState::InGracePeriod;
                let compliance = Compliance {
                    managed_device_id: found.managed_device_id.to_string(),
                    state: found.state.to_string(),
                    grace_expires_at: grace.filter(|_| in_grace).map(|at| at.to_string()),
                    last_check_in: found.last_check_in.map(|at| at.to_string()),
                    being_removed: found.being_removed,
                    records: found.records,
                };
                (FindingKind::Device, Some(compliance))
            }
        };
        Self {
            entra_device_id: device.to_string(),
            finding,
            compliance,
            observed_at: observation.observed_at.wall.to_string(),
            served: observation.served.as_str(),
        }
    }
}

impl From<ComplianceAnswer> for Answer {
    fn from(answer: ComplianceAnswer) -> Self {
        let text = match answer.finding {
            FindingKind::Device => "Intune knows the device; `compliance.state` is its state.",
            FindingKind::NotFound => "Intune has no device of that Entra device id.",
            FindingKind::ConflictingRecords => {
                "Intune's records of the device contradict each other: its state isn't known."
            }
        };
        Self::new(&answer, text.to_owned(), false)
    }
}
