//! Continuous access evaluation: what a client asks for in `claims`, and how Graph challenges it.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::EntraError;

/// Whether a `claims` parameter declares that the client understands challenges.
pub(super) fn capable(claims: Option<&str>) -> Result<bool, EntraError> {
    let Some(text) = claims else {
        return Ok(false);
    };
    let malformed = || {
        let text = "Invalid request. Request is malformed or invalid. The 'claims' parameter is not a JSON \
                    object.";
        EntraError::says(9_002_313, text)
    };
    let claims: Value = serde_json::from_str(text).map_err(|_| malformed())?;
    let claims = claims.as_object().ok_or_else(malformed)?;
    let values = match claims.get("access_token") {
        None | Some(Value::Null) => None,
        Some(Value::Object(token)) => token.get("xms_cc").and_then(|cc| cc.get("values")),
        Some(_) => return Err(malformed()),
    };
    let values = values.and_then(Value::as_array);
    Ok(values.is_some_and(|values| values.iter().any(is_cp1)))
}

/// Whether a client capability is the one for challenges.
pub(crate) fn is_cp1(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|capability| capability.eq_ignore_ascii_case("cp1"))
}

/// What Graph tells about a token that was issued before access was revoked.
pub(crate) const REVOKED: &str = "Continuous access evaluation resulted in challenge with result: \
                                  InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp";

/// The `WWW-Authenticate` header that asks for a token issued after that time.
pub(crate) fn challenge(revoked_at: i64) -> String {
    let claims = json!({
        "access_token": { "nbf": { "essential": true, "value": revoked_at.to_string() } },
    });
    format!(
        "Bearer realm=\"\", \
         authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
         client_id=\"00000003-0000-0000-c000-000000000000\", error_description=\"{REVOKED}\", \
         error=\"insufficient_claims\", claims=\"{}\"",
        STANDARD.encode(claims.to_string())
    )
}
