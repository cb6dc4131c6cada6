//! Neither a hang nor a panic of what a host plugged in may take an invocation with it.

use std::{future::Future, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use clock::Clock;
use futures_util::{
    FutureExt as _,
    future::{Either, select},
};

use crate::{SourceFailure, SourceFailureKind};

/// Waits for others, so long and no longer.
#[derive(Clone, Debug)]
pub(super) struct Bounded {
    clock: Arc<dyn Clock>,
    deadline: Duration,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lost {
    TimedOut,
    Panicked,
}

impl Bounded {
    pub(super) fn new(clock: Arc<dyn Clock>, deadline: Duration) -> Self {
        Self { clock, deadline }
    }

    pub(super) fn with_deadline(&self, deadline: Duration) -> Self {
        Self::new(Arc::clone(&self.clock), deadline)
    }

    pub(super) async fn wait_for<F: Future>(
        &self,
        ask: impl FnOnce() -> F,
    ) -> Result<F::Output, Lost> {
        // What is plugged in may panic, or begin, as soon as it is called, and not only when polled.
        let answer = AssertUnwindSafe(async { ask().await }).catch_unwind();
        match select(pin!(answer), self.clock.sleep(self.deadline)).await {
            Either::Left((Ok(answer), _)) => Ok(answer),
            Either::Left((Err(_), _)) => Err(Lost::Panicked),
            Either::Right(((), _)) => Err(Lost::TimedOut),
        }
    }
}

impl From<Lost> for SourceFailure {
    fn from(lost: Lost) -> Self {
        Self::new(match lost {
            Lost::TimedOut => SourceFailureKind::TimedOut,
            Lost::Panicked => SourceFailureKind::Interrupted,
        })
    }
}
