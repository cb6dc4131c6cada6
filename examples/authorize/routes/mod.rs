//! The HTTP surface.

mod authorize;
mod bearer;
mod ceremonies;
mod health;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    routing::{get, post},
};
use http::StatusCode;
use intune_mcp::McpService;
use serde_json::{Value, json};

use crate::host::Host;

/// All routes of the host.
pub fn router(host: Host, mcp: McpService) -> Router {
    let metadata = Json(json!(mcp.metadata()));
    let metadata_path = mcp.metadata().path().to_owned();
    Router::new()
        .route("/governance/authorize/", post(authorize::authorize))
        .route("/governance/authorize", post(authorize::authorize))
        .route("/governance/ceremonies/", get(ceremonies::pending))
        .route("/governance/ceremonies", get(ceremonies::pending))
        .route(
            "/governance/ceremonies/{id}/approve",
            post(ceremonies::approve),
        )
        .route("/governance/ceremonies/{id}/deny", post(ceremonies::deny))
        .route("/.well-known/jwks.json", get(keys))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(bearer::MAX_BODY))
        .with_state(host)
        // With limits of its own.
        .route(&metadata_path, get(async move || metadata))
        .nest_service("/mcp", mcp)
}

/// The key that Authorization Contexts are signed with.
async fn keys(State(host): State<Host>) -> Json<Value> {
    Json(json!(host.issuer.keys()))
}

async fn not_found() -> (StatusCode, Json<Value>) {
    (StatusCode::NOT_FOUND, Json(json!({"error": "not_found"})))
}
