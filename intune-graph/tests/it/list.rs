//! Listing in pages.

use intune_core::{ComplianceState, Cursor, DeviceDirectory as _, DeviceQuery};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn a_query_is_asked_as_it_is_meant() {
    let graph = Graph::of(Vec::new()).await;
    let query = DeviceQuery::new()
        .compliance_state(ComplianceState::InGracePeriod)
        .operating_system("O'Brien's OS+ & 100% #1?=/ü\"")
        .page_size(250);
    graph.client().page(&query, None).await.unwrap();
    let request = graph.received().remove(0);
    assert_eq!((request.method.as_str(), request.path()), ("GET", LIST));
    assert_eq!(
        request.option("$filter").unwrap(),
        "complianceState eq 'inGracePeriod' and operatingSystem eq 'O''Brien''s OS+ & 100% #1?=/ü\"'"
    );
    assert_eq!(request.option("$top").unwrap(), "250");
    let select = request.option("$select").unwrap();
    assert!(
        select.split(',').any(|name| name == "complianceState"),
        "{select}"
    );
    assert!(!request.target.contains('+'), "{}", request.target);
    assert!(request.target.is_ascii(), "{}", request.target);
}

#[tokio::test]
async fn a_query_for_all_asks_for_no_filter_and_no_size() {
    let graph = Graph::of(Vec::new()).await;
    graph.page(None).await.unwrap();
    let request = graph.received().remove(0);
    assert_eq!(request.option("$filter"), None);
    assert_eq!(request.option("$top"), None);
    assert!(request.option("$select").is_some());
}

#[tokio::test]
async fn rows_that_an_ignored_filter_lets_through_are_dropped() {
    let rows = vec![
        row(RECORD),
        row_with(json!({"id": SECOND_RECORD, "complianceState": "noncompliant"})),
        row_with(json!({"complianceState": "noncompliant", "operatingSystem": "iOS"})),
        row_with(json!({"complianceState": "noncompliant", "operatingSystem": null})),
        row_with(json!({"complianceState": "nonCompliant"})),
        row_with(json!({"complianceState": null})),
    ];
    let graph = Graph::of(rows).await;
    let query = DeviceQuery::new()
        .compliance_state(ComplianceState::Noncompliant)
        .operating_system("windows");
    let page = graph.client().page(&query, None).await.unwrap();
    let ids: Vec<_> = page
        .items
        .iter()
        .map(|device| device.id.to_string())
        .collect();
    assert_eq!(ids, [SECOND_RECORD]);
    assert_eq!(page.next, None);
    assert_eq!(graph.page(None).await.unwrap().items.len(), 6);
}

#[tokio::test]
async fn devices_without_an_entra_id_are_listed() {
    let graph = Graph::of(vec![
        row_with(json!({"azureADDeviceId": "00000000-0000-0000-0000-000000000000"})),
        row_with(json!({"azureADDeviceId": null})),
    ])
    .await;
    let items = graph.page(None).await.unwrap().items;
    assert_eq!(items.len(), 2);
    assert!(
        items
            .iter()
            .all(|device| device.azure_ad_device_id.is_none())
    );
}

#[tokio::test]
async fn a_device_without_an_id_is_no_device() {
    let graph = Graph::of(vec![row(RECORD), row_with(json!({"id": null}))]).await;
    let failure = graph.page(None).await.unwrap_err();
    assert_malformed(&failure, Some("device_without_id"));
}

#[tokio::test]
async fn a_cursor_leads_from_page_to_page_and_survives_storage() {
    let graph = Graph::pages(vec![others(3), Vec::new(), vec![row(RECORD)]]).await;
    let mut lengths = Vec::new();
    let mut cursor = None;
    loop {
        let page = graph.page(cursor).await.unwrap();
        lengths.push(page.items.len());
        let Some(next) = page.next else { break };
        cursor = Some(Cursor::new(next.as_str().to_owned()));
    }
    assert_eq!(lengths, [3, 0, 1]);
    let targets: Vec<_> = graph
        .received()
        .into_iter()
        .map(|request| request.target)
        .collect();
    assert_eq!(
        format!("{}{}", graph.url, targets[1]),
        page_link(&graph.url, 1)
    );
    assert_eq!(
        format!("{}{}", graph.url, targets[2]),
        page_link(&graph.url, 2)
    );
}

#[tokio::test]
async fn a_later_page_is_checked_against_the_query_too() {
    let graph = Graph::pages(vec![Vec::new(), vec![row(RECORD)]]).await;
    let query = DeviceQuery::new().compliance_state(ComplianceState::Error);
    let first = graph.client().page(&query, None).await.unwrap();
    let second = graph.client().page(&query, first.next).await.unwrap();
    assert_eq!(second.items, []);
}
