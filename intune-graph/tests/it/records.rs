//! Every record of a device, and no other.

use intune_core::{ComplianceState, DeviceDirectory as _};
use serde_json::json;

use crate::support::*;

fn ids(records: &[intune_core::ManagedDevice]) -> Vec<String> {
    records.iter().map(|record| record.id.to_string()).collect()
}

#[tokio::test]
async fn the_record_on_the_last_page_of_an_unfiltered_tenant_is_found() {
    let mut last = others(50);
    last.push(row(RECORD));
    let graph = Graph::pages(vec![others(100), others(100), last]).await;
    assert_eq!(ids(&graph.records().await.unwrap()), [RECORD]);
    assert_eq!(graph.count(), 3);
}

#[tokio::test]
async fn a_tenant_without_the_device_has_no_record_of_it() {
    let graph = Graph::pages(vec![others(3), others(3)]).await;
    assert_eq!(graph.records().await.unwrap(), []);
    assert_eq!(graph.count(), 2);
    assert_eq!(Graph::of(Vec::new()).await.records().await.unwrap(), []);
}

#[tokio::test]
async fn all_records_of_a_device_are_found() {
    let second = row_with(json!({"id": SECOND_RECORD, "complianceState": "noncompliant"}));
    let graph = Graph::of(vec![row(RECORD), second]).await;
    let records = graph.records().await.unwrap();
    assert_eq!(ids(&records), [RECORD, SECOND_RECORD]);
    assert_eq!(records[0].compliance_state, ComplianceState::Compliant);
    assert_eq!(records[1].compliance_state, ComplianceState::Noncompliant);
    assert_eq!(graph.count(), 1);
}

#[tokio::test]
async fn an_empty_page_is_not_the_last_one() {
    let graph = Graph::pages(vec![
        vec![row(RECORD)],
        Vec::new(),
        vec![row(SECOND_RECORD)],
    ])
    .await;
    assert_eq!(
        ids(&graph.records().await.unwrap()),
        [RECORD, SECOND_RECORD]
    );
}

#[tokio::test]
async fn a_page_that_fails_fails_the_whole() {
    let graph = Graph::start(|request, own| match request.option("$skiptoken") {
        None => ok(page(&[row(RECORD)], Some(page_link(own, 1).into()))),
        Some(_) => response(504, &[], "<html>".into()),
    })
    .await;
    let failure = graph.failure().await;
    assert_eq!(failure.status(), Some(504));
    // The page before isn't read again.
    assert_eq!(graph.count(), 1 + 3);
}

#[tokio::test]
async fn guids_are_compared_as_guids() {
    let upper = row_with(json!({
        "id": RECORD.to_uppercase(),
        "azureADDeviceId": DEVICE.to_uppercase(),
    }));
    let records = Graph::of(vec![upper]).await.records().await.unwrap();
    assert_eq!(ids(&records), [RECORD]);
    assert_eq!(records[0].azure_ad_device_id, Some(device_id()));
}

#[tokio::test]
async fn rows_without_a_proper_entra_id_are_nobodys() {
    let mut rows: Vec<_> = [
        json!(""),
        json!(null),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("not a GUID"),
        json!(format!(" {DEVICE}")),
        json!(format!("{{{DEVICE}}}")),
        json!(DEVICE.replace('-', "")),
        json!(7),
        json!([DEVICE]),
        json!({"azureADDeviceId": DEVICE}),
    ]
    .into_iter()
    .map(|id| row_with(json!({"azureADDeviceId": id})))
    .collect();
    let mut without = row(RECORD);
    without.as_object_mut().unwrap().remove("azureADDeviceId");
    rows.push(without);
    // What differs from a property's name by case is another property.
    rows.push(json!({"id": RECORD, "AzureADDeviceId": DEVICE}));
    assert_eq!(Graph::of(rows).await.records().await.unwrap(), []);
}

#[tokio::test]
async fn a_record_without_an_id_is_no_answer_if_it_is_of_the_device() {
    for id in [
        json!(null),
        json!(""),
        json!("x"),
        json!(5),
        json!("00000000-0000-0000-0000-000000000000"),
    ] {
        let foreign = row_with(json!({"id": id, "azureADDeviceId": OTHER}));
        let graph = Graph::of(vec![foreign, row(RECORD)]).await;
        assert_eq!(ids(&graph.records().await.unwrap()), [RECORD], "{id}");

        let own = row_with(json!({"id": id}));
        let graph = Graph::of(vec![row(SECOND_RECORD), own]).await;
        assert_malformed(&graph.failure().await, Some("device_without_id"));
    }
}

#[tokio::test]
async fn a_device_has_at_most_a_thousand_records() {
    let graph = Graph::of(vec![row(RECORD); 1_000]).await;
    assert_eq!(graph.records().await.unwrap().len(), 1_000);
    let graph = Graph::of(vec![row(RECORD); 1_001]).await;
    assert_malformed(&graph.failure().await, Some("too_many_records"));
}

#[tokio::test]
async fn the_query_asks_for_the_device_and_no_more_properties_than_are_read() {
    let graph = Graph::of(Vec::new()).await;
    let upper = DEVICE.to_uppercase().parse().unwrap();
    graph.client().records(upper).await.unwrap();
    let request = graph.received().remove(0);
    assert_eq!((request.method.as_str(), request.path()), ("GET", LIST));
    assert_eq!(
        request.option("$filter").unwrap(),
        format!("azureADDeviceId eq '{DEVICE}'")
    );
    assert!(
        request
            .target
            .contains("$filter=azureADDeviceId%20eq%20%27"),
        "{request:?}"
    );
    let select = request.option("$select").unwrap();
    let mut selected: Vec<_> = select.split(',').collect();
    let mut expected: Vec<_> = "id,azureADDeviceId,deviceName,serialNumber,manufacturer,model,\
        operatingSystem,osVersion,userId,userPrincipalName,complianceState,\
        complianceGracePeriodExpirationDateTime,lastSyncDateTime,enrolledDateTime,\
        managementState,managementAgent,managedDeviceOwnerType,isEncrypted,jailBroken"
        .split(',')
        .collect();
    selected.sort_unstable();
    expected.sort_unstable();
    assert_eq!(selected, expected);
}
