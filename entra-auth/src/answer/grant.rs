use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Entra's longest lifetime, that of tokens under continuous access evaluation.
const MAX_LIFETIME: Duration = Duration::from_secs(28 * 60 * 60);

/// A token and its times, counted from the start of the request.
pub(crate) struct Grant {
    pub(crate) secret: SecretString,
    pub(crate) lifetime: Duration,
    pub(crate) refresh_in: Option<Duration>,
}

/// Reads the body of a 200, of which nothing may be repeated in an error.
pub(crate) fn grant(body: &[u8]) -> Result<Grant, &'static str> {
    // A list of the values would do for `serde`, too.
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let success: Option<Success> = is_object
        .then(|| serde_json::from_slice(body).ok())
        .flatten();
    let success =
        success.ok_or("the answer is not the JSON of a token: check the authority's address")?;
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
    let lifetime = success.expires_in.as_ref().and_then(seconds);
    Ok(Grant {
        secret,
        lifetime: lifetime
            .ok_or("the answer's `expires_in` is not a positive number of seconds")?,
        // A wish: without one that makes sense, half the lifetime will do.
        refresh_in: success.refresh_in.as_ref().and_then(seconds),
    })
}

#[derive(Deserialize)]
struct Success {
    token_type: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    access_token: Option<SecretString>,
    expires_in: Option<Value>,
    refresh_in: Option<Value>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.map(SecretString::from))
}

/// A number, or a number in quotes: endpoints of version 1 and several proxies quote it.
fn seconds(seconds: &Value) -> Option<Duration> {
    let seconds: f64 = match seconds {
        Value::String(text) => text.trim().parse().ok()?,
        number => number.as_f64()?,
    };
    // Before the cap, since `min` would make a number of NaN.
    if seconds.is_nan() {
        return None;
    }
    let seconds = Duration::try_from_secs_f64(seconds.min(MAX_LIFETIME.as_secs_f64())).ok()?;
    (!seconds.is_zero()).then_some(seconds)
}
