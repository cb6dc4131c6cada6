use std::{
    fmt,
    future::{Future, pending},
    hint::black_box,
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Waker},
    time::Duration,
};

use chronicle::{MemorySink, Source};
use clock::{Clock, SystemClock};
use compliance_gate::{
    CachedCompliance, DeviceIdentity, Gate, GateBuilder, GateRequest, Policies, PolicyLayer, Reason,
};
use entra_auth::{EntraClient, Scope};
use intune_core::{
    AccordTemplate, ComplianceSource as _, EntraDeviceId, Freshness, Observation, Principal,
};

use crate::{DEVICES, Fleet, Measure, fleet::AllCompliant, look_at, ready, tenant};

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
    buffered: Gate,
    writer: Writer,
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
        let urn: Source = "urn:broker:eu-1".parse().expect("it is a URN");
        let sink = || Arc::new(MemorySink::keep_last(1024));
        let room = NonZeroUsize::new(DEVICES).expect("there are devices");
        let buffered = build(builder().buffered_chronicle(sink(), urn.clone(), room));
        let scope = "https://graph.microsoft.com/.default"
            .parse()
            .expect("it is a scope");
        Self {
            unrecorded: build(builder().unrecorded()),
            recorded: build(builder().chronicle(sink(), urn)),
            writer: Writer::of(buffered.clone()),
            buffered,
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
        self.writer.write(&self.buffered);
        measure.by_device_in_rounds(
            "Gate::evaluate, buffered",
            |&device| {
                decide(
                    &self.buffered,
                    &self.request(&self.required, Some(device)),
                    Reason::Compliant,
                )
            },
            || self.writer.write(&self.buffered),
        );
        measure.by_itself("Gate::evaluate, nothing required", || {
            decide(
                &self.unrecorded,
                &self.request(&self.not_required, None),
                Reason::NotRequired,
            )
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
        measure.by_device(name, |&device| {
            decide(
                gate,
                &self.request(&self.required, Some(device)),
                Reason::Compliant,
            );
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

fn decide(gate: &Gate, request: &GateRequest<'_>, expected: Reason) {
    look_at(gate.evaluate(request), |decision| {
        assert_eq!(black_box(decision).reason(), expected);
    });
}

/// The writer of a gate's buffered records. It goes on when it is told to, so that it isn't measured along.
struct Writer(Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Writer {
    fn of(gate: Gate) -> Self {
        Self(Mutex::new(Box::pin(async move {
            let written = gate.write_records_until(pending()).await;
            written.expect("it is never stopped");
        })))
    }

    /// Writes until nothing waits.
    fn write(&self, gate: &Gate) {
        let mut writing = self.0.lock().expect("no one panics with it");
        loop {
            let polled = writing
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending(), "it is never stopped");
            if gate.counters().records_waiting == 0 {
                break;
            }
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer")
    }
}
