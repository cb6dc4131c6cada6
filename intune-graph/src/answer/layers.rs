use std::time::Duration;

use serde_json::Value;

/// The longest error that is read; those of Graph take a few kilobytes.
const MAX_SIZE: usize = 64 * 1024;
/// How often an error is unwrapped: Intune's own form, and that wrapped once more, are what has been seen.
const MAX_LAYERS: usize = 2;

/// What an error says, whichever of the services behind Graph says it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ServiceError {
    /// The innermost code.
    pub(super) code: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) retry_after: Option<Duration>,
    /// A permission that would do.
    pub(super) permission: Option<String>,
    /// Intune refuses the caller, whatever its token.
    pub(super) is_refusal: bool,
    /// The tenant isn't one of Intune's.
    pub(super) is_unknown_tenant: bool,
    /// The address is wrong, rather than that there is nothing at it.
    pub(super) is_wrong_address: bool,
}

impl ServiceError {
    /// Reads the [error envelope](https://learn.microsoft.com/graph/errors), if there is one: a gateway's 503
    /// can be HTML.
    ///
    /// Intune writes its own error as JSON in the text of `message`, and now and then that is wrapped once
    /// more.
    pub(super) fn read(body: &[u8]) -> Self {
        let envelope: Value = match body.len() {
            0..=MAX_SIZE => serde_json::from_slice(body).unwrap_or_default(),
            _ => Value::Null,
        };
        let mut error = Self::default();
        let Some(outer) = envelope.get("error") else {
            return error;
        };
        error.take_code(outer.get("code"));
        error.take_request_id(outer);
        let mut text = outer
            .get("message")
            .and_then(Value::as_str)
            .map(str::to_owned);
        for _ in 0..MAX_LAYERS {
            let layer = text.as_deref().map(serde_json::from_str);
            let Some(Ok(Value::Object(layer))) = layer else {
                break;
            };
            let code = layer.get("ErrorCode");
            error.take_code(code);
            error.retry_after = layer
                .get("RetryAfter")
                .and_then(seconds)
                .or(error.retry_after);
            let headers = layer.get("HttpHeaders").and_then(Value::as_str);
            error.is_refusal |= headers.is_some_and(names_intune)
                || code.and_then(Value::as_str) == Some("Forbidden");
            text = layer
                .get("Message")
                .and_then(Value::as_str)
                .map(str::to_owned);
        }
        if let Some(text) = text {
            error.take_prose(&text);
        }
        error
    }

    fn take_code(&mut self, code: Option<&Value>) {
        let code = code
            .and_then(Value::as_str)
            .filter(|code| is_identifier(code));
        self.code = code.map(str::to_owned).or(self.code.take());
    }

    fn take_request_id(&mut self, outer: &Value) {
        let inner = ["innerError", "innererror"]
            .iter()
            .find_map(|name| outer.get(name));
        let id = inner.and_then(|inner| inner.get("request-id").or_else(|| inner.get("requestId")));
        let id = id.and_then(Value::as_str).filter(|id| is_identifier(id));
        self.request_id = id.map(str::to_owned);
    }

    /// Microsoft asks not to go by these texts. What is read from them can only turn an absence into a failure,
    /// or one failure into another that says better what to do.
    fn take_prose(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        self.is_refusal |= names_intune(text);
        self.is_unknown_tenant = lower.contains("not applicable to target tenant");
        self.is_wrong_address = lower.contains("invalid version")
            || lower.contains("resource not found for the segment");
        self.permission = permission(text).map(str::to_owned);
    }
}

/// Whether a challenge is that of Intune itself.
pub(super) fn names_intune(text: &str) -> bool {
    text.contains("urn:intune:service")
}

/// Whether a text is what a service calls a thing, and not prose, nor a secret that it echoes: tokens have dots, and
/// PINs no letter.
pub(super) fn is_identifier(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    (1..=64).contains(&text.len()) && text.bytes().all(allowed) && !is_number
}

/// The first name of a permission for Intune, such as `DeviceManagementManagedDevices.Read.All`.
fn permission(text: &str) -> Option<&str> {
    let in_name = |c: char| c.is_ascii_alphabetic() || c == '.';
    let names = text
        .split(|c: char| !in_name(c))
        .map(|name| name.trim_matches('.'));
    let mut names = names.filter(|name| name.starts_with("DeviceManagement") && name.contains('.'));
    names.find(|name| name.len() <= 64)
}

fn seconds(value: &Value) -> Option<Duration> {
    let seconds: f64 = match value {
        Value::String(text) => text.trim().parse().ok()?,
        number => number.as_f64()?,
    };
    // `min` would make a number of what is none.
    let seconds = (!seconds.is_nan()).then(|| seconds.min(f64::from(u32::MAX)))?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> ServiceError {
        ServiceError::read(body.to_string().as_bytes())
    }

    fn wrapped(layer: &Value) -> Value {
        json!({"error": {"code": "UnknownError", "message": layer.to_string()}})
    }

    #[test]
    fn a_wait_may_be_a_number_or_a_text() {
        for (value, expected) in [
            (json!(7), Some(Duration::from_secs(7))),
            (json!(2.5), Some(Duration::from_millis(2500))),
            (json!("30"), Some(Duration::from_secs(30))),
            (json!(1e300), Some(Duration::from_secs(u64::from(u32::MAX)))),
            (json!(null), None),
            (json!("soon"), None),
            (json!(-1), None),
            (json!("NaN"), None),
            (json!([7]), None),
        ] {
            let fault = json!({"_version": 3, "Message": "m", "RetryAfter": value});
            assert_eq!(read(&wrapped(&fault)).retry_after, expected, "{value}");
        }
    }

    #[test]
    fn only_two_layers_are_unwrapped() {
        let mut message = json!({"ErrorCode": "Third", "Message": "m"});
        for code in ["Second", "First"] {
            message = json!({"ErrorCode": code, "Message": message.to_string()});
        }
        assert_eq!(read(&wrapped(&message)).code.as_deref(), Some("Second"));
    }

    #[test]
    fn a_permission_is_known_by_its_form() {
        for (text, expected) in [
            (
                "one of: DeviceManagementManagedDevices.PrivilegedOperations.All - Operation",
                Some("DeviceManagementManagedDevices.PrivilegedOperations.All"),
            ),
            (
                "DeviceManagementApps.Read.All, DeviceManagementRBAC.Read.All.",
                Some("DeviceManagementApps.Read.All"),
            ),
            ("DeviceManagement.", None),
            ("https://x/deviceManagement/managedDevices", None),
            ("Directory.Read.All", None),
            ("XDeviceManagementApps.Read.All", None),
        ] {
            assert_eq!(permission(text), expected, "{text}");
        }
        assert_eq!(
            permission(&format!("DeviceManagement.{}", "x".repeat(64))),
            None
        );
    }

    #[test]
    fn a_large_error_is_not_read() {
        let body = |size: usize| {
            let padding = " ".repeat(size);
            format!(r#"{{"error":{{"code":"x"}}{padding}}}"#)
        };
        assert_eq!(
            ServiceError::read(body(0).as_bytes()).code.as_deref(),
            Some("x")
        );
        assert_eq!(
            ServiceError::read(body(MAX_SIZE).as_bytes()),
            ServiceError::default()
        );
    }
}
