use std::{borrow::Cow, collections::BTreeMap};

use clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::Principal;
use crate::{Event, EventType};

/// `DEVICE_COMPLIANCE_CHECKED` (0x2801): whether a device's state let a grant be issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceComplianceChecked {
    /// The decision's own id, which the grant carries too.
    pub decision_id: String,
    /// What was done: `allow` or `deny`.
    pub outcome: Cow<'static, str>,
    /// False if the policy was only reported on.
    pub enforced: bool,
    /// What enforcement would have done, if it wasn't enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would: Option<Cow<'static, str>>,
    /// Why, such as `noncompliant`.
    pub reason: Cow<'static, str>,
    /// Why enforcement would have done that, if `reason` is another: a break-glass entry was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_reason: Option<Cow<'static, str>>,
    /// Whether the same request may fare better later.
    pub retryable: bool,
    /// The named policy that the grant was asked under.
    pub accord_template: String,
    /// Who asked.
    pub principal: Principal,
    /// Whether the tokens named devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The device behind the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// What was known of the device's compliance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance: Option<Compliance>,
    /// The policy that decided.
    pub policy: Policy,
    /// What went wrong with the source of compliance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_error: Option<SourceError>,
}

impl Event for DeviceComplianceChecked {
    const TYPE: EventType = EventType::new("DEVICE_COMPLIANCE_CHECKED").with_code(0x2801);
}

/// Whether tokens named devices: `absent`, `present` or `invalid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What the requester's token names.
    pub own: Cow<'static, str>,
    /// What the token of whoever the requester acts for names, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegator: Option<Cow<'static, str>>,
}

/// The device behind a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The id in the token.
    pub entra_device_id: String,
    /// The management service's own id of the record that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_device_id: Option<String>,
    /// How many records the management service has of the device.
    pub records: u32,
    /// `delegator`, if it isn't the requester's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Cow<'static, str>>,
    /// Where it came from that no record decides, as in [`Compliance::served`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served: Option<Cow<'static, str>>,
    /// How old that was at the decision, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
}

/// What was known of a device's compliance, and how old it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compliance {
    /// The state, as the management service spells it.
    pub state: Cow<'static, str>,
    /// When the service was asked.
    pub observed_at: Timestamp,
    /// How old that answer was at the decision, in milliseconds.
    pub age_ms: u64,
    /// When the device last reported to the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_check_in: Option<Timestamp>,
    /// When a grace period ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_expires_at: Option<Timestamp>,
    /// Where it came from: `live`, `cache`, `snapshot`, `last_known_good`.
    pub served: Cow<'static, str>,
    /// Whether the device's user is the one that the token names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_matches: Option<bool>,
    /// Whether a retire, wipe or delete of the device is pending or issued; absent if not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub being_removed: bool,
}

/// The policy that decided, and where its values came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// A digest of the whole policy, to tell versions apart.
    pub digest: String,
    /// Whether a compliant device is required.
    pub required: bool,
    /// Whether a request without a device is denied.
    pub strict: bool,
    /// `enforce` or `report_only`.
    pub mode: Cow<'static, str>,
    /// Which layer set each setting: `built_in`, `global` or `template`. Others than `mode`, `required` and `strict`
    /// are left out while they are `built_in`.
    pub layers: BTreeMap<String, String>,
    /// Whether the template loosened what the layers below it ask for.
    pub loosened: bool,
}

/// What went wrong with the source of compliance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceError {
    /// The kind of failure, such as `throttled`.
    pub kind: Cow<'static, str>,
    /// The HTTP status, if there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's own id of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// What was known of the device from before, whether or not it was let serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_known: Option<Compliance>,
}
