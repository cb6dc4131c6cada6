use std::{fmt, num::NonZeroU64, str::FromStr, time::Duration};

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A point in civil time, UTC, in whole milliseconds, from year 1 to year 9999.
///
/// Reads and writes [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339), as text and through serde.
/// Finer fractions are cut off; an offset is converted to UTC.
///
/// ```
/// use clock::Timestamp;
///
/// let graph: Timestamp = "2016-12-31T23:58:46.7156189-08:00".parse()?;
/// assert_eq!(graph.to_string(), "2017-01-01T07:58:46.715Z");
/// # Ok::<(), clock::ParseTimestampError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(
    // Milliseconds since `MIN`, plus one: never zero, so that `Option<Timestamp>` takes eight bytes.
    NonZeroU64,
);

const MIN_UNIX_MILLIS: i64 = -62_135_596_800_000;
const MAX_UNIX_MILLIS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// `0001-01-01T00:00:00.000Z`
    pub const MIN: Self = Self::from_unix_millis(MIN_UNIX_MILLIS);
    /// `9999-12-31T23:59:59.999Z`
    pub const MAX: Self = Self::from_unix_millis(MAX_UNIX_MILLIS);

    /// Makes a timestamp from milliseconds since 1970-01-01T00:00:00Z, held within [`MIN`](Self::MIN)
    /// and [`MAX`](Self::MAX).
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        let held = if millis < MIN_UNIX_MILLIS {
            MIN_UNIX_MILLIS
        } else if millis > MAX_UNIX_MILLIS {
            MAX_UNIX_MILLIS
        } else {
            millis
        };
        Self(NonZeroU64::MIN.saturating_add(held.abs_diff(MIN_UNIX_MILLIS)))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        // Every constructor holds the value within what an `i64` can hold.
        MIN_UNIX_MILLIS.wrapping_add_unsigned(self.0.get() - 1)
    }

    /// A number that is never zero and grows with time: for whoever keeps many timestamps in memory.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0.get()
    }

    /// The timestamp with these [bits](Self::to_bits), at most [`MAX`](Self::MAX); none for zero.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        const MAX: u64 = Timestamp::MAX.to_bits();
        match NonZeroU64::new(bits) {
            Some(bits) if bits.get() <= MAX => Some(Self(bits)),
            Some(_) => Some(Self::MAX),
            None => None,
        }
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.unix_millis().div_euclid(1000)
    }

    /// Time from `earlier` to `self`; zero if `earlier` is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// As [`since`](Self::since), in nanoseconds; `u64::MAX` stands for that many, some 584 years, or more.
    #[must_use]
    pub const fn nanos_since(self, earlier: Self) -> u64 {
        self.0
            .get()
            .saturating_sub(earlier.0.get())
            .saturating_mul(1_000_000)
    }

    /// The timestamp `duration` later, at most [`MAX`](Self::MAX).
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        Self::from_unix_millis(self.unix_millis().saturating_add(millis(duration)))
    }

    /// The timestamp `duration` earlier, at least [`MIN`](Self::MIN).
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        Self::from_unix_millis(self.unix_millis().saturating_sub(millis(duration)))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Writes RFC 3339 with milliseconds and `Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DateTime::from_timestamp_millis(self.unix_millis()) {
            Some(civil) => f.write_str(&civil.to_rfc3339_opts(SecondsFormat::Millis, true)),
            // Every constructor holds the value within chrono's range.
            None => Err(fmt::Error),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not an RFC 3339 date and time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 date and time, such as `2026-11-23T06:10:00Z`")]
pub struct ParseTimestampError(());

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let civil = DateTime::parse_from_rfc3339(text).map_err(|_| ParseTimestampError(()))?;
        Ok(Self::from_unix_millis(civil.timestamp_millis()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
