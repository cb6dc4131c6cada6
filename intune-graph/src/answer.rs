//! What Graph answers, and what it means when it isn't what was asked for.

use bytes::Bytes;
use entra_auth::{
    TokenError, TokenErrorKind,
    http::{TransportError, TransportErrorKind, retry_after},
};
use http::{Response, StatusCode};
use intune_core::{SourceFailure, SourceFailureKind};
use serde::Deserialize;
use serde_json::Value;

use crate::object::Object;

/// Decodes the body of a 200.
pub(crate) fn decode<'a, T: Deserialize<'a>>(
    response: &'a Response<Bytes>,
) -> Result<T, SourceFailure> {
    let body = serde_json::from_slice(response.body());
    body.map(|Object(value)| value).map_err(|error| {
        // Where, but not what: the text may hold anything.
        tracing::warn!(
            line = error.line(),
            column = error.column(),
            "an answer of Graph can't be read"
        );
        with_request_id(
            SourceFailure::new(SourceFailureKind::MalformedAnswer),
            response,
        )
    })
}

/// Says why an answer other than 200 is one.
pub(crate) fn failure(response: &Response<Bytes>) -> SourceFailure {
    let status = response.status();
    let error = error_of(response.body());
    let kind = match status {
        StatusCode::UNAUTHORIZED if error.is_refusal_of_intune => SourceFailureKind::LicenceMissing,
        StatusCode::UNAUTHORIZED => SourceFailureKind::CredentialRejected,
        StatusCode::FORBIDDEN => SourceFailureKind::PermissionMissing,
        StatusCode::TOO_MANY_REQUESTS => SourceFailureKind::Throttled,
        StatusCode::REQUEST_TIMEOUT => SourceFailureKind::TimedOut,
        _ if status.is_server_error() => SourceFailureKind::Unavailable,
        _ if status.is_client_error() => SourceFailureKind::Refused,
        // Redirects are not followed, and no other success is an answer to a read.
        _ => SourceFailureKind::MalformedAnswer,
    };
    let mut failure = SourceFailure::new(kind).with_status(status.as_u16());
    if let Some(code) = error.code {
        failure = failure.with_code(&code);
    }
    if let Some(delay) = retry_after(response.headers()) {
        failure = failure.with_retry_after(delay);
    }
    with_request_id(failure, response)
}

/// Whether a 401 says that Intune refuses the tenant, which no new token will change.
pub(crate) fn is_refusal_of_intune(response: &Response<Bytes>) -> bool {
    error_of(response.body()).is_refusal_of_intune
}

fn with_request_id(failure: SourceFailure, response: &Response<Bytes>) -> SourceFailure {
    let id = response
        .headers()
        .get("request-id")
        .and_then(|id| id.to_str().ok())
        .filter(|id| is_identifier(id));
    match id {
        Some(id) => failure.with_request_id(id),
        None => failure,
    }
}

/// Whether a text is what a service calls a thing, and not prose, nor a token that it echoes: those have dots.
fn is_identifier(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

#[derive(Default)]
struct GraphError {
    code: Option<String>,
    is_refusal_of_intune: bool,
}

/// Reads the [error envelope](https://learn.microsoft.com/graph/errors), if there is one: a gateway's 503 can
/// be HTML.
///
/// Intune answers in a second layer, JSON within the message's text. Of it, only the realm of its challenge
/// is of interest: a 401 that names Intune is not about the token.
fn error_of(body: &[u8]) -> GraphError {
    let envelope: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = envelope.get("error");
    let text = |name: &str| {
        error
            .and_then(|error| error.get(name))
            .and_then(Value::as_str)
    };
    GraphError {
        code: text("code")
            .filter(|code| is_identifier(code))
            .map(str::to_owned),
        is_refusal_of_intune: text("message")
            .is_some_and(|text| text.contains("urn:intune:service")),
    }
}

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
