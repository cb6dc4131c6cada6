use std::time::Duration;

use crate::{Clock, Moment, Sleep};

/// The operating system's clocks.
///
/// On Linux it reads the coarse clocks, which cost a few nanoseconds and tick every 1 to 10 ms. That is
/// fine for ages in seconds, and wrong for measuring code. Sleeping uses Tokio's timer: poll the future
/// within a Tokio runtime that has time enabled.
///
/// Elsewhere the monotonic readings of two handles don't compare, unless one is a clone of the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock {
    #[cfg(not(target_os = "linux"))]
    origin: portable::Origin,
}

impl SystemClock {
    /// Makes a handle to the system's clocks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        #[cfg(target_os = "linux")]
        return coarse::now();
        #[cfg(not(target_os = "linux"))]
        return self.origin.now();
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that waits on the system's timer"
    )]
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(async move { tokio::time::sleep(duration).await })
    }
}

#[cfg(target_os = "linux")]
mod coarse {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    use crate::{Moment, Monotonic, Timestamp};

    pub(super) fn now() -> Moment {
        let wall = clock_gettime(ClockId::RealtimeCoarse);
        let monotonic = clock_gettime(ClockId::MonotonicCoarse);
        Moment {
            wall: Timestamp::from_unix_millis(
                wall.tv_sec
                    .saturating_mul(1000)
                    .saturating_add(wall.tv_nsec / 1_000_000),
            ),
            monotonic: Monotonic::from_nanos(nanos(monotonic)),
        }
    }

    fn nanos(time: Timespec) -> u64 {
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let fraction = u64::try_from(time.tv_nsec).unwrap_or(0);
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(fraction)
    }
}

#[cfg(not(target_os = "linux"))]
mod portable {
    use std::time::{Instant, SystemTime};

    use crate::{Moment, Monotonic, Timestamp};

    #[derive(Clone, Copy, Debug)]
    pub(super) struct Origin(Instant);

    impl Default for Origin {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the system's clock"
        )]
        fn default() -> Self {
            Self(Instant::now())
        }
    }

    impl Origin {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the system's clock"
        )]
        pub(super) fn now(self) -> Moment {
            let since_epoch = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            Moment {
                wall: Timestamp::from_unix_millis(0).saturating_add(since_epoch),
                monotonic: Monotonic::from_nanos(0)
                    .saturating_add(Instant::now().duration_since(self.0)),
            }
        }
    }
}
