//! The last known observation, where policy lets it serve.

use std::time::Duration;

use clock::Timestamp;
use compliance_gate::{OnOutage, Policies, PolicyLayer};
use serde_json::json;

use crate::{
    running::Running,
    tenant::{Answer, Tenant, device, page},
};

const BOUND: Duration = Duration::from_secs(60);

async fn always_live(tenant: &Tenant, layer: PolicyLayer, deadline: Duration) -> Running {
    let layer = layer.max_age(Duration::ZERO);
    let policies = Policies::builder().global(layer).build().unwrap();
    Running::decided_by(tenant, policies, deadline).await
}

#[tokio::test]
async fn the_last_known_state_serves_in_an_outage_and_in_no_refusal() {
    let tenant = Tenant::start().await;
    let lenient = PolicyLayer::new().on_outage(OnOutage::LastKnownGood { max_age: BOUND });
    let host = always_live(&tenant, lenient, Duration::from_secs(3)).await;
    let token = tenant.token(json!({}));
    let ask = || host.authorize(&token, "device-management");
    let first = ask().await;
    assert_eq!(first.line(), "200 compliant live");
    let observed: Timestamp = first.body["ac"]["device_compliance"]["observed_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();

    let outages: [fn() -> Answer; 4] = [
        || Answer::text(503, "<html>"),
        || Answer::text(429, "{}").with("retry-after", 0),
        || Answer::text(500, ""),
        || Answer::Silence,
    ];
    for outage in outages {
        tenant.devices(move |_| outage());
        let answer = ask().await;
        assert_eq!(answer.line(), "200 compliant last_known_good");
        let expires: Timestamp = answer.body["ac"]["expires_at"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let slack = Duration::from_millis(50);
        assert!(
            expires <= observed.saturating_add(BOUND + slack),
            "outlives its bound"
        );
    }
    for status in [400, 401, 403, 404] {
        tenant.devices(move |_| Answer::text(status, "{}"));
        assert_eq!(ask().await.line(), "503 source_unavailable -", "{status}");
    }
    tenant.devices(|_| Answer::text(200, "<html>sign in</html>"));
    assert_eq!(ask().await.line(), "503 source_unavailable -");
    // Another device was never known.
    tenant.devices(|_| Answer::text(503, ""));
    let other = tenant.token(json!({"deviceid": "33333333-4444-4555-8666-777777777700"}));
    let answer = host.authorize(&other, "device-management").await;
    assert_eq!(answer.line(), "503 source_unavailable -");
}

#[tokio::test]
async fn what_was_bad_when_last_known_stays_bad() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| page(&[device("noncompliant")]));
    let lenient = PolicyLayer::new().on_outage(OnOutage::LastKnownGood { max_age: BOUND });
    let host = always_live(&tenant, lenient, BOUND).await;
    let token = tenant.token(json!({}));
    host.authorize(&token, "device-management").await;
    tenant.devices(|_| Answer::text(503, ""));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "403 noncompliant last_known_good");
}

#[tokio::test]
async fn by_default_an_outage_denies_though_the_state_is_known() {
    let tenant = Tenant::start().await;
    let host = always_live(&tenant, PolicyLayer::new(), BOUND).await;
    let token = tenant.token(json!({}));
    host.authorize(&token, "device-management").await;
    tenant.devices(|_| Answer::text(503, ""));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "503 source_unavailable -");
}
