//! Devices, and what was done to them.

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::{Control, refused};
use crate::{Device, PerformedAction, Tenant};

pub(super) fn router() -> Router<Tenant> {
    Router::new()
        .route("/devices", get(devices).post(put_device))
        .route(
            "/devices/{id}",
            get(device).patch(patch_device).delete(remove_device),
        )
        .route("/devices/{id}/staged", put(stage))
        .route("/actions", get(actions).delete(clear_actions))
}

async fn devices(State(tenant): Control) -> Json<Vec<Device>> {
    Json(tenant.devices())
}

async fn put_device(State(tenant): Control, Json(device): Json<Device>) -> Json<Device> {
    tenant.put_device(device.clone());
    Json(device)
}

async fn device(State(tenant): Control, Path(id): Path<String>) -> Response {
    found(tenant.device(&id))
}

async fn patch_device(
    State(tenant): Control,
    Path(id): Path<String>,
    Json(changes): Json<Value>,
) -> Response {
    if !changes.is_object() {
        return refused(StatusCode::BAD_REQUEST, "the changes are no JSON object");
    }
    found(tenant.patch_device(&id, changes))
}

async fn remove_device(State(tenant): Control, Path(id): Path<String>) -> Response {
    found(tenant.remove_device(&id))
}

fn found(device: Option<Device>) -> Response {
    match device {
        Some(device) => Json(device).into_response(),
        None => refused(StatusCode::NOT_FOUND, "no device has that id"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Staged {
    compliance_state: String,
}

async fn stage(
    State(tenant): Control,
    Path(id): Path<String>,
    Json(staged): Json<Staged>,
) -> StatusCode {
    tenant.stage_compliance(&id, staged.compliance_state);
    StatusCode::NO_CONTENT
}

async fn actions(State(tenant): Control) -> Json<Vec<PerformedAction>> {
    Json(tenant.actions())
}

async fn clear_actions(State(tenant): Control) -> StatusCode {
    tenant.clear_actions();
    StatusCode::NO_CONTENT
}
