//! Throttling.

use std::time::Duration;

use intune_sim::{Action, Device, Limits, SimConfig, Throttling};
use reqwest::Response;
use serde_json::Value;

use crate::client::{Harness, intune_error, token_for};

const OTHER: &str = "7a1c7a3e-5f0c-4c3e-9a61-2f6f1a0b9d11";

async fn limited(limits: Limits) -> Harness {
    let config = SimConfig::default().throttling(Throttling::Limited { limits });
    Harness::start(config).await
}

async fn read(harness: &Harness) -> Response {
    harness.get("managedDevices?$top=1&$select=id").await
}

/// A refusal of the gateway; gives the seconds to wait.
async fn refused(response: Response) -> u64 {
    assert_eq!(response.status(), 429);
    let wait = response.headers()["retry-after"].to_str().unwrap().parse();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "TooManyRequests");
    assert_eq!(body["error"]["message"], "Please retry again later.");
    let inner = &body["error"]["innerError"];
    assert_eq!(
        (&inner["code"], &inner["status"]),
        (&"429".into(), &"429".into())
    );
    wait.unwrap()
}

#[tokio::test]
async fn the_window_slides_over_simulated_time() {
    let harness = limited(Limits {
        app_requests: 2,
        ..Limits::PUBLISHED
    })
    .await;
    assert_eq!(read(&harness).await.status(), 200);
    harness.sim.advance(Duration::from_secs(10));
    assert_eq!(read(&harness).await.status(), 200);
    // Two are left in the window when the first has gone: the second, and this one.
    let wait = refused(read(&harness).await).await;
    assert!((15..=20).contains(&wait), "{wait}");
    harness.sim.advance(Duration::from_secs(wait));
    assert_eq!(read(&harness).await.status(), 200);
}

#[tokio::test]
async fn refused_requests_count_too() {
    let harness = limited(Limits {
        app_requests: 1,
        ..Limits::PUBLISHED
    })
    .await;
    assert_eq!(read(&harness).await.status(), 200);
    for _ in 0..3 {
        harness.sim.advance(Duration::from_secs(15));
        refused(read(&harness).await).await;
    }
    harness.sim.advance(Duration::from_secs(20));
    assert_eq!(read(&harness).await.status(), 200);
}

#[tokio::test]
async fn writes_have_a_limit_of_their_own_and_a_refused_one_has_no_effect() {
    let harness = limited(Limits {
        app_writes: 2,
        ..Limits::PUBLISHED
    })
    .await;
    let device = harness.sim.devices()[0].clone();
    let path = format!("managedDevices/{}/syncDevice", device.id());
    for _ in 0..2 {
        harness.act(&device, Action::SyncDevice).await;
    }
    refused(harness.post(&path, None).await).await;
    assert_eq!(read(&harness).await.status(), 200);
    assert_eq!(harness.sim.actions().len(), 2);
}

#[tokio::test]
async fn applications_are_counted_apart_and_together() {
    let limits = Limits {
        app_requests: 2,
        tenant_requests: 3,
        ..Limits::PUBLISHED
    };
    let mut harness = limited(limits).await;
    let roles = ["DeviceManagementManagedDevices.Read.All"];
    harness.sim.register_app(OTHER, "secret", roles).unwrap();
    for _ in 0..2 {
        assert_eq!(read(&harness).await.status(), 200);
    }
    let first = harness.token.clone();
    harness.token = token_for(&harness.http, &harness.sim, OTHER, "secret").await;
    assert_eq!(read(&harness).await.status(), 200);
    refused(read(&harness).await).await;
    harness.sim.advance(Duration::from_secs(20));
    harness.token = first;
    assert_eq!(read(&harness).await.status(), 200);
}

#[tokio::test]
async fn as_seen_it_is_the_back_end_that_refuses() {
    let harness = Harness::start(SimConfig::default()).await;
    let limits = Limits {
        app_requests: 1,
        ..Limits::SEEN
    };
    harness.sim.set_throttling(Throttling::AsSeen { limits });
    assert_eq!(read(&harness).await.status(), 200);
    let response = read(&harness).await;
    assert!(!response.headers().contains_key("retry-after"));
    let nested = intune_error(response, 429, "TooManyRequests").await;
    assert_eq!(nested["RetryAfter"], Value::Null);
    harness.sim.set_throttling(Throttling::Off);
    assert_eq!(read(&harness).await.status(), 200);
}

#[tokio::test]
async fn as_published_two_hundred_writes_in_twenty_seconds() {
    let harness = Harness::empty().await;
    assert_eq!(harness.sim.throttling(), Throttling::Published);
    let device = Device::new("A");
    harness.sim.put_device(device.clone());
    for _ in 0..200 {
        harness.act(&device, Action::SyncDevice).await;
    }
    let path = format!("managedDevices/{}/syncDevice", device.id());
    let wait = refused(harness.post(&path, None).await).await;
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(harness.sim.actions().len(), 200);
    assert_eq!(read(&harness).await.status(), 200);
}

#[test]
fn the_documented_numbers() {
    let limits = Limits::PUBLISHED;
    assert_eq!((limits.app_requests, limits.app_writes), (2000, 200));
    assert_eq!((limits.tenant_requests, limits.tenant_writes), (4000, 400));
    assert_eq!(limits.window_seconds, 20);
}
