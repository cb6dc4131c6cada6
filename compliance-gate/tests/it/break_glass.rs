//! Who gets in although the policy denies: for how long, for what, and never without a record.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::common::{self, Scripted, clock, entra_id, found, wall};
use async_trait::async_trait;
use chronicle::{AppendError, AppendErrorKind, MemorySink, Receipt, Record, Sink};
use clock::Timestamp;
use compliance_gate::{
    BreakGlass, Decision, DeviceIdentity, Gate, GateRequest, Mode, OnAuditFailure, Outcome,
    Policies, PoliciesBuilder, PolicyLayer, Reason, UnknownTemplates,
};
use intune_core::{
    Capability, ComplianceState, Finding, Operation, Principal, ScopeTemplate, SourceFailure,
    SourceFailureKind,
};
use serde_json::Value;

const HOUR: Duration = Duration::from_secs(3600);

fn entry() -> BreakGlass {
    let (starts_at, expires_at) = (wall(), wall().saturating_add(HOUR));
    let issuer = "https://login.example/t1/v2.0";
    BreakGlass::new(issuer, "adele", starts_at, expires_at, "INC-4711").unwrap()
}

fn builder() -> PoliciesBuilder {
    let layer = PolicyLayer::new().required(true).strict(true);
    Policies::builder()
        .global(layer)
        .template(common::template(), PolicyLayer::new())
        .delegation_scope(common::template(), ScopeTemplate::production())
        .break_glass(entry())
}

/// A principal, its device, and what the source says.
struct Case {
    principal: Principal,
    device: DeviceIdentity,
    answer: Result<Finding, SourceFailure>,
    at: Timestamp,
    template: &'static str,
}

fn case() -> Case {
    Case {
        principal: common::principal(),
        device: DeviceIdentity::Present(entra_id(0)),
        answer: Ok(found(ComplianceState::Noncompliant)),
        at: wall(),
        template: common::TEMPLATE,
    }
}

async fn decided(policies: PoliciesBuilder, case: Case, sink: Option<Arc<dyn Sink>>) -> Decision {
    let clock = clock();
    clock.set_wall(case.at);
    let source = Scripted::new(case.answer).shared();
    let gate = Gate::builder(policies.build().unwrap(), source, Arc::new(clock));
    let gate = match sink {
        Some(sink) => gate.chronicle(sink, "urn:broker:test".parse().unwrap()),
        None => gate.unrecorded(),
    };
    let template = case.template.parse().unwrap();
    let request = GateRequest::new(&case.principal, &template, case.device);
    gate.build().unwrap().evaluate(&request).await
}

async fn decide(case: Case) -> Decision {
    decided(builder(), case, Some(Arc::new(MemorySink::new()))).await
}

#[tokio::test]
async fn a_named_person_gets_in_for_reading_and_proposing_and_leaves_two_records() {
    let sink = MemorySink::new();
    let decision = decided(builder(), case(), Some(Arc::new(sink.clone()))).await;
    assert!(decision.is_allow() && !decision.is_enforced());
    assert_eq!(decision.reason(), Reason::BreakGlass);
    assert_eq!(decision.would(), Some(Outcome::Deny));
    assert_eq!(decision.would_reason(), Some(Reason::Noncompliant));
    let limit = [Capability::Read, Capability::Propose];
    assert_eq!(decision.capability_limit(), Some(limit.as_slice()));
    assert_eq!(decision.valid_until(), Some(wall().saturating_add(HOUR)));

    let records = sink.to_jsonl();
    let records: Vec<Value> = String::from_utf8(records)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = records.iter().map(|it| it["eventname"].clone()).collect();
    assert_eq!(names, ["BREAK_GLASS_USED", "DEVICE_COMPLIANCE_CHECKED"]);
    let used = &records[0]["data"];
    assert_eq!(used["would_reason"], "noncompliant");
    assert_eq!(used["entry_reason"], "INC-4711");
    assert_eq!(used["entry_expires_at"], "2026-11-23T07:00:00.000Z");
    assert_eq!(used["principal"]["subject"], "adele");
    let checked = &records[1]["data"];
    assert_eq!(checked["decision_id"], used["decision_id"]);
    assert_eq!(checked["outcome"], "allow");
    assert_eq!(checked["would"], "deny");
    assert_eq!(checked["would_reason"], "noncompliant");
    assert_eq!(checked["enforced"], false);
}

/// Whatever the template gives, and however it came to be denied.
#[tokio::test]
async fn it_never_gives_mutate_nor_what_the_template_does_not_give() {
    let until = wall().saturating_add(24 * HOUR);
    let read: ScopeTemplate =
        serde_json::from_str(r#"{"capabilities": ["READ", "MUTATE"]}"#).unwrap();
    let deep: ScopeTemplate =
        serde_json::from_str(r#"{"capabilities": ["READ", "PROPOSE"], "delegation_depth": 9}"#)
            .unwrap();
    for scope in [
        ScopeTemplate::production(),
        read,
        deep,
        ScopeTemplate::default(),
    ] {
        let unavailable = SourceFailure::new(SourceFailureKind::Unavailable);
        for answer in [
            Ok(found(ComplianceState::Error)),
            Ok(Finding::NotFound),
            Err(unavailable),
        ] {
            let policies = builder().delegation_scope(common::template(), scope.clone());
            let case = Case { answer, ..case() };
            let decision = decided(policies, case, Some(Arc::new(MemorySink::new()))).await;
            let given = decision.delegation_scope(until);
            let template = scope.until(until);
            for operation in Operation::ALL {
                let may =
                    template.allows(operation) && operation.capability() != Capability::Mutate;
                assert_eq!(given.allows(operation), may, "{operation:?}");
            }
            assert_eq!(given.expires_at(), wall().saturating_add(HOUR));
            assert!(given.delegate(&template).is_err(), "it can't be handed on");
        }
    }
}

#[tokio::test]
async fn it_is_for_one_person_a_while_and_the_templates_that_it_names() {
    let by = |principal| Case {
        principal,
        ..case()
    };
    let at = |at| Case { at, ..case() };
    let issuer = "https://login.example/t1/v2.0";
    let ms = Duration::from_millis(1);
    let end = wall().saturating_add(HOUR);
    for (case, lets_in) in [
        (case(), true),
        (by(Principal::new(issuer, "berta")), false),
        (
            by(Principal::new("https://elsewhere.example", "adele")),
            false,
        ),
        // An agent that acts for her is not her.
        (
            by(Principal::new(issuer, "adele").with_delegate("agent-7")),
            false,
        ),
        (at(wall().saturating_sub(ms)), false),
        (at(end.saturating_sub(ms)), true),
        (at(end), false),
    ] {
        let decision = decide(case).await;
        assert_eq!(decision.is_allow(), lets_in);
        assert_eq!(decision.reason() == Reason::BreakGlass, lets_in);
    }
    for (templates, lets_in) in [([common::TEMPLATE, "other"], true), (["a", "b"], false)] {
        let only = entry().templates(templates.map(|name| name.parse().unwrap()));
        let policies = Policies::builder()
            .global(PolicyLayer::new().required(true))
            .break_glass(only);
        let decision = decided(policies, case(), Some(Arc::new(MemorySink::new()))).await;
        assert_eq!(decision.is_allow(), lets_in);
    }
}

/// Every denial there is: which yield, and which never do.
#[tokio::test]
async fn what_tells_of_a_token_or_device_in_wrong_hands_is_never_broken() {
    let removed = || match found(ComplianceState::Compliant) {
        Finding::Device(device) => Finding::Device(intune_core::DeviceCompliance {
            being_removed: true,
            ..device
        }),
        other => other,
    };
    let device = |device| Case { device, ..case() };
    let answers = |answer| Case { answer, ..case() };
    let bound = || builder().global(PolicyLayer::new().required(true).bind_subject(true));
    let closed = || builder().unknown_templates(UnknownTemplates::Deny);
    let unlisted = || Case {
        template: "unlisted",
        ..case()
    };
    for (policies, case, reason) in [
        (
            builder(),
            device(DeviceIdentity::Invalid),
            Reason::InvalidDeviceIdentity,
        ),
        (
            builder(),
            answers(Ok(removed())),
            Reason::DeviceBeingRemoved,
        ),
        (bound(), case(), Reason::SubjectMismatch),
        (closed(), unlisted(), Reason::UnknownTemplate),
    ] {
        assert!(!reason.yields_to_break_glass());
        let decision = decided(policies, case, Some(Arc::new(MemorySink::new()))).await;
        assert_eq!(
            (decision.outcome(), decision.reason()),
            (Outcome::Deny, reason)
        );
        assert_eq!(decision.capability_limit(), None);
    }
    let unavailable = SourceFailure::new(SourceFailureKind::Unavailable);
    for (case, reason) in [
        (device(DeviceIdentity::Absent), Reason::NoDeviceIdentity),
        (answers(Err(unavailable)), Reason::SourceUnavailable),
        (answers(Ok(Finding::NotFound)), Reason::DeviceNotFound),
        (
            answers(Ok(Finding::Conflicting { records: 2 })),
            Reason::ConflictingRecords,
        ),
        (
            answers(Ok(found(ComplianceState::from_wire("new")))),
            Reason::UnrecognizedState,
        ),
        (
            answers(Ok(found(ComplianceState::Unknown))),
            Reason::Unknown,
        ),
        (
            answers(Ok(found(ComplianceState::InGracePeriod))),
            Reason::Noncompliant,
        ),
    ] {
        assert!(reason.yields_to_break_glass());
        let decision = decide(case).await;
        assert_eq!(decision.would_reason(), Some(reason));
        assert!(decision.is_allow());
    }
}

#[tokio::test]
async fn what_is_let_in_anyway_uses_no_entry() {
    let compliant = Case {
        answer: Ok(found(ComplianceState::Compliant)),
        ..case()
    };
    let decision = decide(compliant).await;
    assert_eq!(
        (decision.reason(), decision.capability_limit()),
        (Reason::Compliant, None)
    );
    let reporting = builder().template(
        common::template(),
        PolicyLayer::new().mode(Mode::ReportOnly),
    );
    let decision = decided(reporting, case(), Some(Arc::new(MemorySink::new()))).await;
    assert_eq!(
        (decision.reason(), decision.would_reason()),
        (Reason::Noncompliant, None)
    );
}

/// Takes so many records, and refuses the rest.
#[derive(Debug)]
struct Takes(AtomicUsize);

#[async_trait]
impl Sink for Takes {
    async fn append(&self, record: Record) -> Result<Receipt, AppendError> {
        let left = self.0.load(Ordering::SeqCst);
        if left == 0 {
            return Err(AppendError::new(AppendErrorKind::Unavailable));
        }
        self.0.store(left - 1, Ordering::SeqCst);
        MemorySink::new().append(record).await
    }
}

#[tokio::test]
async fn without_both_records_nobody_gets_in_whatever_policy_says_of_records() {
    for rule in [OnAuditFailure::Deny, OnAuditFailure::BestEffort] {
        for taken in 0..=2 {
            let layer = PolicyLayer::new().required(true).on_audit_failure(rule);
            let sink = Takes(AtomicUsize::new(taken));
            let decision = decided(builder().global(layer), case(), Some(Arc::new(sink))).await;
            assert_eq!(decision.is_allow(), taken == 2, "{rule:?} {taken}");
            if taken < 2 {
                assert_eq!(decision.reason(), Reason::AuditUnavailable);
                assert_eq!((decision.would(), decision.would_reason()), (None, None));
                assert_eq!(
                    (decision.valid_until(), decision.capability_limit()),
                    (None, None)
                );
            }
        }
    }
    // A gate that keeps no records at all has none for this.
    let decision = decided(builder(), case(), None).await;
    assert_eq!(
        (decision.outcome(), decision.reason()),
        (Outcome::Deny, Reason::Noncompliant)
    );
}

#[test]
fn an_entry_lasts_a_day_at_most_and_says_why() {
    let make = |subject: &str, hours: u32, reason: &str| {
        BreakGlass::new(
            "i",
            subject,
            wall(),
            wall().saturating_add(HOUR * hours),
            reason,
        )
    };
    assert!(make("a", 24, "r").is_ok());
    for (subject, hours, reason) in [("a", 25, "r"), ("a", 0, "r"), ("", 1, "r"), ("a", 1, " ")] {
        assert!(make(subject, hours, reason).is_err());
    }
    assert!(BreakGlass::new("i", "a", wall(), wall().saturating_sub(HOUR), "r").is_err());
}
