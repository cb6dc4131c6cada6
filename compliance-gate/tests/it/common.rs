//! What the tests share: a fixed present, devices, and sources that do as they are told.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use clock::{Clock, ManualClock, Moment, Timestamp};
use compliance_gate::{DeviceIdentity, Gate, GateRequest};
use intune_core::{
    AccordTemplate, ComplianceSource, ComplianceState, DeviceCompliance, EntraDeviceId, Finding,
    Freshness, Invalidation, Observation, Principal, SourceFailure, SourceFailureKind,
};
use tokio::sync::Semaphore;

pub(crate) const TEMPLATE: &str = "read-only";
/// How long the clock has run at `now`.
const PAST: Duration = Duration::from_secs(24 * 3600);

/// Every way in which a source can fail.
pub(crate) const FAILURES: [SourceFailureKind; 9] = [
    SourceFailureKind::CredentialRejected,
    SourceFailureKind::PermissionMissing,
    SourceFailureKind::LicenceMissing,
    SourceFailureKind::Throttled,
    SourceFailureKind::Unavailable,
    SourceFailureKind::TimedOut,
    SourceFailureKind::MalformedAnswer,
    SourceFailureKind::Refused,
    SourceFailureKind::Interrupted,
];

pub(crate) fn wall() -> Timestamp {
    "2026-11-23T06:00:00Z".parse().unwrap()
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::new(wall())
}

pub(crate) fn now() -> Moment {
    let clock = clock();
    clock.advance(PAST);
    clock.set_wall(wall());
    clock.now()
}

/// `now`, so long ago.
pub(crate) fn ago(age: Duration) -> Moment {
    let clock = clock();
    clock.advance(PAST.saturating_sub(age));
    clock.set_wall(wall().saturating_sub(age));
    clock.now()
}

pub(crate) fn entra_id(n: u32) -> EntraDeviceId {
    format!("33333333-4444-4555-8666-{:012x}", n + 1)
        .parse()
        .unwrap()
}

pub(crate) fn device(state: ComplianceState) -> DeviceCompliance {
    DeviceCompliance {
        managed_device_id: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
        user_id: None,
        state,
        grace_expires_at: None,
        last_check_in: Some(wall().saturating_sub(Duration::from_secs(3600))),
        being_removed: false,
        records: 1,
    }
}

pub(crate) fn found(state: ComplianceState) -> Finding {
    Finding::Device(device(state))
}

pub(crate) fn template() -> AccordTemplate {
    TEMPLATE.parse().unwrap()
}

pub(crate) fn principal() -> Principal {
    Principal::new("https://login.example/t1/v2.0", "adele")
}

pub(crate) async fn ask(
    gate: &Gate,
    template: &str,
    device: DeviceIdentity,
) -> compliance_gate::Decision {
    let (principal, template) = (principal(), template.parse().unwrap());
    gate.evaluate(&GateRequest::new(&principal, &template, device))
        .await
}

/// A source that answers what it was told to, counts, and can be held.
#[derive(Debug)]
pub(crate) struct Scripted {
    pub answers: Mutex<HashMap<EntraDeviceId, Result<Finding, SourceFailure>>>,
    pub default: Mutex<Result<Finding, SourceFailure>>,
    pub calls: AtomicUsize,
    pub ended: AtomicUsize,
    pub invalidations: Mutex<Vec<Invalidation>>,
    /// One permit lets one look-up end.
    pub gate: Option<Semaphore>,
}

impl Scripted {
    pub(crate) fn new(answer: Result<Finding, SourceFailure>) -> Self {
        Self {
            answers: Mutex::default(),
            default: Mutex::new(answer),
            calls: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            invalidations: Mutex::default(),
            gate: None,
        }
    }

    pub(crate) fn held(answer: Result<Finding, SourceFailure>) -> Self {
        Self {
            gate: Some(Semaphore::new(0)),
            ..Self::new(answer)
        }
    }

    pub(crate) fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn answer(&self, answer: Result<Finding, SourceFailure>) {
        *self.default.lock().unwrap() = answer;
    }

    pub(crate) fn release(&self, look_ups: usize) {
        self.gate.as_ref().unwrap().add_permits(look_ups);
    }
}

#[async_trait]
impl ComplianceSource for Scripted {
    async fn compliance(
        &self,
        device: EntraDeviceId,
        freshness: Freshness,
    ) -> Result<Observation, SourceFailure> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        // What the service knew when the request reached it.
        let answer = self.answers.lock().unwrap().get(&device).cloned();
        let answer = answer.unwrap_or_else(|| self.default.lock().unwrap().clone());
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        self.ended.fetch_add(1, Ordering::SeqCst);
        answer.map(|finding| Observation::live(freshness.now, finding))
    }

    fn invalidate(&self, what: Invalidation) {
        self.invalidations.lock().unwrap().push(what);
    }
}

/// Lets every task that can go on go on.
pub(crate) async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}
