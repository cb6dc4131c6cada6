//! Client assertions: RFC 7523, section 2.2, as Entra takes them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    EntraError, Presented, discovery, federated,
    jwt::{Jwt, SKEW},
    signer,
};
use crate::{Tenant, tenant::apps::App, time};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The assertions accepted so far, and until when each could be presented again.
#[derive(Debug, Default)]
pub(crate) struct Replays(BTreeMap<(String, String), f64>);

impl Replays {
    /// Whether an application presents this `jti` for the first time.
    fn first(&mut self, app: &App, jti: &str, until: f64, now: f64) -> bool {
        self.0.retain(|_, until| *until > now);
        let key = (app.client_id.clone(), jti.to_owned());
        self.0.insert(key, until).is_none()
    }
}

/// Whether an assertion proves to come from the application.
pub(crate) fn verify(
    tenant: &Tenant,
    app: &App,
    assertion: &str,
    presented: &Presented<'_>,
) -> Result<(), EntraError> {
    let kind = presented.parameter("client_assertion_type")?;
    if kind != JWT_BEARER {
        let text = format!("The client assertion type '{kind}' is not supported.");
        return Err(EntraError::says(9_002_313, text));
    }
    let jwt = Jwt::parse(assertion).ok_or_else(|| EntraError::of(50027))?;
    let own = |claim| {
        jwt.text(claim)
            .is_some_and(|id| id.eq_ignore_ascii_case(&app.client_id))
    };
    if !own("iss") && !own("sub") && jwt.text("iss").is_some_and(|iss| iss.contains("://")) {
        return federated::verify(tenant, app, &jwt);
    }
    let issuer = required(&jwt, "iss")?;
    let subject = required(&jwt, "sub")?;
    if !own("iss") || !own("sub") {
        let text = format!(
            "Client assertion application identifier doesn't match 'client_id' parameter. The issuer is \
             '{issuer}', the subject '{subject}'."
        );
        return Err(EntraError::says(700_021, text));
    }
    audience(tenant, audience_of(&jwt)?, presented)?;
    let until = in_time(&jwt)?;
    let jti = required(&jwt, "jti")?;
    signer::verify(app, &jwt)?;

    let mut state = tenant.state();
    let first = state.replays.first(app, jti, until + SKEW, now());
    if first || !state.tokens.refuse_replays {
        Ok(())
    } else {
        let text = "Assertion failed validation. [Reason - The assertion has been presented before, or \
                    another one with its 'jti'.]";
        Err(EntraError::says(50013, text))
    }
}

fn required<'a>(jwt: &'a Jwt<'_>, claim: &str) -> Result<&'a str, EntraError> {
    let value = jwt.text(claim).filter(|value| !value.is_empty());
    value.ok_or_else(|| lacks(claim))
}

fn lacks(claim: &str) -> EntraError {
    EntraError::says(50098, format!("JWT body must contain '{claim}'."))
}

/// The one audience: a text, or an array of one.
pub(super) fn audience_of<'a>(jwt: &'a Jwt<'_>) -> Result<&'a str, EntraError> {
    match jwt.claims.get("aud") {
        Some(Value::String(audience)) => Ok(audience),
        Some(Value::Array(audiences)) => match audiences.as_slice() {
            [Value::String(audience)] => Ok(audience),
            [] | [_] => Err(lacks("aud")),
            several => Err(EntraError::says(
                5_002_741,
                format!(
                    "Number of audience values in the provided client credential exceed maximum allowed. \
                     {} audience values provided, maximum allowed is 1.",
                    several.len()
                ),
            )),
        },
        _ => Err(lacks("aud")),
    }
}

/// The audience is the token endpoint, under the name by which the client reached it.
fn audience(tenant: &Tenant, audience: &str, presented: &Presented<'_>) -> Result<(), EntraError> {
    let base = tenant.base_url();
    let named = audience
        .strip_prefix(base.scheme())
        .and_then(|rest| rest.strip_prefix("://")?.split_once('/'))
        .and_then(|(host, path)| {
            let known = host == base.authority() || Some(host) == presented.host;
            path.strip_suffix("/oauth2/v2.0/token").filter(|_| known)
        });
    if named.is_some_and(|path| discovery::names(tenant, path)) {
        return Ok(());
    }
    Err(EntraError::of(700_023))
}

/// When the assertion ends, if it's valid now.
pub(super) fn in_time(jwt: &Jwt<'_>) -> Result<f64, EntraError> {
    let seconds = |claim| jwt.seconds(claim).map_err(|()| EntraError::of(50027));
    let exp = seconds("exp")?.ok_or_else(|| lacks("exp"))?;
    let start = seconds("nbf")?;
    let now = now();
    if exp + SKEW <= now || start.is_some_and(|nbf| nbf > now + SKEW) {
        let text = format!(
            "Client assertion is not within its valid time range. Current time: {}, assertion valid from \
             {}, expiry time of assertion {}.",
            shown(now),
            start.map_or("any time".to_owned(), shown),
            shown(exp),
        );
        return Err(EntraError::says(700_024, text));
    }
    Ok(exp)
}

fn shown(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float casts to the nearest integer"
    )]
    let at = chrono::DateTime::from_timestamp(seconds as i64, 0);
    at.map_or_else(
        || format!("{seconds}"),
        |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

fn now() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this era are exact")]
    let now = time::now().timestamp() as f64;
    now
}
