//! What the service answers, when nothing is broken.

use axum::response::Response;
use bytes::Bytes;
use http::{StatusCode, request::Parts};
use serde_json::json;

use crate::{
    Tenant,
    body::json,
    entra::{Exchange, discovery, token},
    graph,
    wire::Call,
};

/// A request, read and recognised.
pub(crate) struct Received {
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    pub(crate) call: Call,
}

impl Received {
    /// The answer of the service.
    pub(crate) fn perform(&self, tenant: &Tenant, quirk: &graph::ListQuirk) -> Response {
        let headers = &self.parts.headers;
        let exchange = Exchange::of(headers);
        match &self.call {
            Call::Token { tenant: path } => {
                token::answer(tenant, path, headers, &self.body, &exchange)
            }
            Call::OpenIdConfiguration { tenant: path } => {
                discovery::configuration(tenant, path, &exchange)
            }
            Call::TenantKeys { tenant: path } => discovery::keys(tenant, path, &exchange),
            Call::Instance => discovery::instance(tenant, &exchange),
            Call::RealmConfiguration { realm } => discovery::realm_configuration(tenant, realm),
            Call::RealmKeys { realm } => discovery::realm_keys(tenant, realm),
            Call::ClusterConfiguration => discovery::cluster_configuration(tenant),
            Call::ClusterKeys => discovery::cluster_keys(tenant),
            Call::ListDevices
            | Call::CountDevices
            | Call::GetDevice { .. }
            | Call::DeviceManagement
            | Call::Act { .. }
            | Call::NotAllowed
            | Call::UnknownGraph { .. } => graph::answer(tenant, self, quirk),
            Call::Unknown => json(
                StatusCode::NOT_FOUND,
                &json!({ "error": { "code": "NotFound", "message": "intune-sim doesn't play this path" } }),
            ),
        }
    }
}
