//! What an Authorization Context says, as a JWT.

use compliance_gate::DeviceIdentity;
use intune_core::{AccordTemplate, DelegationScope, EntraDeviceId, Principal, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sub: String,
    pub(super) jti: String,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) principal: PrincipalClaim,
    pub(super) accord_template: AccordTemplate,
    pub(super) delegation_scope: DelegationScope,
    /// What the gate is asked about again when the context is used.
    pub(super) device: DeviceClaim,
    /// And of whoever the principal's delegate acts for, if there was a token of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) delegator_device: Option<DeviceClaim>,
    pub(super) decision_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) device_compliance: Option<Value>,
}

/// Whom the context was issued to.
#[derive(Serialize, Deserialize)]
pub(super) struct PrincipalClaim {
    issuer: String,
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delegate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object_id: Option<UserId>,
}

impl PrincipalClaim {
    pub(super) fn of(principal: &Principal) -> Self {
        Self {
            issuer: principal.issuer().to_owned(),
            subject: principal.subject().to_owned(),
            delegate: principal.delegate().map(str::to_owned),
            object_id: principal.object_id(),
        }
    }

    pub(super) fn principal(self) -> Principal {
        let mut principal = Principal::new(self.issuer, self.subject);
        if let Some(delegate) = self.delegate {
            principal = principal.with_delegate(delegate);
        }
        match self.object_id {
            Some(object_id) => principal.with_object_id(object_id),
            None => principal,
        }
    }
}

/// Which device a token named, and whether it could be one.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DeviceClaim {
    Absent,
    Present(EntraDeviceId),
    Invalid,
}

impl DeviceClaim {
    pub(super) const fn of(device: DeviceIdentity) -> Self {
        match device {
            DeviceIdentity::Absent => Self::Absent,
            DeviceIdentity::Present(id) => Self::Present(id),
            DeviceIdentity::Invalid => Self::Invalid,
        }
    }

    pub(super) const fn identity(self) -> DeviceIdentity {
        match self {
            Self::Absent => DeviceIdentity::Absent,
            Self::Present(id) => DeviceIdentity::Present(id),
            Self::Invalid => DeviceIdentity::Invalid,
        }
    }
}
