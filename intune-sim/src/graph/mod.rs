//! Microsoft Graph, as far as Intune's managed devices and their actions.

mod action;
mod astray;
mod auth;
pub(crate) mod errors;
mod filter;
mod list;
mod paging;
mod properties;
mod query;
mod settings;
mod wipe;

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use serde_json::Value;
use uuid::Uuid;

use crate::{Tenant, body, service::Received, wire::Call};
use auth::Caller;
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
    PagePair,
    EndlessPages,
    HugePage(usize),
}

pub(crate) fn answer(tenant: &Tenant, received: &Received, quirk: &ListQuirk) -> Response {
    let exchange = Exchange::of(&received.parts.headers);
    match perform(tenant, received, quirk, &exchange) {
        Ok(Answer::Json(value)) => {
            exchange.label(body::typed(StatusCode::OK, ODATA_JSON, value.to_string()))
        }
        Ok(Answer::Text(text)) => exchange.label(body::typed(StatusCode::OK, "text/plain", text)),
        Ok(Answer::Nothing) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            exchange.label(response)
        }
        Err(error) => error.response(&exchange),
    }
}

enum Answer {
    Json(Value),
    Text(String),
    Nothing,
}

fn perform(
    tenant: &Tenant,
    received: &Received,
    quirk: &ListQuirk,
    exchange: &Exchange,
) -> Result<Answer, GraphError> {
    let Received { parts, body, call } = received;
    let caller = auth::caller(tenant, &parts.headers)?;
    admit(tenant, &caller, parts, exchange)?;
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let read = || {
        auth::may_read(&caller, path, exchange)?;
        Query::parse(query)
    };
    match call {
        Call::ListDevices => list::list(tenant, &read()?, quirk).map(Answer::Json),
        Call::CountDevices => list::count(tenant, &read()?).map(Answer::Text),
        Call::GetDevice { id } => list::get(tenant, id, &read()?, exchange).map(Answer::Json),
        Call::DeviceManagement => {
            auth::may(&caller, &settings::READERS, path, exchange)?;
            settings::get(tenant, query).map(Answer::Json)
        }
        Call::Act { id, action } => {
            action::act(tenant, &caller, id, *action, body, exchange).map(|()| Answer::Nothing)
        }
        Call::NotAllowed => Err(errors::only_post(&parts.method)),
        Call::UnknownGraph { segment } => Err(errors::unknown_segment(segment)),
        _ => Err(errors::unknown_segment(path)),
    }
}

/// Counts a request against the limits.
fn admit(
    tenant: &Tenant,
    caller: &Caller,
    parts: &Parts,
    exchange: &Exchange,
) -> Result<(), GraphError> {
    let writes = !matches!(parts.method, Method::GET | Method::HEAD);
    let mut state = tenant.state();
    let now = state.clock.now();
    state
        .throttle
        .count(&caller.client_id, writes, now)
        .map_err(|refused| errors::throttled(refused, parts.uri.path(), exchange))
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
