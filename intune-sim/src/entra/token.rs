//! The token endpoint: client credentials with a secret.

use std::collections::BTreeMap;

use axum::response::Response;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use url::form_urlencoded;
use uuid::Uuid;

use super::{EntraError, Exchange, discovery};
use crate::{Tenant, tenant::apps::App, time};

/// The Graph roots of the clouds: what an app-only token may be asked for.
pub(crate) const GRAPH_ROOTS: [&str; 4] = [
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://dod-graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
];

/// The issuer of app-only tokens for Graph, which are of version 1.0.
pub(crate) fn app_issuer(tenant: &Tenant) -> String {
    format!("https://sts.windows.net/{}/", tenant.tenant())
}

pub(crate) fn answer(
    tenant: &Tenant,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
    exchange: &Exchange,
) -> Response {
    match issue(tenant, path, headers, body) {
        Ok(issued) => exchange.json(
            StatusCode::OK,
            &json!({
                "token_type": "Bearer",
                "expires_in": issued.lifetime,
                "ext_expires_in": issued.lifetime,
                "access_token": issued.token,
            }),
        ),
        Err(error) => exchange.error(&error),
    }
}

struct Issued {
    token: String,
    lifetime: u32,
}

fn issue(
    tenant: &Tenant,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Issued, EntraError> {
    if !discovery::names(tenant, path) {
        return Err(EntraError::unknown_tenant(path));
    }
    let mut form = form(headers, body);
    if let Some((id, secret)) = basic(headers) {
        form.entry("client_id".to_owned()).or_insert(id);
        form.entry("client_secret".to_owned()).or_insert(secret);
    }
    let parameter = |name: &str| {
        form.get(name)
            .map(String::as_str)
            .ok_or_else(|| missing(name))
    };

    let grant = parameter("grant_type")?;
    if grant != "client_credentials" {
        let text = format!("The app requested an unsupported grant type '{grant}'.");
        return Err(EntraError::bad_request(
            "unsupported_grant_type",
            70003,
            text,
        ));
    }
    let client = parameter("client_id")?;
    let scope = parameter("scope")?;
    let Some(app) = tenant.app(client) else {
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{}'. This can happen \
             if the application has not been installed by the administrator of the tenant or consented to \
             by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
            tenant.tenant(),
        );
        return Err(EntraError::bad_request(
            "unauthorized_client",
            700_016,
            text,
        ));
    };
    authenticate(&app, &form)?;
    let audience = resource(tenant, scope)?;
    Ok(sign(tenant, &app, &audience))
}

fn form(headers: &HeaderMap, body: &[u8]) -> BTreeMap<String, String> {
    let declared = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if !declared.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return BTreeMap::new();
    }
    form_urlencoded::parse(body)
        .into_owned()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// Id and secret of HTTP Basic, each form-encoded: RFC 6749, section 2.3.1.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credential) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(credential.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((form_decode(id), form_decode(secret)))
}

fn form_decode(text: &str) -> String {
    // One pair whose value is the text: `=` in it stays, and `&` can't be in a form-encoded text.
    let pair = format!("value={text}");
    form_urlencoded::parse(pair.as_bytes())
        .map(|(_, value)| value.into_owned())
        .next()
        .unwrap_or_default()
}

fn missing(parameter: &str) -> EntraError {
    let text = format!("The request body must contain the following parameter: '{parameter}'.");
    EntraError::bad_request("invalid_request", 900_144, text)
}

fn authenticate(app: &App, form: &BTreeMap<String, String>) -> Result<(), EntraError> {
    if form.contains_key("client_assertion") {
        let text = "The certificate with identifier used to sign the client assertion is not registered \
                    on application. [Reason - The key was not found.]";
        return Err(EntraError::invalid_client(700_027, text));
    }
    match form.get("client_secret") {
        None => Err(EntraError::invalid_client(
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or \
             'client_secret'.",
        )),
        Some(secret) if *secret == app.client_secret => Ok(()),
        Some(_) => Err(EntraError::invalid_client(
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client \
                 secret value, not the client secret ID, for a secret added to app '{}'.",
                app.client_id
            ),
        )),
    }
}

/// The one resource in a scope, which must be `{resource}/.default`.
fn resource(tenant: &Tenant, scope: &str) -> Result<String, EntraError> {
    let scopes: Vec<&str> = scope.split_whitespace().collect();
    let [one] = scopes.as_slice() else {
        let text = format!(
            "The provided request must include a 'scope' input parameter. The provided value for the \
             input parameter 'scope' is not valid. The scope {scope} is not valid."
        );
        return Err(EntraError::bad_request("invalid_scope", 70011, text));
    };
    let Some(resource) = one.strip_suffix("/.default") else {
        let text = format!(
            "The provided value for scope {one} is not valid. Client credential flows must have a scope \
             value with /.default suffixed to the resource identifier (application ID URI)."
        );
        return Err(EntraError::bad_request("invalid_scope", 1_002_012, text));
    };
    // A resource may end in a slash of its own: `https://graph.microsoft.com//.default`.
    let plain = resource.trim_end_matches('/');
    let own = tenant.graph().as_str().trim_end_matches('/');
    if GRAPH_ROOTS.contains(&plain) || plain == own {
        return Ok(resource.to_owned());
    }
    let text = format!(
        "The resource principal named {resource} was not found in the tenant named {}. This can happen if \
         the application has not been installed by the administrator of the tenant or consented to by any \
         user in the tenant. You might have sent your authentication request to the wrong tenant.",
        tenant.tenant(),
    );
    Err(EntraError::bad_request("invalid_resource", 500_011, text))
}

fn sign(tenant: &Tenant, app: &App, audience: &str) -> Issued {
    let lifetime = tenant.state().token_lifetime;
    let now = time::now().timestamp();
    let payload = json!({
        "iss": app_issuer(tenant),
        "aud": audience,
        "iat": now, "nbf": now, "exp": now + i64::from(lifetime),
        "appid": app.client_id,
        "idtyp": "app",
        "tid": tenant.tenant(),
        "roles": app.roles,
        "uti": Uuid::new_v4().to_string(),
        "ver": "1.0",
    });
    let key = tenant.0.keys.entra();
    let header = json!({ "typ": "JWT", "alg": "RS256", "kid": key.kid, "x5t": key.kid });
    Issued {
        token: key.sign(&header.to_string(), &payload.to_string()),
        lifetime,
    }
}
