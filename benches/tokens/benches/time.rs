//! Times each path to a cached token: on one thread, and on two at once.

use std::{
    hint::{self, black_box},
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, measurement::WallTime};
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
    let at_the_start = AtomicUsize::new(0);
    let run = || {
        let mut call = caller();
        at_the_start.fetch_add(1, Ordering::SeqCst);
        // Who sleeps here may be woken when the others have finished.
        while at_the_start.load(Ordering::SeqCst) < threads {
            hint::spin_loop();
        }
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
    // Many samples of 0.2 ms: whatever else runs spoils some of them, and leaves the median alone.
    group
        .sampling_mode(SamplingMode::Flat)
        .sample_size(500)
        .nresamples(10_000)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(100));
    let mut timed = Timed(group);
    tokens::measure(&mut timed);
    timed.0.finish();
}
