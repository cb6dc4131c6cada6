//! Answers that are too large, too deep, or larger than they look.

use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::{gzip, refusal::JSON};
use crate::body::typed;

/// A body that a small gzip stream stands for.
pub(super) fn gzip_bomb(bytes: u64) -> Response {
    let body = gzip::padded(br#"{"@odata.count":0,"value":["#, b"]}", bytes);
    let mut response = typed(StatusCode::OK, JSON, body);
    response
        .headers_mut()
        .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    response
}

/// Arrays within arrays.
pub(super) fn deep_json(depth: usize) -> Response {
    let body = format!(r#"{{"value":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    typed(StatusCode::OK, JSON, body)
}

/// One header more, of that length.
pub(super) fn header(mut answer: Response, bytes: usize) -> Response {
    if let Ok(value) = HeaderValue::from_str(&"x".repeat(bytes)) {
        let name = HeaderName::from_static("x-ms-oversized");
        answer.headers_mut().insert(name, value);
    }
    answer
}
