//! `policy.schema.json` says what the parser takes: neither more nor less.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use compliance_gate::{PolicyFile, Setting};
use proptest::prelude::*;
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../policy.schema.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// As much of JSON Schema 2020-12 as the schema uses; what else it used would be a panic.
fn accepts(root: &Value, schema: &Value, value: &Value) -> bool {
    let follow = |says: &Value| {
        let name = says.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
        root["$defs"][name].clone()
    };
    let keywords = schema.as_object().unwrap();
    keywords.iter().all(|(keyword, says)| match &**keyword {
        "$schema" | "$defs" | "title" | "description" | "default" => true,
        "$ref" => accepts(root, &follow(says), value),
        "anyOf" | "oneOf" => {
            let mut options = says.as_array().unwrap().iter();
            options.any(|option| accepts(root, option, value))
        }
        "type" => match says.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            other => panic!("`{other}` isn't understood"),
        },
        "enum" => says.as_array().unwrap().contains(value),
        "const" => says == value,
        "minimum" => value.as_f64().is_none_or(|it| it >= says.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|it| it <= says.as_f64().unwrap()),
        "minItems" => value
            .as_array()
            .is_none_or(|it| it.len() as u64 >= says.as_u64().unwrap()),
        "minLength" => value
            .as_str()
            .is_none_or(|it| it.chars().count() as u64 >= says.as_u64().unwrap()),
        "maxLength" => value
            .as_str()
            .is_none_or(|it| it.chars().count() as u64 <= says.as_u64().unwrap()),
        "pattern" => {
            assert_eq!(says, "^[a-z0-9][a-z0-9-]{0,63}$");
            let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
            value.as_str().is_none_or(|name| {
                let is_short = (1..=64).contains(&name.len());
                is_short && name.bytes().all(allowed) && !name.starts_with('-')
            })
        }
        "format" => {
            assert_eq!(says, "date-time");
            let text = value.as_str();
            text.is_none_or(|text| text.parse::<clock::Timestamp>().is_ok())
        }
        "items" => {
            let items = value.as_array();
            items.is_none_or(|items| items.iter().all(|item| accepts(root, says, item)))
        }
        "required" => value.as_object().is_none_or(|fields| {
            let mut required = says.as_array().unwrap().iter();
            required.all(|name| fields.contains_key(name.as_str().unwrap()))
        }),
        "properties" => value.as_object().is_none_or(|fields| {
            let mut fields = fields.iter();
            fields.all(|(name, field)| says.get(name).is_none_or(|says| accepts(root, says, field)))
        }),
        "propertyNames" => value.as_object().is_none_or(|fields| {
            let mut names = fields.keys();
            names.all(|name| accepts(root, says, &json!(name)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|fields| {
            let known = keywords.get("properties");
            let known = |name: &str| known.is_some_and(|known| known.get(name).is_some());
            let mut others = fields.iter().filter(|(name, _)| !known(name));
            match says {
                Value::Bool(false) => others.next().is_none(),
                says => others.all(|(_, field)| accepts(root, says, field)),
            }
        }),
        other => panic!("`{other}` isn't understood"),
    })
}

fn agree(value: &Value) -> bool {
    let schema = schema();
    let parsed = PolicyFile::parse(&value.to_string());
    let accepted = accepts(&schema, &schema, value);
    assert_eq!(accepted, parsed.is_ok(), "{value}: {parsed:?}");
    accepted
}

fn entry() -> Value {
    json!({"issuer": "https://login.example", "subject": "adele", "reason": "INC-1",
           "starts_at": "2026-11-23T06:00:00Z", "expires_at": "2026-11-23T18:00:00Z"})
}

/// Every path of a whole file.
fn whole() -> Value {
    let layer = json!({
        "device_compliance_required": true, "strict": true, "mode": "enforce", "max_age_seconds": 60,
        "max_check_in_age_seconds": 604_800, "on_outage": {"last_known_good_seconds": 600},
        "bind_subject": true, "delegates": "delegator_device", "on_audit_failure": "best_effort",
        "states": {"in_grace_period": {"min_remaining_seconds": 60}, "noncompliant": "allow",
                   "conflict": "allow", "error": "allow", "unknown": "allow",
                   "config_manager": "allow"},
    });
    let mut glass = entry();
    glass["templates"] = json!(["ops"]);
    json!({
        "overrides": "tighten_only", "unknown_templates": "deny", "global": layer,
        "accords": {"ops": layer}, "break_glass": [glass],
        "delegation_scopes": {"ops": {
            "capabilities": ["READ", "PROPOSE", "MUTATE"], "operations": ["get_device"],
            "ceremony_required_for": ["MUTATE", "sync_device"], "delegation_depth": 1,
        }},
    })
}

fn paths(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                paths(field, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                paths(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// What to try in the place of each value.
fn candidates() -> Vec<Value> {
    let mut all = vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(255),
        json!(256),
        json!(86_400),
        json!(86_401),
        json!(31_622_400),
        json!(31_622_401),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!([]),
        json!({}),
        json!(["ops"]),
        json!(["Ops"]),
        json!(["READ"]),
        json!({"last_known_good_seconds": 600}),
        json!({"last_known_good_seconds": -1}),
        json!({"min_remaining_seconds": 31_622_401}),
        json!({"min_remaining_seconds": 1, "more": 1}),
        json!("2026-11-23T12:00:00Z"),
        json!("x".repeat(512)),
        json!("x".repeat(513)),
    ];
    let words = [
        "allow",
        "deny",
        "replace",
        "tighten_only",
        "global",
        "off",
        "report_only",
        "enforce",
        "unlimited",
        "own_device",
        "delegator_device",
        "best_effort",
        "until_expiry",
        "READ",
        "sync_device",
        "ops",
        "Ops",
        "-",
        "600",
        "true",
    ];
    all.extend(words.map(Value::from));
    all
}

#[test]
fn every_value_that_one_takes_the_other_takes() {
    assert!(agree(&whole()) && agree(&json!({})));
    let mut all = Vec::new();
    paths(&whole(), "", &mut all);
    let mut accepted = 0;
    for path in all.iter().filter(|path| !path.is_empty()) {
        for candidate in candidates() {
            let mut file = whole();
            *file.pointer_mut(path).unwrap() = candidate;
            accepted += usize::from(agree(&file));
        }
    }
    assert!(accepted > 50, "{accepted}");
}

#[test]
fn every_field_can_be_left_out_by_both_or_by_neither_and_none_can_be_added() {
    let mut all = Vec::new();
    paths(&whole(), "", &mut all);
    for path in &all {
        if let Some((table, name)) = path.rsplit_once('/') {
            let mut file = whole();
            if let Some(fields) = file.pointer_mut(table).unwrap().as_object_mut() {
                fields.remove(name);
                agree(&file);
            }
        }
        let mut file = whole();
        if let Some(fields) = file.pointer_mut(path).unwrap().as_object_mut() {
            fields.insert("colour".to_owned(), json!({"capabilities": []}));
            assert_eq!(agree(&file), path == "/delegation_scopes", "{path}");
            let fields = file.pointer_mut(path).unwrap().as_object_mut().unwrap();
            fields.insert("colour".to_owned(), json!({}));
            assert_eq!(agree(&file), path == "/accords", "{path}");
        }
    }
}

#[test]
fn every_setting_is_in_the_schema() {
    let layer = &schema()["$defs"]["layer"]["properties"];
    let mut keys = 0;
    for setting in Setting::ALL {
        let said = match setting.key().split_once('.') {
            Some((table, key)) => &layer[table]["properties"][key],
            None => &layer[setting.key()],
        };
        assert!(said.is_object(), "{setting}");
        keys += 1;
    }
    let states = layer["states"]["properties"].as_object().unwrap().len();
    assert_eq!(keys, layer.as_object().unwrap().len() - 1 + states);
}

/// What no schema can say.
#[test]
fn a_break_glass_entry_lasts_a_day_at_most() {
    for (expires_at, good) in [
        ("2026-11-24T06:00:00Z", true),
        ("2026-11-24T06:00:00.001Z", false),
        ("2026-11-23T06:00:00.001Z", true),
        ("2026-11-23T06:00:00Z", false),
        ("2026-11-22T06:00:00Z", false),
    ] {
        let mut entry = entry();
        entry["expires_at"] = json!(expires_at);
        let file = PolicyFile::parse(&json!({ "break_glass": [entry] }).to_string());
        assert_eq!(file.is_ok(), good, "{expires_at}");
        let error = file
            .map(|_| ())
            .err()
            .unwrap_or("24 hours at line 1".into());
        assert!(
            error.contains("24 hours") && error.contains("line 1"),
            "{error}"
        );
    }
}

proptest! {
    #[test]
    fn template_names_are_what_the_pattern_says(name in "[a-zA-Z0-9_-]{0,66}") {
        agree(&json!({"accords": {name: {}}}));
    }
}
