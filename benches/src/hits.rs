use std::{sync::Arc, time::Duration};

use chronicle::MemorySink;
use clock::{Clock, SystemClock};
use compliance_gate::{
    CachedCompliance, Decision, DeviceIdentity, Gate, GateBuilder, GateRequest, Policies,
    PolicyLayer, Reason,
};
use entra_auth::{EntraClient, Scope};
use intune_core::{
    AccordTemplate, ComplianceSource as _, EntraDeviceId, Freshness, Observation, Principal,
};

use crate::{Fleet, Measure, fleet::AllCompliant, ready, tenant};

/// Longer than any run: nothing shall age out of a cache while it is measured.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// The cache-hit paths of this workspace, with everything in the caches.
#[derive(Debug)]
pub struct Hits {
    fleet: Fleet,
    clock: SystemClock,
    source: Arc<AllCompliant>,
    cache: CachedCompliance,
    unrecorded: Gate,
    recorded: Gate,
    principal: Principal,
    required: AccordTemplate,
    not_required: AccordTemplate,
    client: EntraClient,
    scope: Scope,
}

impl Hits {
    /// Fills the caches: the devices from a source in memory, the token from a tenant on loopback.
    #[must_use]
    pub fn new(fleet: Fleet) -> Self {
        let clock = SystemClock::new();
        let source = Arc::new(AllCompliant::default());
        let cache = CachedCompliance::new(Arc::clone(&source) as _);
        let freshness = Freshness {
            now: clock.now(),
            max_age: MAX_AGE,
        };
        for &device in &fleet.devices {
            ready(cache.compliance(device, freshness)).expect("every device is compliant");
        }
        let builder = || {
            let policies = Policies::builder().global(PolicyLayer::new().max_age(MAX_AGE));
            let policies = policies.build().expect("nothing is forbidden");
            Gate::builder(policies, Arc::new(cache.clone()), Arc::new(clock))
        };
        let urn = "urn:broker:eu-1".parse().expect("it is a URN");
        let scope = "https://graph.microsoft.com/.default"
            .parse()
            .expect("it is a scope");
        Self {
            unrecorded: build(builder().unrecorded()),
            recorded: build(builder().chronicle(Arc::new(MemorySink::keep_last(1024)), urn)),
            principal: Principal::new("https://login.example/t1/v2.0", "adele"),
            required: "device-management".parse().expect("it is a name"),
            not_required: "read-only".parse().expect("it is a name"),
            client: tenant::signed_in(&scope),
            scope,
            fleet,
            clock,
            source,
            cache,
        }
    }

    /// Hands each path to `measure`.
    ///
    /// # Panics
    ///
    /// If one of them was no hit.
    pub fn measure(&self, measure: &mut impl Measure) {
        let now = self.clock.now();
        measure.by_device("CachedCompliance::peek", |&device| {
            self.peek(device, now).expect("it is in the cache")
        });
        measure.by_device("CachedCompliance::peek, clock read", |&device| {
            let now = self.clock.now();
            self.peek(device, now).expect("it is in the cache")
        });
        self.measure_gate(measure, "Gate::evaluate, unrecorded", &self.unrecorded);
        self.measure_gate(measure, "Gate::evaluate, recorded", &self.recorded);
        measure.by_itself("Gate::evaluate, nothing required", || {
            decide(&self.unrecorded, &self.request(&self.not_required, None))
        });
        measure.by_itself("EntraClient::peek", || self.client.peek(&self.scope));
        measure.by_itself("EntraClient::token", || {
            ready(self.client.token(&self.scope))
        });
        measure.by_itself("SystemClock::now", || self.clock.now());
        assert_eq!(
            self.source.asked(),
            self.fleet.devices.len(),
            "each device was looked up once, when the cache was filled"
        );
    }

    fn measure_gate(&self, measure: &mut impl Measure, name: &str, gate: &Gate) {
        let device = self.fleet.devices.first().copied();
        let decision = decide(gate, &self.request(&self.required, device));
        assert_eq!(decision.reason(), Reason::Compliant, "{name}");
        measure.by_device(name, |&device| {
            decide(gate, &self.request(&self.required, Some(device)))
        });
    }

    fn peek(&self, device: EntraDeviceId, now: clock::Moment) -> Option<Observation> {
        let freshness = Freshness {
            now,
            max_age: MAX_AGE,
        };
        self.cache.peek(device, freshness)
    }

    fn request<'a>(
        &'a self,
        template: &'a AccordTemplate,
        device: Option<EntraDeviceId>,
    ) -> GateRequest<'a> {
        let device = device.map_or(DeviceIdentity::Absent, DeviceIdentity::Present);
        GateRequest::new(&self.principal, template, device)
    }
}

fn build(builder: GateBuilder) -> Gate {
    builder.build().expect("it says what becomes of records")
}

fn decide(gate: &Gate, request: &GateRequest<'_>) -> Decision {
    ready(gate.evaluate(request))
}
