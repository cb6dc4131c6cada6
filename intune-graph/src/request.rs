//! Requests as values: what is asked of Graph can be looked at without a network.

use bytes::Bytes;
use entra_auth::{
    AccessToken,
    http::{JoinUrlError, ServiceUrl},
};
use http::{
    HeaderValue, Request,
    header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE},
    request::Builder,
};
use intune_core::{
    DeviceAction, DeviceQuery, EntraDeviceId, ManagedDeviceId, SourceFailure, SourceFailureKind,
    WipeOptions,
};
use secrecy::{ExposeSecret as _, zeroize::Zeroizing};
use url::Url;

use crate::{odata, row};

const DEVICES: &str = "deviceManagement/managedDevices";

/// A listing's first page.
pub(crate) fn list(root: &ServiceUrl, query: &DeviceQuery) -> Result<Url, JoinUrlError> {
    let mut conditions = Vec::new();
    if let Some(state) = query.wanted_compliance_state() {
        conditions.push(format!(
            "complianceState eq {}",
            odata::string_literal(state.as_str())
        ));
    }
    if let Some(system) = query.wanted_operating_system() {
        conditions.push(format!(
            "operatingSystem eq {}",
            odata::string_literal(system)
        ));
    }
    let mut options = vec![("$select", row::PROPERTIES.join(","))];
    if !conditions.is_empty() {
        options.push(("$filter", conditions.join(" and ")));
    }
    if let Some(size) = query.wanted_page_size() {
        options.push(("$top", size.to_string()));
    }
    root.join(&format!("{DEVICES}?{}", odata::query(&options)))
}

/// One device, by Intune's id.
pub(crate) fn device(root: &ServiceUrl, id: ManagedDeviceId) -> Result<Url, JoinUrlError> {
    let options = [("$select", row::PROPERTIES.join(","))];
    root.join(&format!("{DEVICES}/{id}?{}", odata::query(&options)))
}

/// The records of one device, by its Entra id: `eq` is the one operator that the property takes, and an `or`
/// over several ids answers only the first.
pub(crate) fn records(root: &ServiceUrl, id: EntraDeviceId) -> Result<Url, JoinUrlError> {
    let options = [
        (
            "$filter",
            format!(
                "azureADDeviceId eq {}",
                odata::string_literal(&id.to_string())
            ),
        ),
        ("$select", row::PROPERTIES.join(",")),
    ];
    root.join(&format!("{DEVICES}?{}", odata::query(&options)))
}

/// A read, for the `retry`-th time again.
pub(crate) fn get(
    url: &Url,
    token: &AccessToken,
    client_request_id: &str,
    retry: u32,
) -> Result<Request<Bytes>, http::Error> {
    let mut request = signed(Request::get(url.as_str()), token, client_request_id)?
        // Graph else writes `unknownFutureValue` for the newer members of its enumerations.
        .header("Prefer", "include-unknown-enum-members");
    if retry > 0 {
        request = request.header("retry-attempt", retry);
    }
    request.body(Bytes::new())
}

/// A page of one device, to see whether anything is answered.
pub(crate) fn one_device(root: &ServiceUrl) -> Result<Url, JoinUrlError> {
    list(root, &DeviceQuery::new().page_size(1))
}

/// What the tenant decides about compliance as a whole.
pub(crate) fn settings(root: &ServiceUrl) -> Result<Url, JoinUrlError> {
    let options = [("$select", "settings".to_owned())];
    root.join(&format!("deviceManagement?{}", odata::query(&options)))
}

/// Where an action on a device is asked for.
pub(crate) fn action(
    root: &ServiceUrl,
    id: ManagedDeviceId,
    action: &DeviceAction,
) -> Result<Url, JoinUrlError> {
    let name = match action {
        DeviceAction::Sync => "syncDevice",
        DeviceAction::RemoteLock => "remoteLock",
        DeviceAction::Retire => "retire",
        DeviceAction::Wipe(_) => "wipe",
    };
    root.join(&format!("{DEVICES}/{id}/{name}"))
}

/// Asks for an action.
pub(crate) fn act(
    url: &Url,
    action: &DeviceAction,
    token: &AccessToken,
    client_request_id: &str,
) -> Result<Request<Bytes>, http::Error> {
    let request = signed(Request::post(url.as_str()), token, client_request_id)?;
    match action {
        // Said, since servers answer 411 to a POST without a length, and our connections leave that of none out.
        DeviceAction::Sync | DeviceAction::RemoteLock | DeviceAction::Retire => {
            request.header(CONTENT_LENGTH, 0).body(Bytes::new())
        }
        DeviceAction::Wipe(options) => request
            .header(CONTENT_TYPE, "application/json")
            .body(wipe_body(options)),
    }
}

/// Only what isn't the default is sent. Wiped from memory when it was, as far as it is ours.
fn wipe_body(options: &WipeOptions) -> Bytes {
    // Room for all members, so that none of them is left behind in a smaller buffer.
    let mut body = Zeroizing::new(String::with_capacity(160));
    let flags = [
        ("keepEnrollmentData", options.keeps_enrollment_data()),
        ("keepUserData", options.keeps_user_data()),
        ("persistEsimDataPlan", options.persists_esim_data_plan()),
    ];
    for (name, _) in flags.into_iter().filter(|(_, is_set)| *is_set) {
        for part in [separator(&body), "\"", name, "\":true"] {
            body.push_str(part);
        }
    }
    if let Some(code) = options.unlock_code() {
        // Six digits, which JSON takes as they are.
        for part in [
            separator(&body),
            "\"macOsUnlockCode\":\"",
            code.expose(),
            "\"",
        ] {
            body.push_str(part);
        }
    }
    let end = if body.is_empty() { "{}" } else { "}" };
    body.push_str(end);
    secret_bytes(body)
}

fn separator(body: &str) -> &'static str {
    if body.is_empty() { "{" } else { "," }
}

fn secret_bytes(text: Zeroizing<String>) -> Bytes {
    Bytes::from_owner(text)
}

/// What every request carries. `client_request_id` is ours; Graph repeats it, and Microsoft's support asks for it.
pub(crate) fn signed(
    request: Builder,
    token: &AccessToken,
    client_request_id: &str,
) -> Result<Builder, http::Error> {
    let secret = token.secret().expose_secret();
    let mut bearer = Zeroizing::new(String::with_capacity(7 + secret.len()));
    bearer.push_str("Bearer ");
    bearer.push_str(secret);
    let mut bearer = HeaderValue::from_maybe_shared(secret_bytes(bearer))?;
    bearer.set_sensitive(true);
    Ok(request
        .header(AUTHORIZATION, bearer)
        .header(ACCEPT, "application/json")
        .header("client-request-id", client_request_id))
}

/// What can't be put into a request was not sent.
pub(crate) const fn unsendable() -> SourceFailure {
    SourceFailure::new(SourceFailureKind::Refused)
}

#[cfg(test)]
mod tests {
    use entra_auth::Cloud;
    use intune_core::ComplianceState;

    use super::*;
    use crate::GraphEndpoint;

    fn root() -> ServiceUrl {
        GraphEndpoint::of(Cloud::Global).root().clone()
    }

    fn decoded(url: &Url, name: &str) -> Option<String> {
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }

    #[test]
    fn records_are_asked_for_by_a_quoted_guid() {
        let id = "33333333-4444-4555-8666-777777777777".parse().unwrap();
        let url = records(&root(), id).unwrap();
        assert_eq!(url.path(), "/v1.0/deviceManagement/managedDevices");
        assert_eq!(
            decoded(&url, "$filter").unwrap(),
            "azureADDeviceId eq '33333333-4444-4555-8666-777777777777'"
        );
        let select = decoded(&url, "$select").unwrap();
        for property in [
            "id",
            "azureADDeviceId",
            "complianceState",
            "lastSyncDateTime",
            "managementState",
        ] {
            assert!(
                select.split(',').any(|selected| selected == property),
                "{property}"
            );
        }
        assert!(!url.as_str().contains('+'), "{url}");
    }

    #[test]
    fn a_listing_says_what_it_wants() {
        let query = DeviceQuery::new()
            .compliance_state(ComplianceState::Noncompliant)
            .operating_system("it's")
            .page_size(5000);
        let url = list(&root(), &query).unwrap();
        assert_eq!(
            decoded(&url, "$filter").unwrap(),
            "complianceState eq 'noncompliant' and operatingSystem eq 'it''s'"
        );
        assert_eq!(decoded(&url, "$top").unwrap(), "1000");
        assert_eq!(
            decoded(&list(&root(), &DeviceQuery::new()).unwrap(), "$filter"),
            None
        );
    }
}
