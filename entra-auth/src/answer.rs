//! Reading what a token endpoint answers, which need not be what a token endpoint should answer.

use std::time::Duration;

use clock::Timestamp;
use http::HeaderMap;
use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{TokenError, TokenErrorKind, credential::Proof, error::Refusal, http::retry_after};

/// Entra's longest lifetime, that of tokens under continuous access evaluation.
const MAX_LIFETIME: Duration = Duration::from_secs(28 * 60 * 60);
const MAX_TEXT: usize = 200;
const MAX_CODES: usize = 8;

/// A token and its lifetime, counted from the start of the request.
pub(crate) struct Grant {
    pub(crate) secret: SecretString,
    pub(crate) lifetime: Duration,
}

/// Reads the body of a 200, of which nothing may be repeated in an error.
pub(crate) fn grant(body: &[u8]) -> Result<Grant, &'static str> {
    let success: Success = serde_json::from_slice(body)
        .map_err(|_| "the answer is not the JSON of a token: check the authority's address")?;
    let secret = success.access_token.filter(|token| {
        let token = token.expose_secret();
        !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
    });
    let secret = secret.ok_or("the answer has no usable `access_token`")?;
    if !success
        .token_type
        .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"))
    {
        return Err("the answer's `token_type` is not `Bearer`");
    }
    let lifetime = success
        .expires_in
        .and_then(|seconds| lifetime(&seconds))
        .ok_or("the answer's `expires_in` is not a positive number of seconds")?;
    Ok(Grant { secret, lifetime })
}

#[derive(Deserialize)]
struct Success {
    token_type: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    access_token: Option<SecretString>,
    expires_in: Option<Value>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(SecretString::from))
}

/// A number, or a number in quotes: endpoints of version 1 and several proxies quote it.
fn lifetime(seconds: &Value) -> Option<Duration> {
    let seconds: f64 = match seconds {
        Value::String(text) => text.trim().parse().ok()?,
        number => number.as_f64()?,
    };
    // Before the cap, since `min` would make a number of NaN.
    if seconds.is_nan() {
        return None;
    }
    let lifetime = Duration::try_from_secs_f64(seconds.min(MAX_LIFETIME.as_secs_f64())).ok()?;
    (!lifetime.is_zero()).then_some(lifetime)
}

/// Reads an answer other than 200: status first, then the OAuth `error`, then Microsoft's numbers.
pub(crate) fn refusal(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    request_id: &str,
    proof: &Proof,
) -> TokenError {
    // Throttling comes as plain text, failures of a gateway as HTML: no JSON is no surprise.
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let field = |name: &str| json.get(name).and_then(Value::as_str);
    let clean = |name: &str| field(name).and_then(|text| clean(text, proof));

    let error = field("error");
    let aadsts_codes = codes(&json);
    let kind = kind(status, error, &aadsts_codes);
    let refusal = Refusal {
        status: Some(status),
        error: clean("error"),
        description: field("error_description")
            .and_then(|text| self::clean(text, proof))
            .map(first_sentence),
        aadsts_codes,
        trace_id: clean("trace_id"),
        correlation_id: clean("correlation_id").or_else(|| Some(request_id.to_owned())),
        timestamp: clean("timestamp"),
        retry_after: retry_after(headers, now),
    };
    let refused = TokenError::refused(kind, refusal);
    match status {
        300..400 => refused.with_message(
            "the token endpoint redirects, which is never followed: check the authority's address",
        ),
        _ => refused,
    }
}

fn kind(status: u16, error: Option<&str>, codes: &[u32]) -> TokenErrorKind {
    match (status, error) {
        (200..300, _) => return TokenErrorKind::MalformedAnswer,
        (300..400, _) => return TokenErrorKind::Refused,
        (429, _) => return TokenErrorKind::Throttled,
        (408 | 500.., _) | (_, Some("temporarily_unavailable")) => {
            return TokenErrorKind::Unavailable;
        }
        _ => {}
    }
    // Numbers only refine what is permanent by status already: Microsoft changes them at will.
    let by_code = codes.iter().find_map(|code| match code {
        7_000_222 => Some(TokenErrorKind::ExpiredCredential),
        7_000_215 => Some(TokenErrorKind::InvalidCredential),
        90_002 => Some(TokenErrorKind::UnknownTenant),
        700_016 | 70_001 | 7_000_112 => Some(TokenErrorKind::UnknownApplication),
        70_011 | 1_002_012 | 28_002 | 700_022 | 500_011 | 50_001 | 650_057 => {
            Some(TokenErrorKind::InvalidScope)
        }
        _ => None,
    });
    by_code.unwrap_or(match (status, error) {
        (_, Some("invalid_client")) | (401, None) => TokenErrorKind::InvalidCredential,
        (_, Some("unauthorized_client")) => TokenErrorKind::UnknownApplication,
        (_, Some("invalid_scope" | "invalid_resource")) => TokenErrorKind::InvalidScope,
        _ => TokenErrorKind::Refused,
    })
}

fn codes(json: &Value) -> Vec<u32> {
    let listed = json.get("error_codes").and_then(Value::as_array);
    let listed = listed.into_iter().flatten();
    let codes: Vec<u32> = listed
        .filter_map(|code| code.as_u64()?.try_into().ok())
        .take(MAX_CODES)
        .collect();
    if !codes.is_empty() {
        return codes;
    }
    let text = json.get("error_description").and_then(Value::as_str);
    let number = text.and_then(|text| text.strip_prefix("AADSTS"));
    let number = number.and_then(|text| text.split(|c: char| !c.is_ascii_digit()).next());
    number.and_then(|n| n.parse().ok()).into_iter().collect()
}

/// Plain printable text of bounded length, or nothing if it echoes the proof, in any form of form encoding.
fn clean(text: &str, proof: &Proof) -> Option<String> {
    let line = text.split(['\r', '\n']).next().unwrap_or_default();
    let printable = line.chars().filter(|c| *c == ' ' || c.is_ascii_graphic());
    // Before the cut, which could hide a part, and after the cleaning, which could put one together.
    let printable = Zeroizing::new(printable.collect::<String>());
    let pair = Zeroizing::new(format!("={}", printable.as_str()));
    let decoded = || url::form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value);
    let echoed = |secret: &SecretString| {
        let secret = secret.expose_secret();
        printable.contains(secret) || decoded().any(|value| value.contains(secret))
    };
    if proof.secrets().any(echoed) {
        return None;
    }
    Some(printable.chars().take(MAX_TEXT).collect()).filter(|text: &String| !text.is_empty())
}

fn first_sentence(text: String) -> String {
    match text.split_once(". ") {
        Some((sentence, _)) => sentence.to_owned(),
        None => text,
    }
}
