//! The events of this family of services, as plain wire structs.
//!
//! They hold strings, numbers and times, so that a reader needs no other crate to decode `data`. An
//! optional field that has no value is absent. A value that is usually a constant is a
//! `Cow<'static, str>`: `"allow".into()` costs no allocation.
//!
//! No secret, token, PIN, e-mail address, phone number or IMEI may be put into any of them.

mod compliance;
mod connector;
mod policy;

use serde::{Deserialize, Serialize};

pub use compliance::{Compliance, Device, DeviceComplianceChecked, Identity, Policy, SourceError};
pub use connector::{Ceremony, ConnectorInvoked, Target};
pub use policy::{BreakGlassUsed, PolicyReloaded};

/// Who asked, and who acts for them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// Who vouches for the subject: the token's `iss`.
    pub issuer: String,
    /// The human or workload, as the issuer names it: the token's `sub` or `oid`.
    pub subject: String,
    /// The agent that acts on the subject's behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<String>,
}
