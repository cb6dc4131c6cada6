//! Bodies: what is answered, and how requests are read.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use clock::Clock;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited, combinators::BoxBody};

use super::Refusal;
use crate::deadline::within;

/// The largest body of a request, in bytes. Arguments are ids, names and cursors.
pub(super) const MAX_BODY: usize = 64 * 1024;
/// How long a body may take. A request that is being read takes up room.
const DEADLINE: Duration = Duration::from_secs(10);

/// The body of an answer.
pub struct McpBody(BoxBody<Bytes, Infallible>);

impl McpBody {
    pub(super) const fn new(body: BoxBody<Bytes, Infallible>) -> Self {
        Self(body)
    }
}

impl From<String> for McpBody {
    fn from(text: String) -> Self {
        Self(Full::from(text).boxed())
    }
}

impl Body for McpBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for McpBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("McpBody")
    }
}

/// Reads a body, so much of it and so long.
pub(super) async fn read<B: Body>(body: B, clock: &Arc<dyn Clock>) -> Result<Bytes, Refusal> {
    // Errors of other bodies need not be what `Limited` wants.
    let body = body.map_err(|_| Unreadable);
    let body = Limited::new(body, MAX_BODY).collect();
    match within(clock, DEADLINE, body).await {
        Some(Ok(read)) => Ok(read.to_bytes()),
        Some(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge),
        Some(Err(_)) => Err(Refusal::Unreadable),
        None => Err(Refusal::TooSlow),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the body can't be read")]
struct Unreadable;
