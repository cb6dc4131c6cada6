//! Injected faults.

use std::time::{Duration, Instant};

use intune_sim::{Device, Fault, FaultKind, Route, SimConfig};
use serde_json::{Value, json};

use crate::client::{GRAPH_SCOPE, Harness, post_form};

async fn harness() -> Harness {
    Harness::start(SimConfig::default()).await
}

fn on_list(kind: FaultKind) -> Fault {
    Fault::new(Route::ListDevices, kind)
}

#[tokio::test]
async fn a_status_comes_as_often_as_asked_with_the_services_body() {
    let harness = harness().await;
    harness
        .sim
        .inject(on_list(FaultKind::status(429).retry_after("2.128")).times(2));
    for _ in 0..2 {
        let response = harness.get("managedDevices").await;
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "2.128");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "TooManyRequests");
        assert_eq!(body["error"]["innerError"]["status"], "429");
    }
    assert_eq!(harness.get("managedDevices").await.status(), 200);
    assert_eq!(harness.sim.faults(), []);

    harness.sim.inject(on_list(FaultKind::status(503)));
    let response = harness.get("managedDevices").await;
    assert_eq!(response.status(), 503);
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    assert!(!response.headers().contains_key("retry-after"));

    harness
        .sim
        .inject(on_list(FaultKind::status(409).body(r#"{"mine":1}"#)));
    let response = harness.get("managedDevices").await;
    assert_eq!(response.status(), 409);
    assert_eq!(
        response.json::<Value>().await.unwrap(),
        json!({ "mine": 1 })
    );
}

#[tokio::test]
async fn the_authority_has_bodies_of_its_own() {
    let harness = harness().await;
    let form = [("grant_type", "client_credentials"), ("scope", GRAPH_SCOPE)];
    harness.sim.inject(Fault::new(
        Route::Token,
        FaultKind::status(429).retry_after("60"),
    ));
    let response = post_form(&harness.http, &harness.sim, &form).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.text().await.unwrap(), "Too Many Requests");
    harness
        .sim
        .inject(Fault::new(Route::Token, FaultKind::status(503)));
    let response = post_form(&harness.http, &harness.sim, &form).await;
    assert_eq!(response.status(), 503);
    assert_eq!(
        response.json::<Value>().await.unwrap()["error"],
        "temporarily_unavailable"
    );
}

#[tokio::test]
async fn a_fault_meets_only_its_requests() {
    let harness = harness().await;
    let id = harness.sim.devices()[0].id().to_owned();
    harness
        .sim
        .inject(Fault::new(Route::GetDevice, FaultKind::status(500)).always());
    harness.sim.inject(
        on_list(FaultKind::status(502))
            .containing("$top=7")
            .always(),
    );
    assert_eq!(harness.get("managedDevices").await.status(), 200);
    assert_eq!(harness.get("managedDevices?$top=7").await.status(), 502);
    assert_eq!(
        harness.get(&format!("managedDevices/{id}")).await.status(),
        500
    );
    harness
        .sim
        .inject(Fault::new(Route::Any, FaultKind::Html).always());
    assert_eq!(
        harness.get(&format!("managedDevices/{id}")).await.status(),
        500
    );
    let response = harness.get("managedDevices").await;
    assert!(
        response
            .text()
            .await
            .unwrap()
            .starts_with("<!DOCTYPE html>")
    );
    harness.sim.clear_faults();
    assert_eq!(
        harness.get(&format!("managedDevices/{id}")).await.status(),
        200
    );
}

#[tokio::test]
async fn bodies_break_in_every_way() {
    let harness = harness().await;
    harness.sim.inject(on_list(FaultKind::CutConnection));
    let error = harness.try_get("managedDevices").await.unwrap_err();
    assert!(error.is_request() && error.status().is_none(), "{error:?}");

    harness.sim.inject(on_list(FaultKind::CutBody));
    let response = harness.get("managedDevices").await;
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());

    harness.sim.inject(on_list(FaultKind::TruncatedBody));
    let text = harness.get("managedDevices").await.text().await.unwrap();
    assert!(text.starts_with('{') && serde_json::from_str::<Value>(&text).is_err());

    harness.sim.inject(on_list(FaultKind::GarbageBody));
    let response = harness.get("managedDevices").await;
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/json")
    );
    assert!(String::from_utf8(response.bytes().await.unwrap().to_vec()).is_err());

    let location = "https://elsewhere.example/".to_owned();
    harness.sim.inject(on_list(FaultKind::Redirect {
        location: location.clone(),
    }));
    let response = harness.get("managedDevices").await;
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], location);

    let log = harness.sim.requests();
    let seen: Vec<_> = log
        .iter()
        .rev()
        .take(5)
        .map(|seen| (seen.fault, seen.status))
        .collect();
    assert_eq!(
        seen,
        [
            (Some("redirect"), Some(302)),
            (Some("garbage_body"), Some(200)),
            (Some("truncated_body"), Some(200)),
            (Some("cut_body"), Some(200)),
            (Some("cut_connection"), None),
        ]
    );
}

#[tokio::test]
async fn a_held_answer_is_complete_and_waits_for_its_release() {
    let harness = Harness::empty().await;
    let device = Device::new("A");
    harness.sim.put_device(device.clone());
    harness.sim.inject(on_list(FaultKind::Hold).always());
    let (first, second, ()) = tokio::join!(
        harness.json("managedDevices"),
        harness.json("managedDevices"),
        async {
            harness.sim.wait_for_held(2).await;
            let changes = json!({ "complianceState": "noncompliant" });
            harness.sim.patch_device(device.id(), changes).unwrap();
            assert_eq!(harness.sim.requests().last().unwrap().status, None);
            harness.sim.release();
        }
    );
    for answer in [first, second] {
        assert_eq!(answer["value"][0]["complianceState"], "compliant");
    }
    // The release ended the holding.
    let answer = harness.json("managedDevices").await;
    assert_eq!(answer["value"][0]["complianceState"], "noncompliant");
}

#[tokio::test]
async fn an_abandoned_request_is_no_longer_held() {
    let harness = harness().await;
    harness.sim.inject(on_list(FaultKind::Hold));
    {
        let request = harness.get("managedDevices");
        tokio::select! {
            _ = request => panic!("answered"),
            () = harness.sim.wait_for_held(1) => {}
        }
    }
    harness.sim.inject(on_list(FaultKind::Hold));
    let (response, ()) = tokio::join!(harness.get("managedDevices"), async {
        harness.sim.wait_for_requests(Route::ListDevices, 2).await;
        harness.sim.wait_for_held(1).await;
        harness.sim.clear_faults();
    });
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_delay_delays() {
    let harness = harness().await;
    harness.sim.inject(on_list(FaultKind::Delay { millis: 50 }));
    #[expect(clippy::disallowed_methods, reason = "what is tested is real time")]
    let start = Instant::now();
    assert_eq!(harness.get("managedDevices").await.status(), 200);
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn stopping_cuts_what_is_under_way_and_refuses_what_follows() {
    let harness = harness().await;
    harness.sim.inject(on_list(FaultKind::Hold));
    let Harness { sim, http, token } = harness;
    let url = format!("{}v1.0/deviceManagement/managedDevices", sim.graph());
    let request = |url: &str| http.get(url).bearer_auth(&token).send();
    let (answer, ()) = tokio::join!(request(&url), async {
        sim.wait_for_held(1).await;
        sim.stop().await;
    });
    assert!(answer.is_err());
    assert!(request(&url).await.unwrap_err().is_connect());
}

#[tokio::test]
async fn dropping_stops_as_well() {
    let Harness { sim, http, token } = harness().await;
    let url = format!("{}v1.0/deviceManagement/managedDevices", sim.graph());
    assert!(http.get(&url).bearer_auth(&token).send().await.is_ok());
    drop(sim);
    // The signal has been given; what is still accepted on the way out is cut.
    assert!(http.get(&url).bearer_auth(&token).send().await.is_err());
}
