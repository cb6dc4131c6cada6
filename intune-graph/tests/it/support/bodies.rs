//! What Graph and Intune write.

use serde_json::{Value, json};

use super::{DEVICE, LIST, OTHER, RECORD};

/// A row as Graph writes it, of the device that the tests ask for.
pub(crate) fn row(id: &str) -> Value {
    json!({
        "id": id,
        "azureADDeviceId": DEVICE,
        "deviceName": "LAPTOP-0042",
        "serialNumber": "SN-0042",
        "manufacturer": "Contoso",
        "model": "Book 7",
        "operatingSystem": "Windows",
        "osVersion": "10.0.26100.2314",
        "userId": "55555555-6666-4777-8888-999999999999",
        "userPrincipalName": "adele@contoso.example",
        "complianceState": "compliant",
        "complianceGracePeriodExpirationDateTime": "9999-12-31T23:59:59Z",
        "lastSyncDateTime": "2026-11-23T05:58:46.7156189-08:00",
        "enrolledDateTime": "2026-01-02T03:04:05Z",
        "managementState": "managed",
        "managementAgent": "mdm",
        "managedDeviceOwnerType": "company",
        "isEncrypted": true,
        "jailBroken": "Unknown",
        // Not asked for, and sent all the same.
        "easActivationDateTime": "0001-01-01T00:00:00Z",
        "deviceActionResults": [{"actionName": "remoteLock", "unlockPin": "canary-pin"}],
    })
}

/// The same row with some properties changed.
pub(crate) fn row_with(changes: Value) -> Value {
    with(row(RECORD), changes)
}

fn with(mut object: Value, changes: Value) -> Value {
    let members = object.as_object_mut().unwrap();
    members.extend(changes.as_object().unwrap().clone());
    object
}

/// `count` devices, none of which is the one asked for.
pub(crate) fn others(count: usize) -> Vec<Value> {
    let row = |number| {
        let id = format!("99999999-0000-4000-8000-{number:012}");
        let entra_id = format!("88888888-0000-4000-8000-{number:012}");
        with(row(&id), json!({"azureADDeviceId": entra_id}))
    };
    (0..count).map(row).collect()
}

/// A page's body. `next` goes into it as it is.
pub(crate) fn page(rows: &[Value], next: Option<Value>) -> String {
    let body = json!({
        "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#deviceManagement/managedDevices",
        "@odata.count": rows.len(),
        "value": rows,
    });
    let body = match next {
        Some(next) => with(body, json!({"@odata.nextLink": next})),
        None => body,
    };
    body.to_string()
}

/// A next link as Graph writes it, with a page's number for a token.
pub(crate) fn page_link(graph: &str, number: usize) -> String {
    format!("{graph}{LIST}?$filter=azureADDeviceId%20eq%20%27{DEVICE}%27&$skiptoken={number}")
}

/// What Intune's back end answers, in its documented form: JSON within the text of JSON.
pub(crate) fn nested(code: &str, message: &str) -> String {
    let inner = json!({
        "_version": 3,
        "Message": format!("{message} - Operation ID (for customer support): {OTHER} - Url: https://proxy.example"),
        "CustomApiErrorPhrase": "",
        "RetryAfter": null,
        "ErrorSourceService": "",
        "HttpHeaders": "{}",
    });
    json!({"error": {
        "code": code,
        "message": format!("{inner:#}").replace('\n', "\r\n"),
        "innerError": {"date": "2026-11-23T04:43:04", "request-id": OTHER},
    }})
    .to_string()
}

/// The same with some of the inner properties changed.
pub(crate) fn nested_with(changes: Value) -> String {
    let inner = with(
        json!({"_version": 3, "Message": "x", "HttpHeaders": "{}"}),
        changes,
    );
    json!({"error": {"code": "ServiceUnavailable", "message": inner.to_string()}}).to_string()
}

/// What Intune answers to a tenant that it refuses, with a challenge three layers down.
pub(crate) fn refusal_of_intune() -> String {
    let headers =
        json!({"WWW-Authenticate": format!("Bearer realm=\"urn:intune:service,{OTHER}\"")});
    let fault = json!({
        "_version": 3,
        "Message": "An error has occurred",
        "RetryAfter": null,
        "HttpHeaders": headers.to_string(),
    });
    let wrapped = json!({"ErrorCode": "Forbidden", "Message": fault.to_string(), "Target": null});
    json!({"error": {"code": "UnknownError", "message": wrapped.to_string()}}).to_string()
}

/// What the gateway answers to a token that it rejects.
pub(crate) const REJECTED_TOKEN: &str = r#"{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed, the token is expired.","innerError":{"date":"2026-11-23T06:10:00","request-id":"33333333-4444-4555-8666-888888888888","client-request-id":"33333333-4444-4555-8666-888888888888"}}}"#;
