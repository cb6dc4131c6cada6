//! What every request of the governance routes must be: with one bearer token, and a JSON object.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest as _, Request},
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::bearer::Rejection;

/// The longest body, for the routes' limit.
pub(super) const MAX_BODY: usize = 16 * 1024;
/// When to come back for an issuer's keys.
const KEYS_RETRY_SECONDS: u64 = 5;

/// The one bearer token of a request: [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value,
        (None, _) => return Err(Refusal::NoToken),
        (Some(_), Some(_)) => return Err(Refusal::Token("more than one Authorization header")),
    };
    let value = value
        .to_str()
        .map_err(|_| Refusal::Token("the token is not a JWT"))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        _ => Err(Refusal::NoToken),
    }
}

/// The body, which must be a JSON object.
pub(super) async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    parse(&body(request).await?)
}

/// The body, which may be left out.
pub(super) async fn read_or_default<T: DeserializeOwned + Default>(
    request: Request,
) -> Result<T, Refusal> {
    let body = body(request).await?;
    if body.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    parse(&body)
}

async fn body(request: Request) -> Result<Bytes, Refusal> {
    let body = Bytes::from_request(request, &()).await;
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
        _ => Refusal::Body("the body can't be read".to_owned()),
    })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    // serde would also read the fields from an array.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::Body("the body must be a JSON object".to_owned()));
    }
    serde_json::from_slice(body).map_err(|error| Refusal::Body(error.to_string()))
}

/// Why a request isn't one that can be answered.
pub(super) enum Refusal {
    NoToken,
    Token(&'static str),
    KeysUnavailable,
    TooLarge,
    Body(String),
    Internal,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Invalid(why) => Self::Token(why),
            Rejection::KeysUnavailable => Self::KeysUnavailable,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let answer = |status: StatusCode, error: &str, description: &str| {
            let body = json!({"error": error, "error_description": description});
            (status, Json(body)).into_response()
        };
        match self {
            Self::NoToken => {
                let body = answer(
                    StatusCode::UNAUTHORIZED,
                    "unauthorized",
                    "a bearer token is needed",
                );
                challenge(body, "Bearer realm=\"authorize\"".to_owned())
            }
            Self::Token(why) => {
                let body = answer(StatusCode::UNAUTHORIZED, "invalid_token", why);
                let challenge_text = format!(
                    "Bearer realm=\"authorize\", error=\"invalid_token\", error_description=\"{}\"",
                    why.replace('`', "'")
                );
                challenge(body, challenge_text)
            }
            Self::KeysUnavailable => {
                let why = "the issuer's keys can't be had at the moment";
                let mut response = answer(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "temporarily_unavailable",
                    why,
                );
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, KEYS_RETRY_SECONDS.into());
                response
            }
            Self::TooLarge => answer(
                StatusCode::PAYLOAD_TOO_LARGE,
                "invalid_request",
                "the body exceeds 16 KiB",
            ),
            Self::Body(why) => answer(StatusCode::BAD_REQUEST, "invalid_request", &why),
            Self::Internal => answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                "server_error",
                "see the host's log",
            ),
        }
    }
}

fn challenge(mut response: Response, text: String) -> Response {
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}
