//! Whose turn it is at the gate: neither a flood of syncs nor one of listings keeps the others out.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use intune_core::{
    DeviceAction, DeviceActions as _, DeviceDirectory as _, DeviceQuery, SourceFailureKind::*,
};
use intune_graph::{GraphActions, GraphClient, RequestBudget};

use crate::support::*;

fn operator(client: &GraphClient) -> GraphActions {
    acting_as(client, &Tokens::default())
}

#[tokio::test]
async fn a_flood_of_syncs_leaves_a_quarter_of_the_writes_to_what_was_approved() {
    let (graph, clock) = (Graph::saying(204, &[], "").await, noon());
    let client = GraphClient::builder(endpoint(&graph.url), Arc::new(Tokens::default()));
    // A fifth at once: four writes, of them three syncs.
    let client = client
        .clock(Arc::new(clock.clone()))
        .budget(RequestBudget::new(2_000, 20));
    let acting = operator(&client.build().unwrap());
    let flood: Vec<_> = (0..30)
        .map(|_| {
            let acting = acting.clone();
            tokio::spawn(async move { perform(&acting, &DeviceAction::Sync).await })
        })
        .collect();
    until(|| graph.count() == 3).await;
    settle().await;
    // In no time, although 27 wait.
    assert_eq!(lock(&acting).await.as_str(), "accepted");
    assert_eq!(graph.count(), 4);
    for call in &flood {
        call.abort();
    }
}

#[tokio::test]
async fn actions_go_out_in_the_order_in_which_they_were_asked_for() {
    let (graph, clock) = (Graph::saying(204, &[], "").await, noon());
    let client = timed(&graph.url, &clock);
    let acting = operator(&client);
    for _ in 0..40 {
        lock(&acting).await;
    }
    let first = start_lock(&acting);
    until(|| clock.sleepers() == 1).await;
    let later: Vec<_> = (0..20).map(|_| start_lock(&acting)).collect();
    settle().await;
    // One flows in within 125 ms: it is for who came first.
    clock.advance(Duration::from_millis(126));
    assert_eq!(first.await.unwrap().as_str(), "accepted");
    for call in &later {
        call.abort();
    }
}

#[tokio::test]
async fn what_is_ready_is_not_kept_out_by_the_budget() {
    let (graph, clock) = (Graph::saying(204, &[], "").await, noon());
    let client = GraphClient::builder(endpoint(&graph.url), Arc::new(Tokens::default()));
    let client = client
        .clock(Arc::new(clock.clone()))
        .budget(RequestBudget::new(2_000, 1));
    let acting = operator(&client.build().unwrap());
    acting.ready(&DeviceAction::RemoteLock).await.unwrap();
    assert_eq!(graph.count(), 0);
    // Nothing is left for a second one, and it learns so before anything is used up.
    let failure = acting.ready(&DeviceAction::RemoteLock).await.unwrap_err();
    assert_eq!(failure.kind(), Throttled);
    assert_eq!(lock(&acting).await.as_str(), "accepted");
    assert_eq!(rejection(lock(&acting).await).kind(), Throttled);
    assert_eq!(graph.count(), 1);
}

#[tokio::test]
async fn listings_hold_a_third_of_the_places_at_most() {
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let (graph, clock) = (Held::start(answer, page(&[], None)).await, noon());
    let client = timed(&graph.url, &clock);
    let all = DeviceQuery::new();
    let listings = join_all((0..60).map(|_| client.page(&all, None)));
    let look_ups = join_all((0..8).map(|_| client.records(device_id())));
    let watch = async {
        until(|| graph.asked() == 12).await;
        settle().await;
        assert_eq!(graph.asked(), 12);
        graph.release(100);
    };
    let (listings, look_ups, ()) = tokio::join!(listings, look_ups, watch);
    assert!(listings.iter().all(Result::is_ok));
    assert!(look_ups.iter().all(Result::is_ok));
}

#[tokio::test]
async fn one_look_up_of_long_texts_keeps_little_of_them() {
    let model = "x".repeat(100_000);
    let row = format!(
        r#"{{"id":"{RECORD}","azureADDeviceId":"{DEVICE}","deviceName":"{model}","model":"{model}"}}"#
    );
    let graph = Graph::saying(200, &[], format!(r#"{{"value":[{row}]}}"#)).await;
    let found = graph.client().records(device_id()).await.unwrap();
    assert_eq!(found.len(), 1);
    let name = found[0].device_name.as_deref().unwrap();
    assert!(name.len() <= 1024 && model.starts_with(name));
}
