//! Whether a bearer is an Authorization Context of this host, in force.

use clock::Timestamp;
use compliance_gate::DeviceIdentity;
use intune_core::{AccordTemplate, EntraDeviceId, InvocationContext};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::{
    ISSUER, Issuer, TYPE,
    claims::{Claims, DeviceClaim},
};

/// What an Authorization Context that was shown gives its bearer.
#[derive(Clone, Debug)]
pub struct VerifiedContext {
    /// On whose behalf, and within what scope.
    pub invocation: InvocationContext,
    /// Under which accord, for the gate.
    pub template: AccordTemplate,
    /// The device that the gate let through.
    pub device: DeviceIdentity,
    /// The device of whoever the principal's delegate acts for, as their token named it, if there was one.
    pub delegator: Option<DeviceIdentity>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Not an Authorization Context of this host in force. Says nothing of what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct VerifyError(&'static str);

impl VerifyError {
    /// What is wrong with it.
    #[must_use]
    pub const fn why(self) -> &'static str {
        self.0
    }
}

impl Issuer {
    /// Verifies that `token` is an Authorization Context that this issuer signed, for this host, in force at `now`.
    ///
    /// # Errors
    ///
    /// Why it isn't.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedContext, VerifyError> {
        const FOREIGN: VerifyError = VerifyError("the token is not an Authorization Context");
        let header = jsonwebtoken::decode_header(token).map_err(|_| FOREIGN)?;
        if header.typ.as_deref() != Some(TYPE) || header.crit.is_some() {
            return Err(FOREIGN);
        }
        let key = DecodingKey::from_jwk(&self.public).map_err(|_| FOREIGN)?;
        // The claims are checked here, with our clock; the library checks the signature.
        let mut validation = Validation::new(Algorithm::ES256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation);
        let claims = claims.map_err(|_| FOREIGN)?.claims;
        if claims.iss != ISSUER || claims.aud != ISSUER {
            return Err(VerifyError(
                "the Authorization Context is for somebody else",
            ));
        }
        let expires_at = Timestamp::from_unix_millis(claims.exp.saturating_mul(1_000));
        if now >= expires_at {
            return Err(VerifyError("the Authorization Context has expired"));
        }
        let id = claims.jti.parse().map_err(|_| FOREIGN)?;
        let device = claims.device.identity();
        let delegator = claims.delegator_device.map(DeviceClaim::identity);
        // An agent without a device acts from its delegator's, which it is not to wipe either.
        let from = present(device).or_else(|| delegator.and_then(present));
        let principal = claims.principal.principal();
        let invocation = InvocationContext::new(principal, claims.delegation_scope)
            .authorized_by(claims.accord_template.clone(), id)
            .from_device(from);
        Ok(VerifiedContext {
            invocation,
            template: claims.accord_template,
            device,
            delegator,
            expires_at,
        })
    }
}

const fn present(device: DeviceIdentity) -> Option<EntraDeviceId> {
    match device {
        DeviceIdentity::Present(id) => Some(id),
        DeviceIdentity::Absent | DeviceIdentity::Invalid => None,
    }
}
