//! How the services behave.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post, put},
};
use http::StatusCode;
use serde::Deserialize;

use super::Control;
use crate::{Tenant, Throttling};

pub(super) fn router() -> Router<Tenant> {
    Router::new()
        .route("/page-size", put(page_size))
        .route("/throttling", get(throttling).put(set_throttling))
        .route("/settings", put(settings))
        .route("/advance", post(advance))
        .route("/clock-skew", put(clock_skew))
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

async fn throttling(State(tenant): Control) -> Json<Throttling> {
    Json(tenant.throttling())
}

async fn set_throttling(State(tenant): Control, Json(throttling): Json<Throttling>) -> StatusCode {
    tenant.set_throttling(throttling);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Settings {
    secure_by_default: Option<bool>,
    device_compliance_checkin_threshold_days: Option<i32>,
}

async fn settings(State(tenant): Control, Json(settings): Json<Settings>) -> StatusCode {
    if let Some(secure) = settings.secure_by_default {
        tenant.set_secure_by_default(secure);
    }
    if let Some(days) = settings.device_compliance_checkin_threshold_days {
        tenant.set_checkin_threshold_days(days);
    }
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: u64,
}

async fn advance(State(tenant): Control, Json(by): Json<Advance>) -> StatusCode {
    tenant.advance(Duration::from_secs(by.seconds));
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Skew {
    seconds: i64,
}

async fn clock_skew(State(tenant): Control, Json(skew): Json<Skew>) -> StatusCode {
    tenant.skew_clock(skew.seconds);
    StatusCode::NO_CONTENT
}
