//! A panic of what a host plugged in must not become a way around a decision.

use std::{future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;
use intune_core::{Observation, SourceFailure, SourceFailureKind};

/// Turns a panic of a look-up into a failure: one bad look-up must not take its waiters with it.
pub(crate) async fn caught(
    look_up: impl Future<Output = Result<Observation, SourceFailure>>,
) -> Result<Observation, SourceFailure> {
    let answer = AssertUnwindSafe(look_up).catch_unwind().await;
    answer.unwrap_or_else(|_| Err(SourceFailure::new(SourceFailureKind::Interrupted)))
}
