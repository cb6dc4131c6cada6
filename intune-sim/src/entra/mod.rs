//! The authority: tokens, discovery, signing keys.

pub(crate) mod assertion;
pub(crate) mod cae;
mod catalogue;
pub(crate) mod certificate;
mod claims;
pub(crate) mod discovery;
pub(crate) mod error;
pub(crate) mod federated;
pub(crate) mod grant;
mod jwt;
pub(crate) mod keys;
pub(crate) mod mint;
mod signer;
pub(crate) mod token;

use std::collections::BTreeMap;

use axum::response::Response;
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;
use uuid::Uuid;

pub(crate) use error::EntraError;

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
}

/// What a client presents to the token endpoint.
pub(crate) struct Presented<'a> {
    form: BTreeMap<String, String>,
    /// The name by which it reached the authority.
    host: Option<&'a str>,
}

impl Presented<'_> {
    /// A parameter that the request must have.
    fn parameter(&self, name: &str) -> Result<&str, EntraError> {
        self.optional(name).ok_or_else(|| {
            let text = format!("The request body must contain the following parameter: '{name}'.");
            EntraError::says(900_144, text)
        })
    }

    fn optional(&self, name: &str) -> Option<&str> {
        self.form.get(name).map(String::as_str)
    }
}
