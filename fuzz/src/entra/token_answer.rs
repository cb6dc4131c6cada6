//! What a token endpoint answers: a token with its times, or a failure that tells neither token nor secret.

use std::{collections::BTreeMap, error::Error as _, sync::LazyLock, time::Duration};

use bytes::Bytes;
use clock::Timestamp;
use entra_auth::{
    ClientId, TokenError,
    TokenErrorKind::{Configuration, MalformedAnswer, Throttled, Unavailable},
    fuzzing::{self, CORRELATION_ID, Grant},
};
use http::{Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, value::RawValue};

use crate::response;

/// What each request carries to prove who sends it, and no answer may bring into a log.
const SECRET: &str = "Qx8~ca/na+ry=";
const LONGEST_LIFE: Duration = Duration::from_secs(28 * 60 * 60);
const NOW: Timestamp = Timestamp::from_unix_millis(1_795_435_200_000);

static ASKED: LazyLock<(SecretString, ClientId)> = LazyLock::new(|| {
    let client_id = "6731de76-14a6-49ae-97bc-6eba6914391e".parse();
    (SECRET.into(), client_id.expect("a client id"))
});

/// The bytes are an answer: a line with its status, a line for each header, an empty line, and the body.
pub fn token_answer(data: &[u8]) {
    let Some(answer) = response::parse(data) else {
        return;
    };
    let status = answer.status();
    match read(answer.clone()) {
        Ok(grant) => {
            assert_eq!(status, StatusCode::OK);
            check_grant(answer.body(), &grant);
        }
        Err(error) => {
            check_error(status, &error);
            if status.is_success() {
                // A token may be in it, so that nothing that it says may be in the error.
                let (head, _) = answer.clone().into_parts();
                let empty = read(Response::from_parts(head, b"{}".as_slice()));
                let empty = empty.expect_err("no token from nothing");
                assert_eq!(said(&error), said(&empty));
            }
            if status == StatusCode::OK {
                assert!(!is_plain_grant(answer.body()), "{error}");
            }
        }
    }
}

fn read(answer: Response<&[u8]>) -> Result<Grant, TokenError> {
    let (secret, client_id) = &*ASKED;
    let answer = answer.map(Bytes::copy_from_slice);
    fuzzing::token_answer(answer, secret, client_id, NOW)
}

/// The token and its times, by a reading that keeps every property as it is written.
fn check_grant(body: &[u8], grant: &Grant) {
    let text = String::from_utf8_lossy(body);
    let object: BTreeMap<String, &RawValue> =
        serde_json::from_str(&text).expect("a token from what is no object");
    let value = |name: &str| {
        let value = object.get(name)?.get();
        Some(serde_json::from_str::<Value>(value).expect("a token beside what is no value"))
    };
    let token = value("access_token").expect("a token from nowhere");
    let secret = grant.secret.expose_secret();
    assert_eq!(token.as_str(), Some(secret));
    assert!(!secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic()));
    let kind = value("token_type").expect("a token of any type");
    assert!(
        kind.as_str()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
    );

    let life = value("expires_in").and_then(seconds);
    assert_eq!(Some(grant.lifetime), life, "{text}");
    assert!(grant.lifetime > Duration::ZERO && grant.lifetime <= LONGEST_LIFE);
    assert_eq!(grant.refresh_in, value("refresh_in").and_then(seconds));
}

fn seconds(value: Value) -> Option<Duration> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok()?,
        number => number.as_f64()?,
    };
    let least = Duration::from_nanos(1);
    let seconds = match number {
        0.0..86_400.0 => Duration::from_secs_f64(number),
        86_400.0.. => Duration::from_secs_f64(number.min(LONGEST_LIFE.as_secs_f64())),
        _ => return None,
    };
    (seconds >= least).then_some(seconds)
}

/// Whether nobody could doubt that there is a token in it.
fn is_plain_grant(body: &[u8]) -> bool {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return false;
    };
    // As often as that, so that none is given twice.
    let text = String::from_utf8_lossy(body);
    let once = |name: &&str| text.matches(&format!("\"{name}\"")).count() == 1;
    let is_token = |token: &Value| {
        let token = token.as_str().unwrap_or_default();
        !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    !text.contains('\\')
        && !object.contains_key("refresh_in")
        && ["access_token", "expires_in", "token_type"]
            .iter()
            .all(once)
        && object.get("access_token").is_some_and(is_token)
        && object.get("token_type") == Some(&"Bearer".into())
        && object.get("expires_in").and_then(Value::as_u64) > Some(0)
}

fn check_error(status: StatusCode, error: &TokenError) {
    assert_eq!(error.status(), Some(status.as_u16()));
    let is_as_expected = match status.as_u16() {
        200..300 => error.kind() == MalformedAnswer,
        300..400 => error.kind() == Configuration,
        429 => error.kind() == Throttled,
        408 | 500.. => error.kind() == Unavailable,
        _ => error.kind() != MalformedAnswer,
    };
    assert!(is_as_expected, "{error:?}");
    assert!(error.correlation_id().is_some() && error.source().is_none());
    assert!(error.aadsts_codes().len() <= 8);
    let longest = Duration::from_secs(u32::MAX.into());
    assert!(error.retry_after().is_none_or(|wait| wait <= longest));
    for text in said(error) {
        assert!(text.len() < 1024, "{text}");
        assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        assert!(!text.contains(SECRET) && !form_decoded(&text).contains(SECRET));
    }
}

/// All that a log or a person may get to see.
fn said(error: &TokenError) -> Vec<String> {
    let fields = [
        error.error(),
        error.description(),
        error.trace_id(),
        error.correlation_id().filter(|id| *id != CORRELATION_ID),
        error.timestamp(),
    ];
    let mut said: Vec<String> = fields.into_iter().flatten().map(str::to_owned).collect();
    if error.status() != Some(200) {
        said.push(error.to_string());
    } else {
        // Which field is missing is all that it says, in words of its own.
        let shown = error.to_string();
        let (message, rest) = shown.split_once(" (").expect("where it is from");
        assert!(MALFORMED.contains(&message), "{message}");
        said.push(rest.to_owned());
    }
    said
}

const MALFORMED: [&str; 4] = [
    "the answer is not the JSON of a token: check the authority's address",
    "the answer has no usable `access_token`",
    "the answer's `token_type` is not `Bearer`",
    "the answer's `expires_in` is not a positive number of seconds",
];

/// What a reader gets who takes all of it for a part of a form.
fn form_decoded(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let hex = hex.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let escaped = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (byte, length) = match (byte, escaped) {
            (b'%', Some(escaped)) => (escaped, 2),
            (b'+', _) => (b' ', 0),
            _ => (byte, 0),
        };
        decoded.push(byte);
        rest = &after[length..];
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
