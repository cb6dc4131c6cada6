//! What goes in and what comes out, as JSON Schema.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    ToolKind,
    answer::{ActionResult, DeviceList},
    arguments::{DEFAULT_LIMIT, MAX_LIMIT, MAX_SYSTEM},
    compliance::ComplianceAnswer,
    error::Failure,
};

/// The states that can be asked for.
pub(super) const STATES: [&str; 7] = [
    "compliant",
    "inGracePeriod",
    "noncompliant",
    "conflict",
    "error",
    "unknown",
    "configManager",
];

const GUID: &str = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";

/// The arguments of a tool.
pub(crate) fn input_schema(tool: ToolKind) -> Map<String, Value> {
    let guid =
        |description: &str| json!({"type": "string", "pattern": GUID, "description": description});
    let (properties, required) = match tool {
        ToolKind::ListDevices => (
            json!({
                "compliance_state": {
                    "type": "string",
                    "enum": STATES,
                    "description": "Only devices in this state.",
                },
                "operating_system": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_SYSTEM,
                    "description": "Only devices with this operating system, named as Intune does: \
                        `Windows`, `iOS`, `macOS`, `Android`.",
                },
                "limit": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MAX_LIMIT,
                    "default": DEFAULT_LIMIT,
                    "description": "At most this many devices.",
                },
                "cursor": {
                    "type": "string",
                    "description": "`next_cursor` of the page before, with the same filters.",
                },
            }),
            json!([]),
        ),
        ToolKind::GetDeviceCompliance => (
            json!({"entra_device_id": guid("The device's id in Entra ID.")}),
            json!(["entra_device_id"]),
        ),
        ToolKind::SyncDevice | ToolKind::RemoteLock => (
            json!({
                "managed_device_id": guid("Intune's id of the device."),
                "ceremony_id": guid("The approved ceremony, after an answer `ceremony_required`."),
            }),
            json!(["managed_device_id"]),
        ),
    };
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), properties);
    schema.insert("required".to_owned(), required);
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

/// The structured content of a tool: its result, or an error. Clients that check both find both.
pub(crate) fn output_schema(tool: ToolKind) -> Map<String, Value> {
    let result = match tool {
        ToolKind::ListDevices => schema_of::<DeviceList>(),
        ToolKind::GetDeviceCompliance => schema_of::<ComplianceAnswer>(),
        ToolKind::SyncDevice | ToolKind::RemoteLock => schema_of::<ActionResult>(),
    };
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("anyOf".to_owned(), json!([result, schema_of::<Failure>()]));
    schema
}

fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| {
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        });
    settings.into_generator().into_root_schema_for::<T>().into()
}
