//! Answers that are none, and what they mean.

use std::time::Duration;

use intune_core::SourceFailureKind::{self, *};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn a_status_has_a_meaning_and_is_asked_for_once() {
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
        assert_eq!(failure.retry_after(), None);
        assert_eq!(graph.count(), 1);
    }
}

#[tokio::test]
async fn a_wish_to_be_left_alone_is_passed_on() {
    for (value, expected) in [
        ("10", Some(Duration::from_secs(10))),
        ("2.128", Some(Duration::from_millis(2128))),
        ("0", Some(Duration::ZERO)),
        ("-1", None),
        ("soon", None),
        ("NaN", None),
        ("1e999", None),
        ("", None),
    ] {
        for status in [429, 503] {
            let graph = Graph::saying(status, &[("retry-after", value)], "").await;
            assert_eq!(graph.failure().await.retry_after(), expected, "{value}");
            assert_eq!(graph.count(), 1);
        }
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
