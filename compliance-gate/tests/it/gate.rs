//! The gate as a host sees it: what is looked up, what is recorded, and that nothing that goes wrong allows.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

use std::{sync::Arc, time::Duration};

use crate::common::{self, FAILURES, Scripted, ask, clock, entra_id, found, principal, settle};
use async_trait::async_trait;
use chronicle::{AppendError, AppendErrorKind, MemorySink, Receipt, Record, Sink};
use clock::{Clock, ManualClock};
use compliance_gate::{
    CachedCompliance, Decision, Delegates, DeviceIdentity, DeviceOf, Gate, GateRequest, Mode,
    OnAuditFailure, OnOutage, Outcome, Policies, PolicyLayer, Reason,
};
use intune_core::{
    ComplianceSource, ComplianceState, EntraDeviceId, Finding, Freshness, MockComplianceSource,
    Observation, SourceFailure, SourceFailureKind,
};
use proptest::prelude::*;
use serde_json::Value;

const DEVICE: fn() -> DeviceIdentity = || DeviceIdentity::Present(entra_id(0));

struct Fixture {
    gate: Gate,
    sink: MemorySink,
}

fn fixture(policies: Policies, source: Arc<dyn ComplianceSource>, clock: ManualClock) -> Fixture {
    let sink = MemorySink::new();
    let gate = Gate::builder(policies, source, Arc::new(clock))
        .chronicle(Arc::new(sink.clone()), "urn:broker:test".parse().unwrap())
        .build()
        .unwrap();
    Fixture { gate, sink }
}

fn required() -> Policies {
    Policies::builder()
        .global(PolicyLayer::new().required(true))
        .build()
        .unwrap()
}

impl Fixture {
    fn records(&self) -> Vec<Value> {
        let lines = self.sink.to_jsonl();
        let lines = lines
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect()
    }
}

#[tokio::test]
async fn an_allow_is_recorded_with_its_evidence() {
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let Fixture { gate, sink } = fixture(required(), source, clock());
    let decision = ask(&gate, "read-only", DEVICE()).await;
    assert_eq!(
        (decision.outcome(), decision.reason()),
        (Outcome::Allow, Reason::Compliant)
    );

    let evidence = serde_json::to_value(decision.evidence().unwrap()).unwrap();
    assert_eq!(evidence["entra_device_id"], entra_id(0).to_string());
    assert_eq!(
        evidence["managed_device_id"],
        "11111111-2222-4333-8444-555555555555"
    );
    assert_eq!(evidence["state"], "compliant");
    assert_eq!(evidence["observed_at"], "2026-11-23T06:00:00.000Z");
    assert_eq!(evidence["served"], "live");
    assert_eq!(evidence["decision_id"], decision.id().to_string());

    let records = Fixture { gate, sink }.records();
    assert_eq!(records.len(), 1);
    let record = &records[0];
    assert_eq!(record["eventname"], "DEVICE_COMPLIANCE_CHECKED");
    assert_eq!(record["eventcode"], "0x2801");
    assert_eq!(record["subject"], entra_id(0).to_string());
    let data = &record["data"];
    assert_eq!(data["decision_id"], decision.id().to_string());
    assert_eq!(data["outcome"], "allow");
    assert_eq!(data["enforced"], true);
    assert_eq!(data["accord_template"], "read-only");
    assert_eq!(data["principal"]["subject"], "adele");
    assert_eq!(data["device"]["records"], 1);
    assert_eq!(data["compliance"]["age_ms"], 0);
    assert_eq!(data["policy"]["layers"]["required"], "global");
    assert_eq!(data["policy"]["loosened"], false);
    assert!(data.get("would").is_none() && data.get("source_error").is_none());
}

#[tokio::test]
async fn rows_that_need_no_device_look_nothing_up() {
    // A mock without expectations panics when it is asked.
    let policies = || {
        Policies::builder()
            .template(
                "strict".parse().unwrap(),
                PolicyLayer::new().required(true).strict(true),
            )
            .template(
                "permissive".parse().unwrap(),
                PolicyLayer::new().required(true),
            )
            .build()
            .unwrap()
    };
    for (template, device, outcome, reason, events) in [
        (
            "read-only",
            DEVICE(),
            Outcome::Allow,
            Reason::NotRequired,
            0,
        ),
        (
            "read-only",
            DeviceIdentity::Invalid,
            Outcome::Allow,
            Reason::NotRequired,
            0,
        ),
        (
            "permissive",
            DeviceIdentity::Invalid,
            Outcome::Deny,
            Reason::InvalidDeviceIdentity,
            1,
        ),
        (
            "permissive",
            DeviceIdentity::Absent,
            Outcome::Allow,
            Reason::NoDeviceIdentity,
            1,
        ),
        (
            "strict",
            DeviceIdentity::Absent,
            Outcome::Deny,
            Reason::NoDeviceIdentity,
            1,
        ),
    ] {
        let fixture = fixture(policies(), Arc::new(MockComplianceSource::new()), clock());
        let decision = ask(&fixture.gate, template, device).await;
        assert_eq!(
            (decision.outcome(), decision.reason()),
            (outcome, reason),
            "{template} {device:?}"
        );
        assert!(decision.evidence().is_none());
        assert_eq!(fixture.records().len(), events, "{template} {device:?}");
    }
}

#[tokio::test]
async fn a_template_that_loosens_leaves_an_event_even_if_nothing_is_required() {
    for layer in [
        PolicyLayer::new().required(false),
        PolicyLayer::new().mode(Mode::Off),
    ] {
        let policies = Policies::builder()
            .global(PolicyLayer::new().required(true))
            .template("read-only".parse().unwrap(), layer)
            .build()
            .unwrap();
        let fixture = fixture(policies, Arc::new(MockComplianceSource::new()), clock());
        let decision = ask(&fixture.gate, "read-only", DEVICE()).await;
        assert!(decision.is_allow());
        let records = fixture.records();
        assert_eq!(records[0]["data"]["policy"]["loosened"], true);
    }
}

#[tokio::test]
async fn a_disabled_gate_allows_and_leaves_nothing() {
    let fixture = fixture(
        Policies::disabled(),
        Arc::new(MockComplianceSource::new()),
        clock(),
    );
    let decision = ask(&fixture.gate, "device-management", DeviceIdentity::Invalid).await;
    assert_eq!(
        (decision.outcome(), decision.reason()),
        (Outcome::Allow, Reason::NotEnabled)
    );
    assert!(fixture.records().is_empty());
}

#[tokio::test]
async fn report_only_allows_and_says_what_it_would_have_done() {
    let layer = PolicyLayer::new().required(true).mode(Mode::ReportOnly);
    let policies = Policies::builder().global(layer).build().unwrap();
    let source = Scripted::new(Ok(found(ComplianceState::Noncompliant))).shared();
    let fixture = fixture(policies, source, clock());
    let decision = ask(&fixture.gate, "read-only", DEVICE()).await;
    assert!(decision.is_allow() && !decision.is_enforced());
    assert_eq!(
        (decision.would(), decision.reason()),
        (Some(Outcome::Deny), Reason::Noncompliant)
    );
    let data = &fixture.records()[0]["data"];
    assert_eq!(
        (&data["enforced"], &data["would"]),
        (&false.into(), &"deny".into())
    );
}

#[tokio::test]
async fn a_source_that_never_answers_is_given_up_at_the_deadline() {
    let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
    let clock = clock();
    let fixture = fixture(required(), source, clock.clone());
    let gate = fixture.gate.clone();
    let waiting = tokio::spawn(async move { ask(&gate, "read-only", DEVICE()).await });
    settle().await;
    assert_eq!(clock.sleepers(), 1);
    clock.advance(Duration::from_millis(9_999));
    settle().await;
    assert!(!waiting.is_finished());
    clock.advance(Duration::from_millis(1));
    let decision = waiting.await.unwrap();
    assert_eq!(
        (decision.outcome(), decision.reason()),
        (Outcome::Deny, Reason::SourceUnavailable)
    );
    assert!(decision.is_retryable());
    assert_eq!(
        fixture.records()[0]["data"]["source_error"]["kind"],
        "timed_out"
    );
}

#[tokio::test]
async fn at_the_deadline_the_last_known_observation_may_serve_within_its_bound() {
    for (age, expected) in [(600, Reason::Compliant), (601, Reason::SourceUnavailable)] {
        let layer = PolicyLayer::new()
            .required(true)
            .on_outage(OnOutage::LastKnownGood {
                max_age: Duration::from_secs(600),
            });
        let policies = Policies::builder().global(layer).build().unwrap();
        let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
        source.release(1);
        let clock = clock();
        let fixture = fixture(
            policies,
            Arc::new(CachedCompliance::new(source)),
            clock.clone(),
        );
        assert!(ask(&fixture.gate, "read-only", DEVICE()).await.is_allow());
        // The deadline itself takes ten seconds of it.
        clock.advance(Duration::from_secs(age - 10));
        let gate = fixture.gate.clone();
        let waiting = tokio::spawn(async move { ask(&gate, "read-only", DEVICE()).await });
        settle().await;
        clock.advance(Duration::from_secs(10));
        let decision = waiting.await.unwrap();
        assert_eq!(decision.reason(), expected, "{age}");
        if decision.is_allow() {
            let json = serde_json::to_value(&decision).unwrap();
            assert_eq!(json["served"], "last_known_good");
            assert_eq!(decision.valid_until(), Some(clock.now().wall));
        }
    }
}

/// A sink that refuses, or never answers.
#[derive(Debug)]
struct Broken {
    hangs: bool,
}

#[async_trait]
impl Sink for Broken {
    async fn append(&self, _: Record) -> Result<Receipt, AppendError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Err(AppendError::new(AppendErrorKind::Unavailable))
    }
}

async fn with_broken_sink(layer: PolicyLayer, hangs: bool) -> Decision {
    let policies = Policies::builder().global(layer).build().unwrap();
    let clock = clock();
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let gate = Gate::builder(policies, source, Arc::new(clock.clone()))
        .chronicle(
            Arc::new(Broken { hangs }),
            "urn:broker:test".parse().unwrap(),
        )
        .build()
        .unwrap();
    let waiting = tokio::spawn(async move { ask(&gate, "read-only", DEVICE()).await });
    settle().await;
    clock.advance(Duration::from_secs(10));
    waiting.await.unwrap()
}

#[tokio::test]
async fn what_cannot_be_recorded_is_denied() {
    let required = PolicyLayer::new().required(true);
    for hangs in [false, true] {
        let decision = with_broken_sink(required, hangs).await;
        assert_eq!(
            (decision.outcome(), decision.reason()),
            (Outcome::Deny, Reason::AuditUnavailable)
        );
        assert!(decision.is_retryable());
        assert_eq!(decision.valid_until(), None);

        let best_effort = required.on_audit_failure(OnAuditFailure::BestEffort);
        let decision = with_broken_sink(best_effort, hangs).await;
        assert_eq!(
            (decision.outcome(), decision.reason()),
            (Outcome::Allow, Reason::Compliant)
        );

        let decision = with_broken_sink(required.mode(Mode::ReportOnly), hangs).await;
        assert!(decision.is_allow());
    }
}

#[tokio::test]
async fn nobody_can_forget_to_decide_on_records() {
    let source = Scripted::new(Ok(Finding::NotFound)).shared();
    assert!(
        Gate::builder(required(), source, Arc::new(clock()))
            .build()
            .is_err()
    );
}

#[tokio::test]
async fn throttling_says_how_long_to_wait() {
    let failure =
        SourceFailure::new(SourceFailureKind::Throttled).with_retry_after(Duration::from_secs(17));
    let fixture = fixture(required(), Scripted::new(Err(failure)).shared(), clock());
    let decision = ask(&fixture.gate, "read-only", DEVICE()).await;
    assert_eq!(decision.retry_after(), Some(Duration::from_secs(17)));
}

/// A source that fails in every way there is, and answers with anything but a compliant device.
#[derive(Clone, Debug)]
enum Fault {
    Failure(u8),
    Finding(u8),
    Pending,
}

#[derive(Debug)]
struct Faulty(Fault);

#[async_trait]
impl ComplianceSource for Faulty {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        match self.0 {
            Fault::Failure(n) => Err(SourceFailure::new(
                FAILURES[usize::from(n) % FAILURES.len()],
            )),
            Fault::Finding(n) => {
                let findings = [
                    Finding::NotFound,
                    Finding::Conflicting { records: 2 },
                    found(ComplianceState::from_wire("Compliant")),
                    found(ComplianceState::from_wire("compliant ")),
                    found(ComplianceState::InGracePeriod),
                    found(ComplianceState::Unknown),
                ];
                Ok(Observation::live(
                    freshness.now,
                    findings[usize::from(n) % findings.len()],
                ))
            }
            Fault::Pending => std::future::pending().await,
        }
    }
}

proptest! {
    #[test]
    fn no_fault_of_a_source_leads_to_an_allow(
        fault in prop_oneof![
            any::<u8>().prop_map(Fault::Failure),
            any::<u8>().prop_map(Fault::Finding),
            Just(Fault::Pending),
        ],
        cached in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let decision = runtime.block_on(async {
            let clock = clock();
            let source: Arc<dyn ComplianceSource> = Arc::new(Faulty(fault));
            let source = if cached { Arc::new(CachedCompliance::new(source)) } else { source };
            let gate = Gate::builder(required(), source, Arc::new(clock.clone())).unrecorded().build().unwrap();
            let waiting = tokio::spawn(async move { ask(&gate, "read-only", DEVICE()).await });
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            clock.advance(Duration::from_secs(10));
            waiting.await.unwrap()
        });
        prop_assert_eq!(decision.outcome(), Outcome::Deny);
        prop_assert!(decision.evidence().is_none() || decision.reason() != Reason::SourceUnavailable);
    }
}

/// Of an agent's delegator, only a device that the host gives counts, only where the template says so, and only for one
/// who is an agent.
#[tokio::test]
async fn an_agent_is_judged_by_its_delegators_device_where_the_template_says_so() {
    let layer = PolicyLayer::new().required(true).strict(true);
    let by_delegator = layer.delegates(Delegates::DelegatorDevice);
    let theirs = DeviceIdentity::Present(entra_id(1));
    let absent = DeviceIdentity::Absent;
    for (layer, is_agent, own, delegator, reason, of) in [
        (
            by_delegator,
            true,
            absent,
            Some(theirs),
            Reason::Compliant,
            Some("delegator"),
        ),
        (
            by_delegator,
            true,
            absent,
            None,
            Reason::NoDeviceIdentity,
            None,
        ),
        (
            by_delegator,
            true,
            absent,
            Some(absent),
            Reason::NoDeviceIdentity,
            None,
        ),
        (
            by_delegator,
            true,
            absent,
            Some(DeviceIdentity::Invalid),
            Reason::InvalidDeviceIdentity,
            None,
        ),
        (
            by_delegator,
            false,
            absent,
            Some(theirs),
            Reason::NoDeviceIdentity,
            None,
        ),
        (
            layer,
            true,
            absent,
            Some(theirs),
            Reason::NoDeviceIdentity,
            None,
        ),
        (
            by_delegator,
            true,
            DeviceIdentity::Invalid,
            Some(theirs),
            Reason::InvalidDeviceIdentity,
            None,
        ),
        // Its own is not compliant, and theirs would be.
        (
            by_delegator,
            true,
            DEVICE(),
            Some(theirs),
            Reason::Noncompliant,
            None,
        ),
    ] {
        let source = Scripted::new(Ok(found(ComplianceState::Noncompliant)));
        let compliant = Ok(found(ComplianceState::Compliant));
        source
            .answers
            .lock()
            .unwrap()
            .insert(entra_id(1), compliant);
        let policies = Policies::builder().global(layer).build().unwrap();
        let fixture = fixture(policies, source.shared(), clock());
        let principal = match is_agent {
            true => principal().with_delegate("agent-7"),
            false => principal(),
        };
        let template = common::template();
        let request = GateRequest::new(&principal, &template, own);
        let request = match delegator {
            Some(device) => request.delegator(device),
            None => request,
        };
        let decision = fixture.gate.evaluate(&request).await;
        assert_eq!(decision.reason(), reason);
        let data = &fixture.records()[0]["data"];
        assert_eq!(data["device"]["of"].as_str(), of);
        assert_eq!(data["identity"]["own"], own.as_str());
        if reason == Reason::Compliant {
            let evidence = serde_json::to_value(decision.evidence().unwrap()).unwrap();
            assert_eq!(evidence["device_of"], "delegator");
            assert_eq!(evidence["entra_device_id"], entra_id(1).to_string());
            assert_eq!(decision.device_of(), DeviceOf::Delegator);
        }
    }
}

#[tokio::test]
async fn each_template_has_its_own_age_of_copies() {
    let layer = |seconds| {
        PolicyLayer::new()
            .required(true)
            .max_age(Duration::from_secs(seconds))
    };
    let policies = Policies::builder()
        .global(layer(60))
        .template("live".parse().unwrap(), layer(0))
        .build()
        .unwrap();
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    // Of an age that a test can foresee.
    let cached = CachedCompliance::builder(source.clone()).jitter_percent(0);
    let cached = Arc::new(cached.build());
    let clock = clock();
    let fixture = fixture(policies, cached, clock.clone());
    for (seconds, template, calls) in [
        (0, "read-only", 1),
        (59, "read-only", 1),
        (0, "live", 2),
        (0, "live", 3),
        (59, "read-only", 3),
        (1, "read-only", 4),
    ] {
        clock.advance(Duration::from_secs(seconds));
        assert!(ask(&fixture.gate, template, DEVICE()).await.is_allow());
        assert_eq!(source.calls(), calls, "{seconds} {template}");
    }
}

#[tokio::test]
async fn an_http_host_is_told_how_to_answer() {
    let failed = |kind| Err(SourceFailure::new(kind));
    let throttled = |wait| {
        let failure = SourceFailure::new(SourceFailureKind::Throttled);
        Err(failure.with_retry_after(wait))
    };
    let ms = Duration::from_millis;
    for (answer, status, retry_after) in [
        (Ok(found(ComplianceState::Compliant)), 200, None),
        (Ok(found(ComplianceState::Noncompliant)), 403, None),
        (failed(SourceFailureKind::Unavailable), 503, Some(5)),
        (throttled(ms(17_000)), 503, Some(17)),
        (throttled(ms(17_001)), 503, Some(18)),
        (throttled(ms(0)), 503, Some(1)),
        (throttled(Duration::MAX), 503, Some(u64::MAX)),
    ] {
        let fixture = fixture(required(), Scripted::new(answer).shared(), clock());
        let answer = ask(&fixture.gate, "read-only", DEVICE())
            .await
            .http_answer();
        assert_eq!(
            (answer.status, answer.retry_after_seconds),
            (status, retry_after)
        );
    }
}

#[tokio::test]
async fn authority_is_given_as_the_template_says_to_whom_a_look_at_the_device_let_in() {
    use intune_core::{Operation, ScopeTemplate};
    let until = common::wall().saturating_add(Duration::from_secs(900));
    for (device, state, gives) in [
        (DEVICE(), ComplianceState::Compliant, true),
        (DEVICE(), ComplianceState::Noncompliant, false),
        (DeviceIdentity::Absent, ComplianceState::Compliant, false),
    ] {
        let policies = Policies::builder()
            .global(PolicyLayer::new().required(true))
            .delegation_scope(common::template(), ScopeTemplate::production());
        let source = Scripted::new(Ok(found(state))).shared();
        let fixture = fixture(policies.build().unwrap(), source, clock());
        let scope = ask(&fixture.gate, "read-only", device)
            .await
            .delegation_scope(until);
        assert_eq!(scope.allows(Operation::WipeDevice), gives);
        assert_eq!(scope.expires_at(), until);
    }
}

#[tokio::test]
async fn the_trace_of_the_request_is_kept() {
    let source = Scripted::new(Ok(Finding::NotFound)).shared();
    let fixture = fixture(required(), source, clock());
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let (principal, template) = (common::principal(), common::template());
    let request = GateRequest::new(&principal, &template, DEVICE())
        .with_traceparent(Some(traceparent.parse().unwrap()));
    let _ = fixture.gate.evaluate(&request).await;
    assert_eq!(fixture.records()[0]["traceparent"], traceparent);
}

#[tokio::test]
async fn an_answer_that_comes_after_the_deadline_is_no_answer() {
    // The machine was suspended: monotonic time stood still, and no timer fired.
    for moved in ["suspended", "slow"] {
        let source = Scripted::held(Ok(found(ComplianceState::Compliant))).shared();
        let clock = clock();
        let fixture = fixture(required(), source.clone(), clock.clone());
        let gate = fixture.gate.clone();
        let waiting = tokio::spawn(async move { ask(&gate, "read-only", DEVICE()).await });
        settle().await;
        match moved {
            "suspended" => clock.suspend(Duration::from_secs(3 * 24 * 3600)),
            _ => clock.advance(Duration::from_secs(10)),
        }
        source.release(1);
        let decision = waiting.await.unwrap();
        assert_eq!(
            (decision.outcome(), decision.reason()),
            (Outcome::Deny, Reason::SourceUnavailable),
            "{moved}"
        );
    }
}

/// A source, and a sink, with a bug.
#[derive(Debug)]
struct Panicking {
    when_peeked: bool,
}

#[async_trait]
impl ComplianceSource for Panicking {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        _: Freshness,
    ) -> Result<Observation, SourceFailure> {
        panic!("a bug in a source")
    }

    fn peek(&self, _: EntraDeviceId, _: Freshness) -> Option<Observation> {
        assert!(!self.when_peeked, "a bug in a source");
        None
    }
}

#[async_trait]
impl Sink for Panicking {
    async fn append(&self, _: Record) -> Result<Receipt, AppendError> {
        panic!("a bug in a sink")
    }
}

#[tokio::test]
async fn a_panic_is_a_deny_too() {
    for when_peeked in [false, true] {
        let source = Arc::new(Panicking { when_peeked });
        let fixture = fixture(required(), source, clock());
        let decision = ask(&fixture.gate, "read-only", DEVICE()).await;
        assert_eq!(decision.reason(), Reason::SourceUnavailable);
        assert_eq!(fixture.records().len(), 1);
    }
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let gate = Gate::builder(required(), source, Arc::new(clock()))
        .chronicle(
            Arc::new(Panicking { when_peeked: false }),
            "urn:broker:test".parse().unwrap(),
        )
        .build()
        .unwrap();
    let decision = ask(&gate, "read-only", DEVICE()).await;
    assert_eq!(
        (decision.outcome(), decision.reason()),
        (Outcome::Deny, Reason::AuditUnavailable)
    );
}

#[tokio::test]
async fn the_cache_of_a_gate_made_from_settings_can_be_invalidated() {
    let environment = env_config::Environment::from_pairs([
        ("INTUNE_ENABLED", "true"),
        ("INTUNE_COMPLIANCE_REQUIRED", "true"),
    ]);
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let gate = compliance_gate::GateConfig::from_env(&environment)
        .unwrap()
        .gate(source.clone(), Arc::new(clock()))
        .unrecorded()
        .build()
        .unwrap();
    assert!(ask(&gate, "read-only", DEVICE()).await.is_allow());
    source.answer(Ok(found(ComplianceState::Noncompliant)));
    assert!(ask(&gate, "read-only", DEVICE()).await.is_allow());
    gate.invalidate(intune_core::Invalidation::Device(entra_id(0)));
    assert!(!ask(&gate, "read-only", DEVICE()).await.is_allow());
}

#[tokio::test]
async fn what_must_be_live_is_looked_up_and_takes_nothing_older_in_an_outage() {
    let layer = PolicyLayer::new()
        .required(true)
        .on_outage(OnOutage::LastKnownGood {
            max_age: Duration::from_secs(600),
        });
    let policies = Policies::builder().global(layer).build().unwrap();
    let source = Scripted::new(Ok(found(ComplianceState::Compliant))).shared();
    let cached = Arc::new(CachedCompliance::new(source.clone()));
    let fixture = fixture(policies, cached, clock());
    let (principal, template) = (principal(), "read-only".parse().unwrap());
    let request = || GateRequest::new(&principal, &template, DEVICE());
    for (live, calls) in [(false, 1), (false, 1), (true, 2), (true, 3)] {
        let request = if live { request().live() } else { request() };
        assert!(fixture.gate.evaluate(&request).await.is_allow());
        assert_eq!(source.calls(), calls);
    }
    source.answer(Err(SourceFailure::new(SourceFailureKind::Unavailable)));
    let live = fixture.gate.evaluate(&request().live()).await;
    assert_eq!(live.reason(), Reason::SourceUnavailable);
    assert!(!live.is_allow());
}
