//! Errors in the shapes that Graph and Intune give them.

use clock::Timestamp;
use serde_json::{Value, json};

use crate::tenant::{Answer, REQUEST_ID};

/// What prose holds that nobody may see.
const PROSE: &str = "An error has occurred canary-prose - Activity ID: 44444444-5555-4666-8777-888888888888 - \
                     Url: https://fef.example/DeviceFE/deviceManagement/managedDevices?api-version=2026-01-01";

/// The gateway's own error: a plain message.
pub(crate) fn gateway(code: &str) -> Value {
    json!({"error": {
        "code": code,
        "message": "Please look at canary-prose.",
        "innerError": {"date": "2026-11-23T06:10:00", "request-id": REQUEST_ID},
    }})
}

/// Intune's error, whose message is a JSON text.
pub(crate) fn intune(code: &str) -> Value {
    with_message(code, &fault(PROSE, &Value::Null, "{}"))
}

/// Intune's error, whose body says how long to wait.
pub(crate) fn intune_busy(retry_after: &Value) -> Value {
    with_message("TooManyRequests", &fault(PROSE, retry_after, "{}"))
}

/// Intune's error that names a permission as missing.
pub(crate) fn missing(permission: &str) -> Value {
    let text = format!(
        "Application is not authorized to perform this operation. Application must have one of \
         the following scopes: {permission} - Operation ID (for customer support): 0"
    );
    with_message("Forbidden", &fault(&text, &Value::Null, "{}"))
}

/// The 401 by which Intune refuses the tenant: wrapped twice, and about no token.
pub(crate) fn refusal() -> Value {
    let challenge = r#"{"WWW-Authenticate":"Bearer realm=\"urn:intune:service,canary-realm\""}"#;
    let inner = fault(PROSE, &Value::Null, challenge).to_string();
    let outer = json!({
        "ErrorCode": "Forbidden", "Message": inner, "Target": null, "Details": null,
        "InnerError": null, "InstanceAnnotations": [],
    });
    with_message("UnknownError", &outer)
}

/// The error of a tenant that Intune doesn't know.
pub(crate) fn no_licence() -> Value {
    let text = format!("Request not applicable to target tenant. {PROSE}");
    with_message("ResourceNotFound", &fault(&text, &Value::Null, "{}"))
}

/// An answer with an error, and with the service's id of the request.
pub(crate) fn error(status: u16, body: &Value) -> Answer {
    Answer::status(status, body).with("request-id", REQUEST_ID)
}

fn fault(text: &str, retry_after: &Value, headers: &str) -> Value {
    json!({
        "_version": 3, "Message": text, "CustomApiErrorPhrase": "", "RetryAfter": retry_after,
        "ErrorSourceService": "", "HttpHeaders": headers,
    })
}

fn with_message(code: &str, message: &Value) -> Value {
    json!({"error": {
        "code": code,
        "message": message.to_string(),
        "innerError": {"date": "2026-11-23T06:10:00", "request-id": REQUEST_ID},
    }})
}

/// A time as HTTP writes it: RFC 9110, section 5.6.7.
pub(crate) fn http_date(time: Timestamp) -> String {
    let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let weekday = days[(time.unix_seconds() / 86_400 % 7) as usize];
    let text = time.to_string();
    let month = months[text[5..7].parse::<usize>().unwrap() - 1];
    let (year, day, hours) = (&text[..4], &text[8..10], &text[11..19]);
    format!("{weekday}, {day} {month} {year} {hours} GMT")
}
