//! What a preflight asks, and what it finds.

use axum::response::Response;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use intune_graph::{Check, Preflight, Verdict};
use serde_json::{Value, json};

use super::{Graph, Tokens, ok, page, response, row};

pub(crate) const READ: &str = "DeviceManagementManagedDevices.Read.All";
pub(crate) const READ_WRITE: &str = "DeviceManagementManagedDevices.ReadWrite.All";
pub(crate) const PRIVILEGED: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";
pub(crate) const UNASSIGNED: &str = "devices without a policy";
pub(crate) const READS: [&str; 3] = ["list_devices", "get_device", "get_compliance"];
pub(crate) const WRITES: [&str; 4] = ["sync_device", "remote_lock", "retire_device", "wipe_device"];

/// A token as Entra ID writes it, with these claims.
pub(crate) fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.canary-signature", part(&json!({})), part(claims))
}

pub(crate) fn granted(application: &str, roles: &[&str]) -> Tokens {
    Tokens::of(jwt(&json!({"appid": application, "roles": roles})))
}

/// A tenant in which all is well at noon, but for how the settings are answered.
pub(crate) async fn tenant(
    settings: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> Graph {
    tenant_at("Mon, 23 Nov 2026 12:00:00 GMT", settings).await
}

pub(crate) async fn tenant_at(
    date: &'static str,
    settings: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> Graph {
    Graph::start(move |request, _| {
        if request.path().ends_with("/deviceManagement") {
            return settings();
        }
        let body = page(&[row(super::RECORD)], None);
        response(200, &[("date", date.to_owned())], body.into())
    })
    .await
}

/// Settings by which devices without a policy are noncompliant.
pub(crate) fn secure() -> Response {
    ok(json!({"settings": {"secureByDefault": true}}).to_string())
}

#[track_caller]
pub(crate) fn check<'a>(preflight: &'a Preflight, name: &str) -> &'a Check {
    let mut found = preflight.checks().iter().filter(|check| check.name == name);
    let check = found.next();
    assert!(
        check.is_some() && found.next().is_none(),
        "{name}: {preflight}"
    );
    check.unwrap()
}

#[track_caller]
pub(crate) fn verdict(preflight: &Preflight, name: &str) -> Verdict {
    check(preflight, name).verdict
}

pub(crate) fn has(preflight: &Preflight, name: &str) -> bool {
    preflight.checks().iter().any(|check| check.name == name)
}
