//! Actions that take effect while their answer is lost.

use intune_sim::{Action, Device, Fault, FaultKind, Route};
use serde_json::Value;

use crate::client::{Harness, intune_error, token};

async fn with_device() -> (Harness, Device, String) {
    let harness = Harness::empty().await;
    let device = Device::new("A");
    harness.sim.put_device(device.clone());
    let path = format!("managedDevices/{}/wipe", device.id());
    (harness, device, path)
}

fn lose(harness: &Harness, route: Route, kind: FaultKind) {
    let fault = Fault::new(route, FaultKind::effect_then(kind));
    harness.sim.inject(fault);
}

fn wipes(harness: &Harness) -> usize {
    let done = harness.sim.actions();
    assert!(done.iter().all(|done| done.action == Action::Wipe));
    done.len()
}

#[tokio::test]
async fn the_action_is_done_whatever_is_answered() {
    let (harness, device, path) = with_device().await;
    lose(&harness, Route::Wipe, FaultKind::status(500));
    assert_eq!(harness.post(&path, None).await.status(), 500);
    assert_eq!(wipes(&harness), 1);
    let state = harness.sim.device(device.id()).unwrap();
    assert_eq!(state.text("managementState"), "wipePending");

    lose(&harness, Route::Action, FaultKind::intune(429));
    intune_error(harness.post(&path, None).await, 429, "TooManyRequests").await;
    lose(&harness, Route::Any, FaultKind::Html);
    let page = harness.post(&path, None).await;
    assert!(page.text().await.unwrap().starts_with("<!DOCTYPE"));
    lose(&harness, Route::Wipe, FaultKind::RejectToken);
    assert_eq!(harness.post(&path, None).await.status(), 401);
    assert_eq!(wipes(&harness), 4);
    assert!(
        harness
            .sim
            .requests()
            .iter()
            .all(|seen| { seen.route != Route::Wipe || seen.fault == Some("effect_then") })
    );
}

#[tokio::test]
async fn a_cut_connection_hides_the_effect() {
    let (harness, _, path) = with_device().await;
    lose(&harness, Route::Wipe, FaultKind::CutConnection);
    let url = format!("{}v1.0/deviceManagement/{path}", harness.sim.graph());
    let request = harness.http.post(url).bearer_auth(&harness.token);
    let error = request.send().await.unwrap_err();
    assert!(error.status().is_none(), "{error:?}");
    assert_eq!(wipes(&harness), 1);
    let last = harness.sim.requests().pop().unwrap();
    assert_eq!((last.route, last.status), (Route::Wipe, None));
}

#[tokio::test]
async fn it_is_done_once_also_where_the_other_fault_performs_the_call() {
    let (harness, _, path) = with_device().await;
    for kind in [
        FaultKind::Delay { millis: 1 },
        FaultKind::TruncatedBody,
        FaultKind::OversizedHeader { bytes: 10 },
        FaultKind::effect_then(FaultKind::Drip {
            millis: 1,
            bytes: Some(1),
        }),
    ] {
        let before = wipes(&harness);
        lose(&harness, Route::Wipe, kind);
        assert_eq!(harness.post(&path, None).await.status(), 204);
        assert_eq!(wipes(&harness), before + 1);
    }
    lose(
        &harness,
        Route::Wipe,
        FaultKind::effect_then(FaultKind::status(503)),
    );
    let before = wipes(&harness);
    assert_eq!(harness.post(&path, None).await.status(), 503);
    assert_eq!(wipes(&harness), before + 1);
}

#[tokio::test]
async fn what_would_have_been_refused_has_no_effect() {
    let (mut harness, _, path) = with_device().await;
    harness.sim.grant_roles(["Other.Role"]);
    harness.token = token(&harness.http, &harness.sim).await;
    lose(&harness, Route::Wipe, FaultKind::gateway(504));
    let response = harness.post(&path, None).await;
    assert_eq!(response.status(), 504);
    assert!(response.json::<Value>().await.unwrap()["error"].is_object());
    assert_eq!(wipes(&harness), 0);
}
