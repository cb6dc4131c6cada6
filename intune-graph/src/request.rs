//! Requests as values: what is asked of Graph can be looked at without a network.

use bytes::Bytes;
use entra_auth::{
    AccessToken,
    http::{JoinUrlError, ServiceUrl},
};
use http::{
    HeaderValue, Request,
    header::{ACCEPT, AUTHORIZATION},
};
use intune_core::{DeviceQuery, EntraDeviceId, ManagedDeviceId};
use secrecy::ExposeSecret as _;
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

/// A read. `client_request_id` is ours; Graph repeats it, and Microsoft's support asks for it.
pub(crate) fn get(
    url: &Url,
    token: &AccessToken,
    client_request_id: &str,
) -> Result<Request<Bytes>, http::Error> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.secret().expose_secret()))?;
    bearer.set_sensitive(true);
    Request::get(url.as_str())
        .header(AUTHORIZATION, bearer)
        .header(ACCEPT, "application/json")
        .header("client-request-id", client_request_id)
        // Graph else writes `unknownFutureValue` for the newer members of its enumerations.
        .header("Prefer", "include-unknown-enum-members")
        .body(Bytes::new())
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
