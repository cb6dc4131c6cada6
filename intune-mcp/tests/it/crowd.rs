//! Many at once.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use futures_util::future::join_all;
use http::StatusCode;
use intune_core::Capability::Read;
use serde_json::json;

use crate::{
    clients::{lifecycles, over_http, serve},
    wire::{RESOURCE, call, good, send},
    world::{World, token},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_at_once_are_all_answered() {
    let world = World::with_devices(10);
    let service = world.service_builder(world.tools(), RESOURCE);
    let service = service.in_flight(16).build().unwrap();
    let requests = (0..1_000).map(|number| {
        let service = service.clone();
        tokio::spawn(async move {
            let mut request = good(&[Read], &call("list_devices", json!({"limit": 10})));
            let bearer = token(RESOURCE, &format!("caller-{number}"), &[Read], 3600);
            let bearer = format!("Bearer {bearer}").parse().unwrap();
            request.headers_mut().insert("authorization", bearer);
            let answer = send(&service, request).await;
            assert_eq!(answer.status, StatusCode::OK);
            let devices = &answer.body["result"]["structuredContent"]["devices"];
            assert_eq!(devices.as_array().unwrap().len(), 10);
        })
    });
    for answered in join_all(requests).await {
        answered.unwrap();
    }
    assert_eq!(world.records().len(), 1_000);
    // No more at once than there is room for, so no more memory either.
    let most = world.most_listings.load(Relaxed);
    assert!((2..=16).contains(&most), "{most}");
    // Nothing of a request is kept once it is answered: neither sessions, nor room, nor the tools.
    drop(service);
    while Arc::strong_count(&world) > 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_whole_sessions_at_once() {
    let world = World::new();
    let url = serve(&world, |service| service).await;
    let sessions = (0..100).map(|number| {
        let (url, [old, new]) = (url.clone(), lifecycles());
        tokio::spawn(async move {
            let token = token(&url, &format!("caller-{number}"), &[Read], 3600);
            let lifecycle = if number % 2 == 0 { old } else { new };
            let client = over_http(&url, &token, lifecycle).await.unwrap();
            assert_eq!(client.tool_names().await.len(), 2);
            client.succeed("list_devices", json!({})).await;
        })
    });
    for session in join_all(sessions).await {
        session.unwrap();
    }
    assert_eq!(world.records().len(), 100);
}
