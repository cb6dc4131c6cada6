//! Actions, and what follows from them as time passes.

use std::time::Duration;

use intune_sim::{Action, Device, Route, SimConfig};
use serde_json::{Value, json};

use crate::client::{Harness, intune_error};

const MINUTE: Duration = Duration::from_secs(60);

/// A tenant with one device.
async fn with_device(device: Device) -> (Harness, Device) {
    let harness = Harness::empty().await;
    harness.sim.put_device(device.clone());
    (harness, device)
}

async fn management_state(harness: &Harness, device: &Device) -> String {
    let row = harness
        .json(&format!("managedDevices/{}", device.id()))
        .await;
    row["managementState"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_spelling_is_the_same_action() {
    let (harness, device) = with_device(Device::new("A")).await;
    let id = device.id();
    for path in [
        format!("managedDevices/{id}/syncDevice"),
        format!("managedDevices/{id}/microsoft.graph.syncDevice"),
        format!("managedDevices('{id}')/syncDevice"),
        format!("managedDevices('{id}')/microsoft.graph.syncDevice"),
        format!("managedDevices%28%27{id}%27%29/syncDevice"),
        format!("managedDevices/{}/syncDevice", id.to_uppercase()),
    ] {
        let response = harness.post(&path, None).await;
        assert_eq!(response.status(), 204, "{path}");
        for name in ["request-id", "client-request-id", "date"] {
            assert!(response.headers().contains_key(name), "{name}");
        }
        assert!(!response.headers().contains_key("content-type"));
    }
    assert_eq!(harness.sim.count(Route::SyncDevice), 6);
    assert_eq!(harness.sim.actions().len(), 6);
}

#[tokio::test]
async fn what_took_effect_is_counted() {
    let (harness, device) = with_device(Device::new("A")).await;
    let before = harness.sim.now();
    harness.sim.advance(MINUTE);
    harness.act(&device, Action::RemoteLock).await;
    harness.act(&device, Action::Wipe).await;
    let done = harness.sim.actions();
    let kinds: Vec<Action> = done.iter().map(|done| done.action).collect();
    assert_eq!(kinds, [Action::RemoteLock, Action::Wipe]);
    for done in done {
        assert_eq!(done.device, device.id());
        assert_eq!(done.client_id, harness.sim.client_id());
        assert!(done.at >= before + MINUTE && done.at <= harness.sim.now());
    }
    assert_eq!(harness.sim.count(Route::Action), 2);
    assert_eq!(harness.sim.count(Route::Wipe), 1);
    harness.sim.clear_actions();
    assert_eq!(harness.sim.actions(), []);
}

#[tokio::test]
async fn a_sync_brings_what_was_staged_at_the_check_in() {
    let old = "2020-01-01T00:00:00Z";
    let (harness, device) = with_device(Device::new("A").last_sync(old)).await;
    harness
        .sim
        .stage_compliance(&device.id().to_uppercase(), "noncompliant");
    harness.act(&device, Action::SyncDevice).await;
    let now = harness.sim.device(device.id()).unwrap();
    assert_eq!(now.text("complianceState"), "compliant");
    assert_eq!(now.text("lastSyncDateTime"), old);
    assert_eq!(harness.results(&device).await[0]["actionState"], "pending");

    let asked = harness.sim.now();
    harness.sim.advance(MINUTE);
    let row = harness.json("managedDevices").await["value"][0].clone();
    assert_eq!(row["complianceState"], "noncompliant");
    assert_eq!(row["managementState"], "managed");
    let synced: chrono::DateTime<chrono::Utc> =
        row["lastSyncDateTime"].as_str().unwrap().parse().unwrap();
    let expected = chrono::DateTime::<chrono::Utc>::from(asked + MINUTE);
    assert!((synced - expected).num_seconds().abs() <= 5, "{synced}");
    assert_eq!(harness.results(&device).await[0]["actionState"], "done");

    // Only once: the next check-in changes nothing.
    let changes = json!({ "complianceState": "error" });
    harness.sim.patch_device(device.id(), changes).unwrap();
    harness.act(&device, Action::SyncDevice).await;
    harness.sim.advance(MINUTE);
    let now = harness.sim.device(device.id()).unwrap();
    assert_eq!(now.text("complianceState"), "error");
}

#[tokio::test]
async fn a_lock_leaves_a_pin_on_a_mac_only() {
    for (system, has_pin) in [("macOS", true), ("Windows", false)] {
        let device = Device::new("A").with("operatingSystem", system);
        let (harness, device) = with_device(device).await;
        harness.act(&device, Action::RemoteLock).await;
        let result = harness.results(&device).await[0].clone();
        assert_eq!(
            result["@odata.type"],
            "#microsoft.graph.remoteLockActionResult"
        );
        assert_eq!(result["actionName"], "remoteLock");
        assert_eq!(result["actionState"], "pending");
        assert_eq!(result["unlockPin"], Value::Null);
        harness.sim.advance(MINUTE);
        let done = harness.results(&device).await[0].clone();
        assert_eq!(done["actionState"], "done");
        assert_eq!(done["startDateTime"], result["startDateTime"]);
        assert!(done["lastUpdatedDateTime"].as_str() > result["lastUpdatedDateTime"].as_str());
        match done["unlockPin"].as_str() {
            None => assert!(!has_pin && done["unlockPin"].is_null()),
            Some(pin) => {
                assert!(has_pin && pin.len() == 6 && pin.bytes().all(|b| b.is_ascii_digit()));
            }
        }
        assert_eq!(management_state(&harness, &device).await, "managed");
        // A list, and a get that doesn't select, show nothing of it.
        let page = harness
            .json("managedDevices?$select=deviceActionResults")
            .await;
        assert_eq!(page["value"][0]["deviceActionResults"], json!([]));
        let bare = harness
            .json(&format!("managedDevices/{}", device.id()))
            .await;
        assert_eq!(bare["deviceActionResults"], json!([]));
    }
}

#[tokio::test]
async fn retiring_and_wiping_end_in_absence() {
    for (action, pending, issued) in [
        (Action::Retire, "retirePending", "retireIssued"),
        (Action::Wipe, "wipePending", "wipeIssued"),
    ] {
        let (harness, device) = with_device(Device::new("A")).await;
        harness.act(&device, action).await;
        assert_eq!(management_state(&harness, &device).await, pending);
        assert_eq!(harness.results(&device).await[0]["actionState"], "pending");
        harness.sim.advance(MINUTE);
        assert_eq!(management_state(&harness, &device).await, issued);
        harness.sim.advance(4 * MINUTE);
        assert_eq!(management_state(&harness, &device).await, issued);
        harness.sim.advance(MINUTE);
        let gone = harness
            .get(&format!("managedDevices/{}", device.id()))
            .await;
        intune_error(gone, 404, "ResourceNotFound").await;
        assert_eq!(harness.json("managedDevices").await["value"], json!([]));
    }
}

#[tokio::test]
async fn delays_are_settings_and_one_leap_passes_them_all() {
    let config = SimConfig::default()
        .devices(0)
        .check_in_after(Duration::from_secs(3600))
        .removal_after(Duration::ZERO);
    let harness = Harness::start(config).await;
    let device = Device::new("A");
    harness.sim.put_device(device.clone());
    harness.act(&device, Action::Retire).await;
    harness.sim.advance(Duration::from_secs(3500));
    assert_eq!(management_state(&harness, &device).await, "retirePending");
    harness.sim.advance(Duration::from_secs(100));
    assert_eq!(harness.sim.devices(), []);

    // Without any delay, it has happened before the answer.
    let config = SimConfig::default().devices(0);
    let config = config
        .check_in_after(Duration::ZERO)
        .removal_after(Duration::ZERO);
    let harness = Harness::start(config).await;
    harness.sim.put_device(device.clone());
    harness.act(&device, Action::Wipe).await;
    assert_eq!(harness.sim.devices(), []);
}

#[tokio::test]
async fn another_state_stops_a_removal_and_another_device_is_left_alone() {
    let (harness, device) = with_device(Device::new("A")).await;
    harness.act(&device, Action::Wipe).await;
    let cancelled = json!({ "managementState": "wipeCanceled" });
    harness.sim.patch_device(device.id(), cancelled).unwrap();
    harness.sim.advance(10 * MINUTE);
    assert_eq!(management_state(&harness, &device).await, "wipeCanceled");

    harness.act(&device, Action::Wipe).await;
    harness
        .sim
        .put_device(device.clone().management_state("wipePending"));
    harness.sim.advance(10 * MINUTE);
    assert_eq!(management_state(&harness, &device).await, "wipePending");

    // The latest order counts.
    harness.act(&device, Action::Wipe).await;
    harness.act(&device, Action::Retire).await;
    assert_eq!(management_state(&harness, &device).await, "retirePending");
    harness.sim.advance(MINUTE);
    assert_eq!(management_state(&harness, &device).await, "retireIssued");
}
