//! What the tokens of each issuer say, unless a test says otherwise.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::mint::TokenKind;
use crate::{Tenant, time};

pub(super) fn usual(kind: TokenKind, tenant: &Tenant, lifetime: i64) -> Map<String, Value> {
    let now = time::now().timestamp();
    let exp = now.saturating_add(lifetime);
    // An expired token was valid once.
    let iat = now.min(exp.saturating_sub(60));
    let user = &tenant.0.identity.user;
    let claims = match kind {
        TokenKind::Entra => json!({
            "iss": tenant.issuer(),
            "aud": tenant.client_id(),
            "iat": iat, "nbf": iat, "exp": exp,
            "sub": format!("pairwise-{user}"),
            "oid": user,
            "tid": tenant.tenant(),
            "azp": tenant.client_id(),
            "name": "Adele Vance",
            "preferred_username": format!("adele@{}.example", tenant.0.identity.realm),
            "scp": "access_as_user",
            "ver": "2.0",
        }),
        TokenKind::Keycloak => json!({
            "iss": tenant.keycloak_issuer(),
            "aud": tenant.client_id(),
            "iat": iat, "exp": exp,
            "jti": Uuid::new_v4().to_string(),
            "sub": user,
            "typ": "Bearer",
            "azp": tenant.client_id(),
            "preferred_username": "adele",
        }),
        TokenKind::Kubernetes => json!({
            "iss": tenant.kubernetes_issuer(),
            "aud": ["api://AzureADTokenExchange"],
            "iat": iat, "nbf": iat, "exp": exp,
            "jti": Uuid::new_v4().to_string(),
            "sub": "system:serviceaccount:default:default",
        }),
    };
    match claims {
        Value::Object(claims) => claims,
        _ => Map::new(),
    }
}
