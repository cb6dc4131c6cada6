#![doc = include_str!("../README.md")]

#[cfg(any(test, feature = "test-util"))]
mod manual;
mod moment;
#[cfg(feature = "system")]
mod system;
mod timestamp;

use std::{fmt::Debug, future::Future, pin::Pin, time::Duration};

#[cfg(any(test, feature = "test-util"))]
pub use manual::ManualClock;
pub use moment::{Moment, Monotonic};
#[cfg(feature = "system")]
pub use system::SystemClock;
pub use timestamp::{ParseTimestampError, Timestamp};

/// The future returned by [`Clock::sleep`].
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a service takes its time from.
///
/// Everything that ages, expires or waits asks a `Clock` that its owner passed in, so that a test can
/// move time by hand and a host can choose its own source.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use clock::{Clock, SystemClock};
///
/// let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
/// let start = clock.now();
/// assert!(clock.now().since(start) < Duration::from_secs(60));
/// ```
pub trait Clock: Debug + Send + Sync {
    /// Reads the wall clock and the monotonic clock together.
    fn now(&self) -> Moment;

    /// Completes once `duration` of monotonic time has passed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future abandons the wait and has no other effect.
    fn sleep(&self, duration: Duration) -> Sleep;
}
