//! A sliding window over requests.

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, Utc};

/// The requests within a window, by the millisecond.
#[derive(Debug, Default)]
pub(crate) struct Window {
    hits: VecDeque<(i64, u32)>,
    total: u64,
}

impl Window {
    /// Counts a request. If that is one too many: the whole seconds, at least one, until there is room.
    pub(crate) fn count(
        &mut self,
        now: DateTime<Utc>,
        length: Duration,
        limit: u32,
    ) -> Option<u64> {
        let now = now.timestamp_millis();
        let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        let expired = |at: i64| at.saturating_add(length) <= now;
        while let Some((_, count)) = self.hits.pop_front_if(|(at, _)| expired(*at)) {
            self.total -= u64::from(count);
        }
        match self.hits.back_mut() {
            Some((at, count)) if *at == now => *count += 1,
            _ => self.hits.push_back((now, 1)),
        }
        self.total += 1;
        (self.total > u64::from(limit)).then(|| self.room_in(now, length, limit))
    }

    fn room_in(&self, now: i64, length: i64, limit: u32) -> u64 {
        let mut left = self.total;
        let room = self.hits.iter().find(|(_, count)| {
            left -= u64::from(*count);
            left < u64::from(limit)
        });
        let millis = room.map_or(length, |(at, _)| at.saturating_add(length) - now);
        u64::try_from(millis).unwrap_or(0).div_ceil(1000).max(1)
    }
}
