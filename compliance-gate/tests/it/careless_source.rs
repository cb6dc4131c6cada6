//! How old an answer may be is policy's business: the gate holds a source to it, whatever the source makes of it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{sync::Arc, time::Duration};

use crate::common::{clock, entra_id, found, principal, template};
use async_trait::async_trait;
use clock::{Clock as _, ManualClock};
use compliance_gate::{
    Decision, DeviceIdentity, Gate, GateRequest, OnOutage, Policies, PolicyLayer, Reason,
};
use intune_core::{
    ComplianceSource, ComplianceState, EntraDeviceId, Freshness, Observation, Served,
    SourceFailure, SourceFailureKind,
};

const MAX_AGE: Duration = Duration::from_secs(60);

/// Answers what it has, however fresh it is asked to be.
#[derive(Debug)]
struct Careless {
    at_hand: Option<Observation>,
    answer: Observation,
}

#[async_trait]
impl ComplianceSource for Careless {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        _: Freshness,
    ) -> Result<Observation, SourceFailure> {
        Ok(self.answer)
    }

    fn peek(&self, _: EntraDeviceId, _: Freshness) -> Option<Observation> {
        self.at_hand
    }
}

struct Case {
    clock: ManualClock,
    source: Careless,
    live: bool,
}

impl Case {
    /// The source has nothing at hand, and answers with what it observed so long ago.
    fn answering(age: Duration, served: Served) -> Self {
        let clock = clock();
        let observed = Observation::live(clock.now(), found(ComplianceState::Compliant));
        clock.advance(age);
        Self {
            clock,
            source: Careless {
                at_hand: None,
                answer: observed.served(served),
            },
            live: false,
        }
    }

    async fn decide(self) -> Decision {
        let policies = Policies::builder().global(
            PolicyLayer::new()
                .required(true)
                .max_age(MAX_AGE)
                .on_outage(OnOutage::LastKnownGood {
                    max_age: Duration::from_secs(3600),
                }),
        );
        let gate = Gate::builder(
            policies.build().unwrap(),
            Arc::new(self.source),
            Arc::new(self.clock),
        );
        let (principal, template) = (principal(), template());
        let device = DeviceIdentity::Present(entra_id(0));
        let request = GateRequest::new(&principal, &template, device);
        let request = match self.live {
            true => request.live(),
            false => request,
        };
        let gate = gate.unrecorded().build().unwrap();
        gate.evaluate(&request).await
    }
}

fn assert_refused(decision: &Decision) {
    assert!(!decision.is_allow());
    assert_eq!(decision.reason(), Reason::SourceUnavailable);
    let kind = decision.source_failure().map(SourceFailure::kind);
    assert_eq!(kind, Some(SourceFailureKind::MalformedAnswer));
}

#[tokio::test]
async fn an_answer_older_than_policy_allows_is_none() {
    assert_refused(&Case::answering(MAX_AGE, Served::Snapshot).decide().await);

    let just_in_time = MAX_AGE - Duration::from_millis(1);
    let decision = Case::answering(just_in_time, Served::Snapshot)
        .decide()
        .await;
    assert_eq!(decision.reason(), Reason::Compliant);
}

#[tokio::test]
async fn what_is_at_hand_and_too_old_does_not_serve() {
    let mut case = Case::answering(MAX_AGE, Served::Live);
    let old = case.source.answer.served(Served::Cache);
    case.source.at_hand = Some(old);
    case.source.answer = Observation::live(case.clock.now(), found(ComplianceState::Noncompliant));
    assert_eq!(case.decide().await.reason(), Reason::Noncompliant);
}

#[tokio::test]
async fn a_live_answer_is_one_that_was_read_for_this_request() {
    for served in [Served::Cache, Served::Snapshot, Served::LastKnownGood] {
        let mut case = Case::answering(Duration::ZERO, served);
        case.live = true;
        assert_refused(&case.decide().await);

        let mut case = Case::answering(Duration::ZERO, served);
        case.live = true;
        case.source.at_hand = Some(case.source.answer);
        assert_refused(&case.decide().await);
    }
    let mut case = Case::answering(Duration::ZERO, Served::Live);
    case.live = true;
    assert_eq!(case.decide().await.reason(), Reason::Compliant);
}

#[tokio::test]
async fn an_answer_called_live_that_was_read_before_is_none() {
    let mut case = Case::answering(Duration::from_secs(1), Served::Live);
    case.live = true;
    assert_refused(&case.decide().await);
}
