use std::{sync::Arc, time::Duration};

use clock::{Clock, Timestamp};
use compliance_gate::{Claim, TokenClaims};
use entra_auth::http::HttpClient;
use intune_core::Principal;
use jsonwebtoken::{Algorithm, Validation, dangerous::insecure_decode_claims};
use serde_json::Value;

use super::{
    IssuerSpec,
    agent::agent,
    keys::{IssuerKeys, NoKey},
};

/// How far issuers' clocks and ours may be apart.
const LEEWAY: Duration = Duration::from_secs(60);
/// No issuer's token is longer; HTTP servers take no longer header either.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Signatures that only the issuer can make. Symmetric ones are not among them: their key would have to be
/// one that is published.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Verifies the tokens of the issuers that the host trusts.
#[derive(Debug)]
pub struct Verifier {
    issuers: Vec<IssuerKeys>,
    audience: String,
    clock: Arc<dyn Clock>,
}

/// A token that an issuer we trust made, for us, and that is in force.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    /// Whose it is.
    pub principal: Principal,
    /// All that it claims.
    pub claims: TokenClaims,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is not a token for us. Says what is wrong with it, and nothing that it says.
    #[error("{0}")]
    Invalid(&'static str),
    /// Its issuer's keys can't be had, so nobody knows.
    #[error("the issuer's keys can't be had at the moment")]
    KeysUnavailable,
}

impl Verifier {
    /// Trusts these issuers' tokens for this audience.
    #[must_use]
    pub fn new(
        issuers: impl IntoIterator<Item = IssuerSpec>,
        audience: String,
        http: &HttpClient,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let issuers = issuers
            .into_iter()
            .map(|spec| IssuerKeys::new(spec, http.clone(), Arc::clone(&clock)));
        Self {
            issuers: issuers.collect(),
            audience,
            clock,
        }
    }

    /// Verifies a token as
    /// [RFC 8725](https://www.rfc-editor.org/rfc/rfc8725) recommends: known issuer, that issuer's key, an
    /// asymmetric algorithm, our audience, in force.
    ///
    /// # Errors
    ///
    /// Why it isn't accepted.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, Rejection> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::Invalid("the token is too long"));
        }
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| Rejection::Invalid("the token is not a JWT"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(Rejection::Invalid("the token's algorithm is not accepted"));
        }
        if header.crit.is_some() {
            return Err(Rejection::Invalid(
                "the token asks for an extension that isn't supported",
            ));
        }
        // Not verified yet: it only says whose key to try.
        let claimed: TokenClaims = insecure_claims(token)?;
        let issuer = claimed.text("iss");
        let issuer = self
            .issuers
            .iter()
            .find(|keys| Some(keys.spec().issuer.as_str()) == issuer);
        let issuer = issuer.ok_or(Rejection::Invalid("the token's issuer is not trusted"))?;
        let key = issuer
            .find(header.kid.as_deref(), header.alg)
            .await
            .map_err(|no_key| match no_key {
                NoKey::Unknown => Rejection::Invalid("the token's key is not one of its issuer's"),
                NoKey::Unavailable => Rejection::KeysUnavailable,
            })?;

        // The claims are checked here, with our clock; the library checks the signature.
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let claims = jsonwebtoken::decode::<TokenClaims>(token, &key, &validation)
            .map_err(|_| Rejection::Invalid("the token's signature is wrong"))?
            .claims;
        self.accept(claims, &issuer.spec().issuer)
    }

    fn accept(&self, claims: TokenClaims, issuer: &str) -> Result<VerifiedToken, Rejection> {
        if claims.text("iss") != Some(issuer) {
            return Err(Rejection::Invalid("the token's issuer is not trusted"));
        }
        if !is_for(&claims, &self.audience) {
            return Err(Rejection::Invalid("the token is for another audience"));
        }
        let now = self.clock.now().wall;
        let expires_at = match claims.claim("exp") {
            Claim::Present(value) => {
                numeric_date(value).ok_or(Rejection::Invalid("the token's `exp` is not a date"))?
            }
            Claim::Absent => return Err(Rejection::Invalid("the token has no `exp`")),
            Claim::Repeated => return Err(Rejection::Invalid("the token has two `exp`")),
        };
        if now >= expires_at.saturating_add(LEEWAY) {
            return Err(Rejection::Invalid("the token has expired"));
        }
        match claims.claim("nbf") {
            Claim::Absent => {}
            Claim::Present(value) => match numeric_date(value) {
                Some(begins) if begins <= now.saturating_add(LEEWAY) => {}
                _ => return Err(Rejection::Invalid("the token is not in force yet")),
            },
            Claim::Repeated => return Err(Rejection::Invalid("the token has two `nbf`")),
        }
        let subject = claims.text("sub").filter(|subject| !subject.is_empty());
        let subject = subject.ok_or(Rejection::Invalid("the token has no `sub`"))?;
        let mut principal = Principal::new(issuer, subject);
        if let Some(object_id) = claims.text("oid").and_then(|oid| oid.parse().ok()) {
            principal = principal.with_object_id(object_id);
        }
        if let Some(agent) = agent(&claims) {
            principal = principal.with_delegate(agent);
        }
        Ok(VerifiedToken {
            principal,
            claims,
            expires_at,
        })
    }

    /// The issuers whose keys can't be had.
    pub async fn issuers_without_keys(&self) -> Vec<String> {
        let mut without = Vec::new();
        for issuer in &self.issuers {
            if !issuer.are_available().await {
                without.push(issuer.spec().issuer.clone());
            }
        }
        without
    }
}

fn insecure_claims(token: &str) -> Result<TokenClaims, Rejection> {
    insecure_decode_claims(token)
        .map_err(|_| Rejection::Invalid("the token's claims can't be read"))
}

/// `aud` is a text or a list of texts: [RFC 7519](https://www.rfc-editor.org/rfc/rfc7519#section-4.1.3).
fn is_for(claims: &TokenClaims, audience: &str) -> bool {
    match claims.claim("aud") {
        Claim::Present(Value::String(aud)) => aud == audience,
        Claim::Present(Value::Array(list)) => {
            list.iter().all(Value::is_string)
                && list.iter().any(|aud| aud.as_str() == Some(audience))
        }
        Claim::Present(_) | Claim::Absent | Claim::Repeated => false,
    }
}

/// Seconds since 1970, possibly with a fraction: [RFC 7519](https://www.rfc-editor.org/rfc/rfc7519#section-2).
pub(super) fn numeric_date(value: &Value) -> Option<Timestamp> {
    let seconds = value
        .as_f64()
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
    let since_epoch = Duration::try_from_secs_f64(seconds.min(1e12)).ok()?;
    Some(Timestamp::from_unix_millis(0).saturating_add(since_epoch))
}
