//! Injected errors, in the shapes of both layers.

use intune_sim::{Device, Fault, FaultKind, Route, SimConfig};
use reqwest::Response;
use serde_json::Value;

use crate::client::{Harness, intune_error, token};

const PATH: &str = "managedDevices";

async fn harness() -> Harness {
    Harness::start(SimConfig::default()).await
}

async fn answer(harness: &Harness, kind: FaultKind) -> Response {
    harness.sim.inject(Fault::new(Route::ListDevices, kind));
    harness.get(PATH).await
}

#[tokio::test]
async fn the_gateway_is_plain() {
    let harness = harness().await;
    for (status, code) in [
        (409, "Conflict"),
        (500, "InternalServerError"),
        (504, "UnknownError"),
    ] {
        let response = answer(&harness, FaultKind::gateway(status)).await;
        assert_eq!(response.status(), status);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], code);
        assert!(!body["error"]["message"].as_str().unwrap().contains('{'));
    }
    let kind = FaultKind::gateway(403)
        .code("Authorization_RequestDenied")
        .message("Insufficient privileges.")
        .retry_after("soon");
    let response = answer(&harness, kind).await;
    assert_eq!(response.headers()["retry-after"], "soon");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "Authorization_RequestDenied");
    assert_eq!(body["error"]["message"], "Insufficient privileges.");
}

#[tokio::test]
async fn intune_nests_json_in_the_message() {
    let harness = harness().await;
    for (status, code) in [
        (400, "BadRequest"),
        (409, "Conflict"),
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
    ] {
        let response = answer(&harness, FaultKind::intune(status)).await;
        assert!(!response.headers().contains_key("retry-after"));
        let nested = intune_error(response, status, code).await;
        assert_eq!(nested["HttpHeaders"], "{}");
        assert_eq!(nested["RetryAfter"], Value::Null);
        assert!(
            nested["Message"]
                .as_str()
                .unwrap()
                .contains("Activity ID: ")
        );
    }
    // The oddity that was seen: `InternalError` with 400.
    let kind = FaultKind::intune(400)
        .code("InternalError")
        .message("No such luck");
    let nested = intune_error(answer(&harness, kind).await, 400, "InternalError").await;
    assert!(
        nested["Message"]
            .as_str()
            .unwrap()
            .starts_with("No such luck - ")
    );
}

#[tokio::test]
async fn the_gateway_wraps_intune_once_more() {
    let harness = harness().await;
    let response = answer(&harness, FaultKind::intune_wrapped(403)).await;
    assert_eq!(response.status(), 403);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "UnknownError");
    let outer: Value = serde_json::from_str(body["error"]["message"].as_str().unwrap()).unwrap();
    assert_eq!(outer["ErrorCode"], "Forbidden");
    let inner: Value = serde_json::from_str(outer["Message"].as_str().unwrap()).unwrap();
    assert_eq!(inner["_version"], 3);
}

#[tokio::test]
async fn intune_refuses_with_a_401_that_is_not_about_the_token() {
    let harness = harness().await;
    let response = answer(&harness, FaultKind::IntuneRefusal).await;
    assert_eq!(response.status(), 401);
    assert!(!response.headers().contains_key("www-authenticate"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "UnknownError");
    let outer: Value = serde_json::from_str(body["error"]["message"].as_str().unwrap()).unwrap();
    assert_eq!(outer["ErrorCode"], "Forbidden");
    let inner: Value = serde_json::from_str(outer["Message"].as_str().unwrap()).unwrap();
    let headers: Value = serde_json::from_str(inner["HttpHeaders"].as_str().unwrap()).unwrap();
    let challenge = headers["WWW-Authenticate"].as_str().unwrap();
    assert!(
        challenge.starts_with("Bearer realm=\"urn:intune:service,"),
        "{challenge}"
    );
    assert_eq!(harness.get(PATH).await.status(), 200);
}

#[tokio::test]
async fn a_rejected_token_stays_rejected_and_another_works() {
    let mut harness = harness().await;
    harness
        .sim
        .inject(Fault::new(Route::Any, FaultKind::RejectToken));
    for path in [PATH, "managedDevices/$count", PATH] {
        let response = harness.get(path).await;
        assert_eq!(response.status(), 401, "{path}");
        assert!(response.headers().contains_key("www-authenticate"));
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], "InvalidAuthenticationToken");
    }
    assert_eq!(harness.sim.faults(), []);
    let old = std::mem::take(&mut harness.token);
    harness.token = token(&harness.http, &harness.sim).await;
    assert_eq!(harness.get(PATH).await.status(), 200);
    harness.token = old;
    assert_eq!(harness.get(PATH).await.status(), 401);
    harness.sim.clear_faults();
    assert_eq!(harness.get(PATH).await.status(), 200);
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let harness = harness().await;
    let scope = "DeviceManagementConfiguration.Read.All";
    let response = answer(&harness, FaultKind::missing_scope(scope)).await;
    let nested = intune_error(response, 403, "Forbidden").await;
    assert!(nested["Message"].as_str().unwrap().contains(scope));
}

#[tokio::test]
async fn a_second_administrator_is_asked_and_nothing_is_wiped() {
    let harness = harness().await;
    let device = Device::new("A");
    harness.sim.put_device(device.clone());
    let code = "0f1e2d3c-4b5a-4968-8778-695a4b3c2d1e";
    let path = format!("managedDevices/{}/wipe", device.id());
    let other = FaultKind::ApprovalRequired {
        approval_code: code.to_owned(),
        status: 412,
    };
    for (kind, status) in [(FaultKind::approval_required(code), 403), (other, 412)] {
        harness.sim.inject(Fault::new(Route::Wipe, kind));
        let response = harness.post(&path, None).await;
        assert_eq!(response.headers()["x-msft-approval-code"], code);
        intune_error(response, status, "ApprovalRequired").await;
    }
    let second = FaultKind::intune(409).message("An active Approval Request already exists");
    harness.sim.inject(Fault::new(Route::Action, second));
    intune_error(harness.post(&path, None).await, 409, "Conflict").await;
    assert_eq!(harness.sim.actions(), []);
    assert_eq!(harness.post(&path, None).await.status(), 204);
}

#[tokio::test]
async fn iis_answers_for_graph() {
    let harness = harness().await;
    for status in [502, 503] {
        let response = answer(&harness, FaultKind::web_page(status).retry_after("5")).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["retry-after"], "5");
        let kind = response.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(kind.starts_with("text/html"), "{kind}");
        assert!(
            response
                .text()
                .await
                .unwrap()
                .starts_with("<!DOCTYPE html>")
        );
    }
}
