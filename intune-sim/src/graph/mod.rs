//! Microsoft Graph, as far as Intune's managed devices.

mod auth;
pub(crate) mod errors;
mod filter;
mod list;
mod paging;
mod properties;
mod query;

use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use serde_json::Value;
use uuid::Uuid;

use crate::{Tenant, body, wire::Call};
use errors::GraphError;
use query::Query;

/// The most rows that Intune puts on one page.
pub(crate) const MAX_PAGE: usize = 1000;

const ODATA_JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// What an injected fault changes about a list.
#[derive(Debug, PartialEq)]
pub(crate) enum ListQuirk {
    None,
    IgnoreFilter,
    NextLinkTo(String),
    PageLoop,
}

pub(crate) fn answer(tenant: &Tenant, call: &Call, parts: &Parts, quirk: &ListQuirk) -> Response {
    let exchange = Exchange::of(&parts.headers);
    match perform(tenant, call, parts, quirk, &exchange) {
        Ok(Answer::Json(value)) => {
            exchange.label(body::typed(StatusCode::OK, ODATA_JSON, value.to_string()))
        }
        Ok(Answer::Text(text)) => exchange.label(body::typed(StatusCode::OK, "text/plain", text)),
        Err(error) => error.response(&exchange),
    }
}

enum Answer {
    Json(Value),
    Text(String),
}

fn perform(
    tenant: &Tenant,
    call: &Call,
    parts: &Parts,
    quirk: &ListQuirk,
    exchange: &Exchange,
) -> Result<Answer, GraphError> {
    let roles = auth::roles(tenant, &parts.headers)?;
    let path = parts.uri.path();
    if !matches!(call, Call::UnknownGraph { .. }) {
        auth::may_read(&roles, path, exchange)?;
    }
    let query = Query::parse(parts.uri.query().unwrap_or_default())?;
    match call {
        Call::ListDevices => list::list(tenant, &query, quirk).map(Answer::Json),
        Call::CountDevices => list::count(tenant, &query).map(Answer::Text),
        Call::GetDevice { id } => list::get(tenant, id, &query, exchange).map(Answer::Json),
        Call::UnknownGraph { segment } => Err(errors::unknown_segment(segment)),
        _ => Err(errors::unknown_segment(path)),
    }
}

/// The ids of one exchange with Graph, which every answer carries.
pub(crate) struct Exchange {
    pub(crate) request_id: String,
    pub(crate) client_request_id: String,
}

impl Exchange {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let request_id = Uuid::new_v4().to_string();
        let sent = headers
            .get("client-request-id")
            .and_then(|id| id.to_str().ok());
        let client_request_id = sent.map_or_else(|| request_id.clone(), str::to_owned);
        Self {
            request_id,
            client_request_id,
        }
    }

    /// Adds the headers that Graph puts on every answer.
    pub(crate) fn label(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        let ids = [
            ("request-id", &self.request_id),
            ("client-request-id", &self.client_request_id),
        ];
        for (name, id) in ids {
            if let Ok(id) = HeaderValue::from_str(id) {
                headers.insert(name, id);
            }
        }
        let fixed = [
            ("x-ms-ags-diagnostic", DIAGNOSTIC),
            ("odata-version", "4.0"),
            (header::CACHE_CONTROL.as_str(), "no-cache"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

const DIAGNOSTIC: &str = r#"{"ServerInfo":{"DataCenter":"Loopback","Slice":"E","Ring":"5","ScaleUnit":"001","RoleInstance":"SIM0"}}"#;
