//! The app-only token, and what is said about it.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::token;
use crate::{Tenant, tenant::apps::App, time};

/// How tokens are issued, and to whom.
#[derive(Debug)]
pub(crate) struct TokenSettings {
    pub(crate) lifetime: u32,
    pub(crate) cae_lifetime: u32,
    /// None: half the lifetime of a long-lived token.
    pub(crate) refresh_in: Option<u32>,
    pub(crate) numbers_as_text: bool,
    pub(crate) refuse_replays: bool,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            lifetime: 3599,
            cae_lifetime: 86_400,
            refresh_in: None,
            numbers_as_text: false,
            refuse_replays: true,
        }
    }
}

/// From this lifetime on, in seconds, a token is long-lived.
const LONG: u32 = 7200;

/// The last time that access was revoked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Revocation {
    /// How often it was: tokens carry it, since their times are whole seconds.
    pub(crate) count: u64,
    pub(crate) at: i64,
}

/// What Graph reads in an app-only token.
#[derive(Deserialize)]
pub(crate) struct AppToken {
    pub(crate) exp: i64,
    pub(crate) tid: String,
    #[serde(default)]
    pub(crate) appid: String,
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    #[serde(default)]
    xms_cc: Vec<Value>,
    #[serde(default)]
    aio: String,
}

impl AppToken {
    /// Whether it's subject to continuous access evaluation, and was issued before that.
    pub(crate) fn precedes(&self, revocation: Revocation) -> bool {
        let issued_after = self.aio.parse().unwrap_or(0_u64);
        self.xms_cc.iter().any(super::cae::is_cp1) && issued_after < revocation.count
    }
}

/// Signs a token for an application, and gives the answer that it's sent in.
pub(super) fn issue(tenant: &Tenant, app: &App, audience: &str, cae: bool) -> Value {
    let (lifetime, refresh_in, as_text, revoked) = {
        let state = tenant.state();
        let tokens = &state.tokens;
        let lifetime = if cae {
            tokens.cae_lifetime
        } else {
            tokens.lifetime
        };
        let usual = (lifetime >= LONG).then_some(lifetime / 2);
        let refresh_in = tokens.refresh_in.or(usual);
        (
            lifetime,
            refresh_in,
            tokens.numbers_as_text,
            state.revocation.count,
        )
    };
    let number = |value: u32| match as_text {
        true => Value::from(value.to_string()),
        false => Value::from(value),
    };
    let mut answer = json!({
        "token_type": "Bearer",
        "expires_in": number(lifetime),
        "ext_expires_in": number(lifetime),
    });
    if let Some(refresh_in) = refresh_in {
        insert(&mut answer, "refresh_in", number(refresh_in));
    }
    let now = time::now().timestamp();
    let mut payload = json!({
        "iss": token::app_issuer(tenant),
        "aud": audience,
        "iat": now, "nbf": now, "exp": now + i64::from(lifetime),
        "aio": revoked.to_string(),
        "appid": app.client_id,
        "idtyp": "app",
        "tid": tenant.tenant(),
        "roles": app.roles,
        "uti": Uuid::new_v4().to_string(),
        "ver": "1.0",
    });
    if cae {
        insert(&mut payload, "xms_cc", json!(["cp1"]));
    }
    let key = tenant.0.keys.entra();
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": key.kid, "x5t": key.kid });
    let token = key.sign(&header.to_string(), &payload.to_string());
    insert(&mut answer, "access_token", token.into());
    answer
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
