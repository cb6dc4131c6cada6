//! The parameters of `wipe`.

use std::time::Duration;

use intune_sim::{Device, SimConfig};
use reqwest::Response;
use serde_json::{Value, json};

use crate::client::{Harness, intune_error};

async fn harness(config: SimConfig) -> (Harness, String) {
    let harness = Harness::start(config.devices(0)).await;
    let device = Device::new("A");
    harness.sim.put_device(device.clone());
    (harness, device.id().to_owned())
}

async fn wipe(harness: &Harness, id: &str, body: Value) -> Response {
    harness
        .post(&format!("managedDevices/{id}/wipe"), Some(body))
        .await
}

#[tokio::test]
async fn the_four_parameters_are_taken() {
    let (harness, id) = harness(SimConfig::default()).await;
    for body in [
        json!({}),
        json!({ "keepEnrollmentData": true, "keepUserData": false, "persistEsimDataPlan": true,
                "macOsUnlockCode": "123456" }),
        json!({ "keepEnrollmentData": null, "macOsUnlockCode": null }),
    ] {
        let response = wipe(&harness, &id, body.clone()).await;
        assert_eq!(response.status(), 204, "{body}");
    }
    assert_eq!(harness.sim.actions().len(), 3);
}

#[tokio::test]
async fn a_device_that_keeps_its_enrolment_is_managed_again() {
    let (harness, id) = harness(SimConfig::default()).await;
    let response = wipe(&harness, &id, json!({ "keepEnrollmentData": true })).await;
    assert_eq!(response.status(), 204);
    for (seconds, state, result) in [
        (0, "wipePending", "pending"),
        (60, "wipeIssued", "pending"),
        (300, "managed", "done"),
    ] {
        harness.sim.advance(Duration::from_secs(seconds));
        let path = format!("managedDevices/{id}?$select=managementState,deviceActionResults");
        let device = harness.json(&path).await;
        assert_eq!(device["managementState"], state);
        assert_eq!(device["deviceActionResults"][0]["actionName"], "wipe");
        assert_eq!(device["deviceActionResults"][0]["actionState"], result);
    }
}

#[tokio::test]
async fn anything_else_is_refused_and_wipes_nothing() {
    let (harness, id) = harness(SimConfig::default()).await;
    for body in [
        json!({ "keepEnrollmentData": "true" }),
        json!({ "keepUserData": 1 }),
        json!({ "persistEsimDataPlan": {} }),
        json!({ "macOsUnlockCode": 123456 }),
        json!({ "keepenrollmentdata": true }),
        json!({ "unknown": null }),
        json!({ "obliterationBehavior": "always" }),
        json!({ "useProtectedWipe": true }),
        json!([true]),
    ] {
        let response = wipe(&harness, &id, body.clone()).await;
        assert_eq!(response.status(), 400, "{body}");
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["error"]["code"], "BadRequest", "{body}");
    }
    assert_eq!(harness.sim.actions(), []);
    assert_eq!(harness.sim.devices()[0].text("managementState"), "managed");
}

#[tokio::test]
async fn an_unlock_code_has_six_digits_and_is_never_repeated() {
    let (harness, id) = harness(SimConfig::default()).await;
    for code in ["80421", "8042199", "80421x", "", "８０４２１９", " 80421"] {
        let response = wipe(&harness, &id, json!({ "macOsUnlockCode": code })).await;
        let nested = intune_error(response, 400, "BadRequest").await;
        assert!(!nested.to_string().contains("80421"), "{nested}");
    }
    let url = format!(
        "{}v1.0/deviceManagement/managedDevices/{id}/wipe",
        harness.sim.graph()
    );
    let broken = r#"{"macOsUnlockCode":"804219""#;
    let request = harness
        .http
        .post(url)
        .bearer_auth(&harness.token)
        .body(broken);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert!(!response.text().await.unwrap().contains("80421"));

    assert_eq!(
        wipe(&harness, &id, json!({ "macOsUnlockCode": "804219" }))
            .await
            .status(),
        204
    );
    let mut traces = format!("{:?}", harness.sim.requests());
    traces += &format!("{:?}{:?}", harness.sim.devices(), harness.sim.actions());
    for path in ["requests", "actions", "devices"] {
        let url = format!("{}_sim/{path}", harness.sim.base_url());
        traces += &harness
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
    }
    assert!(!traces.contains("80421"));
}

#[tokio::test]
async fn parameters_of_beta_are_ignored_where_a_tenant_takes_them() {
    let (harness, id) = harness(SimConfig::default().beta_wipe_parameters(true)).await;
    let body = json!({ "obliterationBehavior": "always", "useProtectedWipe": true });
    assert_eq!(wipe(&harness, &id, body).await.status(), 204);
    assert_eq!(
        wipe(&harness, &id, json!({ "other": 1 })).await.status(),
        400
    );
}
