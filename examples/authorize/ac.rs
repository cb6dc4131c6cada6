//! Authorization Contexts: the short-lived grants that this host issues.

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use clock::Timestamp;
use compliance_gate::Decision;
use intune_core::{AccordTemplate, Principal};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// The longest life of an Authorization Context.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// What this host calls itself, in records and in what it issues.
pub const ISSUER: &str = "urn:broker:authorize";

/// An Authorization Context, as its caller gets it.
#[derive(Clone, Serialize)]
pub struct AuthorizationContext {
    id: String,
    /// The same, signed: a JWT for whoever the caller shows it to.
    token: String,
    principal: Value,
    accord_template: AccordTemplate,
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
    pub fn issue(
        &self,
        principal: &Principal,
        template: &AccordTemplate,
        decision: &Decision,
        token_expires_at: Timestamp,
    ) -> Result<AuthorizationContext, SigningError> {
        let issued_at = decision.made_at();
        let expires_at = issued_at.saturating_add(LIFETIME).min(token_expires_at);
        let expires_at = decision
            .valid_until()
            .map_or(expires_at, |until| expires_at.min(until));
        let id = Uuid::new_v4().to_string();
        let device_compliance = decision.evidence().map(|evidence| json!(evidence));
        let subject = principal.subject();
        let principal = json!({"issuer": principal.issuer(), "subject": subject});

        let mut claims = json!({
            "iss": ISSUER,
            "sub": subject,
            "jti": id,
            "iat": issued_at.unix_seconds(),
            "exp": expires_at.unix_seconds(),
            "principal": principal,
            "accord_template": template,
            "decision_id": decision.id(),
        });
        if let (Some(compliance), Some(claims)) = (&device_compliance, claims.as_object_mut()) {
            claims.insert("device_compliance".to_owned(), compliance.clone());
        }
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some("ac+jwt".to_owned());
        header.kid = self.public.common.key_id.clone();
        let token = jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_| SigningError)?;
        Ok(AuthorizationContext {
            id,
            token,
            principal,
            accord_template: template.clone(),
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
