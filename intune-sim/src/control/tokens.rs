//! Tokens: minting, lifetimes, keys, and the end of access.

use axum::{
    Json, Router,
    extract::State,
    routing::{post, put},
};
use http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::Control;
use crate::{Tenant, UserToken};

pub(super) fn router() -> Router<Tenant> {
    Router::new()
        .route("/tokens", post(mint))
        .route("/token-lifetime", put(token_lifetime))
        .route("/token-settings", put(token_settings))
        .route("/revoke-sessions", post(revoke_sessions))
        .route("/keys/rotate", post(rotate_keys))
}

async fn mint(State(tenant): Control, Json(token): Json<UserToken>) -> Json<Value> {
    Json(json!({ "token": tenant.mint(token) }))
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenSettings {
    lifetime: Option<u32>,
    cae_lifetime: Option<u32>,
    /// Null is the usual; left out is unchanged.
    #[serde(default, deserialize_with = "given")]
    refresh_in: Option<Option<u32>>,
    numbers_as_text: Option<bool>,
    refuse_replays: Option<bool>,
}

fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(value).map(Some)
}

async fn token_settings(State(tenant): Control, Json(settings): Json<TokenSettings>) -> StatusCode {
    if let Some(seconds) = settings.lifetime {
        tenant.set_token_lifetime(seconds);
    }
    if let Some(seconds) = settings.cae_lifetime {
        tenant.set_cae_token_lifetime(seconds);
    }
    if let Some(seconds) = settings.refresh_in {
        tenant.set_refresh_in(seconds);
    }
    if let Some(as_text) = settings.numbers_as_text {
        tenant.set_numbers_as_text(as_text);
    }
    if let Some(refuse) = settings.refuse_replays {
        tenant.set_refuse_replays(refuse);
    }
    StatusCode::NO_CONTENT
}

async fn revoke_sessions(State(tenant): Control) -> StatusCode {
    tenant.revoke_sessions();
    StatusCode::NO_CONTENT
}

async fn rotate_keys(State(tenant): Control) -> StatusCode {
    tenant.rotate_keys();
    StatusCode::NO_CONTENT
}
