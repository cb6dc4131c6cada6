//! Whether the host says that it lives, and that it is ready.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use crate::{
    running::Running,
    tenant::{Answer, SECRET, Tenant, granted},
};

#[tokio::test]
async fn a_host_that_lacks_nothing_is_ready() {
    let tenant = Tenant::start().await;
    let host = Running::over(&tenant).await;
    assert_eq!(host.get("/healthz").await.status, 200);
    assert_eq!(host.get("/readyz").await.status, 200);
    // Being asked costs nothing once things are at hand.
    for _ in 0..10 {
        assert_eq!(host.get("/readyz").await.status, 200);
    }
    assert_eq!(tenant.calls("/token").len(), 1);
    assert_eq!(tenant.calls("openid-configuration").len(), 1);
    assert_eq!(tenant.look_ups(), 0);
}

#[tokio::test]
async fn a_host_without_keys_says_whose() {
    let tenant = Tenant::start().await;
    tenant.keys(|_| Answer::text(500, ""));
    let issuers = [tenant.issuer(), format!("{}=keycloak:d", tenant.realm())];
    let host = Running::with(&tenant, &[], &issuers).await;
    assert_eq!(host.get("/healthz").await.status, 200);
    let answer = host.get("/readyz").await;
    assert_eq!(answer.status, 503);
    let text = answer.body.to_string();
    assert!(
        text.contains(&tenant.issuer()) && text.contains(&tenant.realm()),
        "{text}"
    );
    tenant.behaviour().keys_answer = None;
    assert_eq!(host.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn a_host_without_a_graph_token_says_so_and_keeps_its_secret() {
    let tenant = Tenant::start().await;
    tenant.tokens(|_| {
        let description = format!("AADSTS7000215: Invalid client secret provided: {SECRET}");
        Answer::status(
            401,
            &json!({"error": "invalid_client", "error_description": description}),
        )
    });
    let host = Running::over(&tenant).await;
    let answer = host.get("/readyz").await;
    assert_eq!(answer.status, 503);
    let text = answer.body.to_string();
    assert!(text.contains("graph_token"), "{text}");
    assert!(!text.contains(SECRET) && !text.contains("canary"), "{text}");
    tenant.tokens(|_| granted("x"));
    // For a second, the failure is also for those who come after it.
    let recovered = async { while host.get("/readyz").await.status != 200 {} };
    timeout(Duration::from_secs(30), recovered).await.unwrap();
    assert_eq!(tenant.calls("/token").len(), 2);
}

#[tokio::test]
async fn a_gate_that_is_off_needs_no_graph() {
    let tenant = Tenant::start().await;
    tenant.tokens(|_| Answer::text(500, ""));
    let issuers = [tenant.issuer()];
    let host = Running::with(&tenant, &[("INTUNE_ENABLED", "off")], &issuers).await;
    assert_eq!(host.get("/readyz").await.status, 200);
    assert_eq!(tenant.calls("/token").len(), 0);
}

#[tokio::test]
async fn readiness_is_about_tokens_and_the_chronicle_and_sends_nothing_to_graph() {
    let tenant = Tenant::start().await;
    tenant.devices(|_| Answer::text(429, "{}").with("retry-after", 86_400));
    let host = Running::over(&tenant).await;
    let token = tenant.token(json!({}));
    let answer = host.authorize(&token, "device-management").await;
    assert_eq!(answer.line(), "503 source_unavailable -");
    // A host that isn't sent requests couldn't find out that Graph is back.
    let asked = tenant.look_ups();
    for _ in 0..10 {
        assert_eq!(host.get("/readyz").await.status, 200);
    }
    assert_eq!(tenant.look_ups(), asked);
    assert!(tenant.action_calls().is_empty());
}
