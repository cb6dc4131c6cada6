//! Answers that are none, and what they mean.

use std::time::Duration;

use intune_core::{
    DeviceDirectory as _,
    SourceFailureKind::{self, *},
};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn a_status_has_a_meaning() {
    let throttled =
        json!({"error": {"code": "TooManyRequests", "message": "Please retry again later."}});
    let html = "<!DOCTYPE html><html><body>Service Unavailable</body></html>";
    let cases: [(u16, String, SourceFailureKind, Option<&str>); 14] = [
        (
            400,
            json!({"error": {"code": "BadRequest", "message": "x"}}).to_string(),
            Refused,
            Some("BadRequest"),
        ),
        (
            403,
            nested("Forbidden", "Application is not authorized"),
            PermissionMissing,
            Some("Forbidden"),
        ),
        (
            403,
            json!({"error": {"code": "Authorization_RequestDenied"}}).to_string(),
            PermissionMissing,
            Some("Authorization_RequestDenied"),
        ),
        // A list that isn't there is not a device that isn't there.
        (
            404,
            nested("ResourceNotFound", "x"),
            Refused,
            Some("ResourceNotFound"),
        ),
        (408, String::new(), TimedOut, None),
        (
            429,
            throttled.to_string(),
            Throttled,
            Some("TooManyRequests"),
        ),
        (
            429,
            nested("TooManyRequests", "Too many requests"),
            Throttled,
            Some("TooManyRequests"),
        ),
        (
            500,
            nested("InternalServerError", "x"),
            Unavailable,
            Some("InternalServerError"),
        ),
        (502, html.to_owned(), Unavailable, None),
        (503, html.to_owned(), Unavailable, None),
        (504, String::new(), Unavailable, None),
        (507, "{".to_owned(), Unavailable, None),
        (204, String::new(), MalformedAnswer, None),
        (206, page(&[row(RECORD)], None), MalformedAnswer, None),
    ];
    for (status, body, kind, code) in cases {
        let graph = Graph::saying(status, &[("request-id", OTHER)], body).await;
        let failure = graph.failure().await;
        assert_eq!((failure.kind(), failure.code()), (kind, code), "{status}");
        assert_eq!(failure.status(), Some(status));
        assert_eq!(failure.request_id(), Some(OTHER));
        assert_eq!(failure.retry_after().is_some(), status == 429);
        let is_outage = matches!(status, 429 | 502 | 503 | 504);
        assert_eq!(graph.count(), if is_outage { 3 } else { 1 }, "{status}");
    }
}

#[tokio::test]
async fn a_wish_to_be_left_alone_is_passed_on() {
    for (value, expected) in [
        ("10", Some(Duration::from_secs(10))),
        ("2.128", Some(Duration::from_millis(2128))),
        ("0", Some(Duration::ZERO)),
        ("Mon, 23 Nov 2020 12:00:00 GMT", Some(Duration::ZERO)),
        ("-1", None),
        ("soon", None),
        ("NaN", None),
        ("1e999", None),
        ("", None),
    ] {
        let graph = Graph::saying(503, &[("retry-after", value)], "").await;
        assert_eq!(graph.failure().await.retry_after(), expected, "{value}");
        let graph = Graph::saying(429, &[("retry-after", value)], "").await;
        let told = graph.failure().await.retry_after().unwrap();
        match expected {
            Some(expected) => assert_eq!(told, expected, "{value}"),
            // As long as we leave it alone by ourselves: the third time.
            None => assert!((4..=6).contains(&told.as_secs()), "{value}: {told:?}"),
        }
    }
}

#[tokio::test]
async fn a_wish_in_intunes_own_layer_counts_where_the_header_has_none() {
    for (value, expected) in [(json!(3), 3), (json!("3"), 3), (json!(3.0), 3)] {
        let body = nested_with(json!({"RetryAfter": value}));
        let graph = Graph::saying(503, &[], body.clone()).await;
        let told = graph.failure().await.retry_after();
        assert_eq!(told, Some(Duration::from_secs(expected)));
        let graph = Graph::saying(503, &[("retry-after", "5")], body).await;
        assert_eq!(
            graph.failure().await.retry_after(),
            Some(Duration::from_secs(5))
        );
    }
}

#[tokio::test]
async fn a_missing_permission_has_a_name() {
    let read = "DeviceManagementManagedDevices.Read.All";
    let scope = |scopes: &str| {
        nested(
            "Forbidden",
            &format!("Application must have one of the following scopes: {scopes}"),
        )
    };
    let wrapped = |body: &str| {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let inner = json!({"ErrorCode": "Forbidden", "Message": body["error"]["message"]});
        json!({"error": {"code": "UnknownError", "message": inner.to_string()}}).to_string()
    };
    let configuration = "DeviceManagementConfiguration.Read.All";
    for (body, expected) in [
        (scope(configuration), configuration),
        (wrapped(&scope(configuration)), configuration),
        (scope(&format!("{read}, {configuration}")), read),
        // What isn't said is what is documented.
        (scope("canary-token-1"), read),
        (
            scope(&format!("DeviceManagement{}.All", "x".repeat(100))),
            read,
        ),
        (String::new(), read),
        (
            json!({"error": {"code": "Authorization_RequestDenied"}}).to_string(),
            read,
        ),
    ] {
        let failure = Graph::saying(403, &[], body.clone()).await.failure().await;
        assert_eq!(
            (failure.kind(), failure.permission()),
            (PermissionMissing, Some(expected)),
            "{body}"
        );
    }
    let failure = Graph::saying(400, &[], scope(read)).await.failure().await;
    assert_eq!(failure.permission(), None);
}

#[tokio::test]
async fn an_operation_that_waits_for_approval_is_not_refused() {
    let denied = json!({"error": {"code": "Forbidden", "message": "x"}}).to_string();
    let required = json!({"error": {"code": "ApprovalRequired", "message": "x"}}).to_string();
    for (status, headers, body, expected) in [
        (
            403,
            vec![("x-msft-approval-code", OTHER)],
            &denied,
            ApprovalRequired,
        ),
        (
            400,
            vec![("x-msft-approval-code", OTHER)],
            &denied,
            ApprovalRequired,
        ),
        (
            412,
            vec![("x-msft-approval-code", OTHER)],
            &denied,
            ApprovalRequired,
        ),
        (403, vec![], &required, ApprovalRequired),
        (409, vec![], &required, ApprovalRequired),
        (403, vec![], &denied, PermissionMissing),
        (409, vec![], &denied, Refused),
    ] {
        let failure = Graph::saying(status, &headers, body.clone())
            .await
            .failure()
            .await;
        assert_eq!(failure.kind(), expected, "{status} {headers:?} {body}");
    }
}

#[tokio::test]
async fn a_tenant_that_intune_does_not_know_lacks_a_licence() {
    let body = nested(
        "ResourceNotFound",
        "Request not applicable to target tenant.",
    );
    let graph = Graph::saying(404, &[], body).await;
    assert_eq!(graph.failure().await.kind(), LicenceMissing);
    assert_eq!(graph.device().await.unwrap_err().kind(), LicenceMissing);
}

#[tokio::test]
async fn every_failure_of_an_exchange_has_a_request_id() {
    let inner = json!({"error": {"code": "x", "innerError": {"request-id": OTHER}}}).to_string();
    let own = json!({"error": {"code": "x", "innererror": {"requestId": OTHER}}}).to_string();
    for (headers, body, is_theirs) in [
        (vec![("request-id", OTHER)], inner.clone(), true),
        (vec![("request-id", SECOND_RECORD)], inner.clone(), false),
        (vec![], inner, true),
        (vec![], own, true),
        (vec![("request-id", "not an id")], String::new(), false),
        (vec![], String::new(), false),
    ] {
        let graph = Graph::saying(400, &headers, body.clone()).await;
        let failure = graph.failure().await;
        let ours = graph.received()[0].header("client-request-id").to_owned();
        let expected = match headers.first() {
            _ if is_theirs => OTHER,
            Some((_, id)) if *id == SECOND_RECORD => SECOND_RECORD,
            _ => ours.as_str(),
        };
        assert_eq!(failure.request_id(), Some(expected), "{headers:?} {body}");
    }
    let closed = Bystander::new().address();
    let client = client(&format!("http://{closed}"));
    let failure = client.records(device_id()).await.unwrap_err();
    assert!(failure.request_id().is_some());
    for body in [
        "",
        r#"{"value":[{}],"@odata.nextLink":"http://elsewhere/"}"#,
    ] {
        let graph = Graph::saying(200, &[], body).await;
        let failure = graph.page(None).await.unwrap_err();
        let ours = graph.received()[0].header("client-request-id").to_owned();
        assert_eq!(failure.request_id(), Some(ours.as_str()), "{body}");
    }
}

#[tokio::test]
async fn an_error_that_is_large_or_deep_costs_nothing_but_its_details() {
    let large = format!(
        r#"{{"error":{{"code":"x","message":[{}0]}}}}"#,
        "0,".repeat(1_000_000)
    );
    let deep = format!(r#"{{"error":{{"code":"x","message":{}"#, "[".repeat(30_000));
    let mut layers = String::from("innermost");
    for _ in 0..5 {
        layers = json!({"ErrorCode": "Layer", "Message": layers}).to_string();
    }
    let layers = json!({"error": {"code": "Outer", "message": layers}}).to_string();
    for (body, code) in [(large, None), (deep, None), (layers, Some("Layer"))] {
        let failure = Graph::saying(403, &[], body).await.failure().await;
        assert_eq!((failure.kind(), failure.code()), (PermissionMissing, code));
    }
}

#[tokio::test]
async fn a_200_that_is_no_page_is_malformed() {
    for body in [
        "",
        " ",
        "{}",
        "[]",
        "null",
        "true",
        "7",
        "\"value\"",
        "{",
        "<html>",
        "\u{feff}{\"value\":[]}",
        r#"{"value":null}"#,
        r#"{"value":{}}"#,
        r#"{"value":"x"}"#,
        r#"{"value":[null]}"#,
        r#"{"value":[7]}"#,
        r#"{"Value":[]}"#,
        r#"{"value":[]"#,
        r#"{"value":[]}{"value":[]}"#,
        r#"{"value":[]} x"#,
        r#"{"value":[],"value":[]}"#,
        r#"{"error":{"code":"x","message":"y"}}"#,
        // A list is not an object without names.
        "[[]]",
        "[[],null]",
        r#"{"value":[[]]}"#,
    ] {
        let graph = Graph::saying(200, &[("request-id", OTHER)], body).await;
        let failure = graph.failure().await;
        assert_malformed(&failure, None);
        assert_eq!(failure.request_id(), Some(OTHER), "{body}");
        assert_malformed(&graph.page(None).await.unwrap_err(), None);
        assert_eq!(graph.count(), 2);
    }
    let not_text: &[u8] = b"{\"value\":[{\"id\":\"\xff\"}]}";
    let graph = Graph::saying(200, &[], not_text).await;
    assert_malformed(&graph.failure().await, None);
    // A stack would overflow before this ends.
    let deep = format!(r#"{{"value":[{{"deviceName":{}"#, "[".repeat(1_000_000));
    assert_malformed(&Graph::saying(200, &[], deep).await.failure().await, None);
}

#[tokio::test]
async fn a_property_of_any_depth_is_no_text() {
    for depth in [10, 127, 128, 1_000_000] {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let row = format!(r#"{{"id":"{RECORD}","deviceName":{open}{close},"x":{open}{close}}}"#);
        let graph = Graph::saying(200, &[], format!(r#"{{"value":[{row}]}}"#)).await;
        let items = graph.page(None).await.unwrap().items;
        assert_eq!(items[0].device_name, None, "{depth}");
    }
}

#[tokio::test]
async fn a_row_is_an_object() {
    let values = format!(r#"{{"value":[["{RECORD}","{DEVICE}"]]}}"#);
    assert_malformed(&Graph::saying(200, &[], values).await.failure().await, None);
}

#[tokio::test]
async fn an_error_of_any_form_is_an_error() {
    for body in [
        json!(null),
        json!([]),
        json!({"error": null}),
        json!({"error": "x"}),
        json!({"error": []}),
        json!({"error": {"code": 5, "message": {}}}),
        json!({"error": {"code": null}}),
        json!({"error": {"message": "urn:intune:service"}}),
    ] {
        let failure = Graph::saying(403, &[], body.to_string())
            .await
            .failure()
            .await;
        assert_eq!(
            (failure.kind(), failure.code()),
            (PermissionMissing, None),
            "{body}"
        );
    }
}

#[tokio::test]
async fn what_the_service_says_stays_short_and_on_one_line() {
    let code = format!("a\r\nb{}", "x".repeat(10_000));
    let body = json!({"error": {"code": code, "message": "m"}}).to_string();
    let long = "r".repeat(10_000);
    let failure = Graph::saying(500, &[("request-id", &long)], body)
        .await
        .failure()
        .await;
    let shown = failure.to_string();
    assert!(
        shown.len() < 400 && !shown.contains(['\r', '\n']),
        "{shown}"
    );
}
