//! Compliance, and what goes wrong when it is asked for.

use std::time::Duration;

use http::StatusCode;
use intune_core::{Capability::Read, ComplianceState, SourceFailure, SourceFailureKind};
use intune_mcp::{Admission, Liveness};
use serde_json::json;

use crate::{
    clients::{clients, lifecycles, over_streams},
    wire::{RESOURCE, call, good, send},
    world::{LAPTOP_ENTRA, World, device},
};

const UNKNOWN: &str = "33333333-4444-4555-8666-999999999999";

#[tokio::test]
async fn compliance_is_told_as_it_was_found() {
    let world = World::new();
    {
        let mut devices = world.devices.lock().unwrap();
        devices[0].compliance_state = ComplianceState::InGracePeriod;
        devices[0].compliance_grace_period_expiration =
            Some("2026-11-25T00:00:00Z".parse().unwrap());
    }
    for client in clients(&world, &[Read]).await {
        let found = client
            .succeed(
                "get_device_compliance",
                json!({"entra_device_id": LAPTOP_ENTRA}),
            )
            .await;
        let expected = json!({
            "entra_device_id": LAPTOP_ENTRA,
            "finding": "device",
            "compliance": {
                "managed_device_id": crate::world::LAPTOP,
                "state": "inGracePeriod",
                "grace_expires_at": "2026-11-25T00:00:00.000Z",
                "last_check_in": "2026-11-23T11:00:00.000Z",
                "being_removed": false,
                "records": 1,
            },
            "observed_at": "2026-11-23T12:00:00.000Z",
            "served": "live",
        });
        assert_eq!(found, expected);
        let nobody = client
            .succeed("get_device_compliance", json!({"entra_device_id": UNKNOWN}))
            .await;
        assert_eq!(nobody["finding"], "not_found");
        assert!(nobody.get("compliance").is_none());
    }
    let mut other = device(2);
    other.azure_ad_device_id = device(1).azure_ad_device_id;
    world.devices.lock().unwrap().push(other);
    let [old, _] = lifecycles();
    let client = over_streams(&world, &[Read], old).await;
    let found = client
        .succeed(
            "get_device_compliance",
            json!({"entra_device_id": LAPTOP_ENTRA}),
        )
        .await;
    assert_eq!(found["finding"], "conflicting_records");
    assert!(
        world
            .readmissions()
            .iter()
            .all(|liveness| *liveness == Liveness::Cached)
    );
}

#[tokio::test]
async fn a_failing_service_is_told_without_its_words() {
    let world = World::new();
    let [old, _] = lifecycles();
    let client = over_streams(&world, &[Read], old).await;
    let kinds = [
        (SourceFailureKind::Throttled, "throttled", true),
        (SourceFailureKind::Unavailable, "unavailable", true),
        (SourceFailureKind::TimedOut, "unavailable", true),
        (SourceFailureKind::PermissionMissing, "unavailable", false),
        (SourceFailureKind::CredentialRejected, "unavailable", false),
    ];
    for (kind, error, retryable) in kinds {
        let failure = SourceFailure::new(kind)
            .with_code("canary-code")
            .with_request_id("canary-request")
            .with_retry_after(Duration::from_millis(16_500));
        *world.failure.lock().unwrap() = Some(failure);
        for (tool, arguments) in [
            ("list_devices", json!({})),
            (
                "get_device_compliance",
                json!({"entra_device_id": LAPTOP_ENTRA}),
            ),
        ] {
            let told = client.fail(tool, arguments).await;
            assert_eq!(told["error"], error);
            assert_eq!(told["reason"], kind.as_str());
            assert_eq!(told["retryable"], retryable);
            assert_eq!(told["retry_after_seconds"], 17);
            assert!(!told.to_string().contains("canary"), "{told}");
            let last = world.records().pop().unwrap();
            assert_eq!(told["invocation_id"], last.invocation_id);
        }
    }
}

#[tokio::test]
async fn nothing_is_read_for_a_caller_whom_the_gate_would_not_let_in() {
    let world = World::new();
    *world.admission.lock().unwrap() = Admission::Denied {
        reason: "source_unavailable".into(),
        retry_after: Some(Duration::from_secs(5)),
    };
    for client in clients(&world, &[Read]).await {
        let told = client.fail("list_devices", json!({})).await;
        assert_eq!(told["error"], "denied");
        assert_eq!(told["reason"], "source_unavailable");
        assert_eq!(told["retryable"], true);
        assert_eq!(told["retry_after_seconds"], 5);
    }
    assert_eq!(world.records(), []);
}

#[tokio::test]
async fn a_read_that_cannot_be_recorded_shows_nothing() {
    let world = World::new();
    world.memory.refuse_appends(true);
    let [old, _] = lifecycles();
    let client = over_streams(&world, &[Read], old).await;
    let told = client.fail("list_devices", json!({})).await;
    assert_eq!(told["error"], "unavailable");
    assert_eq!(told["reason"], "audit_unavailable");
    assert!(told.get("devices").is_none());
}

#[tokio::test]
async fn a_gate_that_panics_lets_nobody_in() {
    let world = World::new();
    *world.panics.lock().unwrap() = true;
    for client in clients(&world, &[Read]).await {
        let told = client.fail("list_devices", json!({})).await;
        assert_eq!(told["error"], "unavailable");
    }
    assert_eq!(world.records(), []);
}

#[tokio::test]
async fn the_trace_of_a_request_goes_on_the_record() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let world = World::new();
    let service = world.service(RESOURCE);
    for (traceparent, kept) in [(TRACE, true), ("no trace", false)] {
        let mut request = good(&[Read], &call("list_devices", json!({})));
        let traceparent = traceparent.parse().unwrap();
        request.headers_mut().insert("traceparent", traceparent);
        assert_eq!(send(&service, request).await.status, StatusCode::OK);
        let records = world.memory.to_jsonl();
        let last = records
            .trim_ascii_end()
            .rsplit(|byte| *byte == b'\n')
            .next();
        let last = str::from_utf8(last.unwrap()).unwrap();
        assert_eq!(last.contains(TRACE), kept, "{last}");
    }
}
