//! The whole way, with tokens from Entra ID, against the simulator of both services.

use std::sync::Arc;

use clock::ManualClock;
use entra_auth::{Credential, EntraClient, RetryPolicy};
use intune_core::{ComplianceState, DeviceDirectory as _, DeviceQuery, SourceFailureKind};
use intune_graph::GraphClient;
use intune_sim::{Device, Fault, FaultKind, Route, Sim, SimConfig};

use crate::support::{Bystander, Hurried, assert_malformed, hurried};

async fn start(config: SimConfig) -> (Sim, GraphClient) {
    let sim = Sim::start(config).await.unwrap();
    let tokens = EntraClient::builder(
        sim.tenant().parse().unwrap(),
        sim.client_id().parse().unwrap(),
        Credential::secret(sim.client_secret().into()),
    )
    .authority(sim.authority().as_str().parse().unwrap())
    .retry(RetryPolicy::never())
    .clock(Arc::new(ManualClock::new(
        "2026-11-23T12:00:00Z".parse().unwrap(),
    )))
    .build()
    .unwrap();
    let client = hurried(sim.graph().as_str(), tokens, &Hurried::new());
    let client = client.build().unwrap();
    (sim, client)
}

#[tokio::test]
async fn a_device_is_found_by_either_id() {
    let (sim, client) = start(SimConfig::default().devices(30)).await;
    let device = Device::new("LAPTOP-1").compliance_state("noncompliant");
    sim.put_device(device.clone());
    let entra = device.entra_device_id().parse().unwrap();
    let records = client.records(entra).await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].compliance_state, ComplianceState::Noncompliant);
    let id = device.id().parse().unwrap();
    assert_eq!(client.device(id).await.unwrap().unwrap(), records[0]);
    sim.remove_device(device.id());
    assert_eq!(client.records(entra).await.unwrap(), []);
    assert_eq!(client.device(id).await.unwrap(), None);
    assert_eq!(sim.count(Route::Token), 1);
}

#[tokio::test]
async fn an_ignored_filter_costs_pages_and_not_truth() {
    let (sim, client) = start(SimConfig::default().devices(25).page_size(10)).await;
    // Listed by name, so on the last page.
    let device = Device::new("zzz").entra_id("33333333-4444-4555-8666-7777777777AB");
    sim.put_device(device.clone());
    sim.inject(Fault::new(Route::ListDevices, FaultKind::IgnoreFilter).always());
    let records = client
        .records(device.entra_device_id().parse().unwrap())
        .await
        .unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].device_name.as_deref(), Some("zzz"));
    assert_eq!(sim.count(Route::ListDevices), 3);
}

#[tokio::test]
async fn a_tenant_is_listed_page_by_page() {
    let (sim, client) = start(SimConfig::default().devices(25)).await;
    let query = DeviceQuery::new().page_size(10);
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let page = client.page(&query, cursor).await.unwrap();
        ids.extend(page.items.into_iter().map(|device| device.id.to_string()));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let mut expected: Vec<_> = sim
        .devices()
        .iter()
        .map(|device| device.id().to_owned())
        .collect();
    expected.sort_unstable();
    ids.sort_unstable();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn a_filter_finds_what_it_names() {
    let (sim, client) = start(SimConfig::default().devices(40)).await;
    for state in [
        "compliant",
        "noncompliant",
        "inGracePeriod",
        "conflict",
        "error",
        "unknown",
        "configManager",
    ] {
        let query = DeviceQuery::new().compliance_state(ComplianceState::from_wire(state));
        let page = client.page(&query, None).await.unwrap();
        let all = sim.devices();
        let expected = all
            .iter()
            .filter(|device| device.text("complianceState") == state);
        assert_eq!(page.items.len(), expected.count(), "{state}");
    }
}

#[tokio::test]
async fn faults_have_their_kinds() {
    use SourceFailureKind::*;
    let (sim, client) = start(SimConfig::default()).await;
    let device = sim.devices()[0].entra_device_id().parse().unwrap();
    for (kind, expected, attempts) in [
        (FaultKind::status(429).retry_after("2.5"), Throttled, 3),
        (FaultKind::status(403), PermissionMissing, 1),
        (FaultKind::status(500), Unavailable, 1),
        (FaultKind::status(502), Unavailable, 3),
        (FaultKind::status(503), Unavailable, 3),
        (FaultKind::status(504), Unavailable, 3),
        (FaultKind::CutConnection, Unavailable, 3),
        (FaultKind::CutBody, Unavailable, 3),
        (FaultKind::TruncatedBody, MalformedAnswer, 1),
        (FaultKind::GarbageBody, MalformedAnswer, 1),
        (FaultKind::Html, MalformedAnswer, 1),
    ] {
        let name = format!("{kind:?}");
        let before = sim.count(Route::ListDevices);
        sim.inject(Fault::new(Route::ListDevices, kind.clone()).times(attempts));
        let failure = client.records(device).await.expect_err(&name);
        assert_eq!(failure.kind(), expected, "{name}");
        let asked = sim.count(Route::ListDevices) - before;
        assert_eq!(asked, u64::from(attempts), "{name}");
        // The failure is over with the fault; and success gives credit for further repetitions.
        for _ in 0..20 {
            client.records(device).await.unwrap();
        }
        if attempts > 1 {
            let before = sim.count(Route::ListDevices);
            sim.inject(Fault::new(Route::ListDevices, kind).times(attempts - 1));
            client.records(device).await.unwrap();
            let asked = sim.count(Route::ListDevices) - before;
            assert_eq!(asked, u64::from(attempts), "{name}");
            for _ in 0..20 {
                client.records(device).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_page_that_loops_is_left() {
    let (sim, client) = start(SimConfig::default()).await;
    let device = sim.devices()[0].entra_device_id().parse().unwrap();
    sim.inject(Fault::new(Route::ListDevices, FaultKind::PageLoop).always());
    assert_malformed(
        &client.records(device).await.unwrap_err(),
        Some("nextLink_repeats"),
    );
    assert!(sim.count(Route::ListDevices) <= 2);
}

#[tokio::test]
async fn a_link_or_redirect_elsewhere_is_not_followed() {
    let (sim, client) = start(SimConfig::default()).await;
    let device = sim.devices()[0].entra_device_id().parse().unwrap();
    let elsewhere = Bystander::new();
    let url = format!(
        "http://{}/v1.0/deviceManagement/managedDevices",
        elsewhere.address()
    );
    sim.inject(Fault::new(
        Route::ListDevices,
        FaultKind::NextLinkTo { url: url.clone() },
    ));
    assert_malformed(&client.records(device).await.unwrap_err(), Some("nextLink"));
    sim.inject(Fault::new(
        Route::ListDevices,
        FaultKind::Redirect { location: url },
    ));
    let failure = client.records(device).await.unwrap_err();
    assert_eq!(failure.kind(), SourceFailureKind::MalformedAnswer);
    assert_eq!(failure.status(), Some(302));
    elsewhere.assert_left_alone();
}

#[tokio::test]
async fn an_outage_of_entra_is_one_of_the_source() {
    let (sim, client) = start(SimConfig::default()).await;
    sim.inject(Fault::new(Route::Token, FaultKind::status(503)).always());
    let device = sim.devices()[0].entra_device_id().parse().unwrap();
    let failure = client.records(device).await.unwrap_err();
    assert_eq!(failure.kind(), SourceFailureKind::Unavailable);
    assert_eq!(sim.count(Route::ListDevices), 0);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_by_one_that_answers_the_challenge() {
    let sim = Sim::start(SimConfig::default().devices(3)).await.unwrap();
    let tokens = EntraClient::builder(
        sim.tenant().parse().unwrap(),
        sim.client_id().parse().unwrap(),
        Credential::secret(sim.client_secret().into()),
    )
    .authority(sim.authority().as_str().parse().unwrap())
    .build()
    .unwrap()
    .with_continuous_access_evaluation();
    let client = hurried(sim.graph().as_str(), tokens.clone(), &Hurried::new());
    let client = client.build().unwrap();
    let device = sim.devices()[0].entra_device_id().parse().unwrap();
    client.records(device).await.unwrap();
    let scope = "https://graph.microsoft.com/.default".parse().unwrap();
    let revoked = tokens.peek(&scope).unwrap();

    sim.revoke_sessions();
    let look_ups = (0..10).map(|_| client.records(device));
    for records in futures_util::future::join_all(look_ups).await {
        assert_eq!(records.unwrap().len(), 1);
    }
    let served = tokens.peek(&scope).unwrap();
    assert!(!served.is_same(&revoked));
    assert_eq!(sim.count(Route::Token), 2, "one answers for all");
}
