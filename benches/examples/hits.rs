//! A number of hits and nothing else, for a tool that counts instructions: see `benches/instructions`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that can't be set up shall stop, and is told by its arguments what to do"
)]

use std::{future::pending, hint::black_box, sync::Arc, time::Duration};

use benches::{Fleet, filled_at, look_at};
use cached::{ShardedLruCache, ShardedTtlCache};
use clock::{Clock, Moment, Monotonic, Sleep, Timestamp};
use compliance_gate::{DeviceIdentity, Gate, GateRequest, Policies};
use intune_core::{ComplianceSource as _, EntraDeviceId, Freshness, Principal};

const MAX_AGE: Duration = Duration::from_secs(300);
const NOW: Moment = Moment {
    wall: Timestamp::from_unix_millis(1_795_413_600_000),
    monotonic: Monotonic::from_nanos(1_000_000_000),
};

/// The clocks of the system are read in a way that valgrind can't follow.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Moment {
        NOW
    }

    fn sleep(&self, _: Duration) -> Sleep {
        Box::pin(pending())
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("the first argument is a path");
    let hits = arguments.next().and_then(|hits| hits.parse().ok());
    let hits = hits.expect("the second argument is a number of hits");
    let fleet = Fleet::new();
    let visits = || fleet.visits.iter().cycle().take(hits);
    let asked = Freshness {
        now: NOW,
        max_age: MAX_AGE,
    };
    let cache = filled_at(&fleet.devices, NOW);
    let known = cache.peek(*fleet.devices.first().expect("there are devices"), asked);
    let known = known.expect("it is in the cache");
    match path.as_str() {
        "peek" => visits().for_each(|&device| {
            assert!(black_box(&cache.peek(black_box(device), asked)).is_some());
        }),
        "gate" => {
            let policies = Policies::builder().build().expect("nothing is forbidden");
            let gate = Gate::builder(policies, Arc::new(cache), Arc::new(Still)).unrecorded();
            let gate = gate.build().expect("it says what becomes of records");
            let principal = Principal::new("https://login.example/t1/v2.0", "adele");
            let template = "device-management".parse().expect("it is a name");
            visits().for_each(|&device| {
                let device = DeviceIdentity::Present(black_box(device));
                let request = GateRequest::new(&principal, &template, device);
                look_at(gate.evaluate(&request), |decision| {
                    assert!(black_box(decision).is_allow());
                });
            });
        }
        "ttl" => {
            let ttl: ShardedTtlCache<EntraDeviceId, _> = ShardedTtlCache::new(MAX_AGE);
            fleet.devices.iter().for_each(|&id| _ = ttl.set(id, known));
            visits().for_each(|device| {
                assert!(black_box(&ttl.get(black_box(device))).is_some());
            });
        }
        "lru" => {
            let lru: ShardedLruCache<EntraDeviceId, _> = ShardedLruCache::new(100_000);
            fleet.devices.iter().for_each(|&id| _ = lru.set(id, known));
            visits().for_each(|device| {
                assert!(black_box(&lru.get(black_box(device))).is_some());
            });
        }
        other => panic!("`{other}` is not one of `peek`, `gate`, `ttl`, `lru`"),
    }
}
