use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use serde::Serialize;

use super::{Refusal, Refuse};
use crate::Decision;

/// Refuses over HTTP with JSON; the body type must come from a `String`, as axum's does.
///
/// | refusal | status | body |
/// | --- | --- | --- |
/// | denied | 403; 503 with `Retry-After` if it is [retryable](Decision::is_retryable) | `{"decision":{…}}` |
/// | no caller | 500 | `{"error":"not_authenticated"}` |
/// | no template | 403 | `{"error":"no_accord_template"}` |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JsonRefusals;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Body<'a> {
    Decision(&'a Decision),
    Error(&'static str),
}

impl<B: From<String>> Refuse<B> for JsonRefusals {
    fn refuse(&self, refusal: Refusal<'_>) -> Response<B> {
        let (status, retry_after, body) = match refusal {
            Refusal::Denied(decision) => {
                let answer = decision.http_answer();
                let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::FORBIDDEN);
                (status, answer.retry_after_seconds, Body::Decision(decision))
            }
            Refusal::NoCaller => {
                let body = Body::Error("not_authenticated");
                (StatusCode::INTERNAL_SERVER_ERROR, None, body)
            }
            Refusal::NoTemplate => {
                let body = Body::Error("no_accord_template");
                (StatusCode::FORBIDDEN, None, body)
            }
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        let mut response = Response::new(B::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
