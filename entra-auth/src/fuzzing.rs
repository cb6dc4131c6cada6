//! What reads the answers of token endpoints and APIs, on bytes and without a network: for the targets in `fuzz/` and
//! for `tests/corpus.rs`, which runs them on what the fuzzers found.
//!
//! Not part of the public API.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use clock::Timestamp;
use futures_util::FutureExt as _;
use http::Response;
use secrecy::SecretString;

use crate::{
    ClaimsChallenge, ClientId, Credential, TokenError, TokenErrorKind,
    answer::{self, Asked},
    credential::ProofRequest,
};

/// Our id of every request.
pub const CORRELATION_ID: &str = "99999999-8888-4777-8666-555555555555";
/// The authority that every request was sent to.
pub const AUTHORITY: &str = "login.microsoftonline.com";

/// A token and its times, counted from the start of the request.
#[derive(Debug)]
pub struct Grant {
    pub secret: SecretString,
    pub lifetime: Duration,
    pub refresh_in: Option<Duration>,
}

/// Reads what a token endpoint answers to a request that carries `secret`.
///
/// # Errors
///
/// As the client's callers get it.
pub fn token_answer(
    response: Response<Bytes>,
    secret: &SecretString,
    client_id: &ClientId,
    now: Timestamp,
) -> Result<Grant, TokenError> {
    let credential = Credential::secret(secret.clone());
    let request = ProofRequest {
        client_id,
        audience: AUTHORITY,
        now,
        rejected: None,
    };
    // A secret is its own proof, for which nobody waits.
    let proof = credential.proof(request).now_or_never();
    let proof = proof.ok_or_else(|| TokenError::new(TokenErrorKind::CredentialUnavailable))??;
    let asked = Asked {
        proof: &proof,
        request_id: CORRELATION_ID,
        authority: AUTHORITY,
        now,
    };
    let grant = answer::read(response, &asked)?;
    Ok(Grant {
        secret: grant.secret,
        lifetime: grant.lifetime,
        refresh_in: grant.refresh_in,
    })
}

/// The `claims` parameter that answers a challenge, of a client that handles more of them, or of one that doesn't.
#[must_use]
pub fn claims_parameter(challenge: &ClaimsChallenge, capable: bool) -> Arc<str> {
    challenge.parameter(capable)
}
