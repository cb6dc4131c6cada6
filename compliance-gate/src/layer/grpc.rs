use http::{HeaderName, HeaderValue, Response, header::CONTENT_TYPE};

use super::{Refusal, Refuse};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

const PERMISSION_DENIED: u16 = 7;
const INTERNAL: u16 = 13;
const UNAVAILABLE: u16 = 14;

/// Refuses over gRPC, by a status without messages; the body type must have an empty default, as tonic's does.
///
/// The answer is [Trailers-Only](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses): HTTP 200,
/// and the status in the headers.
///
/// | refusal | `grpc-status` | `grpc-message` |
/// | --- | --- | --- |
/// | denied | 7 `PERMISSION_DENIED` | the reason's code and the decision's id |
/// | denied, [retryable](crate::Decision::is_retryable) | 14 `UNAVAILABLE` | likewise; [`grpc-retry-pushback-ms`](https://github.com/grpc/proposal/blob/master/A6-client-retries.md#pushback) says when |
/// | no caller | 13 `INTERNAL` | `not_authenticated` |
/// | no template | 7 `PERMISSION_DENIED` | `no_accord_template` |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrpcRefusals;

impl<B: Default> Refuse<B> for GrpcRefusals {
    fn refuse(&self, refusal: Refusal<'_>) -> Response<B> {
        let (status, message, retry_after) = match refusal {
            Refusal::Denied(decision) => {
                let retry_after = decision.retry_after();
                let status = match retry_after {
                    Some(_) => UNAVAILABLE,
                    None => PERMISSION_DENIED,
                };
                // Codes and ids are ASCII without `%`, so that nothing needs to be percent-encoded.
                let message = format!("{}: decision {}", decision.reason(), decision.id());
                (status, message, retry_after)
            }
            Refusal::NoCaller => (INTERNAL, "not_authenticated".to_owned(), None),
            Refusal::NoTemplate => (PERMISSION_DENIED, "no_accord_template".to_owned(), None),
        };
        let mut response = Response::new(B::default());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(STATUS, status.into());
        if let Ok(message) = HeaderValue::try_from(message) {
            headers.insert(MESSAGE, message);
        }
        if let Some(delay) = retry_after {
            let millis = i32::try_from(delay.as_millis()).unwrap_or(i32::MAX);
            headers.insert(PUSHBACK, millis.into());
        }
        response
    }
}
