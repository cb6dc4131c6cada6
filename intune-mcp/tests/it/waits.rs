//! Clients that go away, and hosts that don't answer.

use std::time::Duration;

use futures_util::FutureExt as _;
use http::{HeaderValue, StatusCode};
use intune_core::Capability::{Propose, Read};
use serde_json::json;

use crate::{
    wire::{RESOURCE, call, good, list_tools, send},
    world::{LAPTOP, World},
};

/// Lets everything else happen until this is so.
async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_what_it_asked_for() {
    let world = World::new();
    world.holds_actions.close();
    // Who goes away makes no room for others before that is done.
    let service = world
        .service_builder(world.tools(), RESOURCE)
        .in_flight(1)
        .build()
        .unwrap();
    let sync = call("sync_device", json!({"managed_device_id": LAPTOP}));
    let asked = tokio::spawn({
        let (service, sync) = (service.clone(), sync.clone());
        async move { send(&service, good(&[Propose], &sync)).await }
    });
    until(|| !world.performed().is_empty()).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    let mut next = Box::pin(send(&service, good(&[Propose], &sync)));
    for _ in 0..100 {
        assert!((&mut next).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    assert_eq!(world.trail(), ["intent"]);
    world.holds_actions.open();
    assert_eq!(next.await.status, StatusCode::OK);
    assert_eq!(world.performed().len(), 2);
    assert_eq!(world.trail(), ["intent", "outcome accepted"].repeat(2));
}

#[tokio::test]
async fn a_gate_that_does_not_answer_lets_nobody_in() {
    let world = World::new();
    world.holds_gate.close();
    let service = world.service(RESOURCE);
    let list = good(&[Read], &call("list_devices", json!({})));
    let asked = tokio::spawn(async move { send(&service, list).await });
    until(|| !world.readmissions().is_empty()).await;
    until(|| world.clock.sleepers() == 1).await;
    world.clock.advance(Duration::from_secs(30));
    let answer = asked.await.unwrap();
    let told = &answer.body["result"]["structuredContent"];
    assert_eq!(told["error"], "unavailable");
    assert_eq!(told["reason"], "timed_out");
    assert_eq!(world.records(), []);
}

#[tokio::test]
async fn a_verifier_that_does_not_answer_lets_nobody_in() {
    let world = World::new();
    world.holds_verifier.close();
    let service = world.service(RESOURCE);
    let asked = tokio::spawn(async move { send(&service, good(&[Read], &list_tools())).await });
    until(|| world.clock.sleepers() == 1).await;
    world.clock.advance(Duration::from_secs(10));
    let answer = asked.await.unwrap();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers["retry-after"], HeaderValue::from_static("5"));
}
