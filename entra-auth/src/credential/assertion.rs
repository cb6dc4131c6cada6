//! `private_key_jwt`: an assertion that the application signs for itself ([RFC 7523][rfc], and
//! [what Entra ID asks of it][entra]).
//!
//! Signed here and not by a JOSE library: those keep the key's DER in their own memory and parse it at each
//! signature, where `aws-lc-rs` keeps one parsed key and wipes what it frees; and what is left of JOSE is
//! two JSON objects and a dot.
//!
//! [rfc]: https://www.rfc-editor.org/rfc/rfc7523#section-3
//! [entra]: https://learn.microsoft.com/entra/identity-platform/certificate-credentials

use std::{error::Error, time::Duration};

use aws_lc_rs::{rand::SystemRandom, signature::RSA_PSS_SHA256};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{SecretString, zeroize::Zeroizing};
use serde::Serialize;
use uuid::Uuid;

use super::{ClientCertificate, ProofRequest};

/// The longest that Microsoft recommends.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(rename = "x5t#S256")]
    thumbprint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5c: Option<&'a [String]>,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: &'a str,
    sub: &'a str,
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl ClientCertificate {
    /// An assertion for one token request. Whoever has it can sign in until it ends.
    pub(super) fn assertion(
        &self,
        request: &ProofRequest<'_>,
    ) -> Result<SecretString, Box<dyn Error + Send + Sync>> {
        let now = request.now;
        if !(self.not_before()..=self.not_after()).contains(&now) {
            let (not_before, not_after) = (self.not_before(), self.not_after());
            tracing::warn!(%not_before, %not_after, "the client certificate is not valid now");
        }
        let client_id = request.client_id.as_str();
        let header = Header {
            alg: "PS256",
            typ: "JWT",
            thumbprint: self.thumbprint(),
            x5c: self.sends_chain.then_some(&self.identity.chain),
        };
        let claims = Claims {
            aud: request.audience,
            iss: client_id,
            sub: client_id,
            jti: Uuid::new_v4(),
            iat: now.unix_seconds(),
            nbf: now.unix_seconds(),
            exp: now.saturating_add(LIFETIME).unix_seconds(),
        };
        let (header, claims) = (serde_json::to_vec(&header)?, serde_json::to_vec(&claims)?);

        let key = &self.identity.key;
        let mut signature = Zeroizing::new(vec![0; key.public_modulus_len()]);
        // Large enough for four characters to each three bytes: a buffer that grows leaves copies behind.
        let size = 2 * (header.len() + claims.len() + signature.len()) + 16;
        let mut jwt = Zeroizing::new(String::with_capacity(size));
        URL_SAFE_NO_PAD.encode_string(header, &mut jwt);
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut jwt);
        key.sign(
            &RSA_PSS_SHA256,
            &SystemRandom::new(),
            jwt.as_bytes(),
            &mut signature,
        )
        .map_err(|_| NotSigned)?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_slice(), &mut jwt);
        Ok(jwt.as_str().into())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the certificate's key can't sign")]
struct NotSigned;
