use intune_core::Principal;

use crate::DeviceIdentity;

/// Who makes a request, as verified tokens say: what a host's authentication puts among its extensions.
///
/// ```
/// use compliance_gate::{IdentityRules, IssuerRule, TokenClaims, VerifiedCaller};
/// use intune_core::Principal;
///
/// let issuers = IdentityRules::new([IssuerRule::named_claim("https://sso.example/realms/eu", "device")]);
///
/// // Once the token's signature, issuer, audience and times are verified:
/// let claims: TokenClaims = serde_json::from_str(r#"{"iss":"https://sso.example/realms/eu","sub":"adele"}"#)?;
/// let adele = Principal::new("https://sso.example/realms/eu", "adele");
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(VerifiedCaller::new(adele, issuers.identify(&claims)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct VerifiedCaller {
    pub(super) principal: Principal,
    pub(super) device: DeviceIdentity,
    pub(super) delegator: Option<DeviceIdentity>,
}

impl VerifiedCaller {
    /// The principal of a verified token, and the device that [`IdentityRules`](crate::IdentityRules) find in it.
    pub const fn new(principal: Principal, device: DeviceIdentity) -> Self {
        Self {
            principal,
            device,
            delegator: None,
        }
    }

    /// Adds the device of whoever the principal's delegate acts for, on the terms of
    /// [`GateRequest::delegator`](crate::GateRequest::delegator).
    pub const fn delegator(mut self, device: DeviceIdentity) -> Self {
        self.delegator = Some(device);
        self
    }

    /// Who asks.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The device that the principal's token names.
    #[must_use]
    pub const fn device(&self) -> DeviceIdentity {
        self.device
    }
}
