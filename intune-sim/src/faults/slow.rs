//! Answers that take their time.

use std::{io, time::Duration};

use axum::{
    body::{Body, to_bytes},
    response::Response,
};
use bytes::Bytes;
use futures_util::stream;
use http::header;
use tokio::sync::watch;

use crate::{Tenant, body, time};

/// Keeps an answer until it's released.
pub(super) async fn hold(
    tenant: &Tenant,
    answer: Response,
    mut releases: watch::Receiver<u64>,
) -> Response {
    let _held = Held::count(&tenant.0.held);
    // An error means that the tenant is gone, and nobody will read the answer.
    let _ = releases.changed().await;
    answer
}

/// Counts a held answer for as long as it's held, also when the client gives up.
struct Held<'a>(&'a watch::Sender<usize>);

impl<'a> Held<'a> {
    fn count(held: &'a watch::Sender<usize>) -> Self {
        held.send_modify(|held| *held += 1);
        Self(held)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

/// Sends blanks before the body, one at a time, until there were enough or it's released.
pub(super) async fn drip(
    tenant: &Tenant,
    answer: Response,
    interval: Duration,
    blanks: Option<u64>,
    releases: watch::Receiver<u64>,
) -> Response {
    let (mut parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    let dripping = Dripping {
        blanks,
        body,
        releases,
        stopped: tenant.0.stopped.subscribe(),
    };
    let chunks = stream::unfold(Some(dripping), move |dripping| async move {
        dripping?.next(interval).await
    });
    Response::from_parts(parts, Body::from_stream(chunks))
}

struct Dripping {
    blanks: Option<u64>,
    body: Bytes,
    releases: watch::Receiver<u64>,
    stopped: watch::Receiver<bool>,
}

type Chunk = io::Result<Bytes>;

impl Dripping {
    /// The next chunk, and what remains after it.
    async fn next(mut self, interval: Duration) -> Option<(Chunk, Option<Self>)> {
        if self.blanks == Some(0) {
            return Some((Ok(self.body), None));
        }
        let blank = tokio::select! {
            biased;
            // Whoever stops the tenant waits for its connections.
            _ = self.stopped.wait_for(|stopped| *stopped) => return Some((Err(body::cut()), None)),
            _ = self.releases.changed() => false,
            () = time::pause(interval) => true,
        };
        if !blank {
            return Some((Ok(self.body), None));
        }
        self.blanks = self.blanks.map(|left| left - 1);
        Some((Ok(Bytes::from_static(b" ")), Some(self)))
    }
}
