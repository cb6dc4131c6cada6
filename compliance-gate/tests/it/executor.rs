//! The gate runs on any executor: here on one that knows nothing but wakers.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, thread, time::Duration};

use crate::common::{Scripted, ask, clock, entra_id, found, now};
use chronicle::MemorySink;
use compliance_gate::{CachedCompliance, DeviceIdentity, Gate, Policies, PolicyLayer, Reason};
use futures_executor::block_on;
use intune_core::{ComplianceSource as _, ComplianceState, Freshness};
use tokio::runtime::Handle;

fn gate(source: Arc<Scripted>, clock: clock::ManualClock) -> (Gate, MemorySink) {
    let policies = Policies::builder().global(PolicyLayer::new().required(true));
    let sink = MemorySink::new();
    let cached = Arc::new(CachedCompliance::new(source));
    let gate = Gate::builder(policies.build().unwrap(), cached, Arc::new(clock))
        .chronicle(Arc::new(sink.clone()), "urn:broker:test".parse().unwrap())
        .build()
        .unwrap();
    (gate, sink)
}

fn device() -> DeviceIdentity {
    DeviceIdentity::Present(entra_id(0))
}

#[test]
fn a_miss_and_a_hit_are_decided_without_a_runtime() {
    assert!(Handle::try_current().is_err());
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let (gate, sink) = gate(source.clone(), clock());
    for _ in 0..2 {
        let decision = block_on(ask(&gate, "read-only", device()));
        assert_eq!(decision.reason(), Reason::Compliant);
    }
    assert_eq!(source.calls(), 1);
    assert_eq!((gate.counters().hits, gate.counters().misses), (1, 1));
    assert_eq!(sink.to_jsonl().split(|byte| *byte == b'\n').count(), 3);
}

#[test]
fn a_look_up_that_is_waited_for_is_woken_from_another_thread() {
    let source = Scripted::held(Ok(found(ComplianceState::Noncompliant))).shared();
    let (gate, _) = gate(source.clone(), clock());
    let decision = thread::scope(|scope| {
        let asked = scope.spawn(|| block_on(ask(&gate, "read-only", device())));
        while source.calls() == 0 {
            thread::yield_now();
        }
        source.release(1);
        asked.join().unwrap()
    });
    assert_eq!(decision.reason(), Reason::Noncompliant);
}

#[test]
fn the_deadline_is_the_clocks() {
    let clock = clock();
    let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
    let (gate, _) = gate(source.clone(), clock.clone());
    let decision = thread::scope(|scope| {
        let asked = scope.spawn(|| block_on(ask(&gate, "read-only", device())));
        while source.calls() == 0 {
            thread::yield_now();
        }
        // It may fall asleep only now: time goes on until it has noticed.
        while !asked.is_finished() {
            clock.advance(Duration::from_secs(10));
            thread::yield_now();
        }
        asked.join().unwrap()
    });
    assert_eq!(decision.reason(), Reason::SourceUnavailable);
}

#[test]
fn threads_without_a_runtime_share_a_look_up() {
    let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
    let (gate, _) = gate(source.clone(), clock());
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert!(block_on(ask(&gate, "read-only", device())).is_allow()));
        }
        source.release(20);
    });
    assert_eq!(source.calls(), 1);
}

#[test]
fn the_cache_alone_needs_none_either() {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let cached = CachedCompliance::new(source);
    let freshness = Freshness {
        now: now(),
        max_age: Duration::from_secs(300),
    };
    assert!(cached.peek(entra_id(0), freshness).is_none());
    block_on(cached.compliance(entra_id(0), freshness)).unwrap();
    assert!(cached.peek(entra_id(0), freshness).is_some());
}
