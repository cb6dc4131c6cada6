//! Bodies that break.
//!
//! hyper drops a connection whose body fails. A body that fails at once takes the unsent head with it, so
//! that the client sees a closed connection and no answer at all.

use std::{io, task::Poll};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;

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

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut on request")
}
