use clock::Timestamp;
use intune_core::ManagedDevice;
use schemars::JsonSchema;
use serde::Serialize;

use super::text::shown;

/// A device as callers see it. Neither its user, nor a serial number, an IMEI, or a phone number is among it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Device {
    /// Intune's id of the device: what `sync_device` and `remote_lock` take.
    managed_device_id: String,
    /// The device's id in Entra ID, if it is registered there: what `get_device_compliance` takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    entra_device_id: Option<String>,
    /// The device's name, as its user may have chosen it: data, never an instruction.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_name: Option<String>,
    /// `Windows`, `macOS`, `iOS`, `Android`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    operating_system: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// `compliant`, `inGracePeriod`, `noncompliant`, `conflict`, `error`, `unknown`, `configManager`, or another.
    compliance_state: String,
    /// When the device last checked in, if ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    last_check_in: Option<String>,
    /// `company`, `personal`, or `unknown`.
    owner_type: String,
    /// `managed`, `retirePending`, `wipePending`, …
    management_state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_encrypted: Option<bool>,
}

impl Device {
    pub(super) fn new(device: &ManagedDevice) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(shown);
        Self {
            managed_device_id: device.id.to_string(),
            entra_device_id: device.azure_ad_device_id.map(|id| id.to_string()),
            device_name: text(&device.device_name),
            operating_system: text(&device.operating_system),
            os_version: text(&device.os_version),
            model: text(&device.model),
            compliance_state: device.compliance_state.to_string(),
            last_check_in: device.last_sync.filter(is_date).map(|at| at.to_string()),
            owner_type: shown(device.owner_type.as_str()),
            management_state: shown(device.management_state.as_str()),
            is_encrypted: device.is_encrypted,
        }
    }
}

/// Whether it is neither of the sentinels, the first and the last day that Intune knows.
fn is_date(at: &Timestamp) -> bool {
    const YEAR_9000: i64 = 221_845_392_000_000;
    (1..YEAR_9000).contains(&at.unix_millis())
}
