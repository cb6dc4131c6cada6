//! Times each path to a cached token: on one thread, and on two at once.

use std::{
    hint::black_box,
    process::ExitCode,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, measurement::WallTime};
use tokens::Measure;

struct Timed<'a>(BenchmarkGroup<'a, WallTime>);

impl Measure for Timed<'_> {
    fn path<C, R>(&mut self, name: &str, caller: impl Fn() -> C + Sync)
    where
        C: FnMut() -> R,
    {
        self.0
            .bench_function(BenchmarkId::new(name, 1), |bencher| bencher.iter(caller()));
        self.0.bench_function(BenchmarkId::new(name, 2), |bencher| {
            bencher.iter_custom(|calls| together(2, calls, &caller));
        });
    }
}

/// How long `calls` take on each of these threads: the slowest counts.
#[expect(
    clippy::disallowed_methods,
    reason = "what is measured here is real time"
)]
fn together<C, R>(threads: usize, calls: u64, caller: &(impl Fn() -> C + Sync)) -> Duration
where
    C: FnMut() -> R,
{
    let start_line = Barrier::new(threads);
    let run = || {
        let mut call = caller();
        start_line.wait();
        let start = Instant::now();
        for _ in 0..calls {
            black_box(call());
        }
        start.elapsed()
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let times = running
            .into_iter()
            .map(|thread| thread.join().expect("no call fails"));
        times.max().unwrap_or_default()
    })
}

fn main() -> ExitCode {
    tokens::with_tenant(|| {
        let mut criterion = Criterion::default().configure_from_args();
        time(&mut criterion);
        criterion.final_summary();
    })
}

fn time(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("token");
    group
        .sample_size(50)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    let mut timed = Timed(group);
    tokens::measure(&mut timed);
    timed.0.finish();
}
