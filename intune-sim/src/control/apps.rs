//! Applications, and what they prove their identity with.

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{Control, refused};
use crate::{RegistrationError, Tenant};

pub(super) fn router() -> Router<Tenant> {
    Router::new()
        .route("/roles", get(roles).put(grant_roles))
        .route("/apps", post(register_app))
        .route("/apps/{id}/secrets", post(add_secret).delete(remove_secret))
        .route("/apps/{id}/secrets/expire", post(expire_secret))
        .route("/apps/{id}/certificates", post(register_certificate))
        .route("/apps/{id}/certificates/revoke", post(revoke_certificate))
        .route(
            "/apps/{id}/certificates/{thumbprint}",
            delete(remove_certificate),
        )
        .route("/apps/{id}/subject-name-issuers", post(trust_issuer))
        .route("/apps/{id}/federated", post(register_federated))
}

async fn roles(State(tenant): Control) -> Json<Vec<String>> {
    Json(tenant.roles())
}

async fn grant_roles(State(tenant): Control, Json(roles): Json<Vec<String>>) -> StatusCode {
    tenant.grant_roles(roles);
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct App {
    client_id: String,
    client_secret: String,
    #[serde(default)]
    roles: Vec<String>,
}

async fn register_app(State(tenant): Control, Json(app): Json<App>) -> Response {
    done(tenant.register_app(app.client_id, app.client_secret, app.roles))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Secret {
    secret: String,
}

async fn add_secret(
    State(tenant): Control,
    Path(id): Path<String>,
    Json(secret): Json<Secret>,
) -> Response {
    done(tenant.add_secret(&id, secret.secret))
}

async fn remove_secret(
    State(tenant): Control,
    Path(id): Path<String>,
    Json(secret): Json<Secret>,
) -> Response {
    done(tenant.remove_secret(&id, &secret.secret))
}

async fn expire_secret(
    State(tenant): Control,
    Path(id): Path<String>,
    Json(secret): Json<Secret>,
) -> Response {
    done(tenant.expire_secret(&id, &secret.secret))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pem {
    pem: String,
}

async fn register_certificate(
    State(tenant): Control,
    Path(id): Path<String>,
    Json(certificate): Json<Pem>,
) -> Response {
    match tenant.register_certificate(&id, certificate.pem) {
        Ok(thumbprint) => Json(json!({ "thumbprint": thumbprint })).into_response(),
        Err(error) => done(Err(error)),
    }
}

async fn revoke_certificate(
    State(tenant): Control,
    Path(id): Path<String>,
    Json(certificate): Json<Pem>,
) -> Response {
    done(tenant.revoke_certificate(&id, certificate.pem))
}

async fn remove_certificate(
    State(tenant): Control,
    Path((id, thumbprint)): Path<(String, String)>,
) -> Response {
    done(tenant.remove_certificate(&id, &thumbprint))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustedIssuer {
    pem: String,
    subject: String,
}

async fn trust_issuer(
    State(tenant): Control,
    Path(id): Path<String>,
    Json(trusted): Json<TrustedIssuer>,
) -> Response {
    done(tenant.trust_subject_name_issuer(&id, trusted.pem, trusted.subject))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Federated {
    /// The cluster's, if left out.
    issuer: Option<String>,
    subject: String,
    #[serde(default = "token_exchange")]
    audience: String,
}

fn token_exchange() -> String {
    "api://AzureADTokenExchange".to_owned()
}

async fn register_federated(
    State(tenant): Control,
    Path(id): Path<String>,
    Json(record): Json<Federated>,
) -> Response {
    let issuer = record.issuer.unwrap_or_else(|| tenant.kubernetes_issuer());
    done(tenant.register_federated(&id, issuer, record.subject, record.audience))
}

fn done(registered: Result<(), RegistrationError>) -> Response {
    let Err(error) = registered else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let status = match error {
        RegistrationError::UnknownApp(_) | RegistrationError::UnknownCredential(_) => {
            StatusCode::NOT_FOUND
        }
        _ => StatusCode::BAD_REQUEST,
    };
    refused(status, &error.to_string())
}
