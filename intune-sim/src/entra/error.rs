//! Why the authority refuses, with the codes and words of Entra.

use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use axum::response::Response;

use super::{Exchange, catalogue};

/// A refusal, before it's written for one exchange.
#[derive(Clone, Debug)]
pub(crate) struct EntraError {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) code: u32,
    pub(crate) text: String,
    pub(crate) suberror: Option<String>,
    /// A JSON text: what a token must be asked for with.
    pub(crate) claims: Option<String>,
    pub(crate) retry_after: Option<String>,
    /// Spaces instead of CRLF in the description, as newer dumps have it.
    pub(crate) one_line: bool,
    pub(crate) without_codes: bool,
}

impl EntraError {
    /// The refusal with this AADSTS code, in its usual words.
    pub(crate) fn of(code: u32) -> Self {
        let usual = catalogue::usual(code);
        Self {
            status: StatusCode::from_u16(usual.status).unwrap_or(StatusCode::BAD_REQUEST),
            error: usual.error,
            code,
            text: usual.text.to_owned(),
            suberror: usual.suberror.map(str::to_owned),
            claims: usual.claims.map(str::to_owned),
            retry_after: None,
            one_line: false,
            without_codes: false,
        }
    }

    /// The refusal with this AADSTS code, in words of its own.
    pub(crate) fn says(code: u32, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::of(code)
        }
    }

    pub(crate) fn unknown_tenant(tenant: &str) -> Self {
        Self::says(
            90002,
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are \
                 signing into the correct cloud. Check with your subscription administrator, this may \
                 happen if there are no active subscriptions for the tenant."
            ),
        )
    }
}

impl Exchange {
    /// An error as Entra sends it.
    pub(crate) fn error(&self, error: &EntraError) -> Response {
        let code = error.code;
        let timestamp = self.at.format("%Y-%m-%d %H:%M:%SZ").to_string();
        let gap = if error.one_line { " " } else { "\r\n" };
        let mut body = json!({
            "error": error.error,
            "error_description": format!(
                "AADSTS{code}: {}{gap}Trace ID: {}{gap}Correlation ID: {}{gap}Timestamp: {timestamp}",
                error.text, self.trace, self.correlation,
            ),
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": self.trace.to_string(),
            "correlation_id": self.correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        });
        if let Some(body) = body.as_object_mut() {
            let extra = [("suberror", &error.suberror), ("claims", &error.claims)];
            for (name, value) in extra {
                if let Some(value) = value {
                    body.insert(name.to_owned(), Value::from(value.as_str()));
                }
            }
            if error.without_codes {
                body.remove("error_codes");
            }
        }
        let mut response = self.json(error.status, &body);
        let retry_after = error.retry_after.as_deref();
        if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}
