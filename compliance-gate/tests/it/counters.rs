//! What a gate counts.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    sync::{Arc, Barrier},
    thread,
    time::Duration,
};

use crate::common::{self, Scripted, ask, clock, entra_id, found, settle, wall};
use async_trait::async_trait;
use chronicle::{AppendError, AppendErrorKind, MemorySink, Receipt, Record, Sink};
use clock::ManualClock;
use compliance_gate::{
    BreakGlass, CachedCompliance, DeviceIdentity, Gate, GateCounters, GateRequest, Mode,
    OnAuditFailure, OnOutage, Policies, PoliciesBuilder, PolicyLayer, Reason,
};
use futures_executor::block_on;
use intune_core::{ComplianceState, SourceFailure, SourceFailureKind};

const DEVICE: fn() -> DeviceIdentity = || DeviceIdentity::Present(entra_id(0));

fn required() -> PoliciesBuilder {
    Policies::builder().global(PolicyLayer::new().required(true))
}

/// A gate over a cached source; its clock and the source, to be told what to do.
fn gate(policies: PoliciesBuilder) -> (Gate, ManualClock, Arc<Scripted>) {
    let clock = clock();
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let cached = CachedCompliance::new(source.clone());
    let gate = Gate::builder(
        policies.build().unwrap(),
        Arc::new(cached),
        Arc::new(clock.clone()),
    )
    .chronicle(
        Arc::new(MemorySink::new()),
        "urn:broker:test".parse().unwrap(),
    )
    .build()
    .unwrap();
    (gate, clock, source)
}

fn decisions(counters: &GateCounters) -> Vec<(Reason, u64, u64, u64)> {
    counters
        .by_reason()
        .map(|(reason, each)| (reason, each.allowed, each.denied, each.only_reported))
        .filter(|(_, allowed, denied, reported)| allowed + denied + reported > 0)
        .collect()
}

#[test]
fn a_new_gate_has_counted_nothing() {
    let (gate, ..) = gate(required());
    assert_eq!(gate.counters(), GateCounters::default());
    assert_eq!(gate.counters().break_glass_uses(), 0);
    assert_eq!(gate.counters().by_reason().count(), Reason::ALL.len());
}

#[test]
fn a_miss_and_the_hits_after_it_are_told_apart() {
    let (gate, ..) = gate(required());
    for _ in 0..3 {
        assert!(block_on(ask(&gate, "read-only", DEVICE())).is_allow());
    }
    let counters = gate.counters();
    assert_eq!((counters.hits, counters.misses, counters.stale), (2, 1, 0));
    assert_eq!((counters.look_ups.count, counters.look_ups.failed), (1, 0));
    assert_eq!(decisions(&counters), [(Reason::Compliant, 3, 0, 0)]);
    assert_eq!((counters.allowed(), counters.denied()), (3, 0));
}

#[test]
fn what_needs_no_look_up_is_neither_hit_nor_miss() {
    let (gate, ..) =
        gate(required().template("open".parse().unwrap(), PolicyLayer::new().required(false)));
    let _ = block_on(ask(&gate, "open", DEVICE()));
    let _ = block_on(ask(&gate, "read-only", DeviceIdentity::Invalid));
    let counters = gate.counters();
    assert_eq!((counters.hits, counters.misses), (0, 0));
    assert_eq!(
        decisions(&counters),
        [
            (Reason::NotRequired, 1, 0, 0),
            (Reason::InvalidDeviceIdentity, 0, 1, 0)
        ]
    );
}

#[test]
fn what_is_only_reported_is_no_deny() {
    let (gate, _, source) = gate(required().template(
        "trial".parse().unwrap(),
        PolicyLayer::new().mode(Mode::ReportOnly),
    ));
    source.answer(Ok(found(ComplianceState::Noncompliant)));
    assert!(block_on(ask(&gate, "trial", DEVICE())).is_allow());
    assert!(!block_on(ask(&gate, "read-only", DEVICE())).is_allow());
    let counters = gate.counters();
    assert_eq!(decisions(&counters), [(Reason::Noncompliant, 0, 1, 1)]);
    assert_eq!((counters.allowed(), counters.denied()), (1, 1));
}

#[test]
fn a_failed_look_up_is_counted_and_what_serves_instead_is_stale() {
    let (gate, clock, source) = gate(required().template(
        "lenient".parse().unwrap(),
        PolicyLayer::new().on_outage(OnOutage::LastKnownGood {
            max_age: Duration::from_secs(3600),
        }),
    ));
    let _ = block_on(ask(&gate, "lenient", DEVICE()));
    clock.advance(Duration::from_secs(600));
    source.answer(Err(SourceFailure::new(SourceFailureKind::Unavailable)));
    assert!(block_on(ask(&gate, "lenient", DEVICE())).is_allow());
    assert!(!block_on(ask(&gate, "read-only", DEVICE())).is_allow());

    let counters = gate.counters();
    assert_eq!((counters.hits, counters.misses, counters.stale), (0, 3, 1));
    assert_eq!((counters.look_ups.count, counters.look_ups.failed), (3, 2));
    assert_eq!(
        decisions(&counters),
        [
            (Reason::SourceUnavailable, 0, 1, 0),
            (Reason::Compliant, 2, 0, 0)
        ]
    );
}

#[tokio::test]
async fn look_ups_are_timed_by_the_gates_clock() {
    let clock = clock();
    let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
    let gate = Gate::builder(
        required().build().unwrap(),
        source.clone(),
        Arc::new(clock.clone()),
    )
    .unrecorded()
    .build()
    .unwrap();
    for millis in [30, 50, 20] {
        let asked = tokio::spawn({
            let gate = gate.clone();
            async move { ask(&gate, "read-only", DEVICE()).await.is_allow() }
        });
        settle().await;
        clock.advance(Duration::from_millis(millis));
        source.release(1);
        assert!(asked.await.unwrap());
    }
    // Given up at the deadline.
    let asked = tokio::spawn({
        let gate = gate.clone();
        async move { ask(&gate, "read-only", DEVICE()).await.is_allow() }
    });
    settle().await;
    clock.advance(Duration::from_secs(10));
    assert!(!asked.await.unwrap());

    let look_ups = gate.counters().look_ups;
    assert_eq!((look_ups.count, look_ups.failed), (4, 1));
    assert_eq!(look_ups.total, Duration::from_millis(10_100));
    assert_eq!(look_ups.longest, Duration::from_secs(10));
}

#[derive(Debug)]
struct Full;

#[async_trait]
impl Sink for Full {
    async fn append(&self, _: Record) -> Result<Receipt, AppendError> {
        Err(AppendError::new(AppendErrorKind::Unavailable))
    }
}

#[test]
fn a_record_that_fails_is_counted_whether_it_denies_or_not() {
    let policies = required().template(
        "lax".parse().unwrap(),
        PolicyLayer::new().on_audit_failure(OnAuditFailure::BestEffort),
    );
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let gate = Gate::builder(policies.build().unwrap(), source, Arc::new(clock()))
        .chronicle(Arc::new(Full), "urn:broker:test".parse().unwrap())
        .build()
        .unwrap();
    assert!(!block_on(ask(&gate, "read-only", DEVICE())).is_allow());
    assert!(block_on(ask(&gate, "lax", DEVICE())).is_allow());
    let counters = gate.counters();
    assert_eq!(counters.audit_failures, 2);
    assert_eq!(
        decisions(&counters),
        [
            (Reason::Compliant, 1, 0, 0),
            (Reason::AuditUnavailable, 0, 1, 0)
        ]
    );
}

#[test]
fn broken_glass_is_counted_as_such() {
    let principal = common::principal();
    let entry = BreakGlass::new(
        principal.issuer(),
        principal.subject(),
        wall().saturating_sub(Duration::from_secs(60)),
        wall().saturating_add(Duration::from_secs(3600)),
        "Intune is down",
    );
    let (gate, _, source) = gate(required().break_glass(entry.unwrap()));
    source.answer(Err(SourceFailure::new(SourceFailureKind::Unavailable)));
    assert!(block_on(ask(&gate, "read-only", DEVICE())).is_allow());
    let counters = gate.counters();
    assert_eq!(counters.break_glass_uses(), 1);
    for (reason, each) in counters.by_reason() {
        assert_eq!(counters.of(reason), each);
    }
    assert_eq!(decisions(&counters), [(Reason::BreakGlass, 1, 0, 0)]);
}

/// Threads that count in one place, all the time and at the same time, would lose something if they didn't know of each
/// other.
#[test]
fn nothing_is_lost_among_threads_that_do_nothing_but_count() {
    // More than have room of their own.
    const THREADS: usize = 24;
    const EACH: usize = 40_000;
    let (gate, ..) = gate(Policies::builder());
    let (start, principal, template) = (
        Barrier::new(THREADS),
        common::principal(),
        common::template(),
    );
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let request = GateRequest::new(&principal, &template, DeviceIdentity::Absent);
                start.wait();
                for _ in 0..EACH {
                    let _ = block_on(gate.evaluate(&request));
                }
            });
        }
    });
    let expected = u64::try_from(THREADS * EACH).unwrap();
    let counters = gate.counters();
    assert_eq!(
        decisions(&counters),
        [(Reason::NotRequired, expected, 0, 0)]
    );
}

#[test]
fn nothing_is_lost_among_many_threads() {
    // More threads than have room of their own, and new ones after the first have ended.
    const THREADS: usize = 40;
    const EACH: usize = 200;
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let cached = CachedCompliance::new(source);
    let gate = Gate::builder(
        required().build().unwrap(),
        Arc::new(cached),
        Arc::new(clock()),
    )
    .unrecorded()
    .build()
    .unwrap();
    assert!(block_on(ask(&gate, "read-only", DEVICE())).is_allow());
    for _ in 0..2 {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        assert!(block_on(ask(&gate, "read-only", DEVICE())).is_allow());
                    }
                });
            }
        });
    }
    let counters = gate.counters();
    let hits = u64::try_from(2 * THREADS * EACH).unwrap();
    assert_eq!((counters.hits, counters.misses), (hits, 1));
    assert_eq!(decisions(&counters), [(Reason::Compliant, hits + 1, 0, 0)]);
}
