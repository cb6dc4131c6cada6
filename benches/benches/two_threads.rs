//! How much more two threads do than one, which tells who writes to what others read.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a miss among the hits shall stop the bench, and it measures time"
)]

mod peers;

use std::{
    hint::black_box,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use benches::{DEVICES, Fleet, filled, look_at};
use clock::{Clock as _, SystemClock};
use compliance_gate::{DeviceIdentity, Gate, GateRequest, Policies};
use intune_core::{ComplianceSource as _, EntraDeviceId, Freshness, Principal};
use peers::Peers;

const ROUNDS: usize = 40;
const RUNS: usize = 9;

/// The median of the time for one call on each of so many threads, in nanoseconds.
fn nanos(threads: usize, visits: &[EntraDeviceId], path: &(impl Fn(&EntraDeviceId) + Sync)) -> f64 {
    let mut runs: Vec<_> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        for device in (0..ROUNDS).flat_map(|_| visits) {
                            path(black_box(device));
                        }
                    });
                }
            });
            start.elapsed().as_nanos() as f64 / (ROUNDS * visits.len()) as f64
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs.get(RUNS / 2).copied().expect("there are runs")
}

struct Table<'a> {
    shuffled: &'a [EntraDeviceId],
    one: Vec<EntraDeviceId>,
}

impl Table<'_> {
    fn row(&self, name: &str, path: impl Fn(&EntraDeviceId) + Sync) {
        print!("{name:<36}");
        for visits in [self.shuffled, &self.one] {
            let (one, two) = (nanos(1, visits, &path), nanos(2, visits, &path));
            print!(" {one:>8.1} {two:>8.1} {:>6.2}", 2.0 * one / two);
        }
        println!();
    }
}

fn main() {
    let fleet = Fleet::new();
    let first = fleet.visits.first().copied().expect("there are devices");
    let mut table = Table {
        shuffled: &fleet.visits,
        one: vec![first; DEVICES],
    };
    println!(
        "{:<36} {:>24} {:>24}",
        "ns a call", "10,000 devices", "one device"
    );
    println!(
        "{:<36} {:>8} {:>8} {:>6} {:>8} {:>8} {:>6}",
        "threads", 1, 2, "times", 1, 2, "times"
    );
    let cache = filled(&fleet.devices);
    let asked = Freshness {
        now: SystemClock::new().now(),
        max_age: Duration::from_secs(300),
    };
    table.row("CachedCompliance::peek", |&device| {
        black_box(cache.peek(device, asked).expect("it is in the cache"));
    });
    let policies = Policies::builder().build().expect("nothing is forbidden");
    let gate = Gate::builder(policies, Arc::new(cache), Arc::new(SystemClock::new())).unrecorded();
    let gate = gate.build().expect("it says what becomes of records");
    let principal = Principal::new("https://login.example/t1/v2.0", "adele");
    let template = "device-management".parse().expect("it is a name");
    table.row("Gate::evaluate, unrecorded", |&device| {
        let device = DeviceIdentity::Present(device);
        let request = GateRequest::new(&principal, &template, device);
        look_at(gate.evaluate(&request), |decision| {
            assert!(black_box(decision).is_allow());
        });
    });
    Peers::new(&fleet).measure_gets(&mut table);
}

impl benches::Measure for Table<'_> {
    fn by_device<R>(&mut self, name: &str, path: impl Fn(&EntraDeviceId) -> R + Sync) {
        self.row(name, |device| drop(black_box(path(device))));
    }

    fn by_device_in_rounds<R>(
        &mut self,
        _: &str,
        _: impl Fn(&EntraDeviceId) -> R + Sync,
        _: impl Fn() + Sync,
    ) {
    }

    fn by_itself<R>(&mut self, _: &str, _: impl Fn() -> R + Sync) {}
}
