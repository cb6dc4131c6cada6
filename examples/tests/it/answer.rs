//! What a tenant on loopback answers, well-behaved or not.

use std::time::Duration;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use clock::{Clock as _, SystemClock};
use futures_util::{FutureExt as _, future::BoxFuture, stream};
use serde_json::Value;

const BETWEEN_BLANKS: Duration = Duration::from_millis(200);

/// What it answers, in the end.
pub(crate) enum Answer {
    Whole(u16, Vec<(&'static str, String)>, Bytes),
    /// So much, and then the connection breaks.
    Cut(&'static str),
    /// Nothing, ever.
    Silence,
    /// A blank at a time, without end: a body that never is whole, though the server is never silent.
    Drip,
    /// Another answer, when the future completes.
    After(BoxFuture<'static, ()>, Box<Self>),
}

impl Answer {
    pub(crate) fn json(body: &Value) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn status(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Whole(status, headers, body.to_string().into())
    }

    pub(crate) fn text(status: u16, body: &'static str) -> Self {
        Self::Whole(status, Vec::new(), Bytes::from_static(body.as_bytes()))
    }

    /// What a web server shows in place of the service behind it.
    pub(crate) fn web_page(status: u16) -> Self {
        let page = "<!DOCTYPE html><html><body><h2>Service Unavailable</h2><hr></body></html>";
        Self::text(status, page).with("content-type", "text/html")
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Self::Whole(_, headers, _) = &mut self {
            headers.push((name, value.to_string()));
        }
        self
    }

    pub(crate) fn respond(self) -> BoxFuture<'static, Response> {
        async {
            match self {
                Self::Whole(status, headers, body) => {
                    let mut response = Response::builder().status(status);
                    for (name, value) in headers {
                        response = response.header(name, value);
                    }
                    response.body(Body::from(body)).unwrap()
                }
                Self::Cut(start) => {
                    let parts = [Ok(start), Err(std::io::Error::other("cut"))];
                    Response::new(Body::from_stream(stream::iter(parts)))
                }
                Self::Silence => std::future::pending().await,
                Self::Drip => {
                    let blanks = stream::unfold((), |()| async {
                        SystemClock::new().sleep(BETWEEN_BLANKS).await;
                        Some((Ok::<_, std::io::Error>(" "), ()))
                    });
                    Response::new(Body::from_stream(blanks))
                }
                Self::After(ready, then) => {
                    ready.await;
                    then.respond().await
                }
            }
        }
        .boxed()
    }
}
