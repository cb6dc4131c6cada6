//! A policy that takes force while a decision is under way takes no part in it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::{Arc, OnceLock};

use crate::common::{ask, clock, entra_id, found};
use async_trait::async_trait;
use compliance_gate::{DeviceIdentity, Gate, Policies, PolicyLayer, Reason, ReloadOrigin};
use futures_util::FutureExt as _;
use intune_core::{
    ComplianceSource, ComplianceState, EntraDeviceId, Freshness, Observation, SourceFailure,
};

/// Has the gate take another policy at the very moment at which it asks.
#[derive(Debug, Default)]
struct Reloading {
    gate: OnceLock<Gate>,
    has_it_at_hand: bool,
}

impl Reloading {
    fn reload(&self) {
        let origin = ReloadOrigin {
            source: "a test",
            requested_by: "a test",
        };
        let reloaded = self.gate.get().unwrap().reload(required(false), origin);
        reloaded.now_or_never().unwrap().unwrap();
    }
}

#[async_trait]
impl ComplianceSource for Reloading {
    async fn compliance(
        &self,
        _: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        Ok(Observation::live(
            freshness.now,
            found(ComplianceState::Noncompliant),
        ))
    }

    fn peek(&self, _: EntraDeviceId, freshness: Freshness) -> Option<Observation> {
        self.reload();
        self.has_it_at_hand
            .then(|| Observation::live(freshness.now, found(ComplianceState::Noncompliant)))
    }
}

fn required(required: bool) -> Policies {
    let layer = PolicyLayer::new().required(required);
    Policies::builder().global(layer).build().unwrap()
}

#[tokio::test]
async fn one_policy_decides_it_all() {
    for has_it_at_hand in [true, false] {
        let source = Arc::new(Reloading {
            has_it_at_hand,
            ..Reloading::default()
        });
        let gate = Gate::builder(required(true), source.clone(), Arc::new(clock()));
        let gate = gate.unrecorded().build().unwrap();
        source.gate.set(gate.clone()).unwrap();
        let device = DeviceIdentity::Present(entra_id(0));

        let decision = ask(&gate, "read-only", device).await;
        assert_eq!(decision.reason(), Reason::Noncompliant);
        assert!(decision.policy().policy().required, "the one it began with");

        let next = ask(&gate, "read-only", device).await;
        assert_eq!(next.reason(), Reason::NotRequired);
        assert!(!next.policy().policy().required);
    }
}
