use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entra_auth::AccessToken;
use intune_core::{Capability, Operation};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::Check;
use crate::wire::Effect;

/// The application permissions that a token carries, and whose they are.
///
/// A token is its resource's to read, and opaque to us: what isn't understood is no error, and nothing but an
/// operator's advice depends on it.
#[derive(Clone, Debug)]
pub(super) struct Roles {
    granted: BTreeSet<String>,
    application: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    roles: BTreeSet<String>,
    #[serde(default)]
    appid: Option<String>,
}

impl Roles {
    pub(super) fn of(token: &AccessToken) -> Option<Self> {
        let mut parts = token.secret().expose_secret().split('.');
        let claims = parts.nth(1)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        Some(Self {
            granted: claims.roles,
            application: claims.appid,
        })
    }

    /// Whether both are known to be one application's.
    pub(super) fn is_of_same_application(&self, other: &Self) -> bool {
        self.application.is_some() && self.application == other.application
    }

    pub(super) fn gives(&self, operation: Operation) -> bool {
        let is_read = operation.capability() == Capability::Read;
        let holds = |role: &str| self.granted.contains(role);
        holds(needed(operation)) || (is_read && holds(READ_WRITE))
    }
}

/// The least permission that an operation needs.
pub(super) const fn needed(operation: Operation) -> &'static str {
    match operation.capability() {
        Capability::Read => Effect::Read.documented_permission(),
        Capability::Propose | Capability::Mutate => Effect::Write.documented_permission(),
    }
}

/// As good for reads.
const READ_WRITE: &str = "DeviceManagementManagedDevices.ReadWrite.All";

/// Whether a token lets its bearer do this.
pub(super) fn check(operation: Operation, roles: Option<&Roles>) -> Check {
    let name = operation.as_str();
    let role = needed(operation);
    match roles {
        None => Check::warning(name, format!("can't tell whether `{role}` is granted")),
        Some(roles) if roles.gives(operation) => Check::passed(name, "permitted"),
        Some(_) if operation.capability() == Capability::Read => Check::failed(
            name,
            format!("grant the application permission `{role}`, with admin consent"),
        ),
        Some(_) => Check::failed(
            name,
            format!(
                "grant the application permission `{role}`, with admin consent, or set \
                 INTUNE_OPERATIONS=off"
            ),
        ),
    }
}
