use std::borrow::Cow;

use clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Device, Principal};
use crate::{Event, EventType};

/// `POLICY_RELOADED`: another policy is to take force. It is recorded before it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyReloaded {
    /// The digest of the policy in force until then.
    pub old_digest: String,
    /// The digest of the policy that is to take force.
    pub new_digest: String,
    /// Where it was read, such as the path of a file.
    pub source: String,
    /// Who or what asked for it, such as `SIGHUP`.
    pub requested_by: String,
}

impl Event for PolicyReloaded {
    const TYPE: EventType = EventType::new("POLICY_RELOADED");
}

/// `BREAK_GLASS_USED`: somebody is let in although the policy denies. It is recorded before they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlassUsed {
    /// The id of the decision, whose own record follows.
    pub decision_id: String,
    /// The named policy that the grant was asked under.
    pub accord_template: String,
    /// Who was let in.
    pub principal: Principal,
    /// Why the policy denies, such as `noncompliant`.
    pub would_reason: Cow<'static, str>,
    /// The device behind the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// Why the entry was made.
    pub entry_reason: String,
    /// When the entry started.
    pub entry_starts_at: Timestamp,
    /// When the entry ends.
    pub entry_expires_at: Timestamp,
    /// The digest of the policy that denies.
    pub policy_digest: String,
}

impl Event for BreakGlassUsed {
    const TYPE: EventType = EventType::new("BREAK_GLASS_USED");
}
