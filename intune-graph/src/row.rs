//! A device as Graph writes it. Reading is total: a property that is missing, null, of another type or
//! nonsense is not known, and never spoils the rows beside it.

use intune_core::{
    ComplianceState, EntraDeviceId, ManagedDevice, ManagedDeviceId, ManagedDeviceOwnerType,
    ManagementAgent, ManagementState,
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The properties that are asked for: all those that are read below.
pub(crate) const PROPERTIES: [&str; 19] = [
    "id",
    "azureADDeviceId",
    "deviceName",
    "serialNumber",
    "manufacturer",
    "model",
    "operatingSystem",
    "osVersion",
    "userId",
    "userPrincipalName",
    "complianceState",
    "complianceGracePeriodExpirationDateTime",
    "lastSyncDateTime",
    "enrolledDateTime",
    "managementState",
    "managementAgent",
    "managedDeviceOwnerType",
    "isEncrypted",
    "jailBroken",
];

/// One row of a listing, or one device.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Row {
    id: Text,
    #[serde(rename = "azureADDeviceId")]
    azure_ad_device_id: Text,
    device_name: Text,
    serial_number: Text,
    manufacturer: Text,
    model: Text,
    operating_system: Text,
    os_version: Text,
    user_id: Text,
    user_principal_name: Text,
    compliance_state: Text,
    compliance_grace_period_expiration_date_time: Text,
    last_sync_date_time: Text,
    enrolled_date_time: Text,
    management_state: Text,
    management_agent: Text,
    managed_device_owner_type: Text,
    is_encrypted: Flag,
    jail_broken: Text,
}

impl Row {
    /// The Entra id, if the row has one: neither empty, nor all zeros, nor anything but a GUID.
    pub(crate) fn entra_device_id(&self) -> Option<EntraDeviceId> {
        self.azure_ad_device_id.parse()
    }

    /// The device, unless the row lacks the one thing that makes it one: Intune's id.
    pub(crate) fn into_device(self) -> Option<ManagedDevice> {
        let mut device = ManagedDevice::new(self.id.parse::<ManagedDeviceId>()?);
        device.azure_ad_device_id = self.azure_ad_device_id.parse();
        device.user_id = self.user_id.parse();
        device.compliance_state = ComplianceState::from_wire(self.compliance_state.as_str());
        device.compliance_grace_period_expiration =
            self.compliance_grace_period_expiration_date_time.parse();
        device.last_sync = self.last_sync_date_time.parse();
        device.enrolled = self.enrolled_date_time.parse();
        device.management_state = ManagementState::from_wire(self.management_state.as_str());
        device.management_agent = ManagementAgent::from_wire(self.management_agent.as_str());
        device.owner_type =
            ManagedDeviceOwnerType::from_wire(self.managed_device_owner_type.as_str());
        device.is_encrypted = self.is_encrypted.0;
        device.device_name = self.device_name.0;
        device.serial_number = self.serial_number.0;
        device.manufacturer = self.manufacturer.0;
        device.model = self.model.0;
        device.operating_system = self.operating_system.0;
        device.os_version = self.os_version.0;
        device.user_principal_name = self.user_principal_name.0;
        device.jail_broken = self.jail_broken.0;
        Some(device)
    }
}

/// A text that isn't empty, or nothing: Graph writes an unset text now as `""`, now as `null`.
#[derive(Debug, Default)]
struct Text(Option<String>);

impl Text {
    fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    fn parse<T: std::str::FromStr>(&self) -> Option<T> {
        self.as_str().parse().ok()
    }
}

/// Longer texts are cut: a device is one of many in memory, and Intune's own take a tenth of this.
const MAX_TEXT: usize = 1024;

fn short(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.shrink_to_fit();
    }
    text
}

/// `true` or `false`, or nothing.
#[derive(Debug, Default)]
struct Flag(Option<bool>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: Option<String> = value(deserializer)?;
        let text = text.filter(|text| !text.is_empty());
        Ok(Self(text.map(short)))
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        value(deserializer).map(Self)
    }
}

/// Takes a value as it is written, and then sees whether it is a `T`. To read it at once would end the page with
/// it if it is JSON by its form alone, such as `1e999` or half of a surrogate pair.
fn value<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let written = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(written.get()).unwrap_or_default())
}
