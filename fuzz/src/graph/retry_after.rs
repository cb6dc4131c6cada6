//! How long an answer asks its caller to wait, against a slow and obvious reading of the two headers.

use std::time::Duration;

use clock::Timestamp;
use entra_auth::http::{date, retry_after as read};
use http::{HeaderMap, HeaderValue};

const LONGEST: u64 = u32::MAX as u64;
/// 2026-11-23T12:00:00Z, in seconds since 1970.
const NOW: i64 = 1_795_435_200;

/// The bytes are the value of `Retry-After`, and on a second line that of `Date`.
pub fn retry_after(data: &[u8]) {
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let Ok(value) = HeaderValue::from_bytes(lines.next().unwrap_or_default()) else {
        return;
    };
    let date_value = lines
        .next()
        .and_then(|date| HeaderValue::from_bytes(date).ok());
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", value.clone());
    if let Some(value) = &date_value {
        headers.insert("date", value.clone());
    }
    let delay = read(&headers, Timestamp::from_unix_millis(NOW * 1000));
    assert!(delay.is_none_or(|delay| delay <= Duration::from_secs(LONGEST)));

    // What time it is there, if that is beyond doubt.
    let now = match &date_value {
        Some(value) => value.to_str().ok().and_then(fixed_date),
        None => Some(NOW),
    };
    if let (Some(now), Some(_)) = (now, &date_value) {
        assert_eq!(date(&headers).map(Timestamp::unix_seconds), Some(now));
    }

    let text = value.to_str().unwrap_or_default();
    let text = text.trim_matches([' ', '\t']);
    if let Some((seconds, nanos)) = decimal(text) {
        let delay = delay.expect("a number is a delay");
        let expected = Duration::new(seconds, nanos).min(Duration::from_secs(LONGEST));
        if !text.contains('.') {
            assert_eq!(delay, expected, "{text}");
        }
        // A fraction is read as a float, which has microseconds even where a wait is years.
        assert!(
            delay.abs_diff(expected) <= Duration::from_micros(1),
            "{text}"
        );
    } else if let Some(until) = fixed_date(text) {
        let delay = delay.expect("a date is a delay");
        if let Some(now) = now {
            let wait = u64::try_from(until - now).unwrap_or_default().min(LONGEST);
            assert_eq!(delay, Duration::from_secs(wait), "{text}");
        }
    } else if !DAYS.iter().any(|day| text.starts_with(day)) {
        assert_eq!(delay, None, "{text}");
    }
}

/// Seconds and nanoseconds of digits with or without a fraction; as many as there can be, if there are more.
fn decimal(text: &str) -> Option<(u64, u32)> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (text, "0"),
    };
    let mut seconds = 0_u64;
    for c in whole.chars() {
        seconds = seconds
            .saturating_mul(10)
            .saturating_add(c.to_digit(10)?.into());
    }
    let mut nanos = 0;
    let mut worth = 100_000_000;
    for c in fraction.chars() {
        nanos += c.to_digit(10)? * worth;
        worth /= 10;
    }
    (!whole.is_empty() && !fraction.is_empty()).then_some((seconds, nanos))
}

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [(&str, i64); 12] = [
    ("Jan", 31),
    ("Feb", 28),
    ("Mar", 31),
    ("Apr", 30),
    ("May", 31),
    ("Jun", 30),
    ("Jul", 31),
    ("Aug", 31),
    ("Sep", 30),
    ("Oct", 31),
    ("Nov", 30),
    ("Dec", 31),
];

/// Reads the one form of dates that may still be written, `Sun, 06 Nov 1994 08:49:37 GMT`, from 1970 on.
fn fixed_date(text: &str) -> Option<i64> {
    if text.len() != 29 || !text.is_ascii() {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = &text[from..to];
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse::<i64>().ok()).flatten()
    };
    let marks = [
        (3, ", "),
        (7, " "),
        (11, " "),
        (16, " "),
        (19, ":"),
        (22, ":"),
        (25, " GMT"),
    ];
    if marks
        .iter()
        .any(|(place, mark)| !text[*place..].starts_with(mark))
    {
        return None;
    }
    let (day, year) = (number(5, 7)?, number(12, 16)?);
    let (hour, minute, second) = (number(17, 19)?, number(20, 22)?, number(23, 25)?);
    let month = MONTHS.iter().position(|(name, _)| *name == &text[8..11])?;
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = |month: usize| MONTHS[month].1 + i64::from(month == 1 && is_leap(year));
    if year < 1970 || day < 1 || day > length(month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years: i64 = (1970..year)
        .map(|year| 365 + i64::from(is_leap(year)))
        .sum();
    let days = years + (0..month).map(length).sum::<i64>() + day - 1;
    let weekday = DAYS[usize::try_from(days % 7).ok()?];
    (text[..3] == *weekday).then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
}
