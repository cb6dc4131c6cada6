//! What comes of an action, by what came back.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use entra_auth::{TokenErrorKind, http::HttpClient};
use intune_core::{ActionOutcome, SourceFailureKind};
use serde_json::json;

use crate::support::*;

const PRIVILEGED: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";

/// Locks by a Graph that answers so, which is asked once.
async fn answered(
    status: u16,
    headers: &[(&'static str, &str)],
    body: impl Into<bytes::Bytes>,
) -> ActionOutcome {
    let graph = Graph::saying(status, headers, body).await;
    let outcome = lock(&actions(&graph.url)).await;
    assert_eq!(graph.count(), 1);
    outcome
}

#[tokio::test]
async fn every_status_has_its_outcome() {
    let status = Arc::new(AtomicU16::new(0));
    let current = Arc::clone(&status);
    let graph = Graph::start(move |_, _| {
        let location = ("location", "/elsewhere".to_owned());
        response(current.load(Ordering::SeqCst), &[location], "".into())
    })
    .await;
    let http = HttpClient::new().unwrap();
    for (asked, number) in (1..).zip(200..=599) {
        status.store(number, Ordering::SeqCst);
        let tokens = Tokens::default();
        let client = client_with(&graph.url, tokens.clone(), http.clone());
        let outcome = lock(&acting_as(&client, &tokens)).await;
        let expected = match number {
            200 | 202 | 204 => "accepted",
            408 | 429 => "unknown",
            400..=499 => "rejected",
            _ => "unknown",
        };
        assert_eq!(outcome.as_str(), expected, "{number}: {outcome:?}");
        let told = match &outcome {
            ActionOutcome::Accepted(acceptance) => acceptance.status,
            ActionOutcome::Rejected(failure) | ActionOutcome::Unknown(failure) => failure.status(),
        };
        assert_eq!(told, Some(number));
        assert_eq!(graph.count(), asked, "{number}");
        let invalidated = usize::from(number == 401);
        assert_eq!(tokens.invalidated().len(), invalidated, "{number}");
    }
}

#[tokio::test]
async fn statuses_that_http_doesnt_know_are_in_doubt() {
    for status in ["600 Whatever", "999 Denied"] {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        let graph = Raw::start(vec![Treatment::say(answer)]).await;
        let failure = doubt(lock(&actions(&graph.url)).await);
        assert_eq!(failure.kind(), SourceFailureKind::MalformedAnswer);
        assert_eq!(graph.count(), 1);
    }
    let graph = Raw::start(vec![Treatment::say(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    )])
    .await;
    doubt(lock(&actions(&graph.url)).await);
    assert_eq!(graph.count(), 1);
}

#[tokio::test]
async fn informational_answers_are_waited_out() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    let graph = Raw::start(vec![Treatment::say(answer)]).await;
    assert_eq!(lock(&actions(&graph.url)).await.as_str(), "accepted");
}

#[tokio::test]
async fn a_success_with_a_body_is_not_graphs() {
    for status in [200, 202] {
        for body in [
            "<!DOCTYPE html><title>Sign in</title>",
            r#"{"error":{"code":"BadRequest","message":"no"}}"#,
            r#"{"status":"ok"}"#,
            "\0\u{fffd}",
            " ",
        ] {
            let failure = doubt(answered(status, &[("request-id", OTHER)], body).await);
            assert_eq!(failure.kind(), SourceFailureKind::MalformedAnswer, "{body}");
            assert_eq!(failure.status(), Some(status));
            assert_eq!(failure.request_id(), Some(OTHER));
        }
    }
}

#[tokio::test]
async fn an_acceptance_names_the_request() {
    let service = answered(204, &[("request-id", OTHER)], "").await;
    let ActionOutcome::Accepted(acceptance) = service else {
        panic!("{service:?}");
    };
    assert_eq!(acceptance.status, Some(204));
    assert_eq!(acceptance.request_id.as_deref(), Some(OTHER));

    // Or ours, where the service says none, or what can be none.
    for headers in [&[][..], &[("request-id", "not an id")]] {
        let graph = Graph::saying(204, headers, "").await;
        let ActionOutcome::Accepted(acceptance) = lock(&actions(&graph.url)).await else {
            panic!("not accepted");
        };
        let [request] = graph.received().try_into().unwrap();
        let sent = request.header("client-request-id");
        assert_eq!(acceptance.request_id.as_deref(), Some(sent));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Bystander::new();
        let location = format!("http://{}/", elsewhere.address());
        let failure = doubt(answered(status, &[("location", &location)], "").await);
        assert_eq!(failure.status(), Some(status));
        elsewhere.assert_left_alone();
    }
}

#[tokio::test]
async fn a_403_names_the_missing_permission() {
    let text = "Application is not authorized to perform this operation. Application must have one of the \
                following scopes: DeviceManagementManagedDevices.Other.All";
    let named = "DeviceManagementManagedDevices.Other.All";
    for (body, permission) in [
        (nested("Forbidden", text), named),
        (
            json!({"error": {"code": "Authorization_RequestDenied", "message": text}}).to_string(),
            named,
        ),
        (
            json!({"error": {"code": "Authorization_RequestDenied", "message": "no"}}).to_string(),
            PRIVILEGED,
        ),
        ("<html>".to_owned(), PRIVILEGED),
        (String::new(), PRIVILEGED),
    ] {
        let failure = rejection(answered(403, &[], body).await);
        assert_eq!(failure.kind(), SourceFailureKind::PermissionMissing);
        assert_eq!(failure.permission(), Some(permission));
        assert!(failure.to_string().contains(permission));
    }
}

#[tokio::test]
async fn an_action_that_needs_approval_is_not_a_missing_permission() {
    // On the status the documents disagree.
    for status in [400, 403, 412] {
        let failure = rejection(answered(status, &[("x-msft-approval-code", OTHER)], "").await);
        assert_eq!(failure.kind(), SourceFailureKind::ApprovalRequired);
        assert_eq!(
            (failure.status(), failure.permission()),
            (Some(status), None)
        );
    }
    let body = nested("ApprovalRequired", "");
    let failure = rejection(answered(403, &[], body).await);
    assert_eq!(failure.kind(), SourceFailureKind::ApprovalRequired);
    // Held is not taken, even if the status says so; where the service is out, it says nothing.
    let header = [("x-msft-approval-code", OTHER)];
    let failure = doubt(answered(204, &header, "").await);
    assert_eq!(failure.kind(), SourceFailureKind::ApprovalRequired);
    let failure = doubt(answered(503, &header, "").await);
    assert_eq!(failure.kind(), SourceFailureKind::Unavailable);
}

#[tokio::test]
async fn a_refusal_of_the_tenant_is_about_its_licence() {
    let graph = Graph::saying(401, &[], refusal_of_intune()).await;
    let tokens = Tokens::default();
    let failure = rejection(lock(&acting_as(&client(&graph.url), &tokens)).await);
    assert_eq!(failure.kind(), SourceFailureKind::LicenceMissing);
    assert_eq!((graph.count(), tokens.invalidated()), (1, vec![]));
}

#[tokio::test]
async fn a_rejected_token_is_replaced_for_the_next_action() {
    for body in [REJECTED_TOKEN, "", "<html>"] {
        let graph = Graph::start(move |request, _| match request.header("authorization") {
            "Bearer canary-token-1" => response(401, &[], body.into()),
            _ => response(204, &[], "".into()),
        })
        .await;
        let acting = actions(&graph.url);
        let failure = rejection(lock(&acting).await);
        assert_eq!(failure.kind(), SourceFailureKind::CredentialRejected);
        assert_eq!(graph.count(), 1);
        assert_eq!(lock(&acting).await.as_str(), "accepted");
        let received = graph.received();
        assert_eq!(received[1].header("authorization"), "Bearer canary-token-2");
        assert_eq!(graph.count(), 2);
    }
}

#[tokio::test]
async fn what_the_service_says_is_passed_on() {
    let failure = rejection(answered(404, &[], nested("ResourceNotFound", "no")).await);
    assert_eq!(failure.kind(), SourceFailureKind::Refused);
    assert_eq!(failure.code(), Some("ResourceNotFound"));
    assert_eq!(failure.request_id(), Some(OTHER));
    let failure = doubt(answered(503, &[("retry-after", "0")], "").await);
    assert_eq!(failure.retry_after(), Some(std::time::Duration::ZERO));
    let failure = doubt(answered(429, &[("retry-after", "7")], "").await);
    assert_eq!(failure.kind(), SourceFailureKind::Throttled);
    assert_eq!(failure.retry_after().unwrap().as_secs(), 7);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    use SourceFailureKind::*;
    for (kind, expected) in [
        (TokenErrorKind::InvalidCredential, CredentialRejected),
        (TokenErrorKind::Throttled, Throttled),
        (TokenErrorKind::Unavailable, Unavailable),
        (TokenErrorKind::TimedOut, TimedOut),
        (TokenErrorKind::MalformedAnswer, MalformedAnswer),
    ] {
        let graph = Bystander::new();
        let client = client(&format!("http://{}", graph.address()));
        let failure = rejection(lock(&acting_as(&client, &Tokens::failing(kind))).await);
        assert_eq!(failure.kind(), expected);
        graph.assert_left_alone();
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_leaves_doubt() {
    let body = vec![b' '; 4 * 1024 * 1024 + 1];
    for status in [200, 202, 403, 500] {
        let failure = doubt(answered(status, &[], body.clone()).await);
        assert_eq!(failure.kind(), SourceFailureKind::MalformedAnswer);
    }
    // What follows a 204 isn't its body.
    let mut answer = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    answer.extend(body);
    let graph = Raw::start(vec![Treatment::Say(answer)]).await;
    assert_eq!(lock(&actions(&graph.url)).await.as_str(), "accepted");
    assert_eq!(graph.count(), 1);
}
