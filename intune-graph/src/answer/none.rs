//! Why no answer came.

use entra_auth::{
    TokenError, TokenErrorKind,
    http::{TransportError, TransportErrorKind},
};
use intune_core::{SourceFailure, SourceFailureKind};

/// A failure to get a token, as a failure of the source.
pub(crate) fn token_failure(error: &TokenError) -> SourceFailure {
    let kind = match error.kind() {
        TokenErrorKind::Throttled => SourceFailureKind::Throttled,
        TokenErrorKind::Unavailable => SourceFailureKind::Unavailable,
        TokenErrorKind::TimedOut => SourceFailureKind::TimedOut,
        TokenErrorKind::MalformedAnswer => SourceFailureKind::MalformedAnswer,
        _ => SourceFailureKind::CredentialRejected,
    };
    let mut failure = SourceFailure::new(kind);
    if let Some(status) = error.status() {
        failure = failure.with_status(status);
    }
    if let Some(code) = error.aadsts_codes().first() {
        failure = failure.with_code(&format!("AADSTS{code}"));
    }
    if let Some(id) = error.correlation_id() {
        failure = failure.with_request_id(id);
    }
    match error.retry_after() {
        Some(delay) => failure.with_retry_after(delay),
        None => failure,
    }
}

/// A failure to get an answer, as a failure of the source.
pub(crate) fn transport_failure(error: &TransportError) -> SourceFailure {
    SourceFailure::new(match error.kind() {
        TransportErrorKind::Timeout => SourceFailureKind::TimedOut,
        TransportErrorKind::BodyTooLarge => SourceFailureKind::MalformedAnswer,
        TransportErrorKind::InsecureUrl | TransportErrorKind::InvalidRequest => {
            SourceFailureKind::Refused
        }
        _ => SourceFailureKind::Unavailable,
    })
}
