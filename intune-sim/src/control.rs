//! Everything that [`Tenant`] can do, over HTTP: `/_sim/`.

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Device, Fault, LoggedRequest, Tenant, UserToken, body};

/// The routes, to be nested under `/_sim`.
pub(crate) fn router() -> Router<Tenant> {
    Router::new()
        .route("/tenant", get(tenant))
        .route("/devices", get(devices).post(put_device))
        .route(
            "/devices/{id}",
            get(device).patch(patch_device).delete(remove_device),
        )
        .route("/tokens", post(mint))
        .route("/faults", get(faults).post(inject).delete(clear_faults))
        .route("/release", post(release))
        .route("/requests", get(requests).delete(clear_requests))
        .route("/counters", get(counters))
        .route("/roles", get(roles).put(grant_roles))
        .route("/keys/rotate", post(rotate_keys))
        .route("/page-size", put(page_size))
        .route("/token-lifetime", put(token_lifetime))
        .fallback(unknown)
}

type Control = State<Tenant>;

async fn tenant(State(tenant): Control) -> Json<Value> {
    Json(tenant.connection())
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

async fn mint(State(tenant): Control, Json(token): Json<UserToken>) -> Json<Value> {
    Json(json!({ "token": tenant.mint(token) }))
}

async fn faults(State(tenant): Control) -> Json<Vec<Fault>> {
    Json(tenant.faults())
}

async fn inject(State(tenant): Control, Json(fault): Json<Fault>) -> StatusCode {
    tenant.inject(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(tenant): Control) -> StatusCode {
    tenant.clear_faults();
    StatusCode::NO_CONTENT
}

async fn release(State(tenant): Control) -> StatusCode {
    tenant.release();
    StatusCode::NO_CONTENT
}

async fn requests(State(tenant): Control) -> Json<Vec<LoggedRequest>> {
    Json(tenant.requests())
}

async fn clear_requests(State(tenant): Control) -> StatusCode {
    tenant.clear_requests();
    StatusCode::NO_CONTENT
}

async fn counters(State(tenant): Control) -> Json<Value> {
    Json(json!(tenant.counts()))
}

async fn roles(State(tenant): Control) -> Json<Vec<String>> {
    Json(tenant.roles())
}

async fn grant_roles(State(tenant): Control, Json(roles): Json<Vec<String>>) -> StatusCode {
    tenant.grant_roles(roles);
    StatusCode::NO_CONTENT
}

async fn rotate_keys(State(tenant): Control) -> StatusCode {
    tenant.rotate_keys();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageSize {
    rows: Option<usize>,
    sparse: Option<bool>,
}

async fn page_size(State(tenant): Control, Json(size): Json<PageSize>) -> StatusCode {
    if let Some(rows) = size.rows {
        tenant.set_page_size(rows);
    }
    if let Some(sparse) = size.sparse {
        tenant.set_sparse_pages(sparse);
    }
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenLifetime {
    seconds: u32,
}

async fn token_lifetime(State(tenant): Control, Json(lifetime): Json<TokenLifetime>) -> StatusCode {
    tenant.set_token_lifetime(lifetime.seconds);
    StatusCode::NO_CONTENT
}

async fn unknown() -> Response {
    refused(StatusCode::NOT_FOUND, "there is no such control")
}

fn refused(status: StatusCode, why: &str) -> Response {
    body::json(status, &json!({ "error": why }))
}
