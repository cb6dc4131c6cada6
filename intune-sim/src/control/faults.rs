//! Faults to come, and requests seen.

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::Control;
use crate::{Fault, LoggedRequest, Tenant};

pub(super) fn router() -> Router<Tenant> {
    Router::new()
        .route("/faults", get(faults).post(inject).delete(clear_faults))
        .route("/release", post(release))
        .route("/requests", get(requests).delete(clear_requests))
        .route("/counters", get(counters))
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
