//! Actions on a device.

use http::StatusCode;

use super::{Exchange, auth::Caller, errors::GraphError, list, wipe::WipeRequest};
use crate::{
    Action, Device, Tenant,
    actions::{Order, carry_out},
};

/// The one role that all four need.
const ROLE: &str = "DeviceManagementManagedDevices.PrivilegedOperations.All";

/// Performs an action. The gateway reads the body, then Intune judges role, device and values.
pub(crate) fn act(
    tenant: &Tenant,
    caller: &Caller,
    id: &str,
    action: Action,
    body: &[u8],
    exchange: &Exchange,
) -> Result<(), GraphError> {
    let path = format!(
        "deviceManagement/managedDevices('{id}')/microsoft.management.services.api.{action}"
    );
    let mut state = tenant.state();
    let wipe = match action {
        Action::Wipe => WipeRequest::parse(body, state.beta_wipe)?,
        _ => {
            nothing(body)?;
            WipeRequest::default()
        }
    };
    if !caller.has_one_of(&[ROLE]) {
        return Err(GraphError::missing_scope(ROLE, &path, exchange));
    }
    let device = state.devices.get(id).map(|device| Device::clone(device));
    let device = device.ok_or_else(|| list::no_device(id, &path, exchange))?;
    if !wipe.unlock_code_is_valid() {
        // Without the code: nothing may repeat it.
        let text = "The macOsUnlockCode must be a PIN of six digits";
        let status = StatusCode::BAD_REQUEST;
        return Err(GraphError::intune(
            status,
            "BadRequest",
            text,
            &path,
            exchange,
        ));
    }
    let order = Order {
        device: device.id().to_owned(),
        action,
        client_id: caller.client_id.clone(),
        keep_enrollment: wipe.keep_enrollment_data,
    };
    let now = state.clock.now();
    carry_out::accept(&mut state, &device, order, now);
    Ok(())
}

/// An action without parameters takes no body, or an empty object.
fn nothing(body: &[u8]) -> Result<(), GraphError> {
    if body.trim_ascii().is_empty() {
        return Ok(());
    }
    match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body) {
        Ok(members) => match members.keys().next() {
            None => Ok(()),
            Some(name) => Err(unknown_parameter(name)),
        },
        Err(_) => Err(unreadable()),
    }
}

pub(super) fn unknown_parameter(name: &str) -> GraphError {
    GraphError::bad_request(format!(
        "The parameter '{name}' in the request payload is not a valid parameter for the operation."
    ))
}

pub(super) fn unreadable() -> GraphError {
    GraphError::bad_request("Unable to read JSON request payload.")
}
