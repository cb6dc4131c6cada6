//! Which device a token speaks of.

mod claims;
mod rules;

use intune_core::EntraDeviceId;

pub use claims::{Claim, TokenClaims};
pub use rules::{Confirmation, IdentityRules, IssuerRule};

/// The device that a verified token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceIdentity {
    /// The token names none.
    Absent,
    /// The token names this one.
    Present(EntraDeviceId),
    /// The token names something that can't be a device, or that it has no business to name.
    Invalid,
}

impl DeviceIdentity {
    /// The name in records: `absent`, `present`, `invalid`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Present(_) => "present",
            Self::Invalid => "invalid",
        }
    }
}
