//! Actions that are refused, and have no effect then.

use intune_sim::{Action, Device};
use serde_json::{Value, json};

use crate::client::{Harness, intune_error, token};

const ALL: [Action; 4] = [
    Action::SyncDevice,
    Action::RemoteLock,
    Action::Retire,
    Action::Wipe,
];

async fn with_device() -> (Harness, Device) {
    let harness = Harness::empty().await;
    let device = Device::new("A");
    harness.sim.put_device(device.clone());
    (harness, device)
}

#[tokio::test]
async fn one_role_permits_actions_and_no_other() {
    let (mut harness, device) = with_device().await;
    let privileged = "DeviceManagementManagedDevices.PrivilegedOperations.All";
    for (roles, allowed) in [
        (vec!["DeviceManagementManagedDevices.Read.All"], false),
        (vec!["DeviceManagementManagedDevices.ReadWrite.All"], false),
        (vec![], false),
        (vec![privileged], true),
    ] {
        harness.sim.grant_roles(roles.clone());
        harness.token = token(&harness.http, &harness.sim).await;
        for action in ALL {
            harness.sim.put_device(device.clone());
            let path = format!("managedDevices/{}/{action}", device.id());
            let response = harness.post(&path, None).await;
            if allowed {
                assert_eq!(response.status(), 204, "{action}");
                continue;
            }
            let nested = intune_error(response, 403, "Forbidden").await;
            let message = nested["Message"].as_str().unwrap();
            let expected = format!("must have one of the following scopes: {privileged} - ");
            assert!(message.contains(&expected), "{message}");
        }
    }
    // Only those of the last round.
    assert_eq!(harness.sim.actions().len(), 4);
}

#[tokio::test]
async fn refusals_have_no_effect() {
    let (harness, device) = with_device().await;
    for action in ALL {
        let path = format!("managedDevices/99999999-9999-4999-8999-999999999999/{action}");
        let response = harness.post(&path, None).await;
        intune_error(response, 404, "ResourceNotFound").await;

        let path = format!("managedDevices/{}/{action}", device.id());
        let response = harness.get(&path).await;
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "POST");
        assert!(response.json::<Value>().await.unwrap()["error"]["code"].is_string());
        let url = format!("{}v1.0/deviceManagement/{path}", harness.sim.graph());
        let response = harness.http.post(url).send().await.unwrap();
        assert_eq!(response.status(), 401);
    }
    let path = format!("managedDevices/{}/explode", device.id());
    assert_eq!(harness.post(&path, None).await.status(), 400);
    assert_eq!(
        harness
            .post("managedDevices/no-guid/wipe", None)
            .await
            .status(),
        400
    );
    assert_eq!(harness.sim.actions(), []);
    assert_eq!(harness.sim.device(device.id()), Some(device));
}

#[tokio::test]
async fn an_action_without_parameters_takes_an_empty_body() {
    let (harness, device) = with_device().await;
    let path = format!("managedDevices/{}/retire", device.id());
    assert_eq!(harness.post(&path, Some(json!({}))).await.status(), 204);
    for wrong in [json!({ "keepUserData": true }), json!([]), json!("x")] {
        let response = harness.post(&path, Some(wrong)).await;
        assert_eq!(response.status(), 400);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "BadRequest");
    }
    assert_eq!(harness.sim.actions().len(), 1);
}
