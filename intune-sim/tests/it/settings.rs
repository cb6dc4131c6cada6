//! The tenant's device management settings, and its clock.

use std::time::Duration;

use intune_sim::{Sim, SimConfig};
use serde_json::{Value, json};

use crate::client::{Harness, intune_error, token};

async fn device_management(harness: &Harness, query: &str) -> reqwest::Response {
    let url = format!("{}v1.0/deviceManagement{query}", harness.sim.graph());
    let request = harness.http.get(url).bearer_auth(&harness.token);
    request.send().await.unwrap()
}

#[tokio::test]
async fn the_settings_are_selected_from_device_management() {
    let harness = Harness::empty().await;
    let response = device_management(&harness, "?$select=settings").await;
    assert_eq!(response.status(), 200);
    let context = format!(
        "{}v1.0/$metadata#deviceManagement(settings)/$entity",
        harness.sim.graph()
    );
    let expected = json!({
        "@odata.context": context,
        "settings": {
            "deviceComplianceCheckinThresholdDays": 30,
            "isScheduledActionEnabled": true,
            "secureByDefault": false,
        },
    });
    assert_eq!(response.json::<Value>().await.unwrap(), expected);

    harness.sim.set_secure_by_default(true);
    harness.sim.set_checkin_threshold_days(7);
    let all: Value = device_management(&harness, "").await.json().await.unwrap();
    assert!(all["id"].is_string());
    assert_eq!(all["settings"]["secureByDefault"], true);
    assert_eq!(all["settings"]["deviceComplianceCheckinThresholdDays"], 7);
    let unknown = device_management(&harness, "?$select=settings,nothing").await;
    assert_eq!(unknown.status(), 400);
}

#[tokio::test]
async fn reading_the_settings_needs_a_reading_role() {
    let mut harness = Harness::empty().await;
    for (role, allowed) in [
        ("DeviceManagementServiceConfig.Read.All", true),
        ("DeviceManagementServiceConfig.ReadWrite.All", true),
        ("DeviceManagementConfiguration.Read.All", true),
        ("DeviceManagementConfiguration.ReadWrite.All", true),
        ("DeviceManagementManagedDevices.Read.All", true),
        (
            "DeviceManagementManagedDevices.PrivilegedOperations.All",
            false,
        ),
        ("Device.Read.All", false),
    ] {
        harness.sim.grant_roles([role]);
        harness.token = token(&harness.http, &harness.sim).await;
        let response = device_management(&harness, "?$select=settings").await;
        if allowed {
            assert_eq!(response.status(), 200, "{role}");
        } else {
            intune_error(response, 403, "Forbidden").await;
        }
    }
}

async fn date(harness: &Harness, url: String) -> i64 {
    let response = harness.http.get(url).send().await.unwrap();
    let date = response.headers()["date"].to_str().unwrap();
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
    let date = chrono::DateTime::parse_from_rfc2822(&date.replace("GMT", "+0000")).unwrap();
    date.timestamp()
}

#[tokio::test]
async fn the_date_of_every_answer_can_be_wrong() {
    let harness = Harness::empty().await;
    let urls = |sim: &Sim| {
        [
            format!("{}v1.0/deviceManagement", sim.graph()),
            format!("{}common/discovery/instance", sim.authority()),
            format!("{}nothing", sim.base_url()),
        ]
    };
    #[expect(clippy::disallowed_methods, reason = "the header is on real time")]
    let now = || chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp();
    for skew in [0, -400, 86_400] {
        harness.sim.skew_clock(skew);
        for url in urls(&harness.sim) {
            let off = date(&harness, url).await - now() - skew;
            assert!(off.abs() <= 3, "{skew}: {off}");
        }
    }
    // Simulated time isn't the header's.
    harness.sim.skew_clock(0);
    harness.sim.advance(Duration::from_secs(100_000));
    let [url, ..] = urls(&harness.sim);
    assert!((date(&harness, url).await - now()).abs() <= 3);
}

#[tokio::test]
async fn simulated_time_begins_where_it_was_told() {
    let start = std::time::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    let sim = Sim::start(SimConfig::default().start_time(start))
        .await
        .unwrap();
    sim.advance(Duration::from_secs(60));
    let since = sim.now().duration_since(start).unwrap();
    assert!((60..120).contains(&since.as_secs()), "{since:?}");
}
