//! Errors in Graph's two shapes: plain from the gateway, JSON within JSON from Intune behind it.

use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::Exchange;
use crate::{body, time};

/// An error answer.
#[derive(Debug)]
pub(crate) struct GraphError {
    status: StatusCode,
    code: String,
    message: String,
}

impl GraphError {
    /// An error of the gateway, which tells in plain words.
    pub(crate) fn gateway(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// An error of Intune: its message is a JSON text.
    pub(crate) fn intune(
        status: StatusCode,
        code: &str,
        text: &str,
        path: &str,
        exchange: &Exchange,
    ) -> Self {
        let path = path.trim_start_matches("/v1.0/");
        let text = Value::from(format!(
            "{text} - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - \
             Activity ID: {} - Url: https://fef.msua01.manage.microsoft.com/DeviceFE/\
             StatelessDeviceFEService/{path}?api-version=2025-07-09",
            exchange.client_request_id,
        ));
        let message = format!(
            "{{\r\n  \"_version\": 3,\r\n  \"Message\": {text},\r\n  \"CustomApiErrorPhrase\": \"\",\r\n  \
             \"RetryAfter\": null,\r\n  \"ErrorSourceService\": \"\",\r\n  \"HttpHeaders\": \"{{}}\"\r\n}}"
        );
        Self {
            status,
            code: code.to_owned(),
            message,
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::gateway(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// The gateway's refusal of a token.
    pub(crate) fn invalid_token(message: &str) -> Self {
        Self::gateway(
            StatusCode::UNAUTHORIZED,
            "InvalidAuthenticationToken",
            message,
        )
    }

    pub(crate) fn response(&self, exchange: &Exchange) -> Response {
        // The real date has no zone either.
        let date = time::now().format("%Y-%m-%dT%H:%M:%S").to_string();
        let mut inner = json!({
            "date": date,
            "request-id": exchange.request_id,
            "client-request-id": exchange.client_request_id,
        });
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            inner = json!({
                "code": "429", "date": date, "message": "Please retry after",
                "request-id": exchange.request_id, "status": "429",
            });
        }
        let body =
            json!({ "error": { "code": self.code, "message": self.message, "innerError": inner } });
        let mut response = exchange.label(body::typed(
            self.status,
            "application/json",
            body.to_string(),
        ));
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(
                    "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/\
                     oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\"",
                ),
            );
        }
        response
    }
}

pub(crate) fn unknown_segment(segment: &str) -> GraphError {
    GraphError::bad_request(format!("Resource not found for the segment '{segment}'."))
}

/// The answer that an injected status has by default.
pub(crate) fn usual(headers: &HeaderMap, status: StatusCode) -> Response {
    let (code, message) = match status.as_u16() {
        400 => ("BadRequest", "Invalid request."),
        401 => (
            "InvalidAuthenticationToken",
            "Access token has expired or is not yet valid.",
        ),
        403 => (
            "Forbidden",
            "Insufficient privileges to complete the operation.",
        ),
        404 => ("ResourceNotFound", "Resource not found."),
        429 => ("TooManyRequests", "Please retry again later."),
        500 => (
            "InternalServerError",
            "An internal server error has occurred.",
        ),
        502..=504 => ("UnknownError", ""),
        _ => ("UnknownError", "An error has occurred."),
    };
    GraphError::gateway(status, code, message).response(&Exchange::of(headers))
}
