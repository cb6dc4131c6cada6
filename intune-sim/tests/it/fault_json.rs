//! Faults in JSON.

use intune_sim::Fault;
use serde_json::json;

#[test]
fn faults_read_as_written() {
    let faults = [
        json!({ "route": "any", "count": "always", "kind": "cut_connection" }),
        json!({ "route": "token", "count": 3, "kind": { "status": { "status": 503, "retry_after": "2" } } }),
        json!({ "route": "list_devices", "contains": "x", "count": 1, "kind": { "delay": { "millis": 5 } } }),
        json!({ "route": "wipe", "count": 1, "kind": { "effect_then": "cut_connection" } }),
        json!({ "route": "action", "count": 1, "kind": { "effect_then": { "status": { "status": 500 } } } }),
        json!({ "route": "retire", "count": 1, "kind": { "error": { "layer": "intune_wrapped", "status": 403 } } }),
        json!({ "route": "any", "count": 1, "kind": "intune_refusal" }),
        json!({ "route": "any", "count": 1, "kind": "reject_token" }),
        json!({ "route": "remote_lock", "count": 1, "kind": { "missing_scope": { "scope": "S" } } }),
        json!({ "route": "sync_device", "count": 1, "kind": { "drip": { "millis": 5, "bytes": 9 } } }),
        json!({ "route": "device_management", "count": 1, "kind": { "gzip_bomb": { "bytes": 9 } } }),
        json!({ "route": "any", "count": 1, "kind": { "deep_json": { "depth": 9 } } }),
        json!({ "route": "any", "count": 1, "kind": { "huge_page": { "rows": 9 } } }),
        json!({ "route": "token", "count": 1, "kind": { "entra": { "code": 53003 } } }),
        json!({ "route": "token", "count": 1, "kind":
            { "entra": { "code": 90055, "retry_after": "9", "one_line": true, "without_codes": true } } }),
        json!({ "route": "any", "count": 1, "kind": "page_pair" }),
        json!({ "route": "any", "count": 1, "kind": "endless_pages" }),
        json!({ "route": "any", "count": 1, "kind":
            { "approval_required": { "approval_code": "c", "status": 400 } } }),
    ];
    for written in faults {
        let fault: Fault = serde_json::from_value(written.clone()).unwrap();
        let name = fault.kind.name();
        assert!(
            written["kind"] == name || written["kind"].get(name).is_some(),
            "{name}"
        );
        assert_eq!(serde_json::to_value(fault).unwrap(), written);
    }
    for wrong in [
        json!({ "route": "nowhere", "kind": "hold" }),
        json!({ "route": "any", "kind": "explode" }),
        json!({ "route": "any", "kind": "hold", "counts": 2 }),
        json!({ "route": "any", "kind": "hold", "count": "often" }),
        json!({ "route": "any", "kind": { "status": { "status": 503, "retryafter": "2" } } }),
    ] {
        assert!(
            serde_json::from_value::<Fault>(wrong.clone()).is_err(),
            "{wrong}"
        );
    }
}
