//! The token endpoint: client credentials with a secret or an assertion.

use std::collections::BTreeMap;

use axum::response::Response;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use url::form_urlencoded;

use super::{EntraError, Exchange, Presented, assertion, cae, discovery, grant};
use crate::{Tenant, tenant::apps::App};

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
        Ok(answer) => exchange.json(StatusCode::OK, &answer),
        Err(error) => exchange.error(&error),
    }
}

fn issue(
    tenant: &Tenant,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, EntraError> {
    if !discovery::names(tenant, path) {
        return Err(EntraError::unknown_tenant(path));
    }
    let mut form = form(headers, body);
    if let Some((id, secret)) = basic(headers) {
        form.entry("client_id".to_owned()).or_insert(id);
        form.entry("client_secret".to_owned()).or_insert(secret);
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let presented = Presented { form, host };

    let grant = presented.parameter("grant_type")?;
    if grant != "client_credentials" {
        let text = format!("The app requested an unsupported grant type '{grant}'.");
        return Err(EntraError::says(70003, text));
    }
    let client = presented.parameter("client_id")?;
    let scope = presented.parameter("scope")?;
    let app = tenant.app(client).ok_or_else(|| {
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{}'. This can happen \
             if the application has not been installed by the administrator of the tenant or consented to \
             by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
            tenant.tenant(),
        );
        EntraError::says(700_016, text)
    })?;
    authenticate(tenant, &app, &presented)?;
    let audience = resource(tenant, scope)?;
    let cae = cae::capable(presented.optional("claims"))?;
    Ok(grant::issue(tenant, &app, &audience, cae))
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

fn authenticate(tenant: &Tenant, app: &App, presented: &Presented<'_>) -> Result<(), EntraError> {
    if let Some(assertion) = presented.optional("client_assertion") {
        return assertion::verify(tenant, app, assertion, presented);
    }
    let secret = presented
        .optional("client_secret")
        .ok_or_else(|| EntraError::of(7_000_218))?;
    match app.secrets.iter().find(|known| known.value == secret) {
        Some(known) if known.expired => Err(EntraError::says(
            7_000_222,
            format!(
                "The provided client secret keys for app '{}' are expired. Visit the Azure portal to \
                 create new keys for your app: https://aka.ms/NewClientSecret, or consider using \
                 certificate credentials for added security: https://aka.ms/certCreds.",
                app.client_id
            ),
        )),
        Some(_) => Ok(()),
        None => Err(EntraError::says(
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
        return Err(EntraError::says(70011, text));
    };
    let Some(resource) = one.strip_suffix("/.default") else {
        let text = format!(
            "The provided value for scope {one} is not valid. Client credential flows must have a scope \
             value with /.default suffixed to the resource identifier (application ID URI)."
        );
        return Err(EntraError::says(1_002_012, text));
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
    Err(EntraError::says(500_011, text))
}
