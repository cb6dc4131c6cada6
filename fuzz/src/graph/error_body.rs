//! An answer that isn't the one that was asked for: what becomes of it is a few short identifiers.

use std::time::Duration;

use clock::Timestamp;
use http::StatusCode;
use intune_core::SourceFailureKind::{self, *};
use intune_graph::fuzzing::{self, Refusal};

use crate::response;

/// The bytes are an answer: a line with its status, a line for each header, an empty line, and the body.
pub fn error_body(data: &[u8]) {
    let Some(answer) = response::parse(data) else {
        return;
    };
    let (head, body) = answer.into_parts();
    let (status, headers) = (head.status, head.headers);
    if status == StatusCode::OK {
        return;
    }
    let now = Timestamp::from_unix_millis(1_795_435_200_000);
    let classify = |is_write| fuzzing::refusal(status, headers.clone(), body, is_write, now);
    let (read, write) = (classify(false), classify(true));
    check(status, &read);
    check(status, &write);
    assert_eq!(read.failure.kind(), write.failure.kind());
    assert_eq!(read.failure.code(), write.failure.code());
}

fn check(status: StatusCode, refusal: &Refusal) {
    let failure = &refusal.failure;
    assert_eq!(failure.status(), Some(status.as_u16()));
    let kinds = possible_kinds(status.as_u16());
    assert!(kinds.contains(&failure.kind()), "{failure:?}");

    assert!(failure.code().is_none_or(is_identifier), "{failure:?}");
    assert!(failure.request_id().is_some_and(is_identifier));
    let is_permission = failure.kind() == PermissionMissing;
    assert_eq!(failure.permission().is_some(), is_permission);
    assert!(failure.permission().is_none_or(is_permission_name));
    let shown = failure.to_string();
    assert!(shown.len() < 512, "{shown}");
    assert!(shown.bytes().all(|byte| matches!(byte, b' '..=b'~')));

    let longest = Duration::from_secs(u32::MAX.into());
    assert!(failure.retry_after().is_none_or(|delay| delay <= longest));
    // Without an own pause, a service that asks for fewer requests without saying how few is left alone for zero.
    let unsaid = (failure.kind() == Throttled).then_some(Duration::ZERO);
    assert_eq!(failure.retry_after(), refusal.asked_delay.or(unsaid));

    let code = failure.code().unwrap_or_default().to_ascii_lowercase();
    assert!(!refusal.is_absence || (status == 404 && code.contains("notfound")));
    assert!(!refusal.rejects_token || status == 401);
    assert!(failure.last_known().is_none());
}

fn possible_kinds(status: u16) -> &'static [SourceFailureKind] {
    match status {
        401 => &[ApprovalRequired, LicenceMissing, CredentialRejected],
        403 => &[ApprovalRequired, LicenceMissing, PermissionMissing],
        408 => &[ApprovalRequired, LicenceMissing, TimedOut],
        429 => &[ApprovalRequired, LicenceMissing, Throttled],
        400..=499 => &[ApprovalRequired, LicenceMissing, Refused],
        500..=599 => &[Unavailable],
        _ => &[MalformedAnswer],
    }
}

/// Neither prose, nor a token that is echoed: that has dots.
fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text
            .chars()
            .all(|c| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-'))
}

fn is_permission_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with("DeviceManagement")
        && text.contains('.')
        && !text.ends_with('.')
        && text
            .chars()
            .all(|c| matches!(c, 'a'..='z' | 'A'..='Z' | '.'))
}
