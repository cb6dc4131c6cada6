use clock::Timestamp;

use crate::{
    ComplianceState, EntraDeviceId, ManagedDeviceId, ManagedDeviceOwnerType, ManagementAgent,
    ManagementState, UserId,
};

/// A record of a device in Intune, cut to what an operator needs.
///
/// Fields are named after the properties of
/// [`managedDevice`](https://learn.microsoft.com/graph/api/resources/intune-devices-manageddevice).
/// Texts that the service leaves empty are `None`. Dates are as the service sent them, sentinels
/// (`0001-01-01`, `9999-12-31`) included; `None` if missing or not a date.
///
/// Adapters make one with [`new`](Self::new) and set what they know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManagedDevice {
    /// `id`
    pub id: ManagedDeviceId,
    /// `azureADDeviceId`; `None` for a device that is not registered in Entra ID.
    pub azure_ad_device_id: Option<EntraDeviceId>,
    /// `deviceName`
    pub device_name: Option<String>,
    /// `serialNumber`
    pub serial_number: Option<String>,
    /// `manufacturer`
    pub manufacturer: Option<String>,
    /// `model`
    pub model: Option<String>,
    /// `operatingSystem`
    pub operating_system: Option<String>,
    /// `osVersion`
    pub os_version: Option<String>,
    /// `userId`: the primary user.
    pub user_id: Option<UserId>,
    /// `userPrincipalName`. Often an e-mail address: keep it out of records.
    pub user_principal_name: Option<String>,
    /// `complianceState`
    pub compliance_state: ComplianceState,
    /// `complianceGracePeriodExpirationDateTime`
    pub compliance_grace_period_expiration: Option<Timestamp>,
    /// `lastSyncDateTime`: the last check-in.
    pub last_sync: Option<Timestamp>,
    /// `enrolledDateTime`
    pub enrolled: Option<Timestamp>,
    /// `managementState`
    pub management_state: ManagementState,
    /// `managementAgent`
    pub management_agent: ManagementAgent,
    /// `managedDeviceOwnerType`
    pub owner_type: ManagedDeviceOwnerType,
    /// `isEncrypted`
    pub is_encrypted: Option<bool>,
    /// `jailBroken`: `True`, `False`, `Unknown`, …
    pub jail_broken: Option<String>,
}

impl ManagedDevice {
    /// Makes a record of which only the id is known; its compliance is not known to be anything.
    #[must_use]
    pub fn new(id: ManagedDeviceId) -> Self {
        Self {
            id,
            azure_ad_device_id: None,
            device_name: None,
            serial_number: None,
            manufacturer: None,
            model: None,
            operating_system: None,
            os_version: None,
            user_id: None,
            user_principal_name: None,
            compliance_state: ComplianceState::Unknown,
            compliance_grace_period_expiration: None,
            last_sync: None,
            enrolled: None,
            management_state: ManagementState::from_wire(""),
            management_agent: ManagementAgent::Unknown,
            owner_type: ManagedDeviceOwnerType::Unknown,
            is_encrypted: None,
            jail_broken: None,
        }
    }
}
