//! OpenID configuration and key sets.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::{EntraError, Exchange, keys::SigningKey};
use crate::Tenant;

/// Whether a path names the tenant: by id, or by its domain.
pub(crate) fn names(tenant: &Tenant, path: &str) -> bool {
    path.eq_ignore_ascii_case(tenant.tenant())
        || path.eq_ignore_ascii_case(&format!("{}.example", tenant.0.identity.realm))
}

pub(crate) fn configuration(tenant: &Tenant, path: &str, exchange: &Exchange) -> Response {
    if !names(tenant, path) {
        return exchange.error(&EntraError::unknown_tenant(path));
    }
    let root = format!("{}{}", tenant.authority(), tenant.tenant());
    let body = json!({
        "issuer": tenant.issuer(),
        "authorization_endpoint": format!("{root}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{root}/oauth2/v2.0/token"),
        "jwks_uri": format!("{root}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": [
            "client_secret_post", "private_key_jwt", "client_secret_basic",
        ],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "oid", "tid", "ver", "name"],
        "request_uri_parameter_supported": false,
        "tenant_region_scope": "EU",
    });
    exchange.json(StatusCode::OK, &body)
}

/// Entra's key set: no `alg`, and the issuer in every key.
pub(crate) fn keys(tenant: &Tenant, path: &str, exchange: &Exchange) -> Response {
    if !names(tenant, path) {
        return exchange.error(&EntraError::unknown_tenant(path));
    }
    let SigningKey {
        kid,
        modulus,
        exponent,
        ..
    } = &*tenant.0.keys.entra();
    let key = json!({
        "kty": "RSA", "use": "sig", "kid": kid, "x5t": kid, "n": modulus, "e": exponent,
        "issuer": tenant.issuer(),
    });
    exchange.json(StatusCode::OK, &json!({ "keys": [key] }))
}

pub(crate) fn instance(tenant: &Tenant, exchange: &Exchange) -> Response {
    let configuration = format!(
        "{}{}/v2.0/.well-known/openid-configuration",
        tenant.authority(),
        tenant.tenant()
    );
    let host = tenant.base_url().authority();
    let body = json!({
        "tenant_discovery_endpoint": configuration,
        "api-version": "1.1",
        "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
    });
    exchange.json(StatusCode::OK, &body)
}

pub(crate) fn realm_configuration(tenant: &Tenant, realm: &str) -> Response {
    if realm != tenant.0.identity.realm {
        return no_realm();
    }
    let root = format!("{}/protocol/openid-connect", tenant.keycloak_issuer());
    let body = json!({
        "issuer": tenant.keycloak_issuer(),
        "authorization_endpoint": format!("{root}/auth"),
        "token_endpoint": format!("{root}/token"),
        "jwks_uri": format!("{root}/certs"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public", "pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    crate::body::json(StatusCode::OK, &body)
}

/// Keycloak's key set: with `alg`.
pub(crate) fn realm_keys(tenant: &Tenant, realm: &str) -> Response {
    if realm != tenant.0.identity.realm {
        return no_realm();
    }
    let SigningKey {
        kid,
        modulus,
        exponent,
        ..
    } = &*tenant.0.keys.keycloak();
    let key = json!({
        "kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "n": modulus, "e": exponent,
    });
    crate::body::json(StatusCode::OK, &json!({ "keys": [key] }))
}

/// The discovery of a Kubernetes cluster's service-account tokens.
pub(crate) fn cluster_configuration(tenant: &Tenant) -> Response {
    let issuer = tenant.kubernetes_issuer();
    let body = json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/openid/v1/jwks"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    crate::body::json(StatusCode::OK, &body)
}

/// A Kubernetes cluster's key set.
pub(crate) fn cluster_keys(tenant: &Tenant) -> Response {
    let SigningKey {
        kid,
        modulus,
        exponent,
        ..
    } = &*tenant.0.keys.kubernetes();
    let key = json!({
        "use": "sig", "kty": "RSA", "kid": kid, "alg": "RS256", "n": modulus, "e": exponent,
    });
    crate::body::json(StatusCode::OK, &json!({ "keys": [key] }))
}

fn no_realm() -> Response {
    crate::body::json(
        StatusCode::NOT_FOUND,
        &json!({ "error": "Realm does not exist" }),
    )
}
