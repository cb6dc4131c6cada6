//! Whether the host lives, and whether it can do its work.

use axum::{Json, extract::State};
use http::StatusCode;
use serde_json::{Value, json};

use crate::host::Host;

pub(super) async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// Ready means: tokens can be verified, devices looked up if the gate asks for them, and records kept.
///
/// It costs nothing while all is well. While it isn't, each question asks again, so keep it from the public.
pub(super) async fn readyz(State(host): State<Host>) -> (StatusCode, Json<Value>) {
    let not_ready = not_ready(&host).await;
    let status = if not_ready.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let ready = not_ready.is_empty();
    (
        status,
        Json(json!({"ready": ready, "not_ready": not_ready})),
    )
}

async fn not_ready(host: &Host) -> Vec<Value> {
    let mut not_ready = Vec::new();
    for issuer in host.verifier.issuers_without_keys().await {
        not_ready.push(json!({"check": "issuer_keys", "issuer": issuer}));
    }
    if let Some((tokens, scope)) = &host.graph
        && let Err(error) = tokens.token(scope).await
    {
        not_ready.push(json!({"check": "graph_token", "error": error.to_string()}));
    }
    if !host.chronicle.works() {
        not_ready.push(json!({"check": "chronicle"}));
    }
    not_ready
}
