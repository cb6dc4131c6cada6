use std::time::{Duration, SystemTime};

use ::http::{
    HeaderMap,
    header::{DATE, RETRY_AFTER},
};
use clock::Timestamp;

/// Far beyond any wait, and far from what a sum of durations can't hold.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

/// How long an answer asks its caller to wait, by its `Retry-After` header.
///
/// Whole seconds or a date, as [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#field.retry-after) has them
/// (its obsolete forms of dates included), or a fraction of seconds, which Graph has sent. A date is judged by
/// the answer's own `Date`, so that the two clocks need not agree; without one, by `now`. One that has passed
/// is zero. More than 136 years are 136 years. `None` for anything else.
///
/// ```
/// use std::time::Duration;
/// use clock::Timestamp;
/// use entra_auth::http::retry_after;
///
/// let now: Timestamp = "2026-11-23T12:00:00Z".parse()?;
/// let response = http::Response::builder().header("Retry-After", "2.128").body(())?;
/// assert_eq!(retry_after(response.headers(), now), Some(Duration::from_millis(2128)));
///
/// let date = "Mon, 23 Nov 2026 12:00:30 GMT";
/// let response = http::Response::builder().header("Retry-After", date).body(())?;
/// assert_eq!(retry_after(response.headers(), now), Some(Duration::from_secs(30)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let delay = seconds(text).or_else(|| {
        let until = httpdate::parse_http_date(text).ok()?;
        let now = date_in(headers).unwrap_or_else(|| system_time(now));
        Some(until.duration_since(now).unwrap_or_default())
    })?;
    Some(delay.min(LONGEST))
}

/// Digits, and perhaps a fraction: no sign, no exponent, no name of a number.
fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let seconds: f64 = text.parse().ok()?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST))
}

/// What time it was at the server, by an answer's `Date` header, in whole seconds.
///
/// ```
/// use entra_auth::http::date;
///
/// let response = http::Response::builder().header("Date", "Mon, 23 Nov 2026 12:00:30 GMT").body(())?;
/// assert_eq!(date(response.headers()), Some("2026-11-23T12:00:30Z".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = date_in(headers)?
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?;
    let millis = i64::try_from(date.as_millis()).ok()?;
    Some(Timestamp::from_unix_millis(millis))
}

fn date_in(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

fn system_time(time: Timestamp) -> SystemTime {
    let since_epoch = time.since(Timestamp::from_unix_millis(0));
    SystemTime::UNIX_EPOCH
        .checked_add(since_epoch)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
