//! Simulated time: real time, moved by what a test has advanced it.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};

use super::Tenant;
use crate::time;

/// The clock of everything but tokens.
#[derive(Debug)]
pub(crate) struct SimClock {
    ahead: TimeDelta,
    /// Seconds by which the `Date` header is wrong.
    pub(crate) skew: i64,
}

impl SimClock {
    pub(crate) fn starting_at(start: DateTime<Utc>) -> Self {
        Self {
            ahead: start - time::now(),
            skew: 0,
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        time::now()
            .checked_add_signed(self.ahead)
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn advance(&mut self, by: Duration) {
        self.ahead = TimeDelta::from_std(by)
            .ok()
            .and_then(|by| self.ahead.checked_add(&by))
            .unwrap_or(TimeDelta::MAX);
    }

    /// The `Date` header of an answer.
    pub(crate) fn date(&self) -> String {
        let now = time::now();
        let skewed =
            TimeDelta::try_seconds(self.skew).and_then(|skew| now.checked_add_signed(skew));
        time::http_date(skewed.unwrap_or(now))
    }
}

impl Tenant {
    /// Moves simulated time forward: what is due meanwhile happens, and requests leave the throttling windows.
    ///
    /// Tokens and the `Date` header stay on real time.
    pub fn advance(&self, by: Duration) {
        self.state().clock.advance(by);
    }

    /// The simulated time: real time since the start counts, and every [`advance`](Self::advance).
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.state().clock.now().into()
    }

    /// Makes the `Date` header of every answer wrong by this many seconds; 0 makes it right.
    pub fn skew_clock(&self, seconds: i64) {
        self.state().clock.skew = seconds;
    }
}
