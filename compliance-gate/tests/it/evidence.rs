//! What the evidence says of a grace period, on an Authorization Context and in the record.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::{sync::Arc, time::Duration};

use crate::common::{Scripted, ask, clock, device, entra_id, found, template, wall};
use chronicle::MemorySink;
use compliance_gate::{CachedCompliance, DeviceIdentity, Gate, Policies, PolicyLayer};
use futures_executor::block_on;
use intune_core::{ComplianceState, Finding};
use serde_json::{Value, json};

/// The evidence of a decision on a device, and what its record says of it, a minute after it was looked up.
fn evidence(state: ComplianceState) -> (Value, Value) {
    let mut graced = device(state);
    graced.grace_expires_at = Some(wall().saturating_add(Duration::from_secs(3600)));
    let source = Scripted::new(Ok(Finding::Device(graced))).shared();
    let policies = Policies::builder().global(PolicyLayer::new().required(true));
    let (clock, sink) = (clock(), MemorySink::new());
    let cached = Arc::new(CachedCompliance::new(source));
    let gate = Gate::builder(policies.build().unwrap(), cached, Arc::new(clock.clone()));
    let gate = gate.chronicle(Arc::new(sink.clone()), "urn:broker:test".parse().unwrap());
    let gate = gate.build().unwrap();
    let asked = || {
        block_on(ask(
            &gate,
            "read-only",
            DeviceIdentity::Present(entra_id(0)),
        ))
    };
    let _ = asked();
    clock.advance(Duration::from_secs(60));
    let evidence = serde_json::to_value(asked().evidence().unwrap()).unwrap();
    let records = sink.to_jsonl();
    let last = records
        .trim_ascii_end()
        .rsplit(|byte| *byte == b'\n')
        .next();
    let record: Value = serde_json::from_slice(last.unwrap()).unwrap();
    (evidence, record["data"]["compliance"].clone())
}

/// Elsewhere than in grace, the expiry is a sentinel of Intune's and says nothing.
#[test]
fn a_grace_period_ends_only_for_what_is_in_grace() {
    let (evidence_of, recorded) = evidence(ComplianceState::InGracePeriod);
    let end = wall().saturating_add(Duration::from_secs(3600));
    assert_eq!(evidence_of["grace_expires_at"], json!(end));
    assert_eq!(recorded["grace_expires_at"], json!(end));
    let (evidence_of, recorded) = evidence(ComplianceState::Compliant);
    assert_eq!(evidence_of.get("grace_expires_at"), None);
    assert_eq!(recorded.get("grace_expires_at"), None);
}

#[test]
fn a_copy_says_how_old_it_is() {
    let (evidence_of, recorded) = evidence(ComplianceState::Compliant);
    for said in [evidence_of, recorded] {
        assert_eq!(said["age_ms"], json!(60_000));
        assert_eq!(said["served"], "cache");
        assert_eq!(said["observed_at"], json!(wall()));
    }
}

/// Of each setting that a layer makes, and always of the three that decide most, the record names the layer.
#[test]
fn a_record_names_the_layers_that_made_settings() {
    let layer = PolicyLayer::new().required(true).bind_subject(false);
    let policies = Policies::builder()
        .global(layer)
        .template(template(), PolicyLayer::new().max_age(Duration::ZERO))
        .build()
        .unwrap();
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let sink = MemorySink::new();
    let gate = Gate::builder(policies, source, Arc::new(clock()));
    let gate = gate.chronicle(Arc::new(sink.clone()), "urn:broker:test".parse().unwrap());
    let gate = gate.build().unwrap();
    let _ = block_on(ask(
        &gate,
        "read-only",
        DeviceIdentity::Present(entra_id(0)),
    ));
    let record: Value = serde_json::from_slice(&sink.to_jsonl()).unwrap();
    assert_eq!(
        record["data"]["policy"]["layers"],
        json!({
            "mode": "built_in", "required": "global", "strict": "built_in",
            "bind_subject": "global", "max_age": "template",
        })
    );
}
