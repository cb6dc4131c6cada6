//! What another client of Entra ID gets wrong, each as what is right.

use std::{error::Error as _, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clock::Clock as _;
use entra_auth::{ClientCertificate, Credential, TokenErrorKind::*};
use futures_util::{future::join_all, poll};
use serde_json::Value;

use crate::{
    credential_support::{client_with, granting, identity},
    drive::{Answer::*, *},
    support::*,
};

#[tokio::test]
async fn a_description_with_escapes_costs_no_field_of_the_error() {
    assert!(WRONG_SECRET.contains(r"\r\n"));
    let error = Server::saying(401, &[], WRONG_SECRET)
        .await
        .ask()
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.status()),
        (InvalidCredential, Some(401))
    );
    assert_eq!(error.error(), Some("invalid_client"));
    assert_eq!(error.aadsts_codes(), [7_000_215]);
    assert!(error.trace_id().is_some() && error.timestamp().is_some());
    assert_eq!(
        error.description(),
        Some("AADSTS7000215: Invalid client secret provided")
    );
}

#[tokio::test]
async fn a_page_of_a_gateway_is_unavailability_with_its_status_before_the_deadline() {
    let endpoint = Endpoint::new(Refusal(502, "<html>\r\n<h1>502 Bad Gateway</h1></html>")).await;
    let mut time = Time::new();
    let client = time.client(&endpoint.server, entra_auth::RetryPolicy::new());
    let start = time.clock.now();
    let (outcome, _) = time.run(client.token(&graph())).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.status()), (Unavailable, Some(502)));
    assert!(time.clock.now().since(start) <= Duration::from_secs(20));
}

#[tokio::test]
async fn an_empty_redirect_is_told_as_a_redirect() {
    let error = Server::saying(307, &[], "").await.ask().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (Configuration, Some(307)));
    assert!(error.to_string().contains("redirect"));
    assert!(error.source().is_none());
}

#[tokio::test]
async fn a_success_without_a_token_is_an_error_and_not_kept() {
    let body = r#"{"token_type":"Bearer","expires_in":3600}"#;
    let endpoint = Endpoint::with(vec![Refusal(200, body)], HOUR).await;
    let clock = noon();
    let client = endpoint.client(&clock);
    let error = client.token(&graph()).await.unwrap_err();
    assert_eq!(error.kind(), MalformedAnswer);
    assert!(client.peek(&graph()).is_none());
    clock.advance(secs(1));
    assert_eq!(text(&client.token(&graph()).await.unwrap()), "token-1");
}

#[tokio::test]
async fn a_lifetime_in_quotes_is_a_lifetime() {
    let body = r#"{"token_type":"Bearer","expires_in":"3599","access_token":"token"}"#;
    let token = Server::saying(200, &[], body).await.ask().await.unwrap();
    assert_eq!(token.remaining(noon().now()), secs(3599));
}

#[tokio::test]
async fn the_chain_is_the_certificates_in_base64_and_not_their_pem() {
    let server = granting().await;
    let certificate = ClientCertificate::from_pem(identity().pem()).unwrap();
    let credential = Credential::certificate(certificate.with_subject_name_issuer());
    client_with(&server, credential)
        .token(&graph())
        .await
        .unwrap();
    let form = server.received().remove(0).form();
    let (_, header) = identity().open(&form["client_assertion"]);
    let chain = header["x5c"].as_array().unwrap();
    let ders: Vec<_> = chain
        .iter()
        .map(|der: &Value| STANDARD.decode(der.as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(ders[0], identity().leaf);
    assert_eq!(ders[1], identity().intermediate);
}

#[tokio::test]
async fn a_living_token_is_served_at_once_when_its_replacement_fails() {
    let endpoint = Endpoint::new(HOUR).await;
    let mut time = Time::new();
    let client = time.client(&endpoint.server, entra_auth::RetryPolicy::new());
    let (token, _) = time.run(client.token(&graph())).await;
    let token = token.unwrap();
    endpoint.now_says(Status(503, None));
    time.clock.advance(secs(3400));
    // One caller tries, within the deadline; the others don't wait.
    let start = time.clock.now();
    let (served, _) = time.run(client.token(&graph())).await;
    assert!(served.unwrap().is_same(&token));
    assert!(time.clock.now().since(start) <= secs(20));
    for _ in 0..20 {
        assert!(poll!(Box::pin(client.token(&graph()))).is_ready());
    }
}

#[tokio::test]
async fn a_scope_with_a_token_is_not_blocked_by_another_that_waits() {
    let gate = Gate::new();
    let held = gate.clone();
    let server = Server::start(move |request| {
        let gate = held.clone();
        async move {
            if request.form()["scope"] == graph().as_str() {
                gate.pass().await;
            }
            token_json(TOKEN, 3600)
        }
    })
    .await;
    let client = server.client(&noon());
    client.token(&vault()).await.unwrap();
    let scope = graph();
    let mut waiting = Box::pin(client.token(&scope));
    assert!(poll!(&mut waiting).is_pending());
    assert!(poll!(Box::pin(client.token(&vault()))).is_ready());
    gate.release(1);
    waiting.await.unwrap();
}

#[tokio::test]
async fn callers_share_a_failure_as_they_share_a_success() {
    let server = Server::saying(401, &[], WRONG_SECRET).await;
    let (client, scope) = (server.client(&noon()), graph());
    for outcome in join_all((0..20).map(|_| client.token(&scope))).await {
        assert_eq!(outcome.unwrap_err().kind(), InvalidCredential);
    }
    assert_eq!(server.count(), 1);
}
