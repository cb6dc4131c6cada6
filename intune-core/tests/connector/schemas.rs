//! The JSON Schema of what is configured says what serde takes.

use std::collections::BTreeSet;

use intune_core::{ApprovalRule, Capability, DelegationScope, Operation, ScopeTemplate};
use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// As much of JSON Schema 2020-12 as these schemas use; what else they used would be a panic.
fn accepts(root: &Value, schema: &Value, value: &Value) -> bool {
    let keywords = schema.as_object().unwrap();
    keywords.iter().all(|(keyword, says)| match &**keyword {
        "$schema" | "$defs" | "title" | "description" | "default" => true,
        // Formats are notes; serde is asked for the rest.
        "format" => true,
        "$ref" => {
            let name = says.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
            accepts(root, &root["$defs"][name], value)
        }
        "anyOf" | "oneOf" => {
            let mut options = says.as_array().unwrap().iter();
            options.any(|option| accepts(root, option, value))
        }
        "type" => match says {
            Value::Array(types) => types.iter().any(|name| is_a(name, value)),
            name => is_a(name, value),
        },
        "enum" => says.as_array().unwrap().contains(value),
        "const" => says == value,
        "minimum" => value.as_f64().is_none_or(|it| it >= says.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|it| it <= says.as_f64().unwrap()),
        "items" => {
            let items = value.as_array();
            items.is_none_or(|items| items.iter().all(|item| accepts(root, says, item)))
        }
        "uniqueItems" => value.as_array().is_none_or(|items| {
            let distinct: BTreeSet<_> = items.iter().map(ToString::to_string).collect();
            distinct.len() == items.len()
        }),
        "required" => value.as_object().is_none_or(|fields| {
            let mut required = says.as_array().unwrap().iter();
            required.all(|name| fields.contains_key(name.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|fields| {
            let known = says.as_object().unwrap();
            let mut fields = fields.iter();
            fields.all(|(name, field)| {
                known
                    .get(name)
                    .is_none_or(|says| accepts(root, says, field))
            })
        }),
        "additionalProperties" => {
            assert_eq!(says, &Value::Bool(false));
            let known = schema["properties"].as_object().unwrap();
            let fields = value.as_object();
            fields.is_none_or(|fields| fields.keys().all(|name| known.contains_key(name)))
        }
        other => panic!("`{other}` isn't understood"),
    })
}

fn is_a(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("`{other}` isn't understood"),
    }
}

fn assert_agree<T: DeserializeOwned + JsonSchema>(value: &Value, is_taken: bool) {
    let schema = schema_for!(T).to_value();
    let by_serde = serde_json::from_value::<T>(value.clone());
    assert_eq!(by_serde.is_ok(), is_taken, "serde and {value}");
    let by_schema = accepts(&schema, &schema, value);
    assert_eq!(by_schema, is_taken, "the schema and {value}");
}

#[test]
fn schema_and_serde_agree_about_scopes() {
    let documented = json!({
        "capabilities": ["READ", "PROPOSE"],
        "operations": ["get_device", "sync_device"],
        "ceremony_required_for": ["sync_device", "MUTATE"],
        "delegation_depth": 1,
        "expires_at": "2026-11-23T07:00:00Z",
    });
    let template = {
        let mut template = documented.clone();
        template.as_object_mut().unwrap().remove("expires_at");
        template
    };
    assert_agree::<DelegationScope>(&documented, true);
    assert_agree::<ScopeTemplate>(&template, true);
    assert_agree::<DelegationScope>(&template, false);
    assert_agree::<ScopeTemplate>(&documented, false);
    assert_agree::<ScopeTemplate>(&json!({"capabilities": ["READ"]}), true);
    for (field, value) in [
        ("capabilities", json!(["ADMIN"])),
        ("capabilities", json!(["wipe_device"])),
        ("capabilities", json!("READ")),
        ("capabilities", json!(null)),
        ("operations", json!(["READ"])),
        ("operations", json!(["reboot"])),
        ("operations", json!("get_device")),
        ("ceremony_required_for", json!(["reboot"])),
        ("ceremony_required_for", json!(["mutate"])),
        ("ceremony_required_for", json!([1])),
        ("ceremony_required_for", json!(null)),
        ("delegation_depth", json!(-1)),
        ("delegation_depth", json!(256)),
        ("delegation_depth", json!("1")),
        ("ceremonies", json!([])),
    ] {
        let mut scope = documented.clone();
        scope[field] = value.clone();
        assert_agree::<DelegationScope>(&scope, false);
        let mut template = template.clone();
        template[field] = value;
        assert_agree::<ScopeTemplate>(&template, false);
    }
    for name in Operation::ALL.map(Operation::as_str) {
        let both =
            json!({"capabilities": [], "operations": [name], "ceremony_required_for": [name]});
        assert_agree::<ScopeTemplate>(&both, true);
    }
    for name in Capability::ALL.map(Capability::as_str) {
        let both = json!({"capabilities": [name], "ceremony_required_for": [name]});
        assert_agree::<ScopeTemplate>(&both, true);
    }
}

#[test]
fn schema_and_serde_agree_about_rules_of_approval() {
    let issuer = "https://login.example/t1/v2.0";
    let documented = json!({"issuers": [issuer], "role": "device-approver", "approvals": 2});
    assert_agree::<ApprovalRule>(&documented, true);
    assert_agree::<ApprovalRule>(&json!({"issuers": [issuer], "role": "r"}), true);
    for (field, value) in [
        ("issuers", json!(issuer)),
        ("role", json!(null)),
        ("approvals", json!(0)),
        ("approvals", json!(256)),
        ("max_authentication_age", json!(-1)),
        ("roles", json!(["r"])),
    ] {
        let mut rule = documented.clone();
        rule[field] = value;
        assert_agree::<ApprovalRule>(&rule, false);
    }
    assert_agree::<ApprovalRule>(&json!({"issuers": [issuer]}), false);
    assert_agree::<ApprovalRule>(&json!({"role": "r"}), false);
}

#[test]
fn the_schema_names_every_field_and_what_is_required() {
    for (schema, required, optional) in [
        (
            schema_for!(DelegationScope),
            &["capabilities", "expires_at"][..],
            &["operations", "ceremony_required_for", "delegation_depth"][..],
        ),
        (
            schema_for!(ScopeTemplate),
            &["capabilities"],
            &["operations", "ceremony_required_for", "delegation_depth"],
        ),
        (
            schema_for!(ApprovalRule),
            &["issuers", "role"],
            &["approvals", "max_authentication_age"],
        ),
    ] {
        let schema = schema.to_value();
        assert_eq!(schema["additionalProperties"], false);
        let named = |list: &Value| -> BTreeSet<String> {
            let names = list.as_array().unwrap().iter();
            names
                .map(|name| name.as_str().unwrap().to_owned())
                .collect()
        };
        let expected: BTreeSet<_> = required.iter().map(ToString::to_string).collect();
        assert_eq!(named(&schema["required"]), expected);
        let fields = schema["properties"].as_object().unwrap();
        let known: BTreeSet<_> = fields.keys().map(String::as_str).collect();
        assert_eq!(known, required.iter().chain(optional).copied().collect());
        for (name, field) in fields {
            assert!(field["description"].is_string(), "`{name}` is explained");
        }
    }
}
