//! The parameters of `wipe`.

use serde_json::{Map, Value};

use super::{
    action::{unknown_parameter, unreadable},
    errors::GraphError,
};

/// What of a wipe's body has an effect here.
#[derive(Default)]
pub(crate) struct WipeRequest {
    pub(crate) keep_enrollment_data: bool,
    mac_os_unlock_code: Option<String>,
}

impl WipeRequest {
    /// Reads a body; none at all is like an empty object. No value is repeated in an error.
    pub(crate) fn parse(body: &[u8], beta: bool) -> Result<Self, GraphError> {
        let mut request = Self::default();
        if body.trim_ascii().is_empty() {
            return Ok(request);
        }
        let members: Map<String, Value> = serde_json::from_slice(body).map_err(|_| unreadable())?;
        for (name, value) in members {
            match name.as_str() {
                "keepEnrollmentData" => request.keep_enrollment_data = boolean(&name, &value)?,
                "keepUserData" | "persistEsimDataPlan" => {
                    boolean(&name, &value)?;
                }
                "macOsUnlockCode" => {
                    request.mac_os_unlock_code = match value {
                        Value::Null => None,
                        Value::String(code) => Some(code),
                        _ => return Err(wrong_type(&name, "Edm.String")),
                    };
                }
                "obliterationBehavior" | "useProtectedWipe" if beta => {}
                _ => return Err(unknown_parameter(&name)),
            }
        }
        Ok(request)
    }

    pub(crate) fn unlock_code_is_valid(&self) -> bool {
        self.mac_os_unlock_code
            .as_ref()
            .is_none_or(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

fn boolean(name: &str, value: &Value) -> Result<bool, GraphError> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(value) => Ok(*value),
        _ => Err(wrong_type(name, "Edm.Boolean")),
    }
}

fn wrong_type(name: &str, expected: &str) -> GraphError {
    GraphError::bad_request(format!(
        "Cannot convert the value of the parameter '{name}' to the expected type '{expected}'."
    ))
}
