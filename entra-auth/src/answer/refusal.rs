use clock::Timestamp;
use http::HeaderMap;
use serde_json::Value;

use super::{
    clean::{clean, first_sentence},
    kind::{cloud_named_in, kind, message},
};
use crate::{TokenError, TokenErrorKind, credential::Proof, error::Refusal, http::retry_after};

const MAX_CODES: usize = 8;

/// The request that was refused.
pub(crate) struct Asked<'a> {
    pub(crate) proof: &'a Proof,
    pub(crate) request_id: &'a str,
    /// The authority's host.
    pub(crate) authority: &'a str,
    pub(crate) now: Timestamp,
}

/// Reads an answer other than 200.
pub(crate) fn refusal(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    asked: &Asked<'_>,
) -> TokenError {
    // Throttling comes as plain text, failures of a gateway as HTML: no JSON is no surprise. And with a status of
    // success, there could be a token in any field.
    let json: Value = match status {
        200..300 => Value::Null,
        _ => serde_json::from_slice(body).unwrap_or_default(),
    };
    let field = |name: &str| json.get(name).and_then(Value::as_str);
    let cleaned = |name: &str| field(name).and_then(|text| clean(text, asked.proof));

    let error = field("error");
    let description = field("error_description");
    let aadsts_codes = codes(&json);
    let kind = kind(status, error, &aadsts_codes);
    let hint = aadsts_codes.iter().find_map(|code| message(*code));
    let is_elsewhere = kind == TokenErrorKind::WrongCloud;
    let clouds = is_elsewhere.then(|| {
        let theirs = cloud_named_in(description.unwrap_or_default());
        (theirs, asked.authority.to_owned())
    });
    let refused = TokenError::refused(
        kind,
        Refusal {
            status: Some(status),
            error: cleaned("error"),
            description: cleaned("error_description").map(first_sentence),
            aadsts_codes,
            trace_id: cleaned("trace_id"),
            correlation_id: cleaned("correlation_id").or_else(|| Some(asked.request_id.to_owned())),
            timestamp: cleaned("timestamp"),
            retry_after: retry_after(headers, asked.now),
            clouds,
        },
    );
    match (status, hint) {
        (300..400, _) => refused.with_message(
            "the token endpoint redirects, which is never followed: check the authority's address",
        ),
        (400..500, Some(hint)) if !refused.is_transient() => refused.with_message(hint),
        _ => refused,
    }
}

fn codes(json: &Value) -> Vec<u32> {
    let listed = json.get("error_codes").and_then(Value::as_array);
    let listed = listed.into_iter().flatten();
    let codes: Vec<u32> = listed.filter_map(number).take(MAX_CODES).collect();
    if !codes.is_empty() {
        return codes;
    }
    let text = json.get("error_description").and_then(Value::as_str);
    let number = text.and_then(|text| text.strip_prefix("AADSTS"));
    let number = number.and_then(|text| text.split(|c: char| !c.is_ascii_digit()).next());
    number.and_then(|n| n.parse().ok()).into_iter().collect()
}

/// A number, or a number in quotes.
fn number(code: &Value) -> Option<u32> {
    match code {
        Value::String(text) => text.parse().ok(),
        code => code.as_u64()?.try_into().ok(),
    }
}
