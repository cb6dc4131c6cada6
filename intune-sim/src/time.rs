//! The one place that reads a clock or sleeps.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};

/// The present. The simulator judges tokens by real time, as the service does.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator shares no code, so has no clock port"
)]
pub(crate) fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// Waits, for the fault that delays an answer.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulator shares no code, so has no clock port"
)]
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// A date as Intune writes it: UTC, `Z`, no fraction.
pub(crate) fn wire_date(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
