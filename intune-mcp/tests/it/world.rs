//! All that a host provides, scripted, in one object.

use std::{
    fmt,
    sync::{Arc, Mutex, atomic::AtomicUsize},
    time::Duration,
};

use chronicle::{MemorySink, events::ConnectorInvoked};
use clock::{Clock as _, ManualClock, Timestamp};
use intune_core::{
    Acceptance, ActionOutcome, ApprovalRule, Approvals as _, Approver, Capability, DelegationScope,
    DeviceDirectory, DirectoryCompliance, InMemoryCeremonies, IntuneConnector, InvocationContext,
    ManagedDevice, Principal, SourceFailure,
};
use intune_mcp::{
    Admission, Caller, IntuneTools, IntuneToolsBuilder, Liveness, McpService, McpServiceBuilder,
    RateLimit,
};

use crate::host::{Gate, Hold, Verifier};

pub(crate) const START: &str = "2026-11-23T12:00:00Z";
pub(crate) const LAPTOP: &str = "11111111-2222-4333-8444-000000000001";
pub(crate) const LAPTOP_ENTRA: &str = "33333333-4444-4555-8666-000000000001";
/// What must never be seen outside.
pub(crate) const CANARIES: [&str; 4] =
    ["canary-upn@", "canary-serial", "canary-link", "canary-user"];

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) memory: MemorySink,
    pub(crate) ceremonies: InMemoryCeremonies,
    pub(crate) devices: Mutex<Vec<ManagedDevice>>,
    /// How many rows the directory puts on a page, whatever it is asked for.
    pub(crate) rows: Mutex<Option<usize>>,
    pub(crate) failure: Mutex<Option<SourceFailure>>,
    pub(crate) outcome: Mutex<ActionOutcome>,
    pub(crate) admission: Mutex<Admission>,
    pub(crate) panics: Mutex<bool>,
    /// Whom an action, the gate and the verifier wait for.
    pub(crate) holds_actions: Hold,
    pub(crate) holds_gate: Hold,
    pub(crate) holds_verifier: Hold,
    /// How many listings are under way, and how many were at most.
    pub(crate) listings: AtomicUsize,
    pub(crate) most_listings: AtomicUsize,
    pub(crate) performed: Mutex<Vec<String>>,
    pub(crate) readmissions: Mutex<Vec<Liveness>>,
    pub(crate) bearers: Mutex<Vec<String>>,
}

/// A device of the fleet, by its number from 1.
pub(crate) fn device(number: usize) -> ManagedDevice {
    let id = |prefix: &str| format!("{prefix}-{number:012}");
    let mut device = ManagedDevice::new(id("11111111-2222-4333-8444").parse().unwrap());
    device.azure_ad_device_id = Some(id("33333333-4444-4555-8666").parse().unwrap());
    device.device_name = Some(format!("LAPTOP-{number}"));
    device.serial_number = Some("canary-serial".to_owned());
    device.user_principal_name = Some("canary-upn@contoso.example".to_owned());
    device.operating_system = Some("Windows".to_owned());
    device.os_version = Some("10.0.26100.1".to_owned());
    device.compliance_state = intune_core::ComplianceState::Compliant;
    device.last_sync = Some("2026-11-23T11:00:00Z".parse().unwrap());
    device
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Self::with_devices(1)
    }

    pub(crate) fn with_devices(count: usize) -> Arc<Self> {
        let clock = ManualClock::new(START.parse().unwrap());
        let acceptance = Acceptance::new(Some(204), Some("request-1"));
        Arc::new(Self {
            memory: MemorySink::new(),
            ceremonies: ceremonies(Arc::new(clock.clone())),
            devices: Mutex::new((1..=count).map(device).collect()),
            rows: Mutex::default(),
            failure: Mutex::default(),
            outcome: Mutex::new(ActionOutcome::Accepted(acceptance)),
            admission: Mutex::new(Admission::Allowed),
            panics: Mutex::default(),
            holds_actions: Hold::default(),
            holds_gate: Hold::default(),
            holds_verifier: Hold::default(),
            listings: AtomicUsize::default(),
            most_listings: AtomicUsize::default(),
            performed: Mutex::default(),
            readmissions: Mutex::default(),
            bearers: Mutex::default(),
            clock,
        })
    }

    pub(crate) fn connector(self: &Arc<Self>) -> IntuneConnector {
        let directory = Arc::clone(self) as Arc<dyn DeviceDirectory>;
        let compliance = Arc::new(DirectoryCompliance::new(Arc::clone(&directory)));
        let builder = IntuneConnector::builder(directory, compliance, Arc::new(self.clock.clone()))
            .chronicle(Arc::new(self.memory.clone()), "urn:test".parse().unwrap())
            .actions(Arc::clone(self) as _)
            .ceremonies(Arc::new(self.ceremonies.clone()));
        builder.build().unwrap()
    }

    pub(crate) fn builder(self: &Arc<Self>) -> IntuneToolsBuilder {
        let generous = RateLimit::per_minute(1_000_000).burst(1_000_000);
        IntuneTools::builder(self.connector(), Arc::new(self.clock.clone())).rate_limit(generous)
    }

    pub(crate) fn tools(self: &Arc<Self>) -> IntuneTools {
        self.builder().build().unwrap()
    }

    pub(crate) fn service(self: &Arc<Self>, resource: &str) -> McpService {
        self.service_of(self.tools(), resource)
    }

    pub(crate) fn service_of(self: &Arc<Self>, tools: IntuneTools, resource: &str) -> McpService {
        self.service_builder(tools, resource).build().unwrap()
    }

    pub(crate) fn service_builder(
        self: &Arc<Self>,
        tools: IntuneTools,
        resource: &str,
    ) -> McpServiceBuilder {
        let verifier = Arc::new(Verifier(Arc::clone(self)));
        McpService::builder(tools, verifier, resource.parse().unwrap())
            .authorization_server("https://broker.example")
    }

    /// Adele, for an hour, as her host knows her.
    pub(crate) fn adele(self: &Arc<Self>, capabilities: &[Capability]) -> Caller {
        let end = self.now().saturating_add(Duration::from_secs(3600));
        self.caller("adele", capabilities, end)
    }

    pub(crate) fn caller(
        self: &Arc<Self>,
        subject: &str,
        able: &[Capability],
        end: Timestamp,
    ) -> Caller {
        let scope = able
            .iter()
            .fold(DelegationScope::until(end), |scope, able| {
                scope.capability(*able)
            });
        let principal = Principal::new("https://login.example", subject).with_delegate("agent-7");
        let context = InvocationContext::new(principal, scope).authorized_by(
            "device-management".parse().unwrap(),
            "ac-1".parse().unwrap(),
        );
        Caller::new(context, Arc::new(Gate(Arc::clone(self))))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now().wall
    }

    /// Somebody else approves what waits.
    pub(crate) async fn approve(&self) {
        approve(&self.ceremonies, self.now()).await;
    }

    /// What the service was asked to do.
    pub(crate) fn performed(&self) -> Vec<String> {
        self.performed.lock().unwrap().clone()
    }

    /// How the gate was asked.
    pub(crate) fn readmissions(&self) -> Vec<Liveness> {
        self.readmissions.lock().unwrap().clone()
    }

    /// What the verifier was given.
    pub(crate) fn bearers(&self) -> Vec<String> {
        self.bearers.lock().unwrap().clone()
    }

    /// What is on record, once its chain is verified.
    pub(crate) fn records(&self) -> Vec<ConnectorInvoked> {
        chronicle::verify(self.memory.to_jsonl().as_slice()).unwrap();
        let records = self.memory.records();
        let read = |stored: &chronicle::StoredRecord| {
            serde_json::from_str(stored.record().data().get()).unwrap()
        };
        records.iter().map(read).collect()
    }

    /// The phases and reasons or results on record, such as `refused ceremony_required`.
    pub(crate) fn trail(&self) -> Vec<String> {
        let records = self.records();
        let told = records.iter().map(|record| {
            let what = record.result.as_ref().or(record.reason.as_ref());
            match what {
                Some(what) => format!("{} {what}", record.phase),
                None => record.phase.to_string(),
            }
        });
        told.collect()
    }
}

/// Ceremonies that Megan may approve.
pub(crate) fn ceremonies(clock: Arc<dyn clock::Clock>) -> InMemoryCeremonies {
    let rule = ApprovalRule::new("https://login.example", "device-approver");
    InMemoryCeremonies::new(rule, clock)
}

/// Megan, who has just signed in, approves what waits.
pub(crate) async fn approve(ceremonies: &InMemoryCeremonies, now: Timestamp) {
    let megan = Principal::new("https://login.example", "megan");
    let megan = Approver::new(megan, now).role("device-approver");
    for waiting in ceremonies.pending().await.unwrap() {
        let id = waiting.ceremony.id;
        ceremonies.approve(id, &megan, "it is lost").await.unwrap();
    }
}

/// A bearer token that the verifier takes: for an audience, a subject, capabilities and so many seconds.
pub(crate) fn token(audience: &str, subject: &str, able: &[Capability], seconds: u64) -> String {
    let able: Vec<_> = able.iter().map(|able| able.as_str()).collect();
    format!(
        "ac|{audience}|{subject}|{}|{seconds}|canary-token",
        able.join(",")
    )
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}
