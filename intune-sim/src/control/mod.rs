//! Everything that [`Tenant`] can do, over HTTP: `/_sim/`.

mod apps;
mod devices;
mod faults;
mod settings;
mod tokens;

use axum::{Json, Router, extract::State, response::Response, routing::get};
use http::StatusCode;
use serde_json::{Value, json};

use crate::{Tenant, body};

/// The routes, to be nested under `/_sim`.
pub(crate) fn router() -> Router<Tenant> {
    Router::new()
        .route("/tenant", get(tenant))
        .merge(devices::router())
        .merge(faults::router())
        .merge(settings::router())
        .merge(apps::router())
        .merge(tokens::router())
        .fallback(unknown)
}

type Control = State<Tenant>;

async fn tenant(State(tenant): Control) -> Json<Value> {
    Json(tenant.connection())
}

async fn unknown() -> Response {
    refused(StatusCode::NOT_FOUND, "there is no such control")
}

fn refused(status: StatusCode, why: &str) -> Response {
    body::json(status, &json!({ "error": why }))
}
