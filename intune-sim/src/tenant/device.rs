//! A managed device, as it is on the wire.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::time;

/// "Never happened", where the schema allows no null.
pub(crate) const NEVER: &str = "0001-01-01T00:00:00Z";
/// "No grace period".
pub(crate) const NO_GRACE: &str = "9999-12-31T23:59:59Z";

/// A managed device: exactly the JSON that Graph would send, so any value can be written.
///
/// [`Device::new`] gives a compliant Windows laptop with all 56 properties; the setters take any text,
/// also what no schema declares. In JSON it's the wire object itself, and what is left out is as in
/// [`Device::new`].
///
/// ```
/// use intune_sim::Device;
///
/// let device = Device::new("LAPTOP-1")
///     .compliance_state("inGracePeriod")
///     .grace_expires("2026-11-25T08:34:09Z")
///     .with("isEncrypted", false);
/// assert_eq!(device.get("complianceState").unwrap(), "inGracePeriod");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct Device(Map<String, Value>);

impl From<Map<String, Value>> for Device {
    fn from(given: Map<String, Value>) -> Self {
        let name = given
            .get("deviceName")
            .and_then(Value::as_str)
            .unwrap_or("DEVICE")
            .to_owned();
        let mut device = Device::new(name);
        device.0.extend(given);
        device
    }
}

impl From<Device> for Map<String, Value> {
    fn from(device: Device) -> Self {
        device.0
    }
}

impl Device {
    /// A compliant Windows laptop that checked in just now.
    ///
    /// Its three ids are made from its name: the same name gives the same ids.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let now = time::wire_date(time::now());
        let user = format!("{}@contoso.example", name.to_lowercase());
        let wire: [(&str, Value); 56] = [
            ("id", guid_of("managed device", &name).into()),
            ("userId", guid_of("user", &name).into()),
            ("deviceName", name.as_str().into()),
            ("managedDeviceOwnerType", "company".into()),
            ("enrolledDateTime", "2025-06-12T13:52:38Z".into()),
            ("lastSyncDateTime", now.into()),
            ("operatingSystem", "Windows".into()),
            ("complianceState", "compliant".into()),
            ("jailBroken", "Unknown".into()),
            ("managementAgent", "mdm".into()),
            ("osVersion", "10.0.26100.2314".into()),
            ("easActivated", false.into()),
            ("easDeviceId", "".into()),
            ("easActivationDateTime", NEVER.into()),
            ("azureADRegistered", true.into()),
            ("deviceEnrollmentType", "windowsAzureADJoin".into()),
            ("activationLockBypassCode", Value::Null),
            ("emailAddress", user.as_str().into()),
            ("azureADDeviceId", guid_of("Entra device", &name).into()),
            ("deviceRegistrationState", "registered".into()),
            ("deviceCategoryDisplayName", "Unknown".into()),
            ("isSupervised", false.into()),
            ("exchangeLastSuccessfulSyncDateTime", NEVER.into()),
            ("exchangeAccessState", "none".into()),
            ("exchangeAccessStateReason", "none".into()),
            ("remoteAssistanceSessionUrl", Value::Null),
            ("remoteAssistanceSessionErrorDetails", Value::Null),
            ("isEncrypted", true.into()),
            ("userPrincipalName", user.as_str().into()),
            ("model", "Latitude 5450".into()),
            ("manufacturer", "Dell Inc.".into()),
            ("imei", "".into()),
            ("complianceGracePeriodExpirationDateTime", NO_GRACE.into()),
            ("serialNumber", "1V4XLN3".into()),
            ("phoneNumber", "".into()),
            ("androidSecurityPatchLevel", "".into()),
            ("userDisplayName", "Adele Vance".into()),
            ("configurationManagerClientEnabledFeatures", Value::Null),
            ("wiFiMacAddress", "847B575635FB".into()),
            ("deviceHealthAttestationState", Value::Null),
            ("subscriberCarrier", "".into()),
            ("meid", "".into()),
            ("totalStorageSpaceInBytes", 254_931_894_272_u64.into()),
            ("freeStorageSpaceInBytes", 186_646_528_000_u64.into()),
            (
                "managedDeviceName",
                format!("{name}_Windows_6/12/2025_1:52 PM").into(),
            ),
            ("partnerReportedThreatState", "unknown".into()),
            ("requireUserEnrollmentApproval", Value::Null),
            (
                "managementCertificateExpirationDate",
                "2027-06-12T13:52:38Z".into(),
            ),
            ("iccid", Value::Null),
            ("udid", Value::Null),
            ("notes", Value::Null),
            ("ethernetMacAddress", "847B575635FC".into()),
            ("physicalMemoryInBytes", 17_179_869_184_u64.into()),
            ("enrollmentProfileName", Value::Null),
            ("managementState", "managed".into()),
            ("deviceActionResults", Value::Array(Vec::new())),
        ];
        Self(
            wire.map(|(property, value)| (property.to_owned(), value))
                .into_iter()
                .collect(),
        )
    }

    /// Sets any property to any JSON value.
    #[must_use]
    pub fn with(mut self, property: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(property.into(), value.into());
        self
    }

    /// Removes a property, as no real answer does.
    #[must_use]
    pub fn without(mut self, property: &str) -> Self {
        self.0.remove(property);
        self
    }

    /// Sets Intune's own `id`.
    #[must_use]
    pub fn managed_id(self, id: impl Into<String>) -> Self {
        self.with("id", id.into())
    }

    /// Sets `azureADDeviceId`, the id that a token's `deviceid` claim holds.
    #[must_use]
    pub fn entra_id(self, id: impl Into<String>) -> Self {
        self.with("azureADDeviceId", id.into())
    }

    /// Sets `complianceState`, also to a value that isn't declared.
    #[must_use]
    pub fn compliance_state(self, state: impl Into<String>) -> Self {
        self.with("complianceState", state.into())
    }

    /// Sets `complianceGracePeriodExpirationDateTime`.
    #[must_use]
    pub fn grace_expires(self, date: impl Into<String>) -> Self {
        self.with("complianceGracePeriodExpirationDateTime", date.into())
    }

    /// Sets `lastSyncDateTime`, the last check-in.
    #[must_use]
    pub fn last_sync(self, date: impl Into<String>) -> Self {
        self.with("lastSyncDateTime", date.into())
    }

    /// Sets `userId`, the object id of the primary user.
    #[must_use]
    pub fn user_id(self, id: impl Into<String>) -> Self {
        self.with("userId", id.into())
    }

    /// Sets `managementState`, such as `wipePending`.
    #[must_use]
    pub fn management_state(self, state: impl Into<String>) -> Self {
        self.with("managementState", state.into())
    }

    /// A property, if the device has it.
    #[must_use]
    pub fn get(&self, property: &str) -> Option<&Value> {
        self.0.get(property)
    }

    /// A property's text; empty if it has none.
    #[must_use]
    pub fn text(&self, property: &str) -> &str {
        self.get(property)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Intune's own `id`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.text("id")
    }

    /// The `deviceName`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("deviceName")
    }

    /// The `azureADDeviceId`, as written.
    #[must_use]
    pub fn entra_device_id(&self) -> &str {
        self.text("azureADDeviceId")
    }

    pub(crate) fn properties(&self) -> &Map<String, Value> {
        &self.0
    }

    pub(crate) fn merge(&mut self, changes: Map<String, Value>) {
        self.0.extend(changes);
    }
}

/// A version 4 GUID that depends on nothing but its purpose and a name.
fn guid_of(purpose: &str, name: &str) -> String {
    let digest = digest::digest(&digest::SHA256, format!("{purpose}\n{name}").as_bytes());
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(digest.as_ref())
        .for_each(|(byte, hash)| *byte = *hash);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// Whether a text is a GUID as Graph writes them: hyphenated, no braces.
pub(crate) fn is_guid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}
