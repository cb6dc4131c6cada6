//! The tenant's device management settings.

use serde::{Deserialize, Serialize};

use super::Tenant;

/// `deviceManagementSettings`, as on the wire.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) device_compliance_checkin_threshold_days: i32,
    pub(crate) is_scheduled_action_enabled: bool,
    pub(crate) secure_by_default: bool,
}

impl Default for Settings {
    /// A new tenant: devices without a policy count as compliant.
    fn default() -> Self {
        Self {
            device_compliance_checkin_threshold_days: 30,
            is_scheduled_action_enabled: true,
            secure_by_default: false,
        }
    }
}

impl Tenant {
    /// Sets whether a device without a compliance policy counts as noncompliant; not so by default.
    pub fn set_secure_by_default(&self, secure: bool) {
        self.state().settings.secure_by_default = secure;
    }

    /// Sets after how many days without a check-in a device is noncompliant; 30 by default.
    pub fn set_checkin_threshold_days(&self, days: i32) {
        self.state()
            .settings
            .device_compliance_checkin_threshold_days = days;
    }
}
