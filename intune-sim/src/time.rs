//! The one place that reads a clock or sleeps.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

/// The present. The simulator judges tokens by real time, as the service does.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator shares no code, so has no clock port"
)]
pub(crate) fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// A moment this much later; the last one there is, if that is too late.
pub(crate) fn after(at: DateTime<Utc>, delay: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(delay)
        .ok()
        .and_then(|delay| at.checked_add_signed(delay))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Waits, for the fault that delays an answer.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator shares no code, so has no clock port"
)]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// A date as HTTP writes it in a header: RFC 9110, section 5.6.7.
pub(crate) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A date as Intune writes it: UTC, `Z`, no fraction.
pub(crate) fn wire_date(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
