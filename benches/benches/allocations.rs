//! Counts what the cache-hit paths allocate, and prints it as a table.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]
#![expect(
    clippy::expect_used,
    reason = "a miss among the hits shall stop the bench"
)]

mod peers;

use std::hint::black_box;

use benches::{DEVICES, Fleet, Hits, Measure};
use intune_core::EntraDeviceId;
use peers::Peers;

struct Counted {
    visits: Vec<EntraDeviceId>,
}

impl Counted {
    fn count<R>(
        &self,
        name: &str,
        path: impl Fn(&EntraDeviceId) -> R + Sync,
        rest: impl Fn() + Sync,
    ) {
        let all = || {
            for device in &self.visits {
                black_box(path(black_box(device)));
            }
        };
        // What is made once, such as room for the records that are kept, is not counted.
        all();
        rest();
        let counted = allocation_counter::measure(all);
        rest();
        let (count, bytes) = (counted.count_total as f64, counted.bytes_total as f64);
        let devices = DEVICES as f64;
        println!(
            "{name:<40} {:>12.2} {:>12.1}",
            count / devices,
            bytes / devices
        );
    }
}

impl Measure for Counted {
    fn by_device<R>(&mut self, name: &str, path: impl Fn(&EntraDeviceId) -> R + Sync) {
        self.count(name, path, || ());
    }

    fn by_device_in_rounds<R>(
        &mut self,
        name: &str,
        path: impl Fn(&EntraDeviceId) -> R + Sync,
        rest: impl Fn() + Sync,
    ) {
        self.count(name, path, rest);
    }

    fn by_itself<R>(&mut self, name: &str, path: impl Fn() -> R + Sync) {
        self.count(name, |_| path(), || ());
    }
}

fn main() {
    let fleet = Fleet::new();
    let mut counted = Counted {
        visits: fleet.visits.clone(),
    };
    println!("{:<40} {:>12} {:>12}", "per call", "allocations", "bytes");
    Peers::measure_rest(&mut counted);
    Peers::new(&fleet).measure_gets(&mut counted);
    Hits::new(fleet).measure(&mut counted);
    println!();
    println!("{:<40} {:>12} {:>12}", "kept", "devices", "bytes each");
    for devices in [10_000, 100_000, 1_000_000] {
        let (kept, bytes) = kept(devices);
        let each = bytes as f64 / kept as f64;
        println!("{:<40} {kept:>12} {each:>12.1}", "CachedCompliance");
    }
}

/// How many of so many devices a cache with room for them keeps, and what it takes for that.
fn kept(devices: usize) -> (usize, i64) {
    let ids = Fleet::ids(devices);
    let mut kept = 0;
    let taken = allocation_counter::measure(|| {
        let cache = benches::filled(&ids);
        kept = cache.counters().devices;
        // It shall still be there when the count ends.
        std::mem::forget(cache);
    });
    (kept, taken.bytes_current)
}
