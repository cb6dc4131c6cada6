//! Times the cache-hit paths, and their peers in the same run.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a miss among the hits shall stop the bench, and it measures time"
)]

mod peers;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use benches::{DEVICES, Fleet, Hits, Measure};
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use intune_core::EntraDeviceId;
use peers::Peers;

struct Timed<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    visits: Vec<EntraDeviceId>,
}

impl Measure for Timed<'_> {
    fn by_device<R>(&mut self, name: &str, path: impl Fn(&EntraDeviceId) -> R + Sync) {
        let visits = &self.visits;
        for devices in [DEVICES, 1] {
            self.group
                .bench_function(BenchmarkId::new(name, devices), |bencher| {
                    let mut visits = visits.iter().take(devices).cycle();
                    // Looked at where it is: a move to the bench would be in no caller's time.
                    bencher.iter(|| {
                        let device = visits.next().expect("they go round");
                        black_box(&path(black_box(device)));
                    });
                });
        }
    }

    fn by_device_in_rounds<R>(
        &mut self,
        name: &str,
        path: impl Fn(&EntraDeviceId) -> R + Sync,
        rest: impl Fn() + Sync,
    ) {
        let visits = &self.visits;
        for devices in [DEVICES, 1] {
            self.group
                .bench_function(BenchmarkId::new(name, devices), |bencher| {
                    let mut visits = visits.iter().take(devices).cycle();
                    bencher.iter_custom(|iterations| {
                        let mut left = usize::try_from(iterations).expect("it fits");
                        let mut took = Duration::ZERO;
                        while left > 0 {
                            let round = left.min(DEVICES);
                            let start = Instant::now();
                            for device in visits.by_ref().take(round) {
                                black_box(&path(black_box(device)));
                            }
                            took += start.elapsed();
                            rest();
                            left -= round;
                        }
                        took
                    });
                });
        }
    }

    fn by_itself<R>(&mut self, name: &str, path: impl Fn() -> R + Sync) {
        self.group.bench_function(name, |bencher| {
            bencher.iter(|| {
                black_box(&path());
            });
        });
    }
}

fn cache_hit(criterion: &mut Criterion) {
    let fleet = Fleet::new();
    let mut timed = Timed {
        group: criterion.benchmark_group("hit"),
        visits: fleet.visits.clone(),
    };
    timed
        .group
        .sample_size(50)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    Peers::measure_rest(&mut timed);
    Peers::new(&fleet).measure_gets(&mut timed);
    Hits::new(fleet).measure(&mut timed);
    timed.group.finish();
}

criterion_group!(benches, cache_hit);
criterion_main!(benches);
