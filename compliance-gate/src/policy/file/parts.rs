//! Values that are a word, a number of seconds, or a table of one such number.

use std::{fmt, marker::PhantomData, time::Duration};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Unexpected, Visitor},
};

use crate::{Grace, OnOutage};

/// The longest age of our copy: a day, as for `INTUNE_COMPLIANCE_CACHE_TTL`.
const DAY: u64 = 86_400;
/// The longest of the other durations: a leap year. More is likely not meant in seconds.
const YEAR: u64 = 366 * DAY;

/// How old our copy may be.
pub(super) struct CopyAge(pub(super) Duration);
/// How long ago the check-in may be.
pub(super) struct CheckInAge(pub(super) Option<Duration>);
/// What happens in an outage.
pub(super) struct OutageText(pub(super) OnOutage);
/// What a grace period is worth.
pub(super) struct GraceText(pub(super) Grace);

/// What a value may look like. What isn't overridden isn't taken.
trait Form: Sized {
    /// For error messages.
    const EXPECTED: &'static str;
    /// The longest duration.
    const LONGEST: u64;
    /// The key of the table of one number.
    const KEY: Option<&'static str> = None;
    /// A bare number.
    fn seconds(_: Duration) -> Option<Self> {
        None
    }
    /// A word.
    fn word(_: &str) -> Option<Self> {
        None
    }
    /// The number in the table.
    fn table(_: Duration) -> Option<Self> {
        None
    }
}

impl Form for CopyAge {
    const EXPECTED: &'static str = "whole seconds from 0 (always live) to 86400";
    const LONGEST: u64 = DAY;

    fn seconds(age: Duration) -> Option<Self> {
        Some(Self(age))
    }
}

impl Form for CheckInAge {
    const EXPECTED: &'static str = "whole seconds from 0 to 31622400, or \"unlimited\"";
    const LONGEST: u64 = YEAR;

    fn seconds(age: Duration) -> Option<Self> {
        Some(Self(Some(age)))
    }

    fn word(word: &str) -> Option<Self> {
        (word == "unlimited").then_some(Self(None))
    }
}

impl Form for OutageText {
    const EXPECTED: &'static str =
        "\"deny\", or a table with `last_known_good_seconds`, from 0 to 31622400";
    const LONGEST: u64 = YEAR;
    const KEY: Option<&'static str> = Some("last_known_good_seconds");

    fn word(word: &str) -> Option<Self> {
        (word == "deny").then_some(Self(OnOutage::Deny))
    }

    fn table(max_age: Duration) -> Option<Self> {
        Some(Self(OnOutage::LastKnownGood { max_age }))
    }
}

impl Form for GraceText {
    const EXPECTED: &'static str =
        "\"until_expiry\", \"deny\", or a table with `min_remaining_seconds`, from 0 to 31622400";
    const LONGEST: u64 = YEAR;
    const KEY: Option<&'static str> = Some("min_remaining_seconds");

    fn word(word: &str) -> Option<Self> {
        match word {
            "until_expiry" => Some(Self(Grace::default())),
            "deny" => Some(Self(Grace::Deny)),
            _ => None,
        }
    }

    fn table(min_remaining: Duration) -> Option<Self> {
        Some(Self(Grace::UntilExpiry { min_remaining }))
    }
}

struct Reader<T>(PhantomData<T>);

impl<T: Form> Reader<T> {
    fn duration<E: Error>(seconds: u64) -> Result<Duration, E> {
        if seconds > T::LONGEST {
            return Err(E::invalid_value(
                Unexpected::Unsigned(seconds),
                &T::EXPECTED,
            ));
        }
        Ok(Duration::from_secs(seconds))
    }
}

impl<'de, T: Form> Visitor<'de> for Reader<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<T, E> {
        let value = T::seconds(Self::duration(seconds)?);
        value.ok_or_else(|| E::invalid_type(Unexpected::Unsigned(seconds), &self))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<T, E> {
        match u64::try_from(seconds) {
            Ok(seconds) => self.visit_u64(seconds),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(seconds), &self)),
        }
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<T, E> {
        T::word(word).ok_or_else(|| E::invalid_value(Unexpected::Str(word), &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut read = None;
        while let Some(key) = map.next_key::<String>()? {
            if T::KEY != Some(key.as_str()) || read.is_some() {
                let message = format!("`{key}` is not expected here, but {}", T::EXPECTED);
                return Err(A::Error::custom(message));
            }
            read = Some(map.next_value::<Seconds>()?.0);
        }
        let value = match read {
            Some(seconds) => T::table(Self::duration(seconds)?),
            None => None,
        };
        value.ok_or_else(|| A::Error::invalid_type(Unexpected::Map, &self))
    }
}

/// Whole seconds that are not negative, in whatever integer the format has.
#[derive(Deserialize)]
struct Seconds(u64);

macro_rules! deserialize {
    ($($type:ty)*) => {
        $(impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Reader(PhantomData))
            }
        })*
    };
}

deserialize!(CopyAge CheckInAge OutageText GraceText);
