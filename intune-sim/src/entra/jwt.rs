//! A signed token that somebody presents, taken apart.

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

/// Seconds by which clocks may differ.
pub(crate) const SKEW: f64 = 300.0;

/// A JWT whose signature hasn't been verified yet.
pub(crate) struct Jwt<'a> {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    message: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jwt<'a> {
    /// Reads the compact form: RFC 7515, section 7.1.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (message, signature) = text.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let object = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            serde_json::from_slice(&bytes).ok()
        };
        Some(Self {
            header: object(header)?,
            claims: object(claims)?,
            message,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// Whether the holder of an RSA key (PKCS#1 `RSAPublicKey`, DER) signed it, with RS256 or PS256.
    pub(crate) fn signed_by(&self, key: &[u8]) -> bool {
        let verified = match self.header.get("alg").and_then(Value::as_str) {
            Some("PS256") => UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key)
                .verify(self.message.as_bytes(), &self.signature),
            Some("RS256") => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
                .verify(self.message.as_bytes(), &self.signature),
            _ => return false,
        };
        verified.is_ok()
    }

    /// A time in seconds: clients send integers, floats, and texts of either.
    pub(crate) fn seconds(&self, claim: &str) -> Result<Option<f64>, ()> {
        let seconds = match self.claims.get(claim) {
            None => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_f64(),
        };
        seconds
            .filter(|value| value.is_finite())
            .map(Some)
            .ok_or(())
    }
}
