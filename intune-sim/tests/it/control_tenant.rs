//! The control interface: actions, applications, limits, settings, time.

use intune_sim::Action;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{client::token_for, control::Control};

#[tokio::test]
async fn actions_are_staged_advanced_and_counted() {
    let control = Control::start().await;
    let device = control.0.sim.devices()[0].clone();
    let path = format!("devices/{}/staged", device.id());
    let staged = json!({ "complianceState": "error" });
    control.done(Method::PUT, &path, Some(staged)).await;
    control.0.act(&device, Action::SyncDevice).await;
    let hour = json!({ "seconds": 3600 });
    control.done(Method::POST, "advance", Some(hour)).await;
    let seen = control.get(&format!("devices/{}", device.id())).await;
    assert_eq!(seen["complianceState"], "error");
    let actions = control.get("actions").await;
    assert_eq!(actions.as_array().unwrap().len(), 1);
    assert_eq!(actions[0]["device"], device.id());
    assert_eq!(actions[0]["action"], "syncDevice");
    assert_eq!(actions[0]["client_id"], control.0.sim.client_id());
    assert!(actions[0]["at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(control.get("counters").await["sync_device"], 1);
    control.done(Method::DELETE, "actions", None).await;
    assert_eq!(control.get("actions").await, json!([]));
}

#[tokio::test]
async fn applications_limits_settings_and_clock_are_set() {
    let mut control = Control::start().await;
    let id = "7a1c7a3e-5f0c-4c3e-9a61-2f6f1a0b9d11";
    let app = json!({ "client_id": id, "client_secret": "s", "roles": ["R"] });
    control.done(Method::POST, "apps", Some(app)).await;
    let http = control.0.http.clone();
    let other = token_for(&http, &control.0.sim, id, "s").await;
    let own = std::mem::replace(&mut control.0.token, other);
    assert_eq!(control.0.get("managedDevices").await.status(), 403);
    control.0.token = own;
    let app = json!({ "client_id": "x", "client_secret": "s" });
    let answer = control.call(Method::POST, "apps", Some(app)).await;
    assert_eq!(answer.status(), 400);

    assert_eq!(control.get("throttling").await, "published");
    let none = json!({ "as_seen": { "limits": { "app_requests": 0 } } });
    control.done(Method::PUT, "throttling", Some(none)).await;
    assert_eq!(control.0.get("managedDevices").await.status(), 429);
    control
        .done(Method::PUT, "throttling", Some(json!({ "as_seen": {} })))
        .await;
    let limits = &control.get("throttling").await["as_seen"]["limits"];
    assert_eq!(limits["app_requests"], 200);
    control
        .done(Method::PUT, "throttling", Some(json!("off")))
        .await;

    let settings = json!({ "secureByDefault": true, "deviceComplianceCheckinThresholdDays": 5 });
    control.done(Method::PUT, "settings", Some(settings)).await;
    let url = format!(
        "{}v1.0/deviceManagement?$select=settings",
        control.0.sim.graph()
    );
    let skew = json!({ "seconds": -86400 });
    control.done(Method::PUT, "clock-skew", Some(skew)).await;
    let request = http.get(url).bearer_auth(&control.0.token);
    let response = request.send().await.unwrap();
    let date = response.headers()["date"].clone();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["settings"]["secureByDefault"], true);
    assert_eq!(
        answer["settings"]["deviceComplianceCheckinThresholdDays"],
        5
    );
    control
        .done(Method::PUT, "clock-skew", Some(json!({ "seconds": 0 })))
        .await;
    let response = control.0.get("managedDevices").await;
    assert_ne!(response.headers()["date"], date);
}
