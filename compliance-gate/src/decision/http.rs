use super::Decision;

/// How an HTTP host answers with a decision.
///
/// | decision | status | `Retry-After` |
/// | --- | --- | --- |
/// | allow | 200 | |
/// | deny | 403 | |
/// | deny, retryable: the source or the Chronicle is unavailable | 503 | at least 1 s |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// `Retry-After`, in whole seconds, rounded up.
    pub retry_after_seconds: Option<u64>,
}

impl Decision {
    /// The status and `Retry-After` of an HTTP answer; the body is the decision itself, serialised.
    #[must_use]
    pub fn http_answer(&self) -> HttpAnswer {
        let retry_after_seconds = self.retry_after().map(|delay| {
            let started = u64::from(delay.subsec_nanos() > 0);
            delay.as_secs().saturating_add(started).max(1)
        });
        let status = match (self.is_allow(), retry_after_seconds) {
            (true, _) => 200,
            (false, Some(_)) => 503,
            (false, None) => 403,
        };
        HttpAnswer {
            status,
            retry_after_seconds,
        }
    }
}
