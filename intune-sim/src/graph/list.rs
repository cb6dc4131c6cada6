//! Devices: a page of them, how many there are, one of them.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    Exchange, ListQuirk,
    astray::{self, Next},
    errors::GraphError,
    filter::{self, Rows},
    paging::SkipToken,
    properties,
    query::Query,
};
use crate::{
    Device, Tenant,
    tenant::{device::is_guid, directory::position},
};

const PATH: &str = "v1.0/deviceManagement/managedDevices";

/// A page of the list.
pub(crate) fn list(tenant: &Tenant, query: &Query, quirk: &ListQuirk) -> Result<Value, GraphError> {
    let rows = rows(query, quirk)?;
    let place = query.token.as_ref().map(|token| token.0.clone());
    let Page { devices, next } = {
        let state = tenant.state();
        let limit = query.top.unwrap_or(super::MAX_PAGE).min(state.page_size);
        let candidates = state.devices.beyond(place.clone()).map(AsRef::as_ref);
        if query.skip {
            skipped(candidates)
        } else if state.sparse_pages {
            sparse_page(candidates, &rows, limit)
        } else {
            page(candidates, &rows, limit)
        }
    };
    let devices = match quirk {
        ListQuirk::HugePage(rows) => astray::invented(*rows),
        _ => devices,
    };
    let value: Vec<Value> = devices
        .iter()
        .map(|device| render(device, query.select.as_deref(), false))
        .collect();

    let next = astray::next(quirk, place, next).map(|next| match next {
        Next::Url(url) => url,
        Next::Page(token) => link(tenant, query, token.as_ref()),
    });
    let mut body = json!({
        "@odata.context": context(tenant, query, ""),
        "@odata.count": value.len(),
        "value": value,
    });
    if let (Some(next), Some(body)) = (next, body.as_object_mut()) {
        body.insert("@odata.nextLink".to_owned(), next.into());
    }
    Ok(body)
}

/// How many devices there are, in text.
pub(crate) fn count(tenant: &Tenant, query: &Query) -> Result<String, GraphError> {
    let rows = rows(query, &ListQuirk::None)?;
    // The schema: "not combine with count".
    if rows.tests("azureADDeviceId") {
        return Err(GraphError::bad_request(
            "The $filter on azureADDeviceId can't be combined with $count.",
        ));
    }
    let state = tenant.state();
    let count = state
        .devices
        .beyond(None)
        .filter(|device| rows.contain(device))
        .count();
    Ok(count.to_string())
}

/// One device, by Intune's own id.
pub(crate) fn get(
    tenant: &Tenant,
    id: &str,
    query: &Query,
    exchange: &Exchange,
) -> Result<Value, GraphError> {
    let Some(device) = tenant.device(id) else {
        let path = format!("deviceManagement/managedDevices%28%27{id}%27%29");
        return Err(no_device(id, &path, exchange));
    };
    let mut entity = render(&device, query.select.as_deref(), true);
    if let Some(entity) = entity.as_object_mut() {
        entity.insert(
            "@odata.context".to_owned(),
            context(tenant, query, "/$entity").into(),
        );
    }
    Ok(entity)
}

/// Why there is no device with that id.
pub(super) fn no_device(id: &str, path: &str, exchange: &Exchange) -> GraphError {
    if is_guid(id) {
        let (status, code) = (StatusCode::NOT_FOUND, "ResourceNotFound");
        GraphError::intune(status, code, "An error has occurred", path, exchange)
    } else {
        GraphError::bad_request(format!("Invalid device id '{id}': it must be a GUID."))
    }
}

fn rows(query: &Query, quirk: &ListQuirk) -> Result<Rows, GraphError> {
    match &query.filter {
        Some(plan) if *quirk != ListQuirk::IgnoreFilter => plan.rows(),
        _ => Ok(filter::Rows::all()),
    }
}

struct Page {
    devices: Vec<Device>,
    next: Option<SkipToken>,
}

fn page<'a>(candidates: impl Iterator<Item = &'a Device>, rows: &Rows, limit: usize) -> Page {
    let mut matching = candidates.filter(|device| rows.contain(device)).peekable();
    let devices: Vec<Device> = matching.by_ref().take(limit).cloned().collect();
    let next = devices.last().filter(|_| matching.peek().is_some());
    let next = next.map(|last| SkipToken(position(last)));
    Page { devices, next }
}

/// A page of `limit` rows before the filter.
fn sparse_page<'a>(
    candidates: impl Iterator<Item = &'a Device>,
    rows: &Rows,
    limit: usize,
) -> Page {
    let mut candidates = candidates.peekable();
    let scanned: Vec<&Device> = candidates.by_ref().take(limit).collect();
    let next = scanned.last().filter(|_| candidates.peek().is_some());
    let next = next.map(|last| SkipToken(position(last)));
    let devices = scanned
        .into_iter()
        .filter(|device| rows.contain(device))
        .cloned()
        .collect();
    Page { devices, next }
}

/// `$skip` is broken: it gives an empty page, and a link to the first one.
fn skipped<'a>(mut candidates: impl Iterator<Item = &'a Device>) -> Page {
    let next = candidates.next().map(|_| SkipToken(Default::default()));
    Page {
        devices: Vec::new(),
        next,
    }
}

/// A link to a place in the list; to its beginning, without one.
fn link(tenant: &Tenant, query: &Query, token: Option<&SkipToken>) -> String {
    let mut options = query.repeated.clone();
    if let Some(token) = token {
        let separator = if options.is_empty() { "" } else { "&" };
        options = format!("{options}{separator}$skiptoken={}", token.encoded());
    }
    let mark = if options.is_empty() { "" } else { "?" };
    format!("{}{PATH}{mark}{options}", tenant.graph())
}

fn context(tenant: &Tenant, query: &Query, end: &str) -> String {
    let selected = query
        .select
        .as_ref()
        .map(|names| format!("({})", names.join(",")));
    format!(
        "{}v1.0/$metadata#deviceManagement/managedDevices{}{end}",
        tenant.graph(),
        selected.unwrap_or_default(),
    )
}

/// A device on the wire. What only a selecting get fills is empty elsewhere.
fn render(device: &Device, select: Option<&[String]>, by_id: bool) -> Value {
    let full = by_id && select.is_some();
    let value = |name: &str, value: &Value| match value {
        _ if full || !properties::GET_ONLY.contains(&name) => value.clone(),
        Value::Number(_) => 0.into(),
        Value::Array(_) => Value::Array(Vec::new()),
        _ => Value::Null,
    };
    let properties: Map<String, Value> = match select {
        None => device
            .properties()
            .iter()
            .map(|(name, given)| (name.clone(), value(name, given)))
            .collect(),
        Some(names) => names
            .iter()
            .map(|name| {
                (
                    name.clone(),
                    value(name, device.get(name).unwrap_or(&Value::Null)),
                )
            })
            .collect(),
    };
    Value::Object(properties)
}
