//! Separate credentials for reads and for privileged operations.

use intune_sim::{Action, Device, RegistrationError};
use serde_json::Value;

use crate::client::{GRAPH_SCOPE, Harness, post_form, token, token_for};

const OPERATOR: &str = "7A1C7A3E-5F0C-4C3E-9A61-2F6F1A0B9D11";
const SECRET: &str = "Xy8Q~operator";
const PRIVILEGED: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";

#[tokio::test]
async fn each_application_has_its_own_secret_and_roles() {
    let mut harness = Harness::empty().await;
    let device = Device::new("A");
    harness.sim.put_device(device.clone());
    harness
        .sim
        .grant_roles(["DeviceManagementManagedDevices.Read.All"]);
    harness
        .sim
        .register_app(OPERATOR, SECRET, [PRIVILEGED])
        .unwrap();
    let reader = token(&harness.http, &harness.sim).await;
    let operator = token_for(&harness.http, &harness.sim, OPERATOR, SECRET).await;
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&operator)
        .unwrap()
        .claims;
    assert_eq!(claims["roles"], serde_json::json!([PRIVILEGED]));
    assert_eq!(claims["appid"], OPERATOR.to_lowercase());

    let path = format!("managedDevices/{}/remoteLock", device.id());
    harness.token = reader;
    assert_eq!(harness.get("managedDevices").await.status(), 200);
    assert_eq!(harness.post(&path, None).await.status(), 403);
    harness.token = operator;
    assert_eq!(harness.get("managedDevices").await.status(), 403);
    harness.act(&device, Action::RemoteLock).await;
    let done = harness.sim.actions();
    assert_eq!(done.len(), 1);
    assert_eq!(done[0].client_id, OPERATOR.to_lowercase());
}

#[tokio::test]
async fn secrets_are_not_exchangeable() {
    let harness = Harness::empty().await;
    harness
        .sim
        .register_app(OPERATOR, SECRET, [PRIVILEGED])
        .unwrap();
    let (first, secret) = (harness.sim.client_id(), harness.sim.client_secret());
    for (id, secret, status, code) in [
        (OPERATOR, secret, 401, 7_000_215),
        (first, SECRET, 401, 7_000_215),
        ("7a1c7a3e-5f0c-4c3e-9a61-2f6f1a0b9d12", SECRET, 400, 700_016),
    ] {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_secret", secret),
            ("scope", GRAPH_SCOPE),
        ];
        let response = post_form(&harness.http, &harness.sim, &form).await;
        assert_eq!(response.status(), status);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error_codes"], serde_json::json!([code]));
    }
    assert!(!format!("{:?}", harness.sim).contains(SECRET));
}

#[tokio::test]
async fn a_registration_is_replaced_but_not_the_first() {
    let harness = Harness::empty().await;
    let sim = &harness.sim;
    assert!(matches!(
        sim.register_app("operator", SECRET, [PRIVILEGED]),
        Err(RegistrationError::NotAGuid(id)) if id == "operator"
    ));
    assert!(matches!(
        sim.register_app(sim.client_id().to_uppercase(), SECRET, [PRIVILEGED]),
        Err(RegistrationError::Taken(_))
    ));
    sim.register_app(OPERATOR, SECRET, [PRIVILEGED]).unwrap();
    sim.register_app(OPERATOR.to_lowercase(), "another", ["Other.Role"])
        .unwrap();
    let token = token_for(&harness.http, sim, OPERATOR, "another").await;
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&token)
        .unwrap()
        .claims;
    assert_eq!(claims["roles"], serde_json::json!(["Other.Role"]));
}
