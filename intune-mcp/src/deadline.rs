//! Nobody is waited for without end.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use clock::Clock;
use futures_util::future::{Either, select};

/// Waits so long, and no longer.
pub(crate) async fn within<F: Future>(
    clock: &Arc<dyn Clock>,
    deadline: Duration,
    future: F,
) -> Option<F::Output> {
    match select(pin!(future), clock.sleep(deadline)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(((), _)) => None,
    }
}
