use crate::{EntraDeviceId, ManagedDevice, ManagedDeviceId, ManagementState, UserId};

/// The device of an action, as it was when the action was prepared: both ids, and what a person knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// Intune's id.
    pub managed_device_id: ManagedDeviceId,
    /// The id of its registration in Entra ID, if it has one.
    pub entra_device_id: Option<EntraDeviceId>,
    /// `deviceName`. Its user may choose it: show it as text only.
    pub device_name: Option<String>,
    /// `serialNumber`
    pub serial_number: Option<String>,
    /// `userId`: the primary user.
    pub user_id: Option<UserId>,
    /// `managementState`
    pub management_state: ManagementState,
}

impl Target {
    /// The device of this record.
    #[must_use]
    pub fn of(device: &ManagedDevice) -> Self {
        Self {
            managed_device_id: device.id,
            entra_device_id: device.azure_ad_device_id,
            device_name: device.device_name.clone(),
            serial_number: device.serial_number.clone(),
            user_id: device.user_id,
            management_state: device.management_state.clone(),
        }
    }
}
