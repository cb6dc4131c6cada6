//! A refusal that comes too late is a refusal still, and no outage.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::common::{self, entra_id, found};
use async_trait::async_trait;
use clock::ManualClock;
use compliance_gate::{
    CachedCompliance, DeviceIdentity, Gate, GateRequest, OnOutage, Policies, PolicyLayer, Reason,
};
use intune_core::{
    ComplianceSource, ComplianceState, EntraDeviceId, Freshness, Invalidation, Observation,
    Principal, SourceFailure, SourceFailureKind,
};

/// Knows the device at first; later, fails when the deadline has passed.
#[derive(Debug)]
struct Late {
    clock: ManualClock,
    failure: SourceFailureKind,
    asked: AtomicBool,
}

#[async_trait]
impl ComplianceSource for Late {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        if !self.asked.swap(true, Ordering::SeqCst) {
            let compliant = found(ComplianceState::Compliant);
            return Ok(Observation::live(freshness.now, compliant));
        }
        self.clock.advance(Duration::from_secs(11));
        Err(SourceFailure::new(self.failure))
    }

    fn invalidate(&self, _: Invalidation) {}
}

#[tokio::test]
async fn a_late_refusal_is_no_outage() {
    let good = Duration::from_secs(3600);
    let layer = PolicyLayer::new()
        .required(true)
        .on_outage(OnOutage::LastKnownGood { max_age: good });
    for (failure, expected) in [
        (SourceFailureKind::Unavailable, Reason::Compliant),
        (
            SourceFailureKind::PermissionMissing,
            Reason::SourceUnavailable,
        ),
        (
            SourceFailureKind::CredentialRejected,
            Reason::SourceUnavailable,
        ),
    ] {
        let clock = common::clock();
        let late = Late {
            clock: clock.clone(),
            failure,
            asked: AtomicBool::new(false),
        };
        let cache = Arc::new(CachedCompliance::new(Arc::new(late)));
        let policies = Policies::builder().global(layer).build().unwrap();
        let gate = Gate::builder(policies, cache, Arc::new(clock.clone()));
        let gate = gate.unrecorded().build().unwrap();
        let principal = Principal::new("https://login.example/t1/v2.0", "adele");
        let template = common::template();
        let ask = || GateRequest::new(&principal, &template, DeviceIdentity::Present(entra_id(1)));
        assert!(gate.evaluate(&ask()).await.is_allow());
        clock.advance(Duration::from_secs(600));
        let decision = gate.evaluate(&ask()).await;
        assert_eq!(decision.reason(), expected, "{failure:?}");
        let kind = decision.source_failure().unwrap().kind();
        assert_eq!(kind.is_outage(), expected == Reason::Compliant, "{kind:?}");
        // Nobody waited for what came then: it is too late even for a reason.
        let is_too_late = kind == SourceFailureKind::TimedOut;
        assert_eq!(is_too_late, kind.is_outage(), "{kind:?}");
    }
}
