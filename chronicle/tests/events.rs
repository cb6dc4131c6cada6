//! The payloads' names on the wire.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use chronicle::{
    Event,
    events::{
        BreakGlassUsed, Ceremony, Compliance, ConnectorInvoked, Device, DeviceComplianceChecked,
        Identity, Policy, PolicyReloaded, Principal, SourceError, Target,
    },
};
use clock::Timestamp;
use serde_json::{Value, json};

fn principal(delegate: Option<&str>) -> Principal {
    Principal {
        issuer: "https://issuer.example".to_owned(),
        subject: "alice".to_owned(),
        delegate: delegate.map(str::to_owned),
    }
}

fn policy() -> Policy {
    let layers = [
        ("required", "template"),
        ("strict", "global"),
        ("mode", "built_in"),
    ];
    Policy {
        digest: "d1".to_owned(),
        required: true,
        strict: false,
        mode: "enforce".into(),
        layers: BTreeMap::from(layers.map(|(name, layer)| (name.to_owned(), layer.to_owned()))),
        loosened: false,
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn policy_json() -> Value {
    json!({
        "digest": "d1", "required": true, "strict": false, "mode": "enforce",
        "layers": {"required": "template", "strict": "global", "mode": "built_in"},
        "loosened": false,
    })
}

fn compliance(served: &'static str) -> Compliance {
    Compliance {
        state: "noncompliant".into(),
        observed_at: time("2026-11-23T06:10:00Z"),
        age_ms: 1500,
        last_check_in: Some(time("2026-11-23T05:00:00Z")),
        grace_expires_at: Some(time("2026-11-24T05:00:00Z")),
        served: served.into(),
        user_matches: Some(true),
        being_removed: true,
    }
}

fn compliance_json(served: &str) -> Value {
    json!({
        "state": "noncompliant", "observed_at": "2026-11-23T06:10:00.000Z", "age_ms": 1500,
        "last_check_in": "2026-11-23T05:00:00.000Z",
        "grace_expires_at": "2026-11-24T05:00:00.000Z", "served": served, "user_matches": true,
        "being_removed": true,
    })
}

#[test]
fn a_full_compliance_check() {
    let event = DeviceComplianceChecked {
        decision_id: "dec-1".to_owned(),
        outcome: "allow".into(),
        enforced: false,
        would: Some("deny".into()),
        reason: "break_glass".into(),
        would_reason: Some("noncompliant".into()),
        retryable: false,
        accord_template: "device-management".to_owned(),
        principal: principal(Some("agent-9")),
        identity: Some(Identity {
            own: "absent".into(),
            delegator: Some("present".into()),
        }),
        device: Some(Device {
            entra_device_id: "e1".to_owned(),
            managed_device_id: Some("m1".to_owned()),
            records: 2,
            of: Some("delegator".into()),
            served: Some("cache".into()),
            age_ms: Some(1500),
        }),
        compliance: Some(compliance("cache")),
        policy: policy(),
        source_error: Some(SourceError {
            kind: "throttled".into(),
            status: Some(429),
            request_id: Some("r1".to_owned()),
            last_known: Some(compliance("last_known_good")),
        }),
    };
    let expected = json!({
        "decision_id": "dec-1", "outcome": "allow", "enforced": false, "would": "deny",
        "reason": "break_glass", "would_reason": "noncompliant", "retryable": false, "accord_template": "device-management",
        "principal": {"issuer": "https://issuer.example", "subject": "alice", "delegate": "agent-9"},
        "identity": {"own": "absent", "delegator": "present"},
        "device": {"entra_device_id": "e1", "managed_device_id": "m1", "records": 2, "of": "delegator",
                   "served": "cache", "age_ms": 1500},
        "compliance": compliance_json("cache"),
        "policy": policy_json(),
        "source_error": {"kind": "throttled", "status": 429, "request_id": "r1",
                         "last_known": compliance_json("last_known_good")},
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), expected);
    assert_eq!(
        serde_json::from_value::<DeviceComplianceChecked>(expected).unwrap(),
        event
    );
    assert_eq!(
        DeviceComplianceChecked::TYPE.name(),
        "DEVICE_COMPLIANCE_CHECKED"
    );
    assert_eq!(DeviceComplianceChecked::TYPE.code(), Some(0x2801));
}

#[test]
fn a_bare_compliance_check() {
    let event = DeviceComplianceChecked {
        decision_id: "dec-1".to_owned(),
        outcome: "deny".into(),
        enforced: true,
        would: None,
        reason: "no_device_identity".into(),
        would_reason: None,
        retryable: false,
        accord_template: "device-management".to_owned(),
        principal: principal(None),
        identity: None,
        device: None,
        compliance: None,
        policy: policy(),
        source_error: None,
    };
    let expected = json!({
        "decision_id": "dec-1", "outcome": "deny", "enforced": true,
        "reason": "no_device_identity", "retryable": false, "accord_template": "device-management",
        "principal": {"issuer": "https://issuer.example", "subject": "alice"},
        "policy": policy_json(),
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), expected);
    assert_eq!(
        serde_json::from_value::<DeviceComplianceChecked>(expected).unwrap(),
        event
    );
}

#[test]
fn a_full_invocation() {
    let event = ConnectorInvoked {
        invocation_id: "inv-1".to_owned(),
        phase: "outcome".into(),
        connector: "intune".into(),
        operation: "wipe_device".into(),
        capability: "MUTATE".into(),
        principal: principal(None),
        accord_template: Some("device-management".to_owned()),
        authorization_context: Some("ac-1".to_owned()),
        target: Some(Target {
            managed_device_id: "m1".to_owned(),
            entra_device_id: Some("e1".to_owned()),
        }),
        parameters_digest: Some("p1".to_owned()),
        ceremony: Some(Ceremony {
            id: "c1".to_owned(),
            approvers: vec![principal(None)],
        }),
        result: Some("unknown".into()),
        reason: Some("answer_lost".into()),
        status: Some(204),
        request_id: Some("r1".to_owned()),
        duration_ms: Some(12),
        returned: Some(3),
    };
    let expected = json!({
        "invocation_id": "inv-1", "phase": "outcome", "connector": "intune",
        "operation": "wipe_device", "capability": "MUTATE",
        "principal": {"issuer": "https://issuer.example", "subject": "alice"},
        "accord_template": "device-management", "authorization_context": "ac-1",
        "target": {"managed_device_id": "m1", "entra_device_id": "e1"},
        "parameters_digest": "p1",
        "ceremony": {
            "id": "c1",
            "approvers": [{"issuer": "https://issuer.example", "subject": "alice"}],
        },
        "result": "unknown", "reason": "answer_lost", "status": 204, "request_id": "r1",
        "duration_ms": 12, "returned": 3,
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), expected);
    assert_eq!(
        serde_json::from_value::<ConnectorInvoked>(expected).unwrap(),
        event
    );
    assert_eq!(ConnectorInvoked::TYPE.name(), "CONNECTOR_INVOKED");
    assert_eq!(ConnectorInvoked::TYPE.code(), None);
}

#[test]
fn a_reload_of_the_policy() {
    let event = PolicyReloaded {
        old_digest: "d1".to_owned(),
        new_digest: "d2".to_owned(),
        source: "/etc/broker/policy.toml".to_owned(),
        requested_by: "SIGHUP".to_owned(),
    };
    let expected = json!({
        "old_digest": "d1", "new_digest": "d2", "source": "/etc/broker/policy.toml",
        "requested_by": "SIGHUP",
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), expected);
    assert_eq!(
        serde_json::from_value::<PolicyReloaded>(expected).unwrap(),
        event
    );
    assert_eq!(PolicyReloaded::TYPE.name(), "POLICY_RELOADED");
    assert_eq!(PolicyReloaded::TYPE.code(), None);
}

#[test]
fn a_use_of_break_glass() {
    let event = BreakGlassUsed {
        decision_id: "dec-1".to_owned(),
        accord_template: "device-management".to_owned(),
        principal: principal(None),
        would_reason: "source_unavailable".into(),
        device: None,
        entry_reason: "Graph is down".to_owned(),
        entry_starts_at: time("2026-11-23T05:00:00Z"),
        entry_expires_at: time("2026-11-24T05:00:00Z"),
        policy_digest: "d1".to_owned(),
    };
    let expected = json!({
        "decision_id": "dec-1", "accord_template": "device-management",
        "principal": {"issuer": "https://issuer.example", "subject": "alice"},
        "would_reason": "source_unavailable", "entry_reason": "Graph is down",
        "entry_starts_at": "2026-11-23T05:00:00.000Z",
        "entry_expires_at": "2026-11-24T05:00:00.000Z", "policy_digest": "d1",
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), expected);
    assert_eq!(
        serde_json::from_value::<BreakGlassUsed>(expected).unwrap(),
        event
    );
    assert_eq!(BreakGlassUsed::TYPE.name(), "BREAK_GLASS_USED");
    assert_eq!(BreakGlassUsed::TYPE.code(), None);
}
