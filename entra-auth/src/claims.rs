//! Continuous access evaluation: an API may reject a token that has not expired, and say what it wants instead.

use std::{fmt, sync::Arc};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, header::WWW_AUTHENTICATE};
use http_auth::{ChallengeRef, parse_challenges};
use serde_json::{Map, Value, json};

const MAX_HEADER: usize = 16 * 1024;
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// What an API wants of the next token, as its 401 said: the `claims` of a `WWW-Authenticate` header.
///
/// Microsoft Graph sends one to clients that
/// [handle it](crate::EntraClient::with_continuous_access_evaluation), for instance when the application's
/// credentials were revoked
/// ([claims challenges](https://learn.microsoft.com/entra/identity-platform/claims-challenge)).
///
/// ```
/// use entra_auth::ClaimsChallenge;
///
/// let response = http::Response::builder().status(401).header(
///     "WWW-Authenticate",
///     r#"Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ==""#,
/// ).body(())?;
/// let challenge = ClaimsChallenge::from_headers(response.headers()).expect("there is one");
/// // … and then TokenProvider::token_for_challenge, and the request once more.
/// # let _ = challenge;
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ClaimsChallenge(Map<String, Value>);

impl ClaimsChallenge {
    /// Finds the challenge among an answer's headers, of which several may carry several challenges each.
    ///
    /// `None` if there is none that can be read, of at most 16 KiB.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let values = values.filter_map(|value| value.to_str().ok());
        values
            .filter(|value| value.len() <= MAX_HEADER)
            .filter_map(|value| parse_challenges(value).ok())
            .flatten()
            .find_map(|challenge| Self::of(&challenge))
    }

    fn of(challenge: &ChallengeRef<'_>) -> Option<Self> {
        let parameter = |name: &str| {
            let mut parameters = challenge.params.iter();
            let (_, value) = parameters.find(|(given, _)| given.eq_ignore_ascii_case(name))?;
            Some(value.to_unescaped())
        };
        let is_ours = challenge.scheme.eq_ignore_ascii_case("bearer")
            && parameter("error").as_deref() == Some("insufficient_claims");
        if !is_ours {
            return None;
        }
        let claims = parameter("claims")?;
        let decoded = STANDARD
            .decode(&claims)
            .or_else(|_| URL_SAFE.decode(&claims));
        match serde_json::from_slice(&decoded.ok()?).ok()? {
            Value::Object(claims) if claims.get("access_token").is_none_or(Value::is_object) => {
                Some(Self(claims))
            }
            _ => None,
        }
    }

    /// The `claims` parameter of the token request that answers the challenge.
    pub(crate) fn parameter(&self, capable: bool) -> Arc<str> {
        let mut claims = self.0.clone();
        if capable {
            let token = claims.entry("access_token").or_insert_with(|| json!({}));
            if let Value::Object(token) = token {
                token.insert("xms_cc".to_owned(), json!({ "values": ["cp1"] }));
            }
        }
        Value::Object(claims).to_string().into()
    }
}

/// The `claims` parameter by which a client says that it handles challenges:
/// [client capabilities](https://learn.microsoft.com/entra/identity-platform/claims-challenge#client-capabilities).
pub(crate) const CAPABLE: &str = r#"{"access_token":{"xms_cc":{"values":["cp1"]}}}"#;

/// Shows that there is one: what it says is between the API and Entra ID.
impl fmt::Debug for ClaimsChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimsChallenge").finish_non_exhaustive()
    }
}
