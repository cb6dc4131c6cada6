use std::time::Duration;

use rand::RngExt as _;

use crate::{TokenError, TokenErrorKind};

/// How often, and for how long, a token is asked for before its callers get the failure.
///
/// What may pass by itself is tried again: connections that fail or time out, and answers 408, 429 and 5xx. The
/// waits between are random, up to a bound that doubles
/// ([full jitter](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)).
///
/// An answer with `Retry-After` is not tried again but believed: until then each caller gets
/// [`Throttled`](TokenErrorKind::Throttled) at once, for any scope, and no request is made.
///
/// ```
/// use std::time::Duration;
/// use entra_auth::RetryPolicy;
///
/// let patient = RetryPolicy::new().attempts(6).deadline(Duration::from_secs(60));
/// # let _ = patient;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    attempts: u32,
    first_wait: Duration,
    longest_wait: Duration,
    deadline: Duration,
    longest_retry_after: Duration,
}

/// After an answer that asks for patience and doesn't say how much.
const UNSTATED: Duration = Duration::from_secs(5);

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(4),
            deadline: Duration::from_secs(20),
            longest_retry_after: Duration::from_secs(300),
        }
    }
}

impl RetryPolicy {
    /// Four attempts within 20 s, waits of up to 250 ms, 500 ms, 1 s; `Retry-After` is believed up to 5 minutes.
    pub fn new() -> Self {
        Self::default()
    }

    /// One attempt.
    pub fn never() -> Self {
        Self::default().attempts(1)
    }

    /// How many requests there are at most, the first one included. At least one is made.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The bound of the first wait. Each later one is twice that, but no more than `longest`.
    pub const fn waits(mut self, first: Duration, longest: Duration) -> Self {
        self.first_wait = first;
        self.longest_wait = longest;
        self
    }

    /// The time in which there is a token or a failure, waits and all requests included.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Up to how long a `Retry-After` is believed. A broken proxy must not close the door for a year.
    pub const fn longest_retry_after(mut self, limit: Duration) -> Self {
        self.longest_retry_after = limit;
        self
    }

    pub(crate) const fn total(&self) -> Duration {
        self.deadline
    }

    /// The wait before the next attempt, after so many that failed, the last one in this way.
    pub(crate) fn wait(&self, attempts: u32, error: &TokenError) -> Option<Duration> {
        // With 400 it is Entra ID's word for a loop, which must not go on.
        let is_loop = error.kind() == TokenErrorKind::Throttled && error.status() == Some(400);
        if attempts >= self.attempts || is_loop || !error.is_worth_retrying() {
            return None;
        }
        let doubled = 1u32
            .checked_shl(attempts.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let bound = self
            .first_wait
            .saturating_mul(doubled)
            .min(self.longest_wait);
        Some(rand::rng().random_range(Duration::ZERO..=bound))
    }

    /// The failure, with no longer a wait than is believed.
    pub(crate) fn capped(&self, error: TokenError) -> TokenError {
        match error.retry_after() {
            Some(asked) if asked > self.longest_retry_after => {
                error.with_retry_after(self.longest_retry_after)
            }
            _ => error,
        }
    }

    /// For how long nobody shall ask again, after so many attempts that failed, the last one in this way.
    pub(crate) fn hold_off(&self, attempts: u32, error: &TokenError) -> Option<Duration> {
        if !error.is_worth_retrying() {
            return None;
        }
        let asked = error.retry_after().filter(|asked| *asked > Duration::ZERO);
        let is_final = || self.wait(attempts, error).is_none();
        match asked {
            Some(asked) => Some(asked),
            None => (error.kind() == TokenErrorKind::Throttled && is_final()).then_some(UNSTATED),
        }
    }
}
