//! A device and a page of devices, against a reading of the same text that keeps every property as it is written.

use std::collections::BTreeMap;

use clock::Timestamp;
use intune_core::{ComplianceState, ManagedDevice};
use intune_graph::fuzzing;
use serde_json::{Value, value::RawValue};

/// What `intune-graph` reads of one page at most.
const MAX_ROWS: usize = 2_000;
/// The device whose records are filtered for.
const WANTED: &str = "33333333-4444-4555-8666-777777777777";

type Object<'a> = BTreeMap<String, &'a RawValue>;

/// The bytes are the body of an answer with one device.
pub fn device(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let object = serde_json::from_str::<Object<'_>>(&text);
    if let Ok(decoded) = fuzzing::device(data) {
        let object = object.as_ref().expect("a device that is no object");
        compare(decoded.as_ref(), object);
        assert_whole(data, |part| fuzzing::device(part).is_ok());
    }
    // No property spoils the others, whatever its value is. Only one that is given twice does.
    if let Ok(object) = object {
        let once = serde_json::to_string(&object).expect("what was read can be written");
        let decoded = fuzzing::device(once.as_bytes()).expect("an object that is no device");
        compare(decoded.as_ref(), &object);
    }
}

/// The bytes are the body of an answer with a page of devices.
pub fn device_page(data: &[u8]) {
    let wanted = WANTED.parse().expect("a GUID");
    let (all, own) = (fuzzing::page(data, None), fuzzing::page(data, Some(wanted)));
    assert_eq!(all.is_ok(), own.is_ok(), "a filter makes or breaks a page");
    let (Ok(all), Ok(own)) = (all, own) else {
        return;
    };
    assert_whole(data, |part| fuzzing::page(part, None).is_ok());

    let text = String::from_utf8_lossy(data);
    let page: Object<'_> = serde_json::from_str(&text).expect("a page that is no object");
    let link = page.get("@odata.nextLink").map(|link| value(link));
    assert_eq!(all.next_link, own.next_link);
    assert_eq!(
        all.next_link.map_or(Value::Null, Value::String),
        link.unwrap_or_default()
    );

    let rows = page.get("value").expect("a page without rows").get();
    let rows: Vec<Object<'_>> = serde_json::from_str(rows).expect("rows that are no objects");
    assert!(rows.len() <= MAX_ROWS);
    assert_eq!(all.devices.len(), rows.len());
    for (device, row) in all.devices.iter().zip(&rows) {
        compare(device.as_ref(), row);
    }
    let is_own = |row: &&Object<'_>| {
        string(row, "azureADDeviceId").is_some_and(|id| id.eq_ignore_ascii_case(WANTED))
    };
    let rows: Vec<_> = rows.iter().filter(is_own).collect();
    assert_eq!(own.devices.len(), rows.len());
    for (device, row) in own.devices.iter().zip(rows) {
        compare(device.as_ref(), row);
    }
}

/// An answer that was cut is not taken for a whole one.
fn assert_whole(data: &[u8], is_read: impl Fn(&[u8]) -> bool) {
    let end = data.trim_ascii_end().len();
    for cut in [end - 1, end / 2] {
        assert!(!is_read(&data[..cut]), "cut at {cut}");
    }
}

fn compare(device: Option<&ManagedDevice>, row: &Object<'_>) {
    let guid = |name| string(row, name).and_then(guid);
    let Some(device) = device else {
        assert_eq!(guid("id"), None, "a device was lost");
        return;
    };
    assert_eq!(Some(device.id.to_string()), guid("id"));
    let entra_id = device.azure_ad_device_id.map(|id| id.to_string());
    assert_eq!(entra_id, guid("azureADDeviceId"));
    assert_eq!(device.user_id.map(|id| id.to_string()), guid("userId"));

    let state = string(row, "complianceState").unwrap_or_default();
    let is_compliant = device.compliance_state == ComplianceState::Compliant;
    assert_eq!(is_compliant, state == "compliant", "{state:?}");
    let kept = device.compliance_state.as_str();
    match device.compliance_state {
        ComplianceState::Unrecognized(_) => assert!(kept.len() <= 18 && is_printable(kept)),
        _ => assert_eq!(kept, state),
    }

    for (kept, name) in [
        (&device.device_name, "deviceName"),
        (&device.serial_number, "serialNumber"),
        (&device.manufacturer, "manufacturer"),
        (&device.model, "model"),
        (&device.operating_system, "operatingSystem"),
        (&device.os_version, "osVersion"),
        (&device.user_principal_name, "userPrincipalName"),
        (&device.jail_broken, "jailBroken"),
    ] {
        assert_eq!(*kept, string(row, name), "{name}");
    }
    for (kept, name) in [
        (device.management_state.as_str(), "managementState"),
        (device.management_agent.as_str(), "managementAgent"),
        (device.owner_type.as_str(), "managedDeviceOwnerType"),
    ] {
        assert_eq!(kept, string(row, name).unwrap_or_default(), "{name}");
    }
    for (kept, name) in [
        (
            device.compliance_grace_period_expiration,
            "complianceGracePeriodExpirationDateTime",
        ),
        (device.last_sync, "lastSyncDateTime"),
        (device.enrolled, "enrolledDateTime"),
    ] {
        let date = string(row, name).and_then(|date| date.parse::<Timestamp>().ok());
        assert_eq!(kept, date, "{name}");
    }
    let is_encrypted = row.get("isEncrypted").map(|flag| value(flag));
    assert_eq!(
        device.is_encrypted,
        is_encrypted.and_then(|flag| flag.as_bool())
    );
}

/// A property; null if it is JSON by its form only, such as `1e999` or half of a surrogate pair.
fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// Of a long text, 1,024 bytes at most are kept, and no part of a character.
fn string(row: &Object<'_>, name: &str) -> Option<String> {
    match value(row.get(name)?) {
        Value::String(mut text) if !text.is_empty() => {
            while text.len() > 1024 {
                text.pop();
            }
            Some(text)
        }
        _ => None,
    }
}

/// A GUID in lower case, if the text is one and not that of nothing.
fn guid(text: String) -> Option<String> {
    let has_form = text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let is_nil = text.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    (has_form && !is_nil).then(|| text.to_ascii_lowercase())
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}
