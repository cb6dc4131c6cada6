use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use clock::Monotonic;

/// A service that asks for more is believed about as long as a minute: it may have meant another service's wait.
const LONGEST: Duration = Duration::from_secs(60);
/// Where a service doesn't say how long to wait: this, doubled with each time in a row …
const FIRST: Duration = Duration::from_secs(1);
/// … up to this, and up to half as much again.
const LAST: Duration = Duration::from_secs(20);

/// The time in which nothing is sent, because the service asked for fewer requests.
#[derive(Debug)]
pub(super) struct Pause(Mutex<State>);

#[derive(Debug)]
struct State {
    until: Monotonic,
    /// How many pauses there have been.
    begun: Sent,
    in_a_row: u32,
}

/// Before which pause a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent(u64);

impl Default for Pause {
    fn default() -> Self {
        Self(Mutex::new(State {
            until: Monotonic::from_nanos(0),
            begun: Sent(0),
            in_a_row: 0,
        }))
    }
}

impl Pause {
    /// How long it still lasts; zero if there is none.
    pub(super) fn remaining(&self, now: Monotonic) -> Duration {
        self.lock().until.since(now)
    }

    pub(super) fn sending(&self) -> Sent {
        self.lock().begun
    }

    /// The service asked for fewer requests. `fraction` of one is chance.
    ///
    /// Of the answers to requests that were under way together, only the first counts as one more in a row.
    pub(super) fn throttled(
        &self,
        now: Monotonic,
        sent: Sent,
        retry_after: Option<Duration>,
        fraction: f64,
    ) {
        let mut state = self.lock();
        let is_news = state.begun == sent;
        if is_news {
            state.begun = Sent(sent.0.wrapping_add(1));
            state.in_a_row = state.in_a_row.saturating_add(1);
        }
        let wait = match retry_after {
            Some(delay) => delay.min(LONGEST),
            None if is_news => backoff(state.in_a_row, fraction),
            None => Duration::ZERO,
        };
        state.until = state.until.max(now.saturating_add(wait));
        tracing::warn!(
            ?wait,
            "Graph asks for fewer requests: none is sent meanwhile"
        );
    }

    /// The service answered otherwise.
    pub(super) fn answered(&self, sent: Sent) {
        let mut state = self.lock();
        if state.begun == sent {
            state.in_a_row = 0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn backoff(in_a_row: u32, fraction: f64) -> Duration {
    let doublings = in_a_row.saturating_sub(1).min(16);
    let wait = FIRST.saturating_mul(1 << doublings).min(LAST);
    wait.mul_f64(1.0 + fraction.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Monotonic = Monotonic::from_nanos(0);

    fn seconds(pause: &Pause) -> f64 {
        pause.remaining(NOW).as_secs_f64()
    }

    #[test]
    fn without_a_word_from_the_service_it_doubles_up_to_half_a_minute() {
        for (fraction, expected) in [
            (0.0, [1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]),
            (1.0, [1.5, 3.0, 6.0, 12.0, 24.0, 30.0, 30.0]),
        ] {
            let pause = Pause::default();
            for wait in expected {
                pause.throttled(NOW, pause.sending(), None, fraction);
                assert_eq!(seconds(&pause), wait);
            }
            pause.answered(pause.sending());
            let again = Pause::default();
            again.throttled(NOW, again.sending(), None, fraction);
            assert_eq!(seconds(&again), expected[0]);
        }
    }

    #[test]
    fn answers_to_requests_sent_together_count_once() {
        let pause = Pause::default();
        let sent = pause.sending();
        for _ in 0..12 {
            pause.throttled(NOW, sent, None, 0.0);
        }
        assert_eq!(seconds(&pause), 1.0);
        // One that was sent before the pause says nothing of the time after.
        pause.answered(sent);
        pause.throttled(NOW, pause.sending(), None, 0.0);
        assert_eq!(seconds(&pause), 2.0);
    }

    #[test]
    fn the_service_is_believed_up_to_a_minute_and_never_shortens() {
        let pause = Pause::default();
        pause.throttled(NOW, pause.sending(), Some(Duration::from_secs(7)), 0.5);
        assert_eq!(seconds(&pause), 7.0);
        pause.throttled(NOW, pause.sending(), Some(Duration::ZERO), 0.5);
        assert_eq!(seconds(&pause), 7.0);
        pause.throttled(NOW, pause.sending(), Some(Duration::MAX), 0.5);
        assert_eq!(seconds(&pause), 60.0);
    }
}
