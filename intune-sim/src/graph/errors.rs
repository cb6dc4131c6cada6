//! Errors in Graph's shapes: plain from the gateway, JSON within JSON from Intune behind it.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use super::Exchange;
use crate::{body, throttle::Refused, time};

/// An error answer.
#[derive(Debug)]
pub(crate) struct GraphError {
    status: StatusCode,
    code: String,
    message: String,
    back_end: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl GraphError {
    /// An error of the gateway, which tells in plain words.
    pub(crate) fn gateway(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            back_end: false,
            headers: Vec::new(),
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
        Self {
            back_end: true,
            ..Self::gateway(status, code, intune_message(text, path, exchange, "{}"))
        }
    }

    /// An error of Intune that the gateway has wrapped once more.
    ///
    /// `http_headers` is a JSON text: what Intune itself sent along.
    pub(crate) fn wrapped(
        status: StatusCode,
        code: &str,
        text: &str,
        path: &str,
        exchange: &Exchange,
        http_headers: &str,
    ) -> Self {
        let message = json!({
            "ErrorCode": code,
            "Message": intune_message(text, path, exchange, http_headers),
            "Target": null, "Details": null, "InnerError": null, "InstanceAnnotations": [],
        });
        Self {
            back_end: true,
            ..Self::gateway(status, "UnknownError", message.to_string())
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

    /// Intune's refusal of an application without the role.
    pub(crate) fn missing_scope(scopes: &str, path: &str, exchange: &Exchange) -> Self {
        let text = format!(
            "Application is not authorized to perform this operation. Application must have one of the \
             following scopes: {scopes}"
        );
        Self::intune(StatusCode::FORBIDDEN, "Forbidden", &text, path, exchange)
    }

    /// Adds a header, unless its value can't be one.
    pub(crate) fn header(mut self, name: impl Into<HeaderName>, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name.into(), value));
        }
        self
    }

    pub(crate) fn response(&self, exchange: &Exchange) -> Response {
        // The real date has no zone either.
        let date = time::now().format("%Y-%m-%dT%H:%M:%S").to_string();
        let throttled = self.status == StatusCode::TOO_MANY_REQUESTS && !self.back_end;
        let inner = if throttled {
            json!({
                "code": "429", "date": date, "message": "Please retry after",
                "request-id": exchange.request_id, "status": "429",
            })
        } else {
            json!({
                "date": date,
                "request-id": exchange.request_id,
                "client-request-id": exchange.client_request_id,
            })
        };
        let body =
            json!({ "error": { "code": self.code, "message": self.message, "innerError": inner } });
        let mut response = exchange.label(body::typed(
            self.status,
            "application/json",
            body.to_string(),
        ));
        let headers = response.headers_mut();
        // The gateway's challenge, if there is no particular one: Intune's own refusal has none.
        let challenged = |(name, _): &(HeaderName, _)| *name == header::WWW_AUTHENTICATE;
        if self.status == StatusCode::UNAUTHORIZED
            && !self.back_end
            && !self.headers.iter().any(challenged)
        {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(
                    "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/\
                     oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\"",
                ),
            );
        }
        headers.extend(self.headers.iter().cloned());
        response
    }
}

fn intune_message(text: &str, path: &str, exchange: &Exchange, http_headers: &str) -> String {
    let path = path.trim_start_matches("/v1.0/");
    let text = Value::from(format!(
        "{text} - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - \
         Activity ID: {} - Url: https://fef.msua01.manage.microsoft.com/DeviceFE/\
         StatelessDeviceFEService/{path}?api-version=2025-07-09",
        exchange.client_request_id,
    ));
    let http_headers = Value::from(http_headers);
    format!(
        "{{\r\n  \"_version\": 3,\r\n  \"Message\": {text},\r\n  \"CustomApiErrorPhrase\": \"\",\r\n  \
         \"RetryAfter\": null,\r\n  \"ErrorSourceService\": \"\",\r\n  \"HttpHeaders\": {http_headers}\r\n}}"
    )
}

/// An action asked for with another method.
pub(crate) fn only_post(method: &Method) -> GraphError {
    let text = format!("The OData request is not supported: HTTP method '{method}' on an action.");
    GraphError::gateway(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", text)
        .header(header::ALLOW, "POST")
}

pub(crate) fn throttled(refused: Refused, path: &str, exchange: &Exchange) -> GraphError {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let (code, text) = usual_words(status);
    match refused {
        Refused::Gateway(seconds) => GraphError::gateway(status, code, text)
            .header(header::RETRY_AFTER, &seconds.to_string()),
        Refused::BackEnd => {
            GraphError::intune(status, code, "An error has occurred", path, exchange)
        }
    }
}

pub(crate) fn unknown_segment(segment: &str) -> GraphError {
    GraphError::bad_request(format!("Resource not found for the segment '{segment}'."))
}

/// Code and text that an error of that status has by default.
pub(crate) fn usual_words(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
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
        409 => ("Conflict", "The request conflicts with another one."),
        429 => ("TooManyRequests", "Please retry again later."),
        500 => (
            "InternalServerError",
            "An internal server error has occurred.",
        ),
        502..=504 => ("UnknownError", ""),
        _ => ("UnknownError", "An error has occurred."),
    }
}

/// The answer that an injected status has by default.
pub(crate) fn usual(headers: &HeaderMap, status: StatusCode) -> Response {
    let (code, message) = usual_words(status);
    GraphError::gateway(status, code, message).response(&Exchange::of(headers))
}
