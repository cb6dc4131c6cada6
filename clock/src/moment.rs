use std::time::Duration;

use crate::Timestamp;

/// A reading of a monotonic clock: nanoseconds since an origin that only its clock knows.
///
/// Two readings compare only if the same [`Clock`](crate::Clock) made them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(u64);

impl Monotonic {
    /// Makes a reading of `nanos` nanoseconds since the clock's origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Time from `earlier` to `self`; zero if `earlier` is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// As [`since`](Self::since), in nanoseconds.
    #[must_use]
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The reading `duration` later, at most the end of the clock's range (584 years).
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// One reading of a clock: wall time and monotonic time, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    /// Civil time in UTC. It can be set, and so can jump.
    pub wall: Timestamp,
    /// Time that never goes back, but that stops while the machine is suspended.
    pub monotonic: Monotonic,
}

impl Moment {
    /// The age at `self` of something made at `earlier`, by whichever clock says it is older.
    ///
    /// Wall time alone can be set back, which would keep old evidence young for ever; monotonic time
    /// alone stops while the machine sleeps. Of two ages, the larger one is safe to trust.
    ///
    /// ```
    /// use std::time::Duration;
    /// use clock::{Moment, Monotonic, Timestamp};
    ///
    /// let before = Moment {
    ///     wall: Timestamp::from_unix_millis(1_000_000),
    ///     monotonic: Monotonic::from_nanos(0),
    /// };
    /// let after_suspend = Moment {
    ///     wall: Timestamp::from_unix_millis(1_060_000),
    ///     monotonic: Monotonic::from_nanos(5),
    /// };
    /// assert_eq!(after_suspend.since(before), Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.wall
            .since(earlier.wall)
            .max(self.monotonic.since(earlier.monotonic))
    }
    /// As [`since`](Self::since), in nanoseconds; `u64::MAX` stands for that many, some 584 years, or more.
    ///
    /// For hot paths: a [`Duration`] is dearer to make than an age is to tell.
    #[inline]
    #[must_use]
    pub fn nanos_since(self, earlier: Self) -> u64 {
        self.wall
            .nanos_since(earlier.wall)
            .max(self.monotonic.nanos_since(earlier.monotonic))
    }
}
