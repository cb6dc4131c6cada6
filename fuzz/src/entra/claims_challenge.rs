//! What an API wants of the next token: claims in JSON, which are passed on as they are, or none at all.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use entra_auth::{ClaimsChallenge, fuzzing::claims_parameter};
use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};

/// What `entra-auth` reads of one header at most.
const LONGEST: usize = 16 * 1024;

/// The bytes are values of `WWW-Authenticate`, a line for each. And, as they are, the claims of a challenge.
pub fn claims_challenge(data: &[u8]) {
    let values = data.split(|byte| *byte == b'\n');
    let values = values.filter_map(|line| HeaderValue::from_bytes(line).ok());
    let headers: HeaderMap = values.map(|value| (WWW_AUTHENTICATE, value)).collect();
    let found = ClaimsChallenge::from_headers(&headers);
    if let Some(challenge) = &found {
        let names_it = |value: &HeaderValue| {
            let text = value.to_str().unwrap_or_default().to_ascii_lowercase();
            text.len() <= LONGEST && text.contains("bearer") && text.contains("claims")
        };
        assert!(headers.get_all(WWW_AUTHENTICATE).iter().any(names_it));
        let claims = check(challenge);
        let again = carried(&STANDARD, claims.as_bytes());
        assert_eq!(again.map(|it| check(&it)), Some(claims), "not what it is");
    }

    // Base64 in any of its forms, in a header like Graph's.
    let expected = match serde_json::from_slice(data) {
        Ok(Value::Object(claims)) if claims.get("access_token").is_none_or(Value::is_object) => {
            Some(Value::Object(claims).to_string())
        }
        _ => None,
    };
    for encoding in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        let read = carried(encoding, data).map(|challenge| check(&challenge));
        assert_eq!(read, expected);
    }
}

fn carried(encoding: &base64::engine::GeneralPurpose, claims: &[u8]) -> Option<ClaimsChallenge> {
    let claims = encoding.encode(claims);
    let value = format!(
        "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
         error=\"insufficient_claims\", claims=\"{claims}\""
    );
    let value = HeaderValue::try_from(value).expect("Base64 needs no quoting");
    let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, value)]);
    ClaimsChallenge::from_headers(&headers)
}

/// Of either kind of client the parameter, which is an object; returns that of one which handles no more challenges.
fn check(challenge: &ClaimsChallenge) -> String {
    let object = |capable: bool| {
        let text = claims_parameter(challenge, capable);
        let object: Map<String, Value> = serde_json::from_str(&text).expect("no object");
        (text, object)
    };
    let ((text, plain), (_, mut capable)) = (object(false), object(true));
    let token = capable
        .get_mut("access_token")
        .and_then(Value::as_object_mut);
    let token = token.expect("claims of the access token");
    assert_eq!(token.remove("xms_cc"), Some(json!({ "values": ["cp1"] })));
    // And nothing else is any different.
    let mut plain = plain;
    let token = plain.entry("access_token").or_insert_with(|| json!({}));
    token.as_object_mut().map(|token| token.remove("xms_cc"));
    assert_eq!(capable, plain);
    assert_eq!(format!("{challenge:?}"), "ClaimsChallenge { .. }");
    text.to_string()
}
