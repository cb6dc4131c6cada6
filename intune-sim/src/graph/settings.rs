//! The tenant's `deviceManagement` singleton, of which the settings are played.

use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::errors::GraphError;
use crate::Tenant;

/// The roles that may read it, any of them: no source settles which it is.
pub(crate) const READERS: [&str; 6] = [
    "DeviceManagementServiceConfig.Read.All",
    "DeviceManagementServiceConfig.ReadWrite.All",
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementConfiguration.ReadWrite.All",
    "DeviceManagementManagedDevices.Read.All",
    "DeviceManagementManagedDevices.ReadWrite.All",
];

/// The singleton, or what of it is selected.
pub(crate) fn get(tenant: &Tenant, query: &str) -> Result<Value, GraphError> {
    let all = json!({
        "id": tenant.tenant(),
        "settings": tenant.state().settings,
    });
    let selected = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "$select")
        .map(|(_, names)| names.into_owned());
    let (mut members, end) = match selected {
        None => match all {
            Value::Object(all) => (all, String::new()),
            _ => (Map::new(), String::new()),
        },
        Some(names) => {
            let mut chosen = Map::new();
            for name in names.split(',').map(str::trim) {
                let value = all.get(name).ok_or_else(|| {
                    GraphError::bad_request(format!(
                        "Parsing OData Select and Expand failed: Could not find a property named \
                         '{name}' on type 'microsoft.graph.deviceManagement'."
                    ))
                })?;
                chosen.insert(name.to_owned(), value.clone());
            }
            (chosen, format!("({names})"))
        }
    };
    let context = format!(
        "{}v1.0/$metadata#deviceManagement{end}/$entity",
        tenant.graph()
    );
    members.insert("@odata.context".to_owned(), context.into());
    Ok(Value::Object(members))
}
