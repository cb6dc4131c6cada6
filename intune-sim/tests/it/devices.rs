//! One device, its properties, headers, errors and permissions.

use intune_sim::{Device, SimConfig};
use serde_json::{Value, json};

use crate::client::{Harness, token};

/// The properties that only a get with `$select` fills.
const GET_ONLY: [&str; 7] = [
    "activationLockBypassCode",
    "ethernetMacAddress",
    "iccid",
    "notes",
    "physicalMemoryInBytes",
    "remoteAssistanceSessionUrl",
    "udid",
];

#[tokio::test]
async fn a_row_has_all_properties_and_the_wires_conventions() {
    let harness = Harness::empty().await;
    harness
        .sim
        .put_device(Device::new("A").with("notes", "seen").with("udid", "u"));
    let page = harness.json("managedDevices").await;
    let row = page["value"][0].as_object().unwrap();
    assert_eq!(row.len(), 56);
    assert_eq!(row["easActivationDateTime"], "0001-01-01T00:00:00Z");
    assert_eq!(
        row["complianceGracePeriodExpirationDateTime"],
        "9999-12-31T23:59:59Z"
    );
    assert_eq!(row["jailBroken"], "Unknown");
    assert_eq!(row["imei"], "");
    assert_eq!(row["deviceActionResults"], json!([]));
    for property in GET_ONLY {
        let empty = if property == "physicalMemoryInBytes" {
            json!(0)
        } else {
            Value::Null
        };
        assert_eq!(row[property], empty, "{property}");
    }
    let context = format!(
        "{}v1.0/$metadata#deviceManagement/managedDevices",
        harness.sim.graph()
    );
    assert_eq!(page["@odata.context"], context);
}

#[tokio::test]
async fn get_only_properties_need_a_selecting_get() {
    let harness = Harness::empty().await;
    let device = Device::new("A").with("notes", "seen");
    harness.sim.put_device(device.clone());
    let id = device.id();
    let bare = harness.json(&format!("managedDevices/{id}")).await;
    assert_eq!(bare["notes"], Value::Null);
    assert_eq!(bare["deviceName"], "A");
    let selected = harness
        .json(&format!("managedDevices/{id}?$select=id,notes"))
        .await;
    let context = format!(
        "{}v1.0/$metadata#deviceManagement/managedDevices(id,notes)/$entity",
        harness.sim.graph()
    );
    assert_eq!(
        selected,
        json!({ "@odata.context": context, "id": id, "notes": "seen" })
    );
    let listed = harness.json("managedDevices?$select=id,notes").await;
    assert_eq!(listed["value"], json!([{ "id": id, "notes": null }]));
}

#[tokio::test]
async fn both_key_forms_name_a_device_in_any_case() {
    let harness = Harness::start(SimConfig::default()).await;
    let id = harness.sim.devices()[0].id().to_owned();
    for path in [
        format!("managedDevices/{id}"),
        format!("managedDevices/{}", id.to_uppercase()),
        format!("managedDevices('{id}')"),
        format!("managedDevices%28%27{id}%27%29"),
    ] {
        assert_eq!(harness.json(&path).await["id"], id, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_device_is_intunes_nested_error() {
    let harness = Harness::start(SimConfig::default()).await;
    let url = format!(
        "{}v1.0/deviceManagement/managedDevices/99999999-9999-4999-8999-999999999999",
        harness.sim.graph()
    );
    let activity = "44444444-5555-4666-8777-888888888888";
    let response = harness
        .http
        .get(url)
        .bearer_auth(&harness.token)
        .header("client-request-id", activity)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 404);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "ResourceNotFound");
    assert_eq!(body["error"]["innerError"]["client-request-id"], activity);
    // Without a zone, as the service sends it.
    let date = body["error"]["innerError"]["date"].as_str().unwrap();
    assert_eq!((date.len(), date.ends_with('Z')), (19, false));
    let nested: Value = serde_json::from_str(body["error"]["message"].as_str().unwrap()).unwrap();
    assert_eq!(nested["_version"], 3);
    assert_eq!(nested["RetryAfter"], Value::Null);
    let message = nested["Message"].as_str().unwrap();
    assert!(
        message.contains(&format!("Activity ID: {activity}")),
        "{message}"
    );
}

#[tokio::test]
async fn an_id_that_is_no_guid_is_a_bad_request() {
    let harness = Harness::start(SimConfig::default()).await;
    let response = harness.get("managedDevices/nonsense").await;
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "BadRequest");
}

#[tokio::test]
async fn answers_carry_graphs_headers() {
    let harness = Harness::start(SimConfig::default()).await;
    for (path, status) in [("managedDevices", 200), ("nothing", 400)] {
        let response = harness.get(path).await;
        assert_eq!(response.status(), status);
        let headers = response.headers();
        assert_eq!(headers["odata-version"], "4.0");
        for name in ["request-id", "client-request-id", "date"] {
            assert!(headers.contains_key(name), "{name}");
        }
        let diagnostic: Value =
            serde_json::from_slice(headers["x-ms-ags-diagnostic"].as_bytes()).unwrap();
        assert!(diagnostic["ServerInfo"]["DataCenter"].is_string());
        let kind = headers["content-type"].to_str().unwrap();
        let minimal = "application/json;odata.metadata=minimal;";
        assert_eq!(kind.starts_with(minimal), status == 200, "{kind}");
    }
}

#[tokio::test]
async fn reading_needs_a_reading_role() {
    let mut harness = Harness::start(SimConfig::default()).await;
    let cases: [(&[&str], u16); 4] = [
        (&[], 403),
        (
            &["DeviceManagementManagedDevices.PrivilegedOperations.All"],
            403,
        ),
        (&["DeviceManagementManagedDevices.Read.All"], 200),
        (&["DeviceManagementManagedDevices.ReadWrite.All"], 200),
    ];
    for (roles, status) in cases {
        harness.sim.grant_roles(roles.iter().copied());
        harness.token = token(&harness.http, &harness.sim).await;
        let response = harness.get("managedDevices").await;
        assert_eq!(response.status(), status, "{roles:?}");
        if status == 403 {
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["error"]["code"], "Forbidden");
            let nested: Value =
                serde_json::from_str(body["error"]["message"].as_str().unwrap()).unwrap();
            let message = nested["Message"].as_str().unwrap();
            assert!(
                message.contains("DeviceManagementManagedDevices.Read.All"),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn the_count_is_text_and_not_for_entra_ids() {
    let harness = Harness::start(SimConfig::default()).await;
    let response = harness.get("managedDevices/$count").await;
    assert_eq!(response.headers()["content-type"], "text/plain");
    assert_eq!(response.text().await.unwrap(), "12");
    let filter = "managedDevices/$count?$filter=complianceState%20eq%20'unknown'";
    assert_eq!(harness.get(filter).await.text().await.unwrap(), "1");
    let filter = "managedDevices/$count?$filter=azureADDeviceId%20eq%20'x'";
    assert_eq!(harness.get(filter).await.status(), 400);
}

#[tokio::test]
async fn any_value_can_be_put_on_the_wire() {
    let harness = Harness::empty().await;
    let device = Device::new("A")
        .entra_id("NOT-A-GUID")
        .compliance_state("quarantined")
        .last_sync("yesterday")
        .user_id("")
        .management_state("wipePending")
        .with("isEncrypted", Value::Null)
        .without("imei");
    harness.sim.put_device(device.clone());
    let row = &harness.json("managedDevices").await["value"][0];
    assert_eq!(row["azureADDeviceId"], "NOT-A-GUID");
    assert_eq!(row["complianceState"], "quarantined");
    assert_eq!(row["lastSyncDateTime"], "yesterday");
    assert_eq!(row["isEncrypted"], Value::Null);
    assert_eq!(row.get("imei"), None);

    let changes = json!({ "id": "other", "deviceName": "Z", "complianceState": null });
    let changed = harness.sim.patch_device(device.id(), changes).unwrap();
    assert_eq!(changed.id(), device.id());
    assert_eq!(harness.sim.device(device.id()).unwrap().name(), "Z");
    let row = &harness.json("managedDevices").await["value"][0];
    assert_eq!(row["complianceState"], Value::Null);

    assert_eq!(
        harness.sim.remove_device(&device.id().to_uppercase()),
        Some(changed)
    );
    assert_eq!(harness.sim.devices(), []);
    assert_eq!(harness.sim.patch_device(device.id(), json!({})), None);
}
