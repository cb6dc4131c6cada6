//! One device, by Intune's id.

use intune_core::SourceFailureKind;
use serde_json::{Value, json};

use crate::support::*;

async fn with_body(body: &Value) -> Graph {
    Graph::saying(200, &[], body.to_string()).await
}

#[tokio::test]
async fn a_device_is_asked_for_by_id() {
    let mut body = row(&RECORD.to_uppercase());
    body["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#x/$entity".into();
    let graph = with_body(&body).await;
    let device = graph.device().await.unwrap().unwrap();
    assert_eq!(device.id, record_id());
    assert_eq!(device.device_name.as_deref(), Some("LAPTOP-0042"));
    let request = graph.received().remove(0);
    assert_eq!(request.method, "GET");
    assert_eq!(request.path(), format!("{LIST}/{RECORD}"));
    assert!(
        request
            .option("$select")
            .unwrap()
            .contains("complianceState")
    );
    assert_eq!(request.option("$filter"), None);
}

#[tokio::test]
async fn a_device_that_is_not_there_is_none() {
    let graph = Graph::saying(404, &[], nested("ResourceNotFound", "Not found")).await;
    assert_eq!(graph.device().await.unwrap(), None);
    assert_eq!(graph.count(), 1);
}

#[tokio::test]
async fn an_absence_is_what_the_service_itself_says() {
    for code in [
        "ResourceNotFound",
        "Request_ResourceNotFound",
        "itemNotFound",
    ] {
        let plain = json!({"error": {"code": code, "message": "x"}}).to_string();
        let inner = json!({"ErrorCode": code, "Message": "x"}).to_string();
        let wrapped = json!({"error": {"code": "UnknownError", "message": inner}}).to_string();
        for body in [plain, wrapped] {
            let graph = Graph::saying(404, &[], body).await;
            assert_eq!(graph.device().await.unwrap(), None, "{code}");
        }
    }
    for body in [
        String::new(),
        "<html>404 Not Found</html>".to_owned(),
        "{}".to_owned(),
        json!({"code": "ResourceNotFound"}).to_string(),
        json!({"error": "ResourceNotFound"}).to_string(),
        json!({"error": {"code": "BadRequest", "message": "Resource not found for the segment 'x'."}}).to_string(),
        // Version and path are ours to get right; to a wrong one every device would be absent.
        json!({"error": {"code": "ResourceNotFound", "message": "Invalid version: v1"}}).to_string(),
        json!({"error": {"code": "ResourceNotFound", "message": "Resource not found for the segment 'x'."}}).to_string(),
    ] {
        let graph = Graph::saying(404, &[], body.clone()).await;
        let failure = graph.device().await.unwrap_err();
        assert_eq!(failure.kind(), SourceFailureKind::Refused, "{body}");
        assert_eq!(failure.status(), Some(404));
    }
}

#[tokio::test]
async fn another_device_is_no_answer() {
    for id in [
        json!(SECOND_RECORD),
        json!(DEVICE),
        json!(null),
        json!(""),
        json!([RECORD]),
    ] {
        let graph = with_body(&row_with(json!({"id": id}))).await;
        assert_malformed(
            &graph.device().await.unwrap_err(),
            Some("device_without_id"),
        );
    }
}

#[tokio::test]
async fn what_is_not_a_device_is_no_answer() {
    for body in [
        json!({}),
        json!(null),
        json!(RECORD),
        json!([]),
        json!([row(RECORD)]),
        // The form of the documentation's sample, which the service doesn't use.
        json!({"value": row(RECORD)}),
        json!({"value": [row(RECORD)]}),
        // The properties' values without their names.
        json!([RECORD, DEVICE, "", "", "", "", "", "", "", "", "compliant"]),
    ] {
        let failure = with_body(&body).await.device().await.unwrap_err();
        assert_eq!(failure.kind(), SourceFailureKind::MalformedAnswer, "{body}");
    }
}

#[tokio::test]
async fn a_failure_is_not_an_absent_device() {
    for (status, kind) in [
        (400, SourceFailureKind::Refused),
        (403, SourceFailureKind::PermissionMissing),
        (410, SourceFailureKind::Refused),
        (429, SourceFailureKind::Throttled),
        (503, SourceFailureKind::Unavailable),
    ] {
        let graph = Graph::saying(status, &[], "").await;
        assert_eq!(graph.device().await.unwrap_err().kind(), kind, "{status}");
    }
}
