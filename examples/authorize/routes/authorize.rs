//! `POST /governance/authorize/`: an Authorization Context, or the reason why not.

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest as _, Request, State},
    response::{IntoResponse, Response},
};
use compliance_gate::GateRequest;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use intune_core::AccordTemplate;
use serde::Deserialize;
use serde_json::json;

use crate::{bearer::Rejection, host::Host};

/// The longest body, for the route's limit.
pub(super) const MAX_BODY: usize = 16 * 1024;
/// When to come back for an issuer's keys.
const KEYS_RETRY_SECONDS: u64 = 5;

#[derive(Deserialize)]
struct AuthorizeRequest {
    accord_template: AccordTemplate,
}

pub(super) async fn authorize(
    State(host): State<Host>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let token = bearer(&headers)?;
    let token = host.verifier.verify(token).await?;
    let template = read(request).await?.accord_template;

    let device = host.identity.identify(&token.claims);
    let request = GateRequest::new(&token.principal, &template, device)
        .with_traceparent(traceparent(&headers));
    let decision = host.gate.evaluate(&request).await;

    if decision.is_allow() {
        let issued = host
            .issuer
            .issue(&token.principal, &template, &decision, token.expires_at);
        return match issued {
            Ok(ac) => Ok(Json(json!({"ac": ac, "decision": decision})).into_response()),
            Err(error) => {
                tracing::error!(%error, "no Authorization Context");
                Err(Refusal::Internal)
            }
        };
    }
    let body = Json(json!({"decision": decision}));
    Ok(match decision.retry_after() {
        Some(delay) => {
            let seconds = delay.as_secs_f64().ceil().max(1.0);
            let retry_after = [(RETRY_AFTER, format!("{seconds:.0}"))];
            (StatusCode::SERVICE_UNAVAILABLE, retry_after, body).into_response()
        }
        None => (StatusCode::FORBIDDEN, body).into_response(),
    })
}

/// The one bearer token of a request: [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
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

async fn read(request: Request) -> Result<AuthorizeRequest, Refusal> {
    let body = Bytes::from_request(request, &()).await;
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::TooLarge,
        _ => Refusal::Body("the body can't be read".to_owned()),
    })?;
    // serde would also read the fields from an array.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Refusal::Body("the body must be a JSON object".to_owned()));
    }
    serde_json::from_slice(&body).map_err(|error| Refusal::Body(error.to_string()))
}

/// What isn't a trace is no reason to refuse a request.
fn traceparent(headers: &HeaderMap) -> Option<chronicle::TraceParent> {
    headers.get("traceparent")?.to_str().ok()?.parse().ok()
}

/// Why a request doesn't reach the gate.
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
