//! Errors instead of an answer.

use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::{EntraFault, Layer, build::WEB_PAGE};
use crate::{
    body::typed,
    entra::{self, EntraError},
    graph::{
        Exchange,
        errors::{self, GraphError},
    },
    route::Route,
    service::Received,
};

pub(super) const JSON: &str = "application/json; charset=utf-8";

/// What Intune says to a tenant or user that it doesn't serve.
const INTUNE_CHALLENGE: &str = r#"{"WWW-Authenticate":"Bearer realm=\"urn:intune:service,5d5e3c1f-0f4e-4d6b-9b53-8f1f3f9a0b27\""}"#;

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status)
        .ok()
        .filter(|status| (200..600).contains(&status.as_u16()))
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A bare status, with a body that is given or usual.
pub(super) fn with_status(
    received: &Received,
    status: u16,
    body: Option<String>,
    retry_after: Option<String>,
) -> Response {
    let status = code(status);
    let mut response = match body {
        Some(body) => {
            let kind = match body.trim_start().chars().next() {
                Some('{' | '[') => JSON,
                Some('<') => "text/html; charset=utf-8",
                _ => "text/plain; charset=utf-8",
            };
            typed(status, kind, body)
        }
        None => usual(received, status),
    };
    if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(&value).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

/// What the service sends with a status.
fn usual(received: &Received, status: StatusCode) -> Response {
    let headers = &received.parts.headers;
    match received.call.route() {
        // The authority's throttling answer is plain text.
        Route::Token | Route::Discovery | Route::Keys
            if status == StatusCode::TOO_MANY_REQUESTS =>
        {
            typed(status, "text/plain; charset=utf-8", "Too Many Requests")
        }
        Route::Token | Route::Discovery | Route::Keys => {
            let mut error = EntraError::of(90033);
            error.status = status;
            if !status.is_server_error() {
                error.error = "invalid_request";
            }
            entra::Exchange::of(headers).error(&error)
        }
        _ if status == StatusCode::SERVICE_UNAVAILABLE => {
            typed(status, "text/html; charset=us-ascii", WEB_PAGE)
        }
        _ => errors::usual(headers, status),
    }
}

/// An error of the authority.
pub(super) fn by_entra(received: &Received, error: EntraFault) -> Response {
    let usual = EntraError::of(error.code);
    let error = EntraError {
        status: error.status.map_or(usual.status, code),
        text: error.message.unwrap_or(usual.text),
        suberror: error.suberror.or(usual.suberror),
        claims: error.claims.or(usual.claims),
        retry_after: error.retry_after,
        one_line: error.one_line,
        without_codes: error.without_codes,
        ..usual
    };
    entra::Exchange::of(&received.parts.headers).error(&error)
}

/// An error in the shape of a layer.
pub(super) fn of_layer(
    received: &Received,
    layer: Layer,
    status: u16,
    words: (Option<String>, Option<String>),
    retry_after: Option<String>,
) -> Response {
    let status = code(status);
    let exchange = Exchange::of(&received.parts.headers);
    let (usual_code, usual_text) = errors::usual_words(status);
    let code = words.0.as_deref().unwrap_or(usual_code);
    let text = words.1.as_deref();
    let nested = text.unwrap_or("An error has occurred");
    let path = received.parts.uri.path();
    let error = match layer {
        Layer::Gateway => GraphError::gateway(status, code, text.unwrap_or(usual_text)),
        Layer::Intune => GraphError::intune(status, code, nested, path, &exchange),
        Layer::IntuneWrapped => GraphError::wrapped(status, code, nested, path, &exchange, "{}"),
    };
    let error = match retry_after {
        Some(value) => error.header(header::RETRY_AFTER, &value),
        None => error,
    };
    error.response(&exchange)
}

/// Intune refuses the tenant or the user, with a 401 that isn't about the token.
pub(super) fn by_intune(received: &Received) -> Response {
    let exchange = Exchange::of(&received.parts.headers);
    let (status, text) = (StatusCode::UNAUTHORIZED, "An error has occurred");
    let path = received.parts.uri.path();
    GraphError::wrapped(status, "Forbidden", text, path, &exchange, INTUNE_CHALLENGE)
        .response(&exchange)
}

pub(super) fn missing_scope(received: &Received, scope: &str) -> Response {
    let exchange = Exchange::of(&received.parts.headers);
    GraphError::missing_scope(scope, received.parts.uri.path(), &exchange).response(&exchange)
}

/// Multi Admin Approval: the header tells it from a refusal.
pub(super) fn approval_required(received: &Received, approval_code: &str, status: u16) -> Response {
    let exchange = Exchange::of(&received.parts.headers);
    let text = "This operation requires approval by another administrator";
    let path = received.parts.uri.path();
    GraphError::intune(code(status), "ApprovalRequired", text, path, &exchange)
        .header(
            HeaderName::from_static("x-msft-approval-code"),
            approval_code,
        )
        .response(&exchange)
}
