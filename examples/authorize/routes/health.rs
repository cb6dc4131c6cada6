//! Whether the host lives, and whether it can do its work.

use axum::{Json, extract::State};
use entra_auth::TokenProvider as _;
use http::StatusCode;
use serde_json::{Value, json};

use crate::host::Host;

pub(super) async fn healthz() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

/// Ready means: tokens can be verified, and devices looked up if the gate asks for them.
pub(super) async fn readyz(State(host): State<Host>) -> (StatusCode, Json<Value>) {
    let mut not_ready = Vec::new();
    for issuer in host.verifier.issuers_without_keys().await {
        not_ready.push(json!({"check": "issuer_keys", "issuer": issuer}));
    }
    if let Some((tokens, scope)) = &host.graph
        && let Err(error) = tokens.token(scope).await
    {
        not_ready.push(json!({"check": "graph_token", "error": error.to_string()}));
    }
    let status = if not_ready.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(json!({"ready": not_ready.is_empty(), "not_ready": not_ready})),
    )
}
