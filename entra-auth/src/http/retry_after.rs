use std::time::Duration;

use ::http::{HeaderMap, header::RETRY_AFTER};

/// How long an answer asks its caller to wait, by its `Retry-After` header.
///
/// Whole seconds, as [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#field.retry-after) has them, and
/// fractions, which Graph has sent. `None` for anything else, a date included.
///
/// ```
/// use std::time::Duration;
/// use entra_auth::http::retry_after;
///
/// let response = http::Response::builder().header("Retry-After", "2.128").body(())?;
/// assert_eq!(retry_after(response.headers()), Some(Duration::from_millis(2128)));
/// # Ok::<(), http::Error>(())
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}
