//! The authority: tokens, discovery, signing keys.

pub(crate) mod discovery;
pub(crate) mod keys;
pub(crate) mod mint;
pub(crate) mod token;

use axum::response::Response;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::time;

/// One exchange with the authority: what its errors tell about it.
pub(crate) struct Exchange {
    trace: Uuid,
    correlation: String,
    at: DateTime<Utc>,
}

impl Exchange {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let sent = headers
            .get("client-request-id")
            .and_then(|id| id.to_str().ok());
        Self {
            trace: Uuid::new_v4(),
            correlation: sent.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned),
            at: time::now(),
        }
    }

    pub(crate) fn json(&self, status: StatusCode, body: &Value) -> Response {
        let mut response = crate::body::json(status, body);
        let headers = response.headers_mut();
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store, no-cache"),
        );
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        if let Ok(trace) = HeaderValue::from_str(&self.trace.to_string()) {
            headers.insert("x-ms-request-id", trace);
        }
        response
    }

    /// An error as Entra sends it.
    pub(crate) fn error(&self, error: &EntraError) -> Response {
        let EntraError {
            status,
            error,
            code,
            text,
        } = error;
        let timestamp = self.at.format("%Y-%m-%d %H:%M:%SZ");
        let body = json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {text}\r\nTrace ID: {}\r\nCorrelation ID: {}\r\nTimestamp: {timestamp}",
                self.trace, self.correlation,
            ),
            "error_codes": [code],
            "timestamp": timestamp.to_string(),
            "trace_id": self.trace.to_string(),
            "correlation_id": self.correlation,
        });
        self.json(*status, &body)
    }
}

/// Why the authority refuses.
#[derive(Debug)]
pub(crate) struct EntraError {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) code: u32,
    pub(crate) text: String,
}

impl EntraError {
    pub(crate) fn bad_request(error: &'static str, code: u32, text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            code,
            text: text.into(),
        }
    }

    pub(crate) fn invalid_client(code: u32, text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            error: "invalid_client",
            code,
            text: text.into(),
        }
    }

    pub(crate) fn unknown_tenant(tenant: &str) -> Self {
        Self::bad_request(
            "invalid_request",
            90002,
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are \
                 signing into the correct cloud. Check with your subscription administrator, this may \
                 happen if there are no active subscriptions for the tenant."
            ),
        )
    }
}
