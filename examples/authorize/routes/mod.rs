//! The HTTP surface.

mod authorize;
mod health;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    routing::{get, post},
};
use http::StatusCode;
use serde_json::{Value, json};

use crate::host::Host;

/// All routes of the host.
pub fn router(host: Host) -> Router {
    Router::new()
        .route("/governance/authorize/", post(authorize::authorize))
        .route("/governance/authorize", post(authorize::authorize))
        .route("/.well-known/jwks.json", get(keys))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(not_found)
        .layer(DefaultBodyLimit::max(authorize::MAX_BODY))
        .with_state(host)
}

/// The key that Authorization Contexts are signed with.
async fn keys(State(host): State<Host>) -> Json<Value> {
    Json(json!(host.issuer.keys()))
}

async fn not_found() -> (StatusCode, Json<Value>) {
    (StatusCode::NOT_FOUND, Json(json!({"error": "not_found"})))
}
