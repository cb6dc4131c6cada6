//! Answers from a body: whole ones, and ones that break.
//!
//! hyper drops a connection whose body fails. A body that fails at once takes the unsent head with it, so
//! that the client sees a closed connection and no answer at all.

use std::{io, task::Poll};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

/// Cuts the connection before the first byte of the answer.
pub(crate) fn cut_at_once() -> Body {
    Body::from_stream(stream::once(async { Err::<Bytes, _>(cut()) }))
}

/// Sends these bytes, then cuts the connection.
pub(crate) fn cut_after(bytes: Bytes) -> Body {
    let mut bytes = Some(bytes);
    let mut flushed = false;
    Body::from_stream(stream::poll_fn(move |cx| {
        if let Some(bytes) = bytes.take() {
            return Poll::Ready(Some(Ok(bytes)));
        }
        // Pending once: hyper flushes what it has before it asks again.
        if !flushed {
            flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(cut())))
    }))
}

/// What fails a body.
pub(crate) fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut on request")
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response {
    typed(status, "application/json; charset=utf-8", value.to_string())
}

/// An answer with a content type.
pub(crate) fn typed(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
