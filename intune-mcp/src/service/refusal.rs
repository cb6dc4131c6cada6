//! Why a request doesn't reach MCP, and how that is answered.

use std::time::Duration;

use ::http::{
    HeaderValue, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use intune_core::{Capability, Operation};
use serde_json::json;

use super::McpBody;
use crate::rate::seconds;

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    Malformed(&'static str),
    Host,
    Origin,
    NoToken,
    Token(&'static str),
    Unverifiable(Duration),
    Method,
    TooOften(Duration),
    TooLarge,
    TooSlow,
    Unreadable,
    /// The scope doesn't allow the operation; these capabilities would be enough for all the caller does.
    Scope(Operation, Vec<Capability>),
    Ended,
}

/// What a client is told about getting a token.
#[derive(Debug)]
pub(super) struct Challenge {
    /// Where the protected resource's metadata is.
    pub(super) metadata: String,
}

impl Challenge {
    /// [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-3), with the parameter of
    /// [RFC 9728](https://www.rfc-editor.org/rfc/rfc9728#section-5.1).
    fn header(&self, error: Option<(&str, &str)>, scope: &str) -> Option<HeaderValue> {
        let mut header = format!(r#"Bearer resource_metadata="{}""#, self.metadata);
        if let Some((error, description)) = error {
            header += &format!(r#", error="{error}", error_description="{description}""#);
        }
        header += &format!(r#", scope="{scope}""#);
        header.try_into().ok()
    }
}

impl Refusal {
    pub(super) fn response(&self, challenge: &Challenge) -> Response<McpBody> {
        let (status, error) = self.status();
        tracing::debug!(%status, error, "a request was refused");
        let body = json!({"error": error, "message": self.message()});
        let mut response = Response::new(McpBody::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Self::Method => {
                headers.insert(ALLOW, HeaderValue::from_static("POST"));
            }
            Self::Unverifiable(wait) | Self::TooOften(wait) => {
                headers.insert(RETRY_AFTER, seconds(*wait).into());
            }
            _ => {}
        }
        let read = Capability::Read.as_str();
        let header = match self {
            // Without credentials, no error: RFC 6750, section 3.1.
            Self::NoToken => challenge.header(None, read),
            Self::Token(why) => {
                // It may end the quoted string of a header nowhere.
                let why: String = why.chars().filter(|c| !matches!(c, '"' | '\\')).collect();
                challenge.header(Some((error, &why)), read)
            }
            Self::Scope(_, enough) => {
                let enough: Vec<_> = enough
                    .iter()
                    .map(|capability| capability.as_str())
                    .collect();
                challenge.header(Some((error, "the tool takes more")), &enough.join(" "))
            }
            _ => None,
        };
        if let Some(header) = header {
            headers.insert(WWW_AUTHENTICATE, header);
        }
        response
    }

    const fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed(_) | Self::Unreadable => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::Host => (StatusCode::FORBIDDEN, "forbidden_host"),
            Self::Origin => (StatusCode::FORBIDDEN, "forbidden_origin"),
            Self::NoToken | Self::Token(_) => (StatusCode::UNAUTHORIZED, "invalid_token"),
            Self::Unverifiable(_) | Self::Ended => {
                (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
            }
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::TooOften(_) => (StatusCode::TOO_MANY_REQUESTS, "throttled"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too_slow"),
            Self::Scope(..) => (StatusCode::FORBIDDEN, "insufficient_scope"),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Malformed(header) => {
                format!("the header `{header}` is missing, given twice, or malformed")
            }
            Self::Host => "this service isn't reached under that host name".to_owned(),
            Self::Origin => "pages of that origin may not use this service".to_owned(),
            Self::NoToken => "send an Authorization Context as bearer token".to_owned(),
            Self::Token(why) => format!("the bearer token is not accepted: {why}"),
            Self::Unverifiable(_) => "tokens can't be verified now".to_owned(),
            Self::Method => "send MCP messages with POST; there are no streams to GET".to_owned(),
            Self::TooOften(_) => {
                "there were too many requests: wait, and come less often".to_owned()
            }
            Self::TooLarge => "the body is too large".to_owned(),
            Self::TooSlow => "the body took too long".to_owned(),
            Self::Unreadable => "the body can't be read".to_owned(),
            Self::Scope(operation, _) => {
                let capability = operation.capability();
                format!(
                    "`{operation}` takes the capability {capability}, which the scope doesn't give"
                )
            }
            Self::Ended => "the service is ending".to_owned(),
        }
    }
}
