//! Authorization Contexts: the short-lived grants that this host issues, and accepts.

mod claims;
mod verify;

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use chronicle::events;
use clock::Timestamp;
use compliance_gate::{Decision, DeviceIdentity};
use intune_core::{AccordTemplate, DelegationScope, Principal};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;
pub use verify::{VerifiedContext, VerifyError};

use claims::{Claims, DeviceClaim, PrincipalClaim};

/// The longest life of an Authorization Context.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// What this host calls itself, in records and in what it issues; and whom an Authorization Context is for, since
/// devices are operated here.
pub const ISSUER: &str = "urn:broker:authorize";
/// The `typ` of an Authorization Context: no other token that this host may come to sign passes for one.
const TYPE: &str = "ac+jwt";

/// An Authorization Context, as its caller gets it.
#[derive(Clone, Serialize)]
pub struct AuthorizationContext {
    id: String,
    /// The same, signed: a JWT, and a credential for this host's tools. To be shown to nobody else.
    token: String,
    principal: Value,
    accord_template: AccordTemplate,
    delegation_scope: DelegationScope,
    issued_at: Timestamp,
    expires_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_compliance: Option<Value>,
}

/// Issues Authorization Contexts, signed with a key that lives as long as the process.
pub struct Issuer {
    key: EncodingKey,
    public: Jwk,
}

impl AuthorizationContext {
    /// The same, signed. A credential: whoever has it is its bearer.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }
}

/// A request that the gate let through.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// Whose it is.
    pub principal: &'a Principal,
    /// Under which accord.
    pub template: &'a AccordTemplate,
    /// The device that the principal's token names.
    pub device: DeviceIdentity,
    /// The device that the token of whoever the principal's delegate acts for names, if there was one.
    pub delegator: Option<DeviceIdentity>,
    /// Why it may be.
    pub decision: &'a Decision,
    /// When the principal's token expires, or the delegator's, if that is sooner.
    pub token_expires_at: Timestamp,
}

/// No key could be made, or nothing signed.
#[derive(Debug, thiserror::Error)]
#[error("Authorization Contexts can't be signed")]
pub struct SigningError;

impl Issuer {
    /// Makes an issuer with a fresh P-256 key.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub fn new() -> Result<Self, SigningError> {
        let pair =
            EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| SigningError)?;
        let pair = pair.to_pkcs8v1().map_err(|_| SigningError)?;
        let key = EncodingKey::from_ec_der(pair.as_ref());
        let mut public =
            Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(|_| SigningError)?;
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        public.common.key_id = public.thumbprint(ThumbprintHash::SHA256).ok();
        Ok(Self { key, public })
    }

    /// The public key, for those who check an Authorization Context.
    #[must_use]
    pub fn keys(&self) -> JwkSet {
        JwkSet {
            keys: vec![self.public.clone()],
        }
    }

    /// Issues an Authorization Context that `decision` allows. It expires with the token, with what the decision
    /// relied on, or after 15 minutes, whichever comes first.
    ///
    /// # Errors
    ///
    /// It could not be signed.
    pub fn issue(&self, grant: Grant<'_>) -> Result<AuthorizationContext, SigningError> {
        let Grant {
            principal,
            template,
            device,
            delegator,
            decision,
            token_expires_at,
        } = grant;
        let issued_at = decision.made_at();
        let expires_at = issued_at.saturating_add(LIFETIME).min(token_expires_at);
        let expires_at = decision
            .valid_until()
            .map_or(expires_at, |until| expires_at.min(until));
        let id = Uuid::new_v4().to_string();
        let device_compliance = decision.evidence().map(|evidence| json!(evidence));
        let scope = decision.delegation_scope(expires_at);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub: principal.subject().to_owned(),
            jti: id.clone(),
            iat: issued_at.unix_seconds(),
            exp: expires_at.unix_seconds(),
            principal: PrincipalClaim::of(principal),
            accord_template: template.clone(),
            delegation_scope: scope.clone(),
            device: DeviceClaim::of(device),
            delegator_device: delegator.map(DeviceClaim::of),
            decision_id: decision.id().to_string(),
            device_compliance: device_compliance.clone(),
        };
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(TYPE.to_owned());
        header.kid = self.public.common.key_id.clone();
        let token = jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_| SigningError)?;
        Ok(AuthorizationContext {
            id,
            token,
            principal: json!(events::Principal::from(principal)),
            accord_template: template.clone(),
            delegation_scope: scope,
            issued_at,
            expires_at,
            device_compliance,
        })
    }
}

/// Leaves the key out.
impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// Leaves the token out: it is a credential.
impl std::fmt::Debug for AuthorizationContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthorizationContext")
            .field("id", &self.id)
            .field("accord_template", &self.accord_template)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
