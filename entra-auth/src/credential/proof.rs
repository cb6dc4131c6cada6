use std::iter;

use clock::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{ClientId, TokenError};

/// The token request that a proof is for.
pub(crate) struct ProofRequest<'a> {
    pub(crate) client_id: &'a ClientId,
    /// The token endpoint's URL.
    pub(crate) audience: &'a str,
    pub(crate) now: Timestamp,
    /// The refusal of the proof given before, if this one is to replace it.
    pub(crate) rejected: Option<&'a TokenError>,
}

/// What one token request carries to prove who sends it.
pub(crate) struct Proof {
    kind: Kind,
    secret: SecretString,
}

#[derive(Clone, Copy)]
enum Kind {
    Secret,
    Assertion,
}

/// [RFC 7523, section 2.2](https://www.rfc-editor.org/rfc/rfc7523#section-2.2)
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Proof {
    pub(super) const fn secret(secret: SecretString) -> Self {
        let kind = Kind::Secret;
        Self { kind, secret }
    }

    pub(super) const fn assertion(secret: SecretString) -> Self {
        let kind = Kind::Assertion;
        Self { kind, secret }
    }

    /// The parameters that the form carries, not yet encoded.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let (name, kind) = match self.kind {
            Kind::Secret => ("client_secret", None),
            Kind::Assertion => (
                "client_assertion",
                Some(("client_assertion_type", JWT_BEARER)),
            ),
        };
        kind.into_iter()
            .chain(iter::once((name, self.secret.expose_secret())))
    }

    /// What an answer must not echo.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        iter::once(&self.secret)
    }
}
