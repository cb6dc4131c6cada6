//! Tokens: a rejected one is replaced once, and their absence has a kind.

use entra_auth::{TokenErrorKind, http::HttpClient};
use intune_core::{DeviceDirectory as _, SourceFailureKind};

use crate::support::*;

const SCOPE: &str = "https://graph.microsoft.com/.default";

fn rejecting(request: &Received, token: &str, body: &str) -> Option<axum::response::Response> {
    let bearer = format!("Bearer {token}");
    (request.header("authorization") == bearer).then(|| response(401, &[], body.to_owned().into()))
}

fn http() -> HttpClient {
    HttpClient::new().unwrap()
}

fn bearers(graph: &Graph) -> Vec<String> {
    let received = graph.received();
    received
        .iter()
        .map(|request| request.header("authorization").to_owned())
        .collect()
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once() {
    let graph = Graph::start(|request, _| {
        rejecting(request, "canary-token-1", REJECTED_TOKEN)
            .unwrap_or_else(|| ok(page(&[row(RECORD)], None)))
    })
    .await;
    let tokens = Tokens::default();
    let client = client_with(&graph.url, tokens.clone(), http());
    assert_eq!(client.records(device_id()).await.unwrap().len(), 1);
    assert_eq!(
        bearers(&graph),
        ["Bearer canary-token-1", "Bearer canary-token-2"]
    );
    let received = graph.received();
    assert_eq!(received[0].target, received[1].target);
    assert_ne!(
        received[0].header("client-request-id"),
        received[1].header("client-request-id")
    );
    let scope = SCOPE.parse().unwrap();
    assert_eq!(tokens.invalidated(), [(scope, "canary-token-1".to_owned())]);

    // The new one is kept.
    client.records(device_id()).await.unwrap();
    assert_eq!(graph.count(), 3);
    assert_eq!(tokens.invalidated().len(), 1);
}

#[tokio::test]
async fn a_token_that_is_rejected_on_a_later_page_is_replaced_too() {
    let graph = Graph::start(|request, own| {
        match (
            request.option("$skiptoken"),
            rejecting(request, "canary-token-1", REJECTED_TOKEN),
        ) {
            (None, _) => ok(page(&[], Some(page_link(own, 1).into()))),
            (Some(_), Some(rejection)) => rejection,
            (Some(_), None) => ok(page(&[row(RECORD)], None)),
        }
    })
    .await;
    assert_eq!(graph.records().await.unwrap().len(), 1);
    assert_eq!(graph.count(), 3);
}

#[tokio::test]
async fn a_second_rejection_is_final() {
    for body in [REJECTED_TOKEN, "", "<html>", "{}"] {
        let graph = Graph::saying(401, &[], body).await;
        let failure = graph.failure().await;
        assert_eq!(
            failure.kind(),
            SourceFailureKind::CredentialRejected,
            "{body}"
        );
        assert_eq!(failure.status(), Some(401));
        assert_eq!(
            bearers(&graph),
            ["Bearer canary-token-1", "Bearer canary-token-2"]
        );
        let failure = graph.device().await.unwrap_err();
        assert_eq!(failure.kind(), SourceFailureKind::CredentialRejected);
        assert_eq!(graph.count(), 4);
    }
}

#[tokio::test]
async fn a_refusal_of_the_tenant_is_not_about_the_token() {
    let graph = Graph::saying(401, &[("request-id", OTHER)], refusal_of_intune()).await;
    let tokens = Tokens::default();
    let client = client_with(&graph.url, tokens.clone(), http());
    let failure = client.records(device_id()).await.unwrap_err();
    assert_eq!(failure.kind(), SourceFailureKind::LicenceMissing);
    assert_eq!(failure.code(), Some("Forbidden"));
    assert_eq!(failure.request_id(), Some(OTHER));
    assert_eq!(graph.count(), 1);
    assert_eq!(tokens.invalidated(), []);
}

#[tokio::test]
async fn a_refusal_after_a_new_token_is_told_from_a_second_rejection() {
    let graph = Graph::start(|request, _| {
        rejecting(request, "canary-token-1", REJECTED_TOKEN)
            .unwrap_or_else(|| response(401, &[], refusal_of_intune().into()))
    })
    .await;
    assert_eq!(
        graph.failure().await.kind(),
        SourceFailureKind::LicenceMissing
    );
    assert_eq!(graph.count(), 2);
}

#[tokio::test]
async fn only_a_401_invalidates() {
    for status in [400, 403, 404, 429, 500, 503] {
        let graph = Graph::saying(status, &[], REJECTED_TOKEN).await;
        let tokens = Tokens::default();
        client_with(&graph.url, tokens.clone(), http())
            .records(device_id())
            .await
            .unwrap_err();
        assert_eq!(tokens.invalidated(), [], "{status}");
    }
}

#[tokio::test]
async fn tokens_are_asked_for_the_clouds_scope() {
    let graph = Graph::of(Vec::new()).await;
    let tokens = Tokens::default();
    let client = client_with(&graph.url, tokens.clone(), http());
    client.records(device_id()).await.unwrap();
    assert_eq!(tokens.asked(), [SCOPE.parse().unwrap()]);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    use SourceFailureKind::*;
    for (kind, expected) in [
        (TokenErrorKind::InvalidCredential, CredentialRejected),
        (TokenErrorKind::ExpiredCredential, CredentialRejected),
        (TokenErrorKind::UnknownTenant, CredentialRejected),
        (TokenErrorKind::UnknownApplication, CredentialRejected),
        (TokenErrorKind::InvalidScope, CredentialRejected),
        (TokenErrorKind::Refused, CredentialRejected),
        (TokenErrorKind::TooManyScopes, CredentialRejected),
        (TokenErrorKind::Throttled, Throttled),
        (TokenErrorKind::Unavailable, Unavailable),
        (TokenErrorKind::TimedOut, TimedOut),
        (TokenErrorKind::MalformedAnswer, MalformedAnswer),
    ] {
        let graph = Bystander::new();
        let url = format!("http://{}", graph.address());
        let client = client_with(&url, Tokens::failing(kind), http());
        assert_eq!(
            client.records(device_id()).await.unwrap_err().kind(),
            expected,
            "{kind:?}"
        );
        assert_eq!(
            client.device(record_id()).await.unwrap_err().kind(),
            expected
        );
        graph.assert_left_alone();
    }
}
