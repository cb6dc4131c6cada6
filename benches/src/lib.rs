#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that can't be set up shall stop"
)]

mod fleet;
mod hits;
mod tenant;

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

pub use fleet::{DEVICES, Fleet, filled, filled_at};
pub use hits::Hits;
use intune_core::EntraDeviceId;

/// What is done with each path: it is timed, or its allocations are counted.
pub trait Measure {
    /// Takes a path that begins with a device.
    fn by_device<R>(&mut self, name: &str, path: impl Fn(&EntraDeviceId) -> R + Sync);

    /// Takes a path that leaves work behind, which `rest` does; at the latest after [`DEVICES`] calls. Only the path counts.
    fn by_device_in_rounds<R>(
        &mut self,
        name: &str,
        path: impl Fn(&EntraDeviceId) -> R + Sync,
        rest: impl Fn() + Sync,
    );

    /// Takes a path that no device has a part in.
    fn by_itself<R>(&mut self, name: &str, path: impl Fn() -> R + Sync);
}

/// The output of a future that waits for nothing, without a runtime to measure along.
///
/// # Panics
///
/// If the future is not ready when first polled: then it was no hit.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a hit waits for nothing"),
    }
}

/// As [`ready`], but looks at the output where the poll left it: to move it elsewhere is up to who waits for it.
///
/// # Panics
///
/// As [`ready`].
#[inline]
pub fn look_at<F: Future, R>(future: F, look: impl FnOnce(&F::Output) -> R) -> R {
    match &pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => look(output),
        Poll::Pending => panic!("a hit waits for nothing"),
    }
}
